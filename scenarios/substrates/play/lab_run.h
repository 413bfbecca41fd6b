/* SPDX-License-Identifier: MIT */
/* One run of ci/xen-lab: a fresh guest that plays scenarios with the static player. */
#ifndef SCN_LAB_RUN_H
#define SCN_LAB_RUN_H

#include <sys/types.h>

#include "cell.h"
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
	bool has_seed; /* of the order of parallel branches */
	uint64_t seed;
};

/* How a run ended. */
enum scn_lab_end {
	SCN_LAB_DONE,    /* the player came to its end */
	SCN_LAB_CRASH,   /* a guest crashed: its first words in `why` */
	SCN_LAB_SILENCE, /* no line for too long, or the deadline: it was ended */
	SCN_LAB_CANNOT,  /* the lab could not do it: the reason in `why` */
};

/* Takes a line of the player's output, without its end. Returns how many seconds the next one may
 * take. */
typedef int scn_lab_sink(void *ctx, const char *line);

/*
 * Plays files, in order, in a new guest; `fresh` promises the player a machine of its own.
 * `deadline` is a time of scn_now(). What else the lab said is added to `notes`.
 */
enum scn_lab_end scn_lab_run(const struct scn_lab *lab, char *const *paths, size_t n, bool fresh,
			     double deadline, scn_lab_sink *sink, void *ctx, struct scn_buf *notes,
			     struct scn_buf *why);

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
