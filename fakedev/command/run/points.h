/* SPDX-License-Identifier: MIT */
/**
 * @file run-points.h
 * gntsim run --points: what a run had of points, and what came of those that were asked for, an object a
 * line (gntsim-run(1)).
 */
#ifndef FAKEDEV_COMMAND_RUN_POINTS_H
#define FAKEDEV_COMMAND_RUN_POINTS_H

#include "broker/deaths.h"
#include "broker/turns.h"

#include <json-c/json_types.h>
#include <stdio.h>

/** What the machine had to say when all had ended. */
struct run_last_words {
	bool known;
	bool leaks_known; /**< --leaks */
	unsigned int leaks, hazards;
	struct json_object *harm; /**< the causes of the hazards, an array of texts; the caller's */
	char left[160];           /**< in the machine; "": nothing */
};

/** Opened before the run, so that what can't be written is known. @return NULL, explained */
FILE *run_points_open(const char *path);
/** Closes it, too. @p schedule NULL: none. @return false, explained, if not all could be written */
bool run_points_write(FILE *f, const char *path, const struct deaths *d,
		      const struct run_last_words *last, const struct schedule *schedule);

#endif
