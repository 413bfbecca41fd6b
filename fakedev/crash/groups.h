/* SPDX-License-Identifier: MIT */
/**
 * @file groups.h
 * Failed points that belong together: one outcome, one victim, one place in it.
 */
#ifndef FAKEDEV_CRASH_GROUPS_H
#define FAKEDEV_CRASH_GROUPS_H

#include "crash/search.h"

struct crash_group {
	struct crash_result *first; /**< the earliest point of them */
	size_t n;
};

struct crash_groups {
	struct crash_group *all; /**< by victim, and in it by their first points */
	size_t n;
};

/** @return 0 or -ENOMEM. Sorts the results; they must outlive the groups. */
int crash_groups_make(struct crash_groups *groups, struct crash_findings *findings);
void crash_groups_free(struct crash_groups *groups);

/** How many results have that outcome. */
size_t crash_count(const struct crash_findings *findings, enum crash_outcome outcome);
/** How many failed. */
size_t crash_count_failed(const struct crash_findings *findings);

#endif
