/* SPDX-License-Identifier: MIT */
/**
 * @file points.h
 * What one run of programs said of itself at its end (gntsim run --points): who was there, where one
 * died, who waits for ever.
 */
#ifndef FAKEDEV_CRASH_POINTS_H
#define FAKEDEV_CRASH_POINTS_H

#include "lang/text.h"

/** The longest name of a kind of call, with its zero byte. */
#define CRASH_KIND 48

/** A program of the run. */
struct crash_program {
	char *name;
	unsigned int domain;
	char (
	    *kinds)[CRASH_KIND]; /**< of calls, as run names them: "mmap", "IOCTL_EVTCHN_NOTIFY" */
	size_t n_kinds;
	unsigned int *order; /**< of the first n_order calls which kind each is of */
	size_t n_order;
	char *armed; /**< bytes that its notifications were to clear: "0:8:21,0:9:0"; "": none */
	long calls, waits,
	    stores; /**< how many points of each kind; stores -1: nobody could count */
	int status; /**< -1: it did not exit */
	int signal; /**< 0: none ended it */
	long leaks; /**< of its processes, without one that was ended at a point */
};

struct crash_run {
	struct crash_program *programs; /**< as they are written, program 1 first */
	size_t n_programs;
	long dead_pid;        /**< 0: not known */
	bool died;            /**< the death that was ordered came */
	unsigned int dead;    /**< of which program, from 1 */
	unsigned long number; /**< at which of its calls; 0: at none */
	char *call;           /**< what it was doing, in words of a scenario */
	char *site;           /**< where, innermost first; "" if nobody knows */
	char *left_set;       /**< of those that were watched for it, which were not clear then */
	char *misused;        /**< rings whose indexes a survivor used though they were none */
	bool hung;            /**< the survivors wait for ever */
	char *waiting;        /**< who, in what, where */
	unsigned int waits;   /**< the first of them, from 1; 0: not known */
	unsigned long steps;  /**< under a schedule: how many were made; else 0 */
	unsigned long processes; /**< that had a turn */
	bool judged;             /**< the machine has had its last word: the following count */
	char *left;              /**< what was left in it; "": nothing */
	long hazards;
	char *
	    harm; /**< their causes, a line each, each with a newline before and the last with one behind it */
};

/**
 * Reads a file of them.
 * @return 0; -errno: it can't be read; -EBADMSG: @p why says the line
 */
int crash_run_read(const char *path, struct crash_run *run, struct scn_buf *why);
void crash_run_free(struct crash_run *run);

/** Its name; "?" where there is no such program. @param program from 1 */
const char *crash_run_name(const struct crash_run *run, unsigned int program);

#endif
