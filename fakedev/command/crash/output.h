/* SPDX-License-Identifier: MIT */
/**
 * @file crash-output.h
 * gntsim crash --output: what there is to look at of each group.
 */
#ifndef FAKEDEV_COMMAND_CRASH_OUTPUT_H
#define FAKEDEV_COMMAND_CRASH_OUTPUT_H

#include "crash/groups.h"
#include "options.h"

/**
 * Tries the first point of each group again, and leaves of it, in a directory of the group's number, a
 * trace, its picture and a scenario for each run of the command; and the scenario that is shrunk to what was found,
 * of which it says where it is, or why there is none, also in the group's first result.
 * @param command what was searched
 * @param self gntsim itself
 * @return 0 or EXIT_GNTSIM, explained
 */
int crash_output_write(const struct crash_options *o, const struct crash_groups *groups,
		       const char *command, const char *self);
/** Whether what is asked for can be written, before a search that takes an hour. @return 0 or EXIT_GNTSIM, explained */
int crash_output_check(const struct crash_options *o);

#endif
