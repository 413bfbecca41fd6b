/* SPDX-License-Identifier: MIT */
/*
 * A directory for the time being. A process of its own removes it when whoever holds it has ended,
 * in whatever way: a player that is killed leaves nothing behind.
 */
#ifndef SCN_SCRATCH_H
#define SCN_SCRATCH_H

#include <sys/types.h>

struct scn_scratch {
	char path[80];
	int hold;     /* the directory stays as long as a process has this open; close-on-exec */
	pid_t keeper; /* 0: there is none */
};

/* Makes NAME-XXXXXX, mode 0700, where temporary.h says. Returns 0 or the negative errno of mkdtemp(3), pipe(2) or
 * fork(2), with the path that it tried. */
int scn_scratch_make(struct scn_scratch *s, const char *name);
/* Removes it with all that is in it, unless another process still has `hold`. Nothing if there is
 * none. */
void scn_scratch_remove(struct scn_scratch *s);

#endif
