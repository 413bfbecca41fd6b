/* SPDX-License-Identifier: MIT */
/* Work is done again and again, each time with another of its allocations or system calls failing: once, and then that
 * one and all after it. What fails the linker leads to (--wrap): failing-memory.c, failing-calls.c. */
#ifndef LANG_FAILING_H
#define LANG_FAILING_H

#include <stdbool.h>

struct failing {
	unsigned long at; /* which one fails; 0: none */
	bool ever;
	unsigned long made;
	unsigned int failed;
};

/* What the processes that the work makes do counts, too, if it is in memory that they share. */
extern struct failing *failing;
extern const char failing_what[]; /* "allocation" */

/* Of what may fail: whether it does now. */
bool failing_now(void);
/* What the work has and must give back: how much there is of it. */
unsigned int failing_held(void);

/*
 * Does the work with each failing. It returns what is wrong, or NULL; where none fails nothing may be. Of many not
 * all fail: the first ones each, later ones one in `sparse`-th of what came before.
 */
void each_fails(const char *what, const char *(*work)(void *ctx), void *ctx, unsigned int sparse);

#endif
