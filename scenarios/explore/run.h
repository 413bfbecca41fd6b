/* SPDX-License-Identifier: MIT */
/* A search while it goes on: what its files share. */
#ifndef EXPLORE_RUN_H
#define EXPLORE_RUN_H

#include "search.h"

#define EVENT_WORDS (MAX_EVENTS / 64u)

/* One step of one thread of the block: a branch, or the death, which is the last one. */
struct event {
	uint32_t thread;
	const struct footprint *touched;
	bool visible;                 /* an always could tell that it was done */
	uint64_t before[EVENT_WORDS]; /* the events that happen before it, a bit each */
};

/* A state from which the search goes several ways. Sets of threads are a bit each. */
struct node {
	struct saved saved;
	struct scn_branch *branches;
	uint64_t *results;
	uint32_t n_trail;
	uint64_t live, backtrack, done, blocked, sleep;
	struct footprint *touched;       /* by each thread that was tried here */
	const struct footprint **asleep; /* by each that sleeps */
	uint64_t asleep_visible;
};

struct run {
	struct search *q;
	struct scn_player p;
	struct recorder r;
	struct node *nodes[MAX_EVENTS + 1];
	struct event events[MAX_EVENTS];
	uint32_t depth;
	/* The block that is being searched: */
	const struct scn_step *block;
	struct scn_branch branches[SCN_MAX_BRANCHES];
	uint64_t results[SCN_MAX_BRANCHES]; /* a digest of what came back */
	uint32_t n_branches, first_event;
	bool with_death;
	/* What the always of the file look at. */
	struct footprint looks;
	bool looks_at_counts;
	struct scn_buf trail; /* struct happened each */
	struct scn_result last;
	uint32_t last_thread;
	bool stop, out_of_memory;
};

/* reduce.c: partial-order reduction. */

/* Whether a branch's process dies in this search. */
bool is_victim(const struct run *r, uint32_t thread);
/* Whether an event of the first kind and one of the second, of different threads, can't change places. */
bool depend(const struct run *r, const struct event *a, const struct event *b);
/*
 * Works out what happens before `e`, of which nothing is known yet, which comes at the current depth, and asks for the ways that
 * would turn a race around.
 */
void reverse_races(struct run *r, struct event *e);

#endif
