/* SPDX-License-Identifier: MIT */
#ifndef SCN_TEMPORARY_H
#define SCN_TEMPORARY_H

#include <limits.h>

/*
 * Where to make files for the time being: TMPDIR; without it /tmp, or what else can be written to where that can't
 * (/var/tmp, /dev/shm, XDG_RUNTIME_DIR). A Unix socket's path can begin with it: a longer TMPDIR is as none. Programs may
 * change their directory: it is absolute.
 */
const char *scn_temporary(char room[PATH_MAX]);

#endif
