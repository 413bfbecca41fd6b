/* SPDX-License-Identifier: MIT */
/**
 * @file run.h
 * What the files of gntsim run share: programs on a machine.
 */
#ifndef FAKEDEV_COMMAND_RUN_RUN_H
#define FAKEDEV_COMMAND_RUN_RUN_H

#include "options.h"
#include "relay.h"

/** What several programs print, on its way. */
struct run_output {
	struct relay relay;
	struct relay_source *sources; /* one a program */
	char **tags;
	bool hurry; /* somebody wants an end: who does not read is not waited for */
};

/** Where programs are to run. */
struct run_place {
	const char *socket, *rundir;
	const char *tree;      /* see struct joining */
	struct broker *broker; /* NULL: somebody else's machine */
	struct xenstore *xenstore;
	struct run_output *output; /* of several */
	struct deaths *deaths;     /* NULL: none are wanted */
	struct stops *stops;       /* who stops programs at their stores; NULL: nobody */
};

/** The process turns into the program; an exit status if it could not. */
int run_become(const struct run_options *o, const struct run_program *p,
	       const struct run_place *at);

/** --check: a command for the shell, with the machine still there. @return its exit status */
int run_check(const char *command, const struct run_place *at);

/** Before there is a machine. @return 0 or a negative errno, explained */
int run_output_open(const struct run_options *o, struct run_output *out, struct failure *f);
void run_output_close(const struct run_options *o, struct run_output *out);

/**
 * Runs the programs beside each other until all have ended, and leaves nothing of them running.
 * @return the exit status of the first of them whose own is not 0
 */
int run_several(const struct run_options *o, const struct run_place *at);

#endif
