/* SPDX-License-Identifier: MIT */
/* The branches of a parallel: each is one process's steps, in the order in which they stand. */
#ifndef SCN_BRANCH_H
#define SCN_BRANCH_H

#include "perform.h"

#define SCN_MAX_BRANCHES 64u

struct scn_branch {
	uint32_t process;
	const struct scn_step *next; /* NULL: it is over */
	bool in_loop;                /* next is being repeated: */
	uint64_t at, left;           /* the variable's value now, and how often with this one */
};

/* The branches of a block, in the order in which they first appear; at most SCN_MAX_BRANCHES. */
uint32_t scn_branches(const struct scn_step *block, struct scn_branch *out);

/*
 * Makes `next` the step that is to be done, or NULL: goes over what isn't for this machine and over
 * empty repetitions. To be called before each scn_branch_perform(). DONE or ENDED.
 */
enum scn_done scn_branch_ready(struct scn_player *p, struct scn_branch *b);
/* Does the next step. DONE, ENDED, WAITS or STOPPED. */
enum scn_done scn_branch_perform(struct scn_player *p, struct scn_branch *b);

/*
 * Plays a block in one order: with a seed each step is that of a branch drawn by lot, else a branch
 * goes on until it waits or is over. DONE or ENDED.
 */
enum scn_done scn_play_block(struct scn_player *p, const struct scn_step *block);

#endif
