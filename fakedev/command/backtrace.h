/* SPDX-License-Identifier: MIT */
/**
 * @file backtrace.h
 * Where a thread was when it was looked at (broker/catch.h), by the debugging information there is.
 */
#ifndef COMMAND_BACKTRACE_H
#define COMMAND_BACKTRACE_H

#include "broker/catch.h"

struct json_object;

/**
 * The frames of a thread as a JSON array, from within; those of the preloaded library are left out.
 * Empty if nothing can be found out. @param s may be NULL
 */
struct json_object *backtrace_json(const struct snapshot *s);

#endif
