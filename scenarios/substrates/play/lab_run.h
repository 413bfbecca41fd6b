/* SPDX-License-Identifier: MIT */
/* One run of ci/xen-lab: a fresh guest that plays scenarios with the static player. */
#ifndef SCN_LAB_RUN_H
#define SCN_LAB_RUN_H

#include <sys/types.h>

#include "cell.h"
#include "lab_boot.h"
#include "lang/text.h"
#include "player/variant.h"
#include "substrates/leg.h"

struct scn_lab {
	const char *command, *player; /* ci/xen-lab; the static player */
	const struct scn_leg *leg;
	struct scn_cell cell;
	struct scn_version kernel; /* of this series, unless the cell says which */
	bool swapped;              /* two domains: the script's first one is domU */
	bool verbose;
	unsigned int quiet_ms; /* 0: the player's default */
	bool has_seed;         /* of the order of parallel branches */
	uint64_t seed;
};

/*
 * Starts to play files, in order, in a new guest; `fresh` promises the player a machine of its own.
 * `stage`: a stage's directory, which has the files; NULL: none. `deadline` is a time of scn_now(). Returns 0, or a
 * negative errno and says why. To be listened to, and then finished.
 */
int scn_lab_start(struct scn_lab_boot *b, const struct scn_lab *lab, const char *stage,
		  char *const *paths, size_t n, bool fresh, double deadline, scn_lab_sink *sink,
		  void *ctx, struct scn_buf *why);

/*
 * Starts to make a stage: a guest that is frozen with the player and these files. `sink` gets its directory, which
 * lasts until this is finished; otherwise as scn_lab_start().
 */
int scn_lab_start_stage(struct scn_lab_boot *b, const struct scn_lab *lab, char *const *paths,
			size_t n, double deadline, scn_lab_sink *sink, void *ctx,
			struct scn_buf *why);

/* Ends one that is over, or a stage. What else the lab said is added to `notes`. */
enum scn_lab_end scn_lab_finish(struct scn_lab_boot *b, struct scn_buf *notes, struct scn_buf *why);

/*
 * Asks the lab what its cell is: `sink` gets what it answers. What else it said is added to `notes`, and why it
 * could not do it to `why`.
 */
enum scn_lab_end scn_lab_describe(const struct scn_cell *cell, const char *command,
				  const struct scn_leg *leg, scn_lab_sink *sink, void *ctx,
				  struct scn_buf *notes, struct scn_buf *why);

/* Takes the guest's directory of scenarios out of a message's paths. */
void scn_lab_localize(struct scn_buf *message);

#endif
