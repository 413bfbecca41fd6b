/* SPDX-License-Identifier: MIT */
/**
 * @file show.h
 * WIRE_SHOW: what lives in the machine, as rows (wire_show.h).
 */
#ifndef FAKEDEV_BROKER_SHOW_SHOW_H
#define FAKEDEV_BROKER_SHOW_SHOW_H

#include "broker/broker-internal.h"
#include "wire_show.h"

/** An answer in the making. */
struct showing {
	struct broker *b;
	uint32_t kinds;
	unsigned char *rows;
	size_t len, room;
	bool *named;           /**< by origin: a row names the call */
	unsigned int patience; /**< how long a look at a thread may take, ms */
	int err;
};

/** Answers the request. */
int show_request(struct client *c, const struct wire_in *in);

/** Adds a row whose kind was asked for; its head is filled in. */
void show_add(struct showing *s, enum show_kind kind, void *row, size_t size);
struct show_file_name show_name(const struct device_file *f);
/** SHOW_PROCESS, SHOW_DESCRIPTOR and SHOW_WAIT rows. */
void show_processes(struct showing *s);

/** What a thread waits in. */
struct waiting {
	enum {
		WAITS_NOT,
		WAITS_READING, /**< fds: one */
		WAITS_POLLING,
		WAITS_HIDDEN, /**< it sleeps; in what, the kernel does not tell us */
	} how;
	unsigned int n;
	int fds[64]; /**< descriptors that it waits to read from */
};
/** Looks, by the kernel's word, what a thread waits for. @return whether the kernel told in time: of a
 * process that executes a program it does not, and that may wait for us (aside.h) */
bool waiting_look(uint32_t pid, uint32_t tid, unsigned int ms, struct waiting *out);

#endif
