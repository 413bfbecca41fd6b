/* SPDX-License-Identifier: MIT */
/*
 * Every order of the branches of a scenario's parallels that anybody could tell from the others, each of
 * them once, on the model.
 *
 * Depth first, with dynamic partial-order reduction: Flanagan and Godefroid, "Dynamic Partial-Order
 * Reduction for Model Checking Software", POPL 2005, in the form with source sets and sleep sets of
 * Abdulla, Aronis, Jonsson and Sagonas, "Optimal Dynamic Partial Order Reduction", POPL 2014 (Algorithm 1).
 * Whether two steps depend on each other is decided by their footprints (footprint.h). A death is a
 * branch of one step, which depends on every step of who dies. Branches that wait are taken as the
 * former paper takes disabled processes.
 */
#ifndef EXPLORE_SEARCH_H
#define EXPLORE_SEARCH_H

#include "footprint.h"
#include "player/player.h"
#include "state.h"

#define MAX_EVENTS 512u /* steps of all parallels together */

/* Who dies, in a search in which somebody does. */
enum death { DEATH_NONE, DEATH_KILL, DEATH_DESTROY };

/* What happened in one order: a step of a branch or after it, or the death. */
struct happened {
	const struct scn_step *step; /* NULL: the death */
	uint64_t at;                 /* the loop's variable, if it has one */
	enum scn_done done;
	enum scn_result_kind kind; /* of a call: what came of it */
	int64_t value;
	int signal;
};

/* Why an order is a violation. */
enum fault {
	FAULT_NONE,
	FAULT_STEP,   /* the last step's result */
	FAULT_ALWAYS, /* `looked` does not hold after the last step */
	FAULT_HANG,   /* all branches wait */
	FAULT_END,    /* the end of all processes harms the kernel */
};

struct search {
	/* What is to be searched: */
	const struct scn_scenario *s;
	const struct scn_setup *setup;
	enum death death;
	uint32_t victim;       /* a process, or a domain */
	uint32_t deadly_block; /* in which of the parallels, from 0 */
	bool every_order;      /* without reduction */
	bool go_on;            /* after a violation, too */
	bool digests;          /* take down the states after the parallels */
	uint64_t limit;        /* of orders; 0: none */
	/* What came of it: */
	uint64_t schedules, steps, violations, hangs;
	bool limited;
	enum fault fault; /* of the first violation */
	const struct scn_step *looked;
	bool alive[64];        /* then */
	struct happened *path; /* that led to it; n_path of them. To free() */
	uint32_t n_path;
	struct scn_buf final;          /* uint64_t each: the different final states, in no order */
	struct scn_outcome outcome;    /* of a search that could not go on: not PASSED */
	const struct scn_step *broken; /* where */
	struct scn_buf why;
};

/* Searches; `self`: an open model that keeps. Returns 0 or -ENOMEM. */
int search_run(struct search *search, void *self);
void search_free(struct search *search);

#endif
