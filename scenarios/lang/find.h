/* SPDX-License-Identifier: MIT */
/* Scenario files by being there: every *.scn under a directory. */
#ifndef SCN_FIND_H
#define SCN_FIND_H

#include <stdbool.h>
#include <stddef.h>

struct scn_files {
	char **paths;
	int *errors; /* why one can't be read, a negative errno, or 0; NULL: all can */
	size_t n, room;
};

void scn_files_free(struct scn_files *files);
#define scn_cleanup_files __attribute__((cleanup(scn_files_free)))

/* Adds a file, or the scenarios under a directory in order of their names; what can't be looked at is
 * added with its error. Returns 0 or -ENOMEM. */
int scn_find(const char *path, struct scn_files *files);
/* What such an error is, in words. */
const char *scn_find_error(int err);
/* Mixes the order; the same seed, the same order. */
void scn_files_shuffle(struct scn_files *files, unsigned long seed);

#endif
