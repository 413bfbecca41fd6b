/* SPDX-License-Identifier: MIT */
/* What a player writes as TAP is read back as it was. */
#include "player/report.h"
#include "player/tap_reader.h"
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define MAX_RESULTS 8

struct results {
	struct scn_outcome outcome[MAX_RESULTS];
	size_t n;
	bool begun;
};

static void free_results(struct results *r)
{
	for (size_t i = 0; i < r->n; i++)
		scn_outcome_free(&r->outcome[i]);
}

/* Reads a text to its end, line by line. */
static struct results read_all(const char *text)
{
	struct scn_tap_reader reader = {0};
	struct results r = {0};

	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		char line[256];

		snprintf(line, sizeof(line), "%.*s", (int)(end - text), text);
		r.n += scn_tap_line(&reader, line, &r.outcome[r.n]);
	}
	r.n += scn_tap_end(&reader, &r.outcome[r.n]);
	r.begun = reader.begun;
	scn_tap_reader_free(&reader);
	return r;
}

static void add(struct scn_report *report, enum scn_verdict verdict, const char *message,
		const char *log)
{
	struct scn_record r = {.file = "a.scn", .outcome.verdict = verdict};

	scn_buf_str(&r.outcome.message, message);
	scn_buf_str(&r.outcome.log, log);
	scn_report_add(report, &r);
	scn_record_free(&r);
}

static void expect_outcome(const struct scn_outcome *o, enum scn_verdict verdict,
			   const char *message, const char *log)
{
	CU_ASSERT_EQUAL(o->verdict, verdict);
	EXPECT_TEXT(scn_buf_text(&o->message), message);
	EXPECT_TEXT(scn_buf_text(&o->log), log);
}

static void what_is_reported_is_read(void)
{
	struct scn_report report = {.tap = true, .verbose = true, .substrate = "device"};
	char *text = NULL;
	size_t len;
	struct results r;

	report.out = open_memstream(&text, &len);
	scn_report_begin(&report);
	add(&report, SCN_PASSED, "", "  1  A: close(3) = 0\n  2  A: close(4) = 0\n");
	add(&report, SCN_SKIPPED, "device can't do advance", "");
	add(&report, SCN_FAILED, "expected 1, got 2\n  ^\n", "  1  A: fork() = 0\n");
	add(&report, SCN_BROKEN, "no such file\n", "");
	CU_ASSERT_EQUAL(scn_report_end(&report, NULL), 0);
	fclose(report.out);
	r = read_all(text);
	CU_ASSERT_TRUE(r.begun);
	CU_ASSERT_EQUAL_FATAL(r.n, 4);
	expect_outcome(&r.outcome[0], SCN_PASSED, "", "  1  A: close(3) = 0\n  2  A: close(4) = 0");
	expect_outcome(&r.outcome[1], SCN_SKIPPED, "device can't do advance", "");
	expect_outcome(&r.outcome[2], SCN_FAILED, "expected 1, got 2\n  ^", "  1  A: fork() = 0");
	expect_outcome(&r.outcome[3], SCN_BROKEN, "no such file", "");
	free_results(&r);
	free(text);
}

static void expect_count(const char *text, size_t n)
{
	struct results r = read_all(text);

	CU_ASSERT_EQUAL(r.n, n);
	free_results(&r);
}

static void a_result_that_was_cut_off_is_none(void)
{
	expect_count("", 0);
	expect_count("TAP version 13\n# substrate: device\n", 0);
	expect_count("TAP version 13\nok 1 - a.scn\n", 1);
	expect_count("ok 1 - a.scn\nok 2", 1);
	expect_count("ok 1 - a.scn\nnot ok 2 - b.scn\n  ---\n  kind: failure\n", 1);
	expect_count("ok 1 - a.scn\nnot ok 2 - b.scn\n  ---\n  kind: failure\n  message: |\n"
		     "    half\n",
		     1);
	expect_count("not ok 1 - b.scn\n  ---\n  kind: failure\n  message: |\n    all\n  ...\n", 1);
}

static void a_result_that_was_cut_off_by_another_is_none(void)
{
	struct results r = read_all("not ok 1 - b.scn\n  ---\nok 2 - a.scn\n");

	CU_ASSERT_EQUAL_FATAL(r.n, 1);
	expect_outcome(&r.outcome[0], SCN_PASSED, "", "");
	free_results(&r);
}

static void other_lines_are_nothing(void)
{
	struct results r = read_all("Killed\nokay\n# 1 passed\nnot okay\n1..0\n");

	CU_ASSERT_EQUAL(r.n, 0);
	CU_ASSERT_FALSE(r.begun);
	free_results(&r);
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"what is reported is read", what_is_reported_is_read},
	    {"a result that was cut off is none", a_result_that_was_cut_off_is_none},
	    {"a result that was cut off by another is none",
	     a_result_that_was_cut_off_by_another_is_none},
	    {"other lines are nothing", other_lines_are_nothing},
	};

	return lang_run("TAP reader", tests, sizeof(tests) / sizeof(tests[0]));
}
