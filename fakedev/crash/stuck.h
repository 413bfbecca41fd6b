/* SPDX-License-Identifier: MIT */
/**
 * @file stuck.h
 * Whether what a trial runs will ever move again: all its programs sleep, and for some time nobody has
 * run at all.
 */
#ifndef FAKEDEV_CRASH_STUCK_H
#define FAKEDEV_CRASH_STUCK_H

#include "lang/text.h"

#include <sys/types.h>

/** Zero is the beginning. */
struct stuck {
	unsigned long long moves; /* of all programs together */
	unsigned int programs;
	int64_t since; /* ms; nobody has moved */
};

/**
 * Looks at a process and all that came of it. Of gntsim's own, which serve the others and have timers, it
 * counts only that they do not run. It should come more than once in @p patience.
 * @param now ms
 * @return they have not moved for @p patience ms
 */
bool stuck_look(struct stuck *s, pid_t root, int64_t now, int64_t patience);
/** Who waits, in which system call. */
void stuck_tell(struct scn_buf *out, pid_t root);

#endif
