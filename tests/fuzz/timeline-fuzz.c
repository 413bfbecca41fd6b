/* SPDX-License-Identifier: MIT */
/* Any bytes as a trace: it is refused with a message, or drawn by each writer. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "command/trace/trace.h"
#include "fuzz.h"
#include "timeline/timeline.h"

typedef void writer(struct timeline *t, const struct timeline_view *view, struct scn_buf *out);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static writer *const writers[] = {timeline_write_svg, timeline_write_html,
					  timeline_write_trace_events};
	const struct timeline_words words = {trace_text.call, trace_text.saw};
	scn_cleanup_buf struct scn_buf why = {0};
	FILE *in = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	struct timeline *t;

	if (!in)
		return 0;
	t = timeline_read(in, "fuzz.json", &words, &why);
	fclose(in);
	if (!t && !why.len)
		abort();
	for (unsigned int i = 0; t && i < 6; i++) {
		const struct timeline_view view = {.title = "a <title>", .by_time = i & 1};
		scn_cleanup_buf struct scn_buf out = {0};

		writers[i / 2](t, &view, &out);
		if (!out.len && !out.failed)
			abort();
	}
	if (t)
		timeline_free(t);
	return 0;
}
