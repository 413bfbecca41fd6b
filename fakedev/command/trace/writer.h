/* SPDX-License-Identifier: MIT */
/**
 * @file writer.h
 * Writes a trace beside the broker, so that a program waits for the broker as long as it would without:
 * what is told is put in a spool, and a thread that only runs when nobody else needs the processor
 * puts it into words. Where that thread does not come through (or there can be none), who tells does
 * it, a little at a time: at the latest when MOST bytes lie there.
 */
#ifndef FAKEDEV_COMMAND_TRACE_WRITER_H
#define FAKEDEV_COMMAND_TRACE_WRITER_H

#include "trace.h"

struct writer;

/**
 * Writes to @p fd from now on.
 * @param prompt somebody looks on: each call is written soon, whatever that takes from the programs
 * @return NULL: out of memory
 */
struct writer *writer_new(const struct trace_format *format, int fd, bool prompt);
/** Writes what is left, and ends. @return 0, or the errno why the trace is not whole */
int writer_end(struct writer *w);
/** 0, or why the trace was given up: what is told from now on is forgotten. */
int writer_error(const struct writer *w);

void writer_saw(struct writer *w, const struct gntsim_observation *o);
void writer_call(struct writer *w, const struct trace_call *call, uint64_t us);
/** Sees to it that what was told is written before long. @return whether something is left */
bool writer_flush(struct writer *w, enum trace_flush when, uint64_t us);

#endif
