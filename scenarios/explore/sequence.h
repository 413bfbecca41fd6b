/* SPDX-License-Identifier: MIT */
/* One order of a scenario's parallels, as a scenario without any. */
#ifndef EXPLORE_SEQUENCE_H
#define EXPLORE_SEQUENCE_H

#include "search.h"

/* Writes the first violation of a search; `how`: a line about it. */
void sequence_write(const struct search *q, const char *how, struct scn_buf *out);

#endif
