/* SPDX-License-Identifier: MIT */
/**
 * @file scenario.h
 * gntsim crash --output: the shrunk scenario of a group.
 */
#ifndef FAKEDEV_COMMAND_CRASH_SCENARIO_H
#define FAKEDEV_COMMAND_CRASH_SCENARIO_H

#include "crash/search.h"

/**
 * Makes DIR/finding.scn of what was recorded there, and takes down in @p first where it is; or why there is none.
 * @param again what came when the group's first point was tried again, and recorded; NULL: nothing did
 * @param command what was searched
 * @return 0 or EXIT_GNTSIM, explained
 */
int crash_scenario_write(struct crash_result *first, const struct crash_result *again,
			 const char *dir, const char *command);

#endif
