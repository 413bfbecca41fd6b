/* SPDX-License-Identifier: MIT */
/**
 * @file verdict.h
 * What came of one death, judged without knowing the programs.
 */
#ifndef FAKEDEV_CRASH_VERDICT_H
#define FAKEDEV_CRASH_VERDICT_H

#include "crash/plan.h"

/** Worst first: of several the first is the outcome. */
enum crash_outcome {
	CRASH_HANG,        /**< survivors wait for ever */
	CRASH_SIGNAL,      /**< a survivor was ended by SIGSEGV or its like */
	CRASH_RING,        /**< a survivor went on with indexes beyond their ring */
	CRASH_STATUS,      /**< a survivor's exit status is none of those that it may have */
	CRASH_CHECK,       /**< the user's own check failed */
	CRASH_HAZARD,      /**< a real kernel would have come to harm */
	CRASH_LIVE_FLAG,   /**< a byte that the victim's notification is to clear stayed set */
	CRASH_NOT_EMPTY,   /**< something was left in the machine when all had ended */
	CRASH_LEAK,        /**< a survivor ended with what it had not given back */
	CRASH_LOST,        /**< the run itself failed: nothing is known */
	CRASH_NOT_REACHED, /**< the program made fewer calls this time */
	CRASH_PASSED,
	CRASH_OUTCOMES
};
/** "hang", "signal", ... */
const char *crash_outcome_name(enum crash_outcome outcome);
/** @return CRASH_OUTCOMES: there is none of that name */
enum crash_outcome crash_outcome_of(const char *name);
bool crash_outcome_fails(enum crash_outcome outcome);

/** What is known when a trial is over. */
struct crash_evidence {
	const struct crash_run *undisturbed, *runs; /**< run 1 first */
	size_t n_undisturbed, n_runs;
	const char
	    *waiting; /**< nobody moved any more, and it was ended: who waits; NULL: they moved */
	bool overdue; /**< it had to be ended */
	bool check_failed;
	const int *accepted; /**< statuses that a survivor may end with beside its own; NULL: any */
	size_t n_accepted;
};

/** @param[out] detail who, and how; it is the same for deaths that belong together */
enum crash_outcome crash_judge(const struct crash_evidence *e, const struct crash_point *point,
			       struct scn_buf *detail);

#endif
