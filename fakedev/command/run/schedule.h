/* SPDX-License-Identifier: MIT */
/**
 * @file run-schedule.h
 * gntsim run --schedule: what the user wrote, and whether it can be done.
 */
#ifndef FAKEDEV_COMMAND_RUN_SCHEDULE_H
#define FAKEDEV_COMMAND_RUN_SCHEDULE_H

#include "options.h"

/** "SEED[:DEPTH[:STEPS]]"; explains and returns false otherwise. */
bool run_schedule_parse(const char *text, struct schedule *out);

/** Where the front is chosen. @return 0, or EXIT_GNTSIM, explained */
int run_schedule_check(const struct run_options *o);

#endif
