/* SPDX-License-Identifier: MIT */
/**
 * @file run-hang.h
 * gntsim run --hang: whether the programs wait for each other for ever. They do when each of their threads
 * was asleep in a call without an end, from one look to the next, and the machine has nothing to come
 * either. With --virtual-time the machine's next timer is let come first.
 */
#ifndef FAKEDEV_COMMAND_RUN_HANG_H
#define FAKEDEV_COMMAND_RUN_HANG_H

#include "descendants.h"
#include "run.h"

/** A run that hangs, as timeout(1) has it. */
#define EXIT_HANG 124

struct run_hang {
	uint64_t progress;  /* device calls when the last was seen */
	int64_t since;      /* ms, when that was; 0: not yet */
	uint64_t last_look; /* what all threads did then; 0: not all slept, or it is no more */
};

/** How long to wait for an event before run_hang_look(), ms; -1: for ever. */
int run_hang_ms(const struct run_options *o);

/**
 * Looks at all that came of us but the spared. To be called after each wait for events; @p idle if none
 * came.
 * @return whether the run hangs. If so it was said, and noted for --points
 */
bool run_hang_look(struct run_hang *h, const struct run_options *o, const struct run_place *at,
		   const struct spared *spared, bool idle);

#endif
