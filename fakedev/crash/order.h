/* SPDX-License-Identifier: MIT */
/**
 * @file order.h
 * What a search tells each gntsim run that its command starts, through the environment: a directory
 * in which there is a file of orders, and in which the run leaves what it has to say.
 */
#ifndef FAKEDEV_CRASH_ORDER_H
#define FAKEDEV_CRASH_ORDER_H

#include "lang/text.h"

/** Names the directory. Only a search sets it, and a run takes it away from its programs. */
#define CRASH_ENVIRONMENT "GNTSIM_CRASH"

/** Stands in an order's word for the number of the run that takes it. */
#define CRASH_ORDER_RUN "{run}"

/** What is ordered; further options of a machine and of a program, as on a command line. */
struct crash_order {
	unsigned int run, program;    /**< whose the program's options are, from 1; 0: nobody's */
	char **machine, **of_program; /**< end with NULL */
};

/** Writes orders into @p dir. @return 0 or -errno */
int crash_order_write(const char *dir, const struct crash_order *order);

/** A file that a run of the command has to say: "points", "trace", "record", "check". */
void crash_order_file(struct scn_buf *out, const char *dir, unsigned int run, const char *what);

/** A run's words, with those of an order. */
struct crash_words {
	char **all, **own; /* end with NULL, or are NULL */
};

/**
 * For a run: adds what was ordered to its words, if there is an order.
 * @param argv the words, argv[0] "run"
 * @param[out] words what the new ones live in, to be freed with crash_order_free()
 * @return 0; the words are as they were if there is no order; -errno
 */
int crash_order_take(int *argc, char ***argv, struct crash_words *words);
void crash_order_free(struct crash_words *words);

#endif
