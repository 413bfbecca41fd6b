/* SPDX-License-Identifier: MIT */
/* One step at a time: what a play, its parallel blocks and a search of their orders share. */
#ifndef SCN_PERFORM_H
#define SCN_PERFORM_H

#include "history.h"
#include "player.h"
#include "prepare.h"

#define SCN_MAX_ALWAYS 32u

struct scn_player {
	const struct scn_scenario *s;
	const struct scn_setup *setup;
	const struct scn_substrate_ops *ops;
	void *self;
	struct scn_context cx;
	struct scn_history history;
	bool alive[64], destroyed[16];
	double deadline; /* by scn_now() */
	bool anyway;     /* whatever is lacking */
	bool judged;     /* a call was made, or an expect looked at */
	bool quiet;      /* no log; of messages only why it can't be played */
	/* In a branch a read that would block waits, and a step may say what else is to become of it. */
	bool in_branch;
	bool looking;      /* in an always */
	bool after_branch; /* a parallel is over: what nobody is left for is left out */
	const struct scn_step *always[SCN_MAX_ALWAYS];
	uint32_t n_always;
	/* Is told of each call before it is made, and of what came of it; or NULL. */
	void (*before)(void *ctx, uint32_t process, const struct scn_call *call);
	void (*after)(void *ctx, uint32_t process, const struct scn_call *call,
		      const struct scn_result *result);
	void *watcher;
	struct scn_outcome *out;
};

/* How a step went. */
enum scn_done {
	SCN_DONE,
	SCN_ENDED,   /* the play is over; its verdict is in `out` */
	SCN_WAITS,   /* of a branch: it can't be done yet, and nothing has changed */
	SCN_STOPPED, /* of a branch or an always: nothing of it comes after this */
	SCN_OMITTED, /* its process is dead, or a name that it needs never got its value */
};

/* Makes the machine and its first processes. ENDED: none is there. */
enum scn_done scn_start(struct scn_player *p);
/* Performs a step without its `if` and `for`; not a parallel or an always. */
enum scn_done scn_perform(struct scn_player *p, const struct scn_step *step);
/* With them. */
enum scn_done scn_perform_whole(struct scn_player *p, const struct scn_step *step);
/* Registers an always for scn_check_always(). */
enum scn_done scn_add_always(struct scn_player *p, const struct scn_step *step);
/* Looks whether every always holds: DONE or ENDED. `failed`, if not NULL: at which step it does not. */
enum scn_done scn_check_always(struct scn_player *p, const struct scn_step **failed);

/* Ends the play with a verdict and a message about a place. Returns SCN_ENDED. */
enum scn_done scn_end_play(struct scn_player *p, enum scn_verdict verdict, struct scn_pos pos,
			   const char *message);
/* A substrate's status: DONE, or the play's end. */
enum scn_done scn_accept(struct scn_player *p, enum scn_status status, struct scn_pos pos,
			 const struct scn_buf *why);
/* What cx says is wrong ends the play. */
enum scn_done scn_script_is_wrong(struct scn_player *p);

#endif
