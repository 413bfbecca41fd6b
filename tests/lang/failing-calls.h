/* SPDX-License-Identifier: MIT */
/* System calls that fail: with an error of theirs, because a signal came, or short of what they were asked for. */
#ifndef LANG_FAILING_CALLS_H
#define LANG_FAILING_CALLS_H

#include <stdbool.h>

enum failing_how {
	FAILING_ERRORS,
	FAILING_INTERRUPTED, /* what can be: once, the next time it does its work */
	FAILING_SHORT,       /* a byte at a time */
};

/* To be called before the first process is made that is to count. */
void failing_calls_begin(void);
void failing_calls(enum failing_how how);
/* In the process that calls this errors come, and in no other one; at first it is the first one. */
void failing_calls_here(void);
void failing_calls_nowhere(void);
/* Whether what fails may change nothing. */
bool failing_is_harmless(void);

#endif
