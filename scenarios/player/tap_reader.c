/* SPDX-License-Identifier: MIT */
#include "tap_reader.h"

#include <string.h>

void scn_tap_reader_free(struct scn_tap_reader *r)
{
	scn_outcome_free(&r->outcome);
	*r = (struct scn_tap_reader){0};
}

/* What follows the prefix in the line; NULL if it does not begin so. */
static const char *after(const char *line, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(line, prefix, n) ? NULL : line + n;
}

static void add_line(struct scn_buf *b, const char *text)
{
	if (b->len)
		scn_buf_str(b, "\n");
	scn_buf_str(b, text);
}

static void begin_result(struct scn_tap_reader *r, const char *line, bool ok)
{
	const char *skip = strstr(line, " # SKIP ");

	r->outcome = (struct scn_outcome){.verdict = ok ? SCN_PASSED : SCN_FAILED};
	r->pending = true;
	r->whole = ok;
	r->in_message = false;
	if (ok && skip) {
		r->outcome.verdict = SCN_SKIPPED;
		scn_buf_str(&r->outcome.message, skip + strlen(" # SKIP "));
	}
}

static void continue_result(struct scn_tap_reader *r, const char *line)
{
	const char *text;

	if (r->whole) {
		text = after(line, "# ");
		if (text)
			add_line(&r->outcome.log, text);
	} else if (!strcmp(line, "  ...")) {
		r->whole = true;
	} else if (!strcmp(line, "  kind: error")) {
		r->outcome.verdict = SCN_BROKEN;
	} else if (!strcmp(line, "  message: |")) {
		r->in_message = true;
	} else if (r->in_message) {
		text = after(line, "    ");
		add_line(&r->outcome.message, text ? text : line);
	}
}

bool scn_tap_end(struct scn_tap_reader *r, struct scn_outcome *out)
{
	bool whole = r->pending && r->whole;

	if (whole)
		*out = r->outcome;
	else
		scn_outcome_free(&r->outcome);
	r->outcome = (struct scn_outcome){0};
	r->pending = r->whole = r->in_message = false;
	return whole;
}

bool scn_tap_line(struct scn_tap_reader *r, const char *line, struct scn_outcome *out)
{
	bool ok = after(line, "ok ") != NULL, whole = false;

	if (after(line, "TAP version")) {
		r->begun = true;
	} else if (ok || after(line, "not ok ")) {
		whole = scn_tap_end(r, out);
		begin_result(r, line, ok);
	} else if (after(line, "1..")) {
		whole = scn_tap_end(r, out);
	} else if (r->pending) {
		continue_result(r, line);
	}
	return whole;
}
