/* SPDX-License-Identifier: MIT */
/**
 * @file trace-clock.h
 * When a trace is written: there is time for it when no call has come for a while. A clock of its own
 * tells, which runs only while something is to be written: a bound to each wait for calls would be a timer
 * that is set and taken back at each call, which costs more than what a trace may.
 */
#ifndef FAKEDEV_TRACE_CLOCK_H
#define FAKEDEV_TRACE_CLOCK_H

#include "broker-internal.h"

/** Makes it, if there is a trace. Without one (no descriptor is free) it is written when much is left,
 * and at the end. */
void trace_clock_start(struct broker *b);
/** What was ready is served, @p n at once. @return how many of those were not this clock */
int trace_clock_served(struct broker *b, int n);

#endif
