/* SPDX-License-Identifier: MIT */
#ifndef SCN_CHILD_H
#define SCN_CHILD_H

#include <sys/types.h>

/* fork(2) for a child that is to end with its parent: by SIGTERM, however that ends. Writes out what
 * stdio holds before, so that it is not written twice. */
pid_t scn_fork_child(void);

/* Lets a child so long end by itself, then asks it to (SIGTERM) and gives it so long again, then ends
 * it. Returns its wait status. */
int scn_end_child(pid_t pid, int alone_ms, int asked_ms);

#endif
