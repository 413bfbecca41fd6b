/* SPDX-License-Identifier: MIT */
#ifndef SCN_CHILD_H
#define SCN_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

/* fork(2) for a child that is to end with its parent: by SIGTERM, however that ends. Writes out what
 * stdio holds before, so that it is not written twice. */
pid_t scn_fork_child(void);

/* Waits for its end, whatever signals come. 0, or -1 with errno: it is no child of ours. */
int scn_await_child(pid_t pid, int *status);

/* Whether so soon there is something to read, or nobody who writes any more, whatever signals come. */
bool scn_await_input(int fd, int ms);

/* Lets a child so long end by itself, then asks it to (SIGTERM) and gives it so long again, then ends
 * it. Returns its wait status. */
int scn_end_child(pid_t pid, int alone_ms, int asked_ms);

#endif
