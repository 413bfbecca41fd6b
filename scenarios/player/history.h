/* SPDX-License-Identifier: MIT */
/* The log of a play: a line a step, and who did it. */
#ifndef SCN_HISTORY_H
#define SCN_HISTORY_H

#include "lang/text.h"

#define SCN_NOBODY UINT32_MAX

struct scn_history {
	struct scn_buf text;    /* the log; of a very long play its end */
	struct scn_buf entries; /* where each line is, and whose it is */
};

void scn_history_free(struct scn_history *h);

/* Adds a line of a process, or of nobody. */
void scn_history_add(struct scn_history *h, uint32_t process, const char *line);
/* The last lines of every process (and of nobody), in the order they happened. */
void scn_history_last(const struct scn_history *h, uint32_t n_processes, struct scn_buf *out);

#endif
