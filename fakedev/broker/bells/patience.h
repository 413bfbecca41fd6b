/* SPDX-License-Identifier: MIT */
/**
 * @file patience.h
 * Whether, and how long, the broker looks at doorbells before it sleeps. It does while a program has been asking
 * again soon after each answer; never where there is one processor only. Where more want to run than there are
 * (whoever but looks, too, does not count) it lets them run after each look, and looks on only while they give the
 * processor back at once: one who keeps it is waited for asleep, and for ever longer before it is tried again.
 */
#ifndef FAKEDEV_PATIENCE_H
#define FAKEDEV_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

/** What is assumed of a program that has not asked twice yet. */
#define PATIENCE_FIRST_NS 50000u
/** Who takes longer from an answer to the next request is not waited for. */
#define PATIENCE_MOST_NS 300000u

/** All zeros at first. */
struct patience {
	uint64_t looked_ns; /**< when the machine was asked last; 0: never */
	long crowd;         /**< sixteenths of one that wants to run, of late */
	bool room;          /**< for all of them */
	uint64_t shy_ns;    /**< how long it is not tried where somebody keeps the processor */
	uint64_t shy_until; /**< and until when */
	long processors;    /**< of the machine, whichever we may use; 0: not asked yet */
};

/** Monotonic time. */
uint64_t patience_now(void);
/** Takes another pause into the account @p usual of a program's. */
void patience_learn(uint32_t *usual, uint64_t pause_ns);
/** How long after an answer the next request of such a program is still to be expected; 0: it is not. */
uint64_t patience_for(uint32_t usual);
/** Is there a processor to spare for looking? @p looking: how many but look, as well */
bool patience_has_room(struct patience *p, unsigned int looking);
/** The others were let run from @p from_ns to @p now_ns. @return whether they keep the processor: look no longer */
bool patience_gave_way(struct patience *p, uint64_t from_ns, uint64_t now_ns);

#endif
