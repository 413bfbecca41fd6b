/* SPDX-License-Identifier: MIT */
/* Reads back what report.c writes as TAP, line by line, from a player somewhere else. */
#ifndef SCN_TAP_READER_H
#define SCN_TAP_READER_H

#include "player.h"

struct scn_tap_reader {
	struct scn_outcome outcome; /* the result that is being read */
	bool begun;                 /* the output's first line has come */
	bool pending;               /* a result has begun */
	bool whole;                 /* and nothing but its log can follow */
	bool in_message;
};

void scn_tap_reader_free(struct scn_tap_reader *r);
/* Takes one line without its end. Returns true if the result so far is complete and in `out`,
 * which the caller frees. */
bool scn_tap_line(struct scn_tap_reader *r, const char *line, struct scn_outcome *out);
/* After the last line: the same for the last result. One that was cut off is dropped. */
bool scn_tap_end(struct scn_tap_reader *r, struct scn_outcome *out);

#endif
