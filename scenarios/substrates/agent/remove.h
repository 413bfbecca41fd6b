/* SPDX-License-Identifier: MIT */
#ifndef SCN_REMOVE_H
#define SCN_REMOVE_H

/* Removes a directory with all that is in it, as far as it may: links are not followed, what is mounted there stays. */
void scn_remove(const char *dir);

#endif
