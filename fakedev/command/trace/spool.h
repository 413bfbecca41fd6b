/* SPDX-License-Identifier: MIT */
/**
 * @file spool.h
 * Pieces of memory that one thread gives and another takes, in order: a queue that grows to a bound, and
 * makes neither wait. One thread gives at a time, one takes at a time.
 */
#ifndef FAKEDEV_COMMAND_TRACE_SPOOL_H
#define FAKEDEV_COMMAND_TRACE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool;

/** @param most bytes; a piece that is longer than that still goes through, alone. NULL: no memory. */
struct spool *spool_new(size_t most);
void spool_free(struct spool *s);

/**
 * Room for a piece of @p len bytes, aligned to 8, which is not there for the taker yet.
 * @return NULL: it is full, or there is no memory; who gives may take something first, and try again
 */
void *spool_reserve(struct spool *s, size_t len);
/** What was reserved last is given. */
void spool_give(struct spool *s);

/** The next piece, which is the taker's until spool_taken(). NULL: there is none. */
void *spool_next(struct spool *s);
void spool_taken(struct spool *s);
/** Whether all that was given is taken. Of what the other thread does just now it may know nothing yet. */
bool spool_is_empty(const struct spool *s);
/** Who gives asks: how many pieces he gave so far, and the bytes of memory that the list takes. */
uint64_t spool_given(const struct spool *s);
size_t spool_held(const struct spool *s);

#endif
