/* SPDX-License-Identifier: MIT */
/* Runs of ci/xen-lab's that are on their way, several at a time: their output, their end. */
#ifndef SCN_LAB_BOOT_H
#define SCN_LAB_BOOT_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "lang/text.h"
#include "substrates/agent/scratch.h"

/* Until a guest's first line packages may be fetched and an image be made. */
#define SCN_LAB_FIRST_LINE_SECONDS 900

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

struct scn_lab_boot {
	struct scn_scratch files; /* for the guest; whose boot this is has made it, or not */
	bool has_files;
	pid_t pid;
	int out;
	FILE *errors;
	struct scn_buf text; /* the begin of a line */
	double since, deadline;
	int patience;
	scn_lab_sink *sink;
	void *ctx;
	bool over, heard; /* nothing more is to come; because it said all */
	int err;          /* for which it could not be heard to its end; 0: none */
};

/*
 * Starts a command, argv[0] by its path. `deadline` is a time of scn_now(). Returns 0, or a negative errno and says
 * why; there is nothing to end then.
 */
int scn_lab_boot_start(struct scn_lab_boot *b, char *const *argv, double deadline,
		       scn_lab_sink *sink, void *ctx, struct scn_buf *why);

/*
 * Waits until at least one of these that are not over has said something, or was silent for too long, and gives its
 * lines to its sink. Returns whether there is one that is over, and was not before.
 */
bool scn_lab_boot_listen(struct scn_lab_boot *const *boots, size_t n);

/* Of one that is over: ends it. What it said on its errors goes to `notes`, and why it failed to `why`. */
enum scn_lab_end scn_lab_boot_end(struct scn_lab_boot *b, struct scn_buf *notes,
				  struct scn_buf *why);

#endif
