/* SPDX-License-Identifier: MIT */
/**
 * @file calls.h
 * The device calls of a program, counted: all of them, and each kind by itself. A run that makes a call more
 * or less than another still has the same nth call of most kinds.
 */
#ifndef FAKEDEV_BROKER_DEATHS_CALLS_H
#define FAKEDEV_BROKER_DEATHS_CALLS_H

#include "broker/deaths.h"
#include "broker/trace.h"

/** What a request asks for, as far as it takes to count it: kind, device, cmd. */
void death_calls_look(struct client *c, const struct wire_in *in, struct trace_call *call);
/** Counts it, and finds whether it is the one of the program's point. */
void death_calls_count(const struct deaths *d, struct death_program *p,
		       const struct trace_call *call);
/** Whether the last call that was counted is the nth of that kind. @param kind NULL: of all */
bool death_calls_is(const struct death_program *p, const char *kind, uint64_t n);

#endif
