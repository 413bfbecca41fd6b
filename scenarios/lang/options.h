/* SPDX-License-Identifier: MIT */
/* A command's words: one way to read options, and to say which one is wrong. */
#ifndef SCN_OPTIONS_H
#define SCN_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>

/** Exit status when gntsim itself failed, as env, timeout and docker run have it. */
#define SCN_STATUS_ERROR 125

/** What scn_option_next() returns when it has said what is wrong. */
#define SCN_OPTION_WRONG '?'

/**
 * Says on stderr that gntsim COMMAND was not used as it can be, and where help is.
 * @return SCN_STATUS_ERROR
 */
int scn_usage_error(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * The next option, as getopt_long(3) returns it; its value is in optarg. What is no option, lacks its
 * value or takes none is named on stderr.
 * @param shorts one-letter options for getopt(3); "+" before them: the first other word ends the options
 * @return -1 at their end, SCN_OPTION_WRONG
 */
int scn_option_next(const char *command, int argc, char **argv, const char *shorts,
		    const struct option *options);

/**
 * A whole number, decimal or after 0x hexadecimal.
 * @param what whose value it is, as the user wrote it: "--jobs"
 * @return false: it is none, or not from low to high, which has been said
 */
bool scn_option_number(const char *command, const char *what, const char *text, unsigned long low,
		       unsigned long high, unsigned long *out);

#endif
