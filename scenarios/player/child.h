/* SPDX-License-Identifier: MIT */
#ifndef SCN_CHILD_H
#define SCN_CHILD_H

#include <sys/types.h>

/* fork(2) for a child that is to end with its parent: by SIGTERM, however that ends. Writes out what
 * stdio holds before, so that it is not written twice. */
pid_t scn_fork_child(void);

#endif
