/* SPDX-License-Identifier: MIT */
/**
 * @file backtrace.h
 * Where a thread was when it was looked at (broker/catch.h), by the debugging information there is.
 */
#ifndef FAKEDEV_COMMAND_RUN_BACKTRACE_H
#define FAKEDEV_COMMAND_RUN_BACKTRACE_H

#include "broker/processes/catch.h"

struct json_object;

/**
 * The frames of a thread as a JSON array, from within; those of the preloaded library are left out.
 * Empty if nothing can be found out. @param s may be NULL
 */
struct json_object *backtrace_json(const struct snapshot *s);
/** The same, in the library that is loaded for it. @param s may not be NULL */
struct json_object *gntsim_backtrace(const struct snapshot *s);

#endif
