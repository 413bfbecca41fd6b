/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <errno.h>
#include <string.h>

#include "lang/written.h"

void scn_record_free(struct scn_record *r)
{
	scn_buf_free(&r->variant);
	scn_outcome_free(&r->outcome);
}

static void flush(struct scn_report *report)
{
	if (fflush(report->out) && !report->err)
		report->err = -errno;
}

void scn_report_begin(struct scn_report *report)
{
	if (report->ktap)
		fprintf(report->out, "KTAP version 1\n1..%u\n", report->planned);
	else if (report->tap)
		fputs("TAP version 13\n", report->out);
	if (report->tap)
		fprintf(report->out, "# substrate: %s\n", report->substrate);
	flush(report); /* from now on somebody may wait for a scenario, not for us */
}

static void print_clean(FILE *out, const char *text, size_t n)
{
	scn_cleanup_buf struct scn_buf clean = {0};

	scn_buf_clean(&clean, text, n, "\t");
	fputs(scn_buf_text(&clean), out);
	fputs(clean.failed ? SCN_NO_MEMORY : "", out);
}

/* Prints each line of a text after a prefix. */
static void print_lines(FILE *out, const char *prefix, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		fputs(prefix, out);
		print_clean(out, text, n);
		fputs("\n", out);
		text += n + (text[n] == '\n');
	}
}

/* What stands on a line of TAP: a # begins a directive, to some readers behind a \ too. */
static void print_tap(FILE *out, const char *text, size_t n)
{
	scn_cleanup_buf struct scn_buf clean = {0};

	scn_buf_clean(&clean, text, n, "");
	for (const char *at = scn_buf_text(&clean); *at; at++) {
		if (*at == '#')
			fputs("\\x23", out);
		else if (*at == '\\' && strncmp(at, "\\x", 2) != 0)
			fputs("\\\\", out);
		else
			fputc(*at, out);
	}
	fputs(clean.failed ? SCN_NO_MEMORY : "", out);
}

static const char *variant_of(const struct scn_record *r)
{
	return r->variant.failed ? SCN_NO_MEMORY : scn_buf_text(&r->variant);
}

static void print_variant(FILE *out, const struct scn_record *r)
{
	const char *variant = variant_of(r);

	if (*variant)
		fprintf(out, " [%s]", variant);
}

/* Where there was no memory for what was to be said, that is said. */
static const char *message_of(const struct scn_record *r)
{
	const struct scn_buf *message = &r->outcome.message;

	return message->failed && !message->len ? SCN_NO_MEMORY : scn_buf_text(message);
}

/* KTAP has diagnostics before the result that they are of, and no block of YAML. */
static void add_tap(struct scn_report *report, const struct scn_record *r)
{
	enum scn_verdict verdict = r->outcome.verdict;
	const char *message = message_of(r);
	bool bad = verdict == SCN_FAILED || verdict == SCN_BROKEN;

	if (report->ktap && report->verbose)
		print_lines(report->out, "# ", scn_buf_text(&r->outcome.log));
	if (report->ktap && bad)
		print_lines(report->out,
			    verdict == SCN_FAILED ? "# failure: " : "# error: ", message);
	fprintf(report->out, "%s %u %s", bad ? "not ok" : "ok", report->total,
		report->ktap ? "" : "- ");
	print_tap(report->out, r->file, strlen(r->file));
	print_variant(report->out, r);
	if (verdict == SCN_SKIPPED) {
		fputs(" # SKIP ", report->out);
		print_tap(report->out, message, strcspn(message, "\n"));
	}
	fputs("\n", report->out);
	if (report->ktap)
		return;
	if (bad) {
		fprintf(report->out, "  ---\n  kind: %s\n  message: |\n",
			verdict == SCN_FAILED ? "failure" : "error");
		print_lines(report->out, "    ", message);
		fputs("  ...\n", report->out);
	}
	if (report->verbose)
		print_lines(report->out, "# ", scn_buf_text(&r->outcome.log));
}

static void add_plain(struct scn_report *report, const struct scn_record *r)
{
	enum scn_verdict verdict = r->outcome.verdict;
	const char *message = message_of(r);

	if (report->verbose)
		print_lines(report->out, "", scn_buf_text(&r->outcome.log));
	fprintf(report->out, "%-7s ", scn_verdict_name(verdict));
	print_clean(report->out, r->file, strlen(r->file));
	print_variant(report->out, r);
	if (verdict == SCN_SKIPPED) {
		fputs(": ", report->out);
		print_clean(report->out, message, strcspn(message, "\n"));
	}
	fputs("\n", report->out);
	if (verdict == SCN_FAILED || verdict == SCN_BROKEN)
		print_lines(report->out, "  ", message);
}

/* For an attribute's value, in which a plain end of line would be a space. */
static void add_escaped(struct scn_buf *b, const char *text)
{
	scn_cleanup_buf struct scn_buf clean = {0};

	scn_buf_clean(&clean, text, strlen(text), "\n\t");
	for (text = scn_buf_text(&clean); *text; text++) {
		char c = *text;

		if (c == '&')
			scn_buf_str(b, "&amp;");
		else if (c == '<')
			scn_buf_str(b, "&lt;");
		else if (c == '>')
			scn_buf_str(b, "&gt;");
		else if (c == '"')
			scn_buf_str(b, "&quot;");
		else if (c == '\n' || c == '\t')
			scn_buf_printf(b, "&#%d;", c);
		else
			scn_buf_add(b, text, 1);
	}
	scn_buf_str(b, clean.failed ? SCN_NO_MEMORY : "");
}

static void add_junit(struct scn_report *report, const struct scn_record *r)
{
	static const char *const elements[SCN_N_VERDICTS] = {NULL, "skipped", "failure", "error"};
	const char *element = elements[r->outcome.verdict];
	struct scn_buf *b = &report->junit;

	scn_buf_printf(b, "  <testcase classname=\"%s\" name=\"", report->substrate);
	add_escaped(b, r->file);
	if (*variant_of(r)) {
		scn_buf_str(b, " [");
		add_escaped(b, variant_of(r));
		scn_buf_str(b, "]");
	}
	scn_buf_printf(b, "\" time=\"%.6f\"", r->seconds);
	if (!element) {
		scn_buf_str(b, "/>\n");
		return;
	}
	scn_buf_printf(b, "><%s message=\"", element);
	add_escaped(b, message_of(r));
	scn_buf_printf(b, "\"/></testcase>\n");
}

void scn_report_add(struct scn_report *report, const struct scn_record *record)
{
	report->total++;
	report->count[record->outcome.verdict]++;
	report->seconds += record->seconds;
	for (unsigned int cap = 0; cap < SCN_N_CAPABILITIES; cap++)
		report->needing[cap][record->outcome.verdict] +=
		    (unsigned int)(record->needs >> cap & 1);
	if (report->sink) {
		report->sink(report->ctx, record);
		return;
	}
	if (report->tap)
		add_tap(report, record);
	else
		add_plain(report, record);
	flush(report); /* what comes next may crash the machine */
	add_junit(report, record);
}

static int write_junit(const struct scn_report *report, const char *path)
{
	FILE *f = report->junit.failed ? NULL : fopen(path, "we");
	int n, err, closed;

	if (!f)
		return report->junit.failed ? -ENOMEM : -errno;
	n = fprintf(f,
		    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		    "<testsuite name=\"gntsim\" tests=\"%u\" failures=\"%u\" errors=\"%u\" "
		    "skipped=\"%u\" time=\"%.6f\">\n%s</testsuite>\n",
		    report->total, report->count[SCN_FAILED], report->count[SCN_BROKEN],
		    report->count[SCN_SKIPPED], report->seconds, scn_buf_text(&report->junit));
	err = n < 0 ? -errno : 0;
	closed = scn_close_written(f);
	return err ? err : closed;
}

static void print_by_capability(const struct scn_report *report)
{
	for (unsigned int cap = 0; cap < SCN_N_CAPABILITIES; cap++) {
		const unsigned int *n = report->needing[cap];

		if (n[SCN_PASSED] + n[SCN_SKIPPED] + n[SCN_FAILED] + n[SCN_BROKEN] == 0)
			continue;
		fprintf(report->out, "%s%s: %u passed, %u failed, %u skipped, %u errors\n",
			report->tap ? "# " : "", scn_capability_name((enum scn_capability)cap),
			n[SCN_PASSED], n[SCN_FAILED], n[SCN_SKIPPED], n[SCN_BROKEN]);
	}
}

int scn_report_end(struct scn_report *report, const char *junit_path)
{
	int err = 0;

	if (report->tap && !report->ktap)
		fprintf(report->out, "1..%u\n", report->total);
	if (report->by_capability)
		print_by_capability(report);
	if (report->tap)
		fputs("# ", report->out);
	if (report->tap || report->total != 1) {
		fprintf(report->out, "%u passed, %u failed, %u skipped, %u errors\n",
			report->count[SCN_PASSED], report->count[SCN_FAILED],
			report->count[SCN_SKIPPED], report->count[SCN_BROKEN]);
	}
	if (junit_path)
		err = write_junit(report, junit_path);
	scn_buf_free(&report->junit);
	flush(report);
	return report->err ? report->err : err;
}
