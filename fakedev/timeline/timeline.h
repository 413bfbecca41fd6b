/* SPDX-License-Identifier: MIT */
/**
 * @file timeline.h
 * A trace (gntsim-trace(5), JSON) as a picture: read once into a model (model.h), written by one of
 * three writers.
 */
#ifndef FAKEDEV_TIMELINE_TIMELINE_H
#define FAKEDEV_TIMELINE_TIMELINE_H

#include <stdio.h>

#include "broker/trace.h"
#include "lang/text.h"

/** How calls and what they did are told to people: the command hands in the text trace's own. Both
 * append; call() empties @p seen. */
struct timeline_words {
	void (*call)(struct scn_buf *out, struct scn_buf *seen, const struct trace_call *call,
		     uint64_t us);
	void (*saw)(struct scn_buf *out, const struct gntsim_observation *o);
};

struct timeline;

/**
 * Reads a trace to its end.
 * @param name the file's, for messages and titles; kept by reference
 * @param[out] why file, line and what is wrong with it. Also where a timeline is returned: then it
 * says that the last line is cut, which a killed machine leaves; empty: it is whole.
 * @return NULL: it can't be read. timeline_free() is the caller's.
 */
struct timeline *timeline_read(FILE *in, const char *name, const struct timeline_words *words,
			       struct scn_buf *why);
void timeline_free(struct timeline *t);

/** What a picture shows. */
struct timeline_view {
	const char *title;
	bool by_time; /**< the axis is time; otherwise one step a call */
};

/** Each appends a whole file. A failed allocation shows in @p out. */
void timeline_write_svg(struct timeline *t, const struct timeline_view *view, struct scn_buf *out);
/** One page that needs nothing else. */
void timeline_write_html(struct timeline *t, const struct timeline_view *view, struct scn_buf *out);
/** Trace Event Format: for Perfetto's viewer and Chrome's. */
void timeline_write_trace_events(struct timeline *t, const struct timeline_view *view,
				 struct scn_buf *out);

#endif
