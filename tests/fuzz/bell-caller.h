/* SPDX-License-Identifier: MIT */
/**
 * @file bell-caller.h
 * A client of a broker that makes calls through its doorbell (wire_bell.h) by the rules, or not: it is the caller's
 * to break them. It never rings twice for a request.
 */
#ifndef BELL_CALLER_H
#define BELL_CALLER_H

#include "wire_bell.h"

#include <stdbool.h>

/** Leaves the test with a message unless it is so. */
void need(bool good, const char *what);

/* A connection with an evtchn file, number 0 there, and a doorbell. */
struct caller {
	int fd, device, rings;
	struct wire_bell *page;
	uint32_t asked;
	uint64_t state;
	unsigned long unrung; /* calls that were not rung for */
	unsigned char buffer[WIRE_BUFFER];
};

/** Connects to a broker that serves there. */
void caller_begin(struct caller *c, const char *socket_path);
void caller_end(struct caller *c);
/** An ioctl with an argument of up to 64 bytes, as a message. @return its length */
size_t caller_compose(unsigned char *out, uint32_t cmd, const void *arg, size_t len);
/** Asks, and rings if the broker does not look. */
void caller_ask(struct caller *c, uint32_t cmd, const void *arg, size_t len);
bool caller_is_answered(const struct caller *c);
/** What was answered. */
int64_t caller_take(struct caller *c);
/** Calls, and waits for the answer: for ever, if none comes. @return the call's result */
int64_t caller_call(struct caller *c, uint32_t cmd, const void *arg, size_t len);

#endif
