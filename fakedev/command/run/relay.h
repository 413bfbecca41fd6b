/* SPDX-License-Identifier: MIT */
/**
 * @file relay.h
 * A process that stands between programs and our stdout and stderr: it passes on what they print,
 * with a tag before each line or byte by byte as it comes, and looks for a line that somebody waits
 * for. It is one of its own so that a reader who stops reading stops no machine.
 */
#ifndef FAKEDEV_COMMAND_RUN_RELAY_H
#define FAKEDEV_COMMAND_RUN_RELAY_H

#include "broker/broker.h"

#include <regex.h>
#include <sys/types.h>

/** What is to be done with the output of one program. */
struct relay_source {
	const char *tag;       /**< before each line; NULL: none */
	const regex_t *wanted; /**< a line to tell of; NULL: none */
	int ends[2]; /**< out: what is to be the program's stdout and stderr, or -1: ours */
};

/** What the relay says: the program's line came, or it has ended and its line did not come. */
struct relay_news {
	uint32_t source;
	uint32_t found;
};

struct relay {
	pid_t pid;   /**< 0: there is none */
	int control; /**< readable when there is news; -1: there is none */
};

/**
 * Starts it, if any of the sources needs it. Descriptors that are open by now are open in it too.
 * @return 0 or a negative errno, explained
 */
int relay_start(struct relay *r, struct relay_source *sources, unsigned int n, struct failure *f);

/** Closes our copies of the ends that a program has. */
void relay_source_close(struct relay_source *source);

/** The program's process has ended: all that it printed is looked at, and news of it will come. */
void relay_program_ended(const struct relay *r, unsigned int source);

/** Takes the next news. False: none yet. */
bool relay_next(const struct relay *r, struct relay_news *out);

/** It speaks no more, though nobody told it to finish. */
bool relay_is_lost(const struct relay *r);

/** Nobody prints any more: what was printed will be passed on, and then the process ends. */
void relay_finish(struct relay *r);

#endif
