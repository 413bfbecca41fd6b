/* SPDX-License-Identifier: MIT */
/* The end of a file that was written. */
#ifndef SCN_WRITTEN_H
#define SCN_WRITTEN_H

#include <stdio.h>

/* Closes it. Returns 0, or a negative errno if not all of it is there: of any write, not of the last one alone. */
int scn_close_written(FILE *f);

#endif
