/* SPDX-License-Identifier: MIT */
/**
 * @file plan.h
 * Which deaths are tried: points, in an order in which any beginning of the list lies evenly in it.
 */
#ifndef FAKEDEV_CRASH_PLAN_H
#define FAKEDEV_CRASH_PLAN_H

#include "crash/points.h"

/** Where a program dies, of which the command's run. */
struct crash_point {
	unsigned int run, program; /**< from 1 */
	enum crash_when { CRASH_CALL, CRASH_AFTER_CALL, CRASH_STORE, CRASH_WAIT } when;
	char kind[CRASH_KIND]; /**< of a call: counted are those of this kind; "": all */
	unsigned long n;       /**< the how manieth, from 1 */
	unsigned long place;   /**< of a call: which of all it was, undisturbed; 0: not known */
};

/** What was asked for. */
struct crash_choice {
	char **victims; /**< names, "domN"; none: all programs */
	size_t n_victims;
	bool calls, stores;
	unsigned long sample;         /**< so many points of each program; 0: all */
	unsigned int shard, n_shards; /**< the shard's number from 1, and of how many */
};

struct crash_plan {
	struct crash_point *points;
	size_t n, room;
	bool uncountable; /**< stores were asked for and nobody could count some program's */
};

/** Whether a program is one of the victims. */
bool crash_choice_has(const struct crash_choice *choice, const struct crash_program *program);

/**
 * All points of all victims.
 * @param runs the undisturbed runs of the command, run 1 first
 * @return 0; -ENOMEM; -ENOENT: @p why says which victim is not there
 */
int crash_plan_make(struct crash_plan *plan, const struct crash_choice *choice,
		    const struct crash_run *runs, size_t n_runs, struct scn_buf *why);
void crash_plan_free(struct crash_plan *plan);

/** Its words for run's --kill-at: "call:mmap#2+". */
void crash_point_at(const struct crash_point *point, struct scn_buf *out);
/** Its words for --point: "2:call:mmap#2+"; of another run than the first "3/2:call:mmap#2+". */
void crash_point_text(const struct crash_point *point, struct scn_buf *out);
/** And back. @return false: it is none */
bool crash_point_parse(const char *text, struct crash_point *point);

#endif
