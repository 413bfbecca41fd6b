/* SPDX-License-Identifier: MIT */
/**
 * @file descendants.h
 * The processes that came of this one: its children and theirs, in whichever group and session.
 * Orphans among them count for a process that is a subreaper (PR_SET_CHILD_SUBREAPER).
 */
#ifndef COMMAND_DESCENDANTS_H
#define COMMAND_DESCENDANTS_H

#include <stdbool.h>
#include <sys/types.h>

/** Some of our children, which are meant to be left alone: they, and what comes of them. */
struct spared {
	const pid_t *pids; /**< 0 means nobody */
	unsigned int n;
};

/**
 * Sends a signal to all that came of us.
 * @param but_group leaves those of this process group out; 0: none
 * @return how many there are that have not ended, also of those left out for their group
 */
unsigned int descendants_signal(int signal, pid_t but_group, const struct spared *spared);

/** How many there are that have not ended. */
unsigned int descendants_count(const struct spared *spared);

#endif
