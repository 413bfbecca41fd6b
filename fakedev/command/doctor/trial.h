/* SPDX-License-Identifier: MIT */
/**
 * @file trial.h
 * gntsim itself, tried with some words: what became of it, and what it said.
 */
#ifndef FAKEDEV_COMMAND_DOCTOR_TRIAL_H
#define FAKEDEV_COMMAND_DOCTOR_TRIAL_H

#include "lang/text.h"

/** How long it has; then it is killed, and what it started. */
#define TRIAL_SECONDS 60

struct trial {
	int status; /**< its exit status, or 128 + the signal; -ETIME; another -errno: not started */
	const char *refused; /**< then: the call whose errno that is */
	struct scn_buf said; /**< on both streams */
};

/** @param argv its words, from argv[0]; ended by NULL */
void trial_run(struct trial *t, char *const argv[]);
/**
 * Why it did not pass: of what it said the first line that is a message of gntsim's, without the names
 * before it.
 * @param out appended to
 */
void trial_why(const struct trial *t, struct scn_buf *out);
void trial_free(struct trial *t);

#endif
