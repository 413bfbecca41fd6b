/* SPDX-License-Identifier: MIT */
/*
 * One libxenvchan connection of a process, as functions that a peer can be told to run. Each
 * returns 0 or more, or -1, as the library does.
 */
#ifndef CLIENTS_SESSION_H
#define CLIENTS_SESSION_H

#include "peer.h"

#include <stdint.h>

struct session_params {
	uint16_t domid;       /* the other side */
	uint32_t left, right; /* bytes that the rings must hold; the server's choice */
	char path[64];        /* in xenstore */
};
/* Argument: struct session_params. */
long session_serve(void *arg);
long session_connect(void *arg);

struct session_data {
	uint32_t size;
	char bytes[32768];
};
/* Argument: struct session_data. All of it, blocking. */
long session_send(void *arg);
long session_receive(void *arg);
/* Argument: uint64_t, how many bytes to send back as they come, before it returns. */
long session_echo(void *arg);

/* No argument. As libxenvchan_is_open(). */
long session_is_open(void *arg);
/* No argument. Waits for events until the other side is seen to be gone. */
long session_wait_closed(void *arg);
/* No argument. */
long session_close(void *arg);

/* Connects the test and a peer, the one that serves first. */
void session_connect_to(struct peer *peer, bool serve, uint32_t left, uint32_t right,
			const char *name);

#endif
