/* SPDX-License-Identifier: MIT */
/**
 * @file descendants.h
 * The processes that came of this one: its children and theirs, in whichever group and session.
 * Orphans among them count for a process that is a subreaper (PR_SET_CHILD_SUBREAPER).
 */
#ifndef FAKEDEV_COMMAND_RUN_DESCENDANTS_H
#define FAKEDEV_COMMAND_RUN_DESCENDANTS_H

#include <stdbool.h>
#include <sys/types.h>

/** Some of our children, which are to be left alone: they, and what comes of them. */
struct spared {
	pid_t *pids; /**< 0 means nobody */
	unsigned int n;
};

/** Spares the children that there are now. @retval -errno they cannot all be seen */
int spared_find(struct spared *spared);
/** One of them has ended: another process may get its number. */
void spared_forget(struct spared *spared, pid_t pid);
void spared_free(struct spared *spared);

/**
 * Sends a signal to all that came of us.
 * @param but_group leaves those of this process group out; 0: none
 * @return how many there are that have not ended, also of those left out for their group
 */
unsigned int descendants_signal(int signal, pid_t but_group, const struct spared *spared);

/** Visits each that has not ended, and with @p spared true those that are. */
void descendants_visit(const struct spared *spared,
		       void (*visit)(void *ctx, pid_t pid, bool spared), void *ctx);

#endif
