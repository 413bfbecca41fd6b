/* SPDX-License-Identifier: MIT */
/**
 * @file origin.h
 * The calls that made what lives in the machine, and the last one of each process while leaks are
 * noted. The machine stamps what it makes with the number of the current call (gntsim/origin.h); a call
 * is kept here only if it was used, and for as long as something bears its number. Zero is empty.
 */
#ifndef FAKEDEV_ORIGIN_H
#define FAKEDEV_ORIGIN_H

#include "trace.h"

struct broker;

/** Of the structure that an ioctl points to, what is kept. */
#define ORIGIN_ARGUMENT 24u

struct origin {
	uint32_t id;            /**< 0: there is none */
	struct trace_call call; /**< without memory and ports */
	unsigned char argument[ORIGIN_ARGUMENT];
	uint32_t n_argument;
	uint64_t us;   /**< since the machine was made */
	uint64_t line; /**< of the trace; 0: it is not traced */
};

struct origins {
	struct origin *all; /**< by id */
	uint32_t n, room;
	uint32_t next; /**< id of the current call */
	uint64_t start_us;
	unsigned char argument[ORIGIN_ARGUMENT]; /**< of the current ioctl */
	uint32_t n_argument;
};

void origins_start(struct broker *b);
void origins_end(struct origins *o);

/** An ioctl is over (broker.cause): what it was given is looked at while it can be. */
void origins_ioctl(struct broker *b);
/** What was made so far belongs to a call that is none of a program's. */
void origins_skip(struct broker *b);
/** A call has just been made: it is kept if something bears its number. @p last NULL, or where it goes
 * as the last of its process. */
void origins_note(struct broker *b, const struct trace_call *call, uint64_t line,
		  struct origin *last);
/** Whether origins_note() would keep a call that ends now. */
bool origins_wanted(const struct broker *b);
/** The call with this number; NULL: not known. */
const struct origin *origins_find(const struct broker *b, uint32_t id);

/** "ioctl(gntdev1, IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=[{domid=dom1, ref=8}]}) = 0", as a
 * trace has it, in a buffer of the caller's. @return it */
#define ORIGIN_TEXT 320
const char *origin_text(const struct origin *o, char text[ORIGIN_TEXT]);

#endif
