/* SPDX-License-Identifier: MIT */
/* Taking down a FUSE tree that is mounted for everybody, also as who may not unmount. */
#ifndef SCN_UNMOUNT_H
#define SCN_UNMOUNT_H

#include <stdbool.h>

/* Why it failed. */
#define SCN_UNMOUNT_REFUSED "without root it takes fusermount3 (package fuse3) or umount (mount)"

/* Unmounts what is mounted at a directory, also while it is in use. Returns whether it did. */
bool scn_unmount(const char *dir);

#endif
