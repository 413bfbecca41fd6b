/* SPDX-License-Identifier: MIT */
/* TAP, plain lines and JUnit XML. */
#include "player/report.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

static struct scn_record record(enum scn_verdict verdict, const char *variant, const char *message)
{
	struct scn_record r = {.file = "a<b>.scn", .outcome.verdict = verdict};

	scn_buf_str(&r.variant, variant);
	scn_buf_str(&r.outcome.message, message);
	scn_buf_str(&r.outcome.log, "   1  A: close(3) = 0\n");
	return r;
}

/* What a report of four records prints; free() it. */
static char *report_four(bool tap, bool verbose, const char *junit)
{
	struct scn_record records[] = {
	    record(SCN_PASSED, "dom1 pv", ""),
	    record(SCN_SKIPPED, "", "device can't do advance\nmore"),
	    record(SCN_FAILED, "", "expected \"1\" & got 2\n  line two\n"),
	    record(SCN_BROKEN, "", "no such file\n"),
	};
	struct scn_report report = {.tap = tap, .verbose = verbose, .substrate = "model"};
	char *text = NULL;
	size_t len;

	report.out = open_memstream(&text, &len);
	scn_report_begin(&report);
	for (size_t i = 0; i < 4; i++) {
		scn_report_add(&report, &records[i]);
		scn_record_free(&records[i]);
	}
	CU_ASSERT_EQUAL(scn_report_end(&report, junit), 0);
	fclose(report.out);
	return text;
}

static void tap(void)
{
	char *text = report_four(true, false, NULL);

	EXPECT_TEXT(text, "TAP version 13\n"
			  "# substrate: model\n"
			  "ok 1 - a<b>.scn [dom1 pv]\n"
			  "ok 2 - a<b>.scn # SKIP device can't do advance\n"
			  "not ok 3 - a<b>.scn\n"
			  "  ---\n"
			  "  kind: failure\n"
			  "  message: |\n"
			  "    expected \"1\" & got 2\n"
			  "      line two\n"
			  "  ...\n"
			  "not ok 4 - a<b>.scn\n"
			  "  ---\n"
			  "  kind: error\n"
			  "  message: |\n"
			  "    no such file\n"
			  "  ...\n"
			  "1..4\n"
			  "# 1 passed, 1 failed, 1 skipped, 1 errors\n");
	free(text);
}

static void plain(void)
{
	char *text = report_four(false, true, NULL);

	EXPECT_TEXT(text, "   1  A: close(3) = 0\n"
			  "passed  a<b>.scn [dom1 pv]\n"
			  "   1  A: close(3) = 0\n"
			  "skipped a<b>.scn: device can't do advance\n"
			  "   1  A: close(3) = 0\n"
			  "failed  a<b>.scn\n"
			  "  expected \"1\" & got 2\n"
			  "    line two\n"
			  "   1  A: close(3) = 0\n"
			  "error   a<b>.scn\n"
			  "  no such file\n"
			  "1 passed, 1 failed, 1 skipped, 1 errors\n");
	free(text);
}

static void junit(void)
{
	char path[] = "/tmp/gntsim-junit-XXXXXX";
	int fd = mkstemp(path);
	size_t len = 0;
	char *text, *xml;

	CU_ASSERT(fd >= 0);
	text = report_four(false, false, path);
	xml = scn_read_file(path, &len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(xml);
	CU_ASSERT_PTR_NOT_NULL(strstr(
	    xml,
	    "<testsuite name=\"gntsim\" tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\""));
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(xml, "name=\"a&lt;b&gt;.scn [dom1 pv]\" time=\"0.000000\"/>"));
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(xml, "<failure message=\"expected &quot;1&quot; &amp; got 2&#10;"));
	CU_ASSERT_PTR_NOT_NULL(strstr(xml, "<skipped message="));
	CU_ASSERT_PTR_NOT_NULL(strstr(xml, "<error message="));
	free(xml);
	free(text);
	close(fd);
	unlink(path);
}

int main(void)
{
	static const struct lang_test tests[] = {{"TAP", tap}, {"plain", plain}, {"JUnit", junit}};

	return lang_run("report", tests, sizeof(tests) / sizeof(tests[0]));
}
