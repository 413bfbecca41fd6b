/* SPDX-License-Identifier: MIT */
#ifndef SCN_COMPLAINTS_H
#define SCN_COMPLAINTS_H

#include <stddef.h>

#include "lang/text.h"

/* The standard error of a `gntsim`: passed on to ours, and its first line told as the reason for what
 * failed, where a report has it too. */
struct scn_complaints {
	int fd; /* -1: none */
	size_t n;
	char first[256];
};

/* Returns the child's end, -1 if there is none to be had. What does not fit the pipe until it is heard
 * is lost: the child never waits for us. */
int scn_complaints_open(struct scn_complaints *c);
/* Passes on what was said until now. */
void scn_complaints_hear(struct scn_complaints *c);
/* Adds ": " and the first line, if there was one. */
void scn_complaints_add(struct scn_complaints *c, struct scn_buf *why);
void scn_complaints_close(struct scn_complaints *c);

#endif
