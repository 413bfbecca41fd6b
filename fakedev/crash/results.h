/* SPDX-License-Identifier: MIT */
/* What is found of a point: of one run of the command, or of several, each under its schedule. */
#ifndef FAKEDEV_CRASH_RESULTS_H
#define FAKEDEV_CRASH_RESULTS_H

#include "crash/search.h"

/*
 * Judges a run and adds what came of it to what is known of its point.
 * @param slot where the point's result is, plus 1; 0: there is none yet
 * @param schedule the run's; NULL: it had none
 * @return 0 or -ENOMEM
 */
int results_add(struct crash_findings *f, size_t *slot, const struct crash_point *point,
		const struct crash_evidence *e, const struct crash_schedule *schedule, int64_t ms);

#endif
