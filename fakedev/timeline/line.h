/* SPDX-License-Identifier: MIT */
#ifndef FAKEDEV_TIMELINE_LINE_H
#define FAKEDEV_TIMELINE_LINE_H

#include <json-c/json.h>

#include "model.h"

/**
 * An object of a trace as a line of it. @p line is filled anew, in the room it has.
 * @return false: what is wrong with it stands in @p why
 */
bool tl_parse_line(struct tl_line *line, struct json_object *o, const struct timeline_words *words,
		   struct scn_buf *why);
void tl_line_free(struct tl_line *line);

/** One of its observations. */
bool tl_parse_seen(struct gntsim_observation *seen, struct json_object *o, struct scn_buf *why);

/* Members, which must be there and be what they are expected to be; otherwise why is told. */
bool tl_number(struct json_object *o, const char *name, uint64_t most, uint64_t *out,
	       struct scn_buf *why);
bool tl_bool(struct json_object *o, const char *name, bool *out, struct scn_buf *why);
/** NULL: why is told. */
const char *tl_text(struct json_object *o, const char *name, struct scn_buf *why);
/** Where a name stands among names; -1: nowhere, or it is no text, and why is told. */
int tl_word(struct json_object *o, const char *name, const char *const *words, unsigned int n,
	    struct scn_buf *why);
bool tl_device(struct json_object *o, enum wire_device *out, struct scn_buf *why);

#endif
