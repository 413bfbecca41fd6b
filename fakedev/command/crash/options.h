/* SPDX-License-Identifier: MIT */
/**
 * @file crash-options.h
 * What gntsim crash was told.
 */
#ifndef FAKEDEV_COMMAND_CRASH_OPTIONS_H
#define FAKEDEV_COMMAND_CRASH_OPTIONS_H

#include "crash/search.h"

/** --hang, if nothing is said. */
#define CRASH_HANG_MS 5000

struct crash_options {
	struct crash_search search; /* but for its argv and room */
	struct crash_point only;
	struct crash_schedule scheduled;
	int accepted[64];
	char *rings[CRASH_RINGS];
	bool script, merge, has_seed;
	char **words; /* the command's, or files to merge; ends with NULL */
	const char *json, *junit, *output;
};

/** @return 0 to go on; 1 done, there was only help to print; EXIT_GNTSIM, explained */
int crash_options_parse(int argc, char **argv, struct crash_options *o);
void crash_options_free(struct crash_options *o);

#endif
