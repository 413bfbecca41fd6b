/* SPDX-License-Identifier: MIT */
/* The report as kernel developers' tools read it: Documentation/dev-tools/ktap.rst. */
#include <errno.h>
#include <string.h>

#include "lang/written.h"
#include "result.h"

/* On one line, and without what begins a directive. */
static void put_line(FILE *out, const char *text)
{
	scn_cleanup_buf struct scn_buf clean = {0};

	scn_buf_clean(&clean, text, strcspn(text, "\n"), "");
	for (const char *at = scn_buf_text(&clean); *at; at++)
		fputc(*at == '#' ? '%' : *at, out);
	fputs(clean.failed ? SCN_NO_MEMORY : "", out);
}

static void put_lines(FILE *out, const char *prefix, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		scn_cleanup_buf struct scn_buf clean = {0};

		scn_buf_clean(&clean, text, n, "\t");
		fprintf(out, "%s%s%s\n", prefix, scn_buf_text(&clean),
			clean.failed ? SCN_NO_MEMORY : "");
		text += n + (text[n] == '\n');
	}
}

static bool is_bad(enum scn_verdict verdict)
{
	return verdict == SCN_FAILED || verdict == SCN_BROKEN;
}

static void put_record(FILE *out, size_t number, const struct conform_record *r)
{
	if (is_bad(r->verdict))
		put_lines(out, "  # ", scn_buf_text(&r->message));
	fprintf(out, "  %s %zu ", is_bad(r->verdict) ? "not ok" : "ok", number);
	put_line(out, r->file);
	if (r->variant.len)
		fprintf(out, " [%s]", scn_buf_text(&r->variant));
	if (r->verdict == SCN_SKIPPED) {
		fputs(" # SKIP ", out);
		put_line(out, scn_buf_text(&r->message));
	}
	fputs("\n", out);
}

static void put_leg(FILE *out, size_t number, const struct conform_leg *leg)
{
	bool fuzzed = leg->fuzz != CONFORM_NOT_FUZZED;
	bool good = !leg->count[SCN_FAILED] && !leg->count[SCN_BROKEN] &&
		    !conform_is_wanting(leg) && leg->fuzz != CONFORM_DIFFERENT &&
		    leg->fuzz != CONFORM_UNTRIED;

	fprintf(out, "  KTAP version 1\n  # Subtest: %s\n  1..%zu\n", leg->leg->name,
		leg->n + fuzzed);
	if (conform_is_wanting(leg))
		put_lines(out, "  # ", scn_buf_reason(&leg->why));
	for (size_t i = 0; i < leg->n; i++)
		put_record(out, i + 1, &leg->records[i]);
	if (fuzzed) {
		put_lines(out, "  # ", scn_buf_text(&leg->said));
		fprintf(out, "  %s %zu random calls\n", leg->fuzz == CONFORM_SAME ? "ok" : "not ok",
			leg->n + 1);
	}
	fprintf(out, "%s %zu %s\n", good ? "ok" : "not ok", number, leg->leg->name);
}

int conform_write_ktap(const struct conform *c, const char *path)
{
	FILE *out = fopen(path, "we");

	if (!out)
		return -errno;
	fprintf(out, "KTAP version 1\n1..%zu\n", c->n_legs);
	for (size_t i = 0; i < c->n_legs; i++)
		put_leg(out, i + 1, &c->legs[i]);
	return scn_close_written(out);
}
