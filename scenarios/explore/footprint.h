/* SPDX-License-Identifier: MIT */
/*
 * What a step touches: two steps of different processes that touch nothing in common, or only look at it,
 * may change places without anybody noticing. Of what a call changes in Xen and the drivers the model
 * itself tells (gntsim/observe.h); what it only looks at follows from its kind and arguments. Whatever is
 * not known in detail touches everything.
 */
#ifndef EXPLORE_FOOTPRINT_H
#define EXPLORE_FOOTPRINT_H

#include "lang/call.h"
#include "player/substrate.h"
#include <gntsim/machine.h>

#define MAX_TOUCHES 40u

struct touch {
	uint64_t object;    /* what kind of thing, and which */
	uint32_t low, high; /* of a frame: bytes low..high-1; else 0..1 */
	bool write;
};

struct footprint {
	uint32_t n;
	bool everything;
	bool counts; /* changes what the machine holds in all */
	struct touch touches[MAX_TOUCHES];
};

/* Whether steps with these can't change places. */
bool footprints_meet(const struct footprint *a, const struct footprint *b);

/* Takes down footprints of what happens on a model. */
struct recorder {
	void *model;
	const struct scn_setup *setup;
	struct gntsim_machine *machine;
	struct footprint *into;
	struct gntsim_mm *mm;  /* of who acts */
	bool alloc_fails_soon; /* the script has `fail allocation`: allocations are counted */
	uint32_t frames;       /* in use, before */
};

/* To be called when the machine has been made. */
void recorder_begin(struct recorder *r, void *model, const struct scn_setup *setup);
/* Around a call of a process, for scn_player's hooks; ctx: a recorder. Adds to `into`. */
void recorder_before(void *ctx, uint32_t process, const struct scn_call *call);
void recorder_after(void *ctx, uint32_t process, const struct scn_call *call,
		    const struct scn_result *result);
/* Before a process is killed. What a domain's end changes is observed: everything. */
void recorder_kill(struct recorder *r, uint32_t process);
/* After it. */
void recorder_killed(struct recorder *r);

#endif
