/* SPDX-License-Identifier: MIT */
/*
 * The other side of a test: a second process of this program, in the same domain or in another,
 * that does one command a line and answers with numbers. The line is the whole protocol, so that
 * a serial console will do.
 */
#ifndef BINDING_TEST_PEER_H
#define BINDING_TEST_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct peer;

/* Starts command, or this program itself if it is NULL. */
struct peer *peer_start(char *const *command);
/* Has peer_serve() at the other end of a channel start one. One at a time. */
struct peer *peer_behind(FILE *to, FILE *from);
/* Starts peers as the other end says, until its line "over STATUS"; returns that status, or 1 if
 * the channel ended before. */
int peer_serve(int fd);
/* Ends it, if need be. */
void peer_stop(struct peer *p);
/* SIGKILL by its own hand; returns when it is gone. */
void peer_die(struct peer *p);

/* Sends a command; the first number of the answer, which is a status or a result. */
long peer_ask(struct peer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The answer's further numbers. */
uint32_t peer_number(const struct peer *p, unsigned i);

/* What the second process does until end of file. */
int peer_main(void);

#endif
