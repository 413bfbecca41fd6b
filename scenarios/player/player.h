/* SPDX-License-Identifier: MIT */
/* Plays a scenario on a substrate, step by step, and says what came of it. */
#ifndef SCN_PLAYER_H
#define SCN_PLAYER_H

#include "history.h"
#include "substrate.h"
#include "variant.h"

enum scn_verdict {
	SCN_PASSED,
	SCN_SKIPPED, /* can't be played here; why is in the message */
	SCN_FAILED,  /* the subject answered otherwise than the script says */
	SCN_BROKEN,  /* the script or the environment is at fault, not the subject */
	SCN_N_VERDICTS,
};

struct scn_outcome {
	enum scn_verdict verdict;
	struct scn_buf message; /* of all but PASSED */
	struct scn_buf log;     /* strace-like, a line a step */
};

void scn_outcome_free(struct scn_outcome *o);

/* "passed", "skipped", "failed", "error". */
const char *scn_verdict_name(enum scn_verdict verdict);

/* Plays one variant. `self` is what ops->open() gave. */
void scn_play(const struct scn_scenario *s, const struct scn_setup *setup,
	      const struct scn_substrate_ops *ops, void *self, struct scn_outcome *out);

/*
 * Whether a scenario that is skipped, as its substrate is declared to lack what it needs, can be
 * tried there nevertheless; scn_play_anyway() tries.
 */
bool scn_can_be_tried(const struct scn_scenario *s, const struct scn_substrate_ops *ops,
		      const void *self);
void scn_play_anyway(const struct scn_scenario *s, const struct scn_setup *setup,
		     const struct scn_substrate_ops *ops, void *self, struct scn_outcome *out);

#endif
