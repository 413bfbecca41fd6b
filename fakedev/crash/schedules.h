/* SPDX-License-Identifier: MIT */
/**
 * @file schedules.h
 * The orders of a test's device calls under which its deaths are tried (gntsim run --schedule).
 */
#ifndef FAKEDEV_CRASH_SCHEDULES_H
#define FAKEDEV_CRASH_SCHEDULES_H

#include "lang/text.h"

#include <stdint.h>

struct crash_schedule {
	uint64_t seed;
	unsigned int depth;  /**< one more than there are changes */
	unsigned long steps; /**< among which these are drawn */
};

/** How deep the deepest of several is. */
#define CRASH_DEPTH_MAX 3u

/**
 * One of @p n: a third of them of depth 1, then as many of depth 2, then of depth 3.
 * @param i from 0  @param seed the first one's
 */
struct crash_schedule crash_schedule_of(unsigned int i, unsigned int n, uint64_t seed,
					unsigned long steps);
/** Its words for run's --schedule: "7:2:40". */
void crash_schedule_text(const struct crash_schedule *s, struct scn_buf *out);
/** And back, with all three numbers. @return false: it is none */
bool crash_schedule_parse(const char *text, struct crash_schedule *s);
/** Fewer changes, then the lesser seed. @return as memcmp() */
int crash_schedule_compare(const struct crash_schedule *a, const struct crash_schedule *b);

#endif
