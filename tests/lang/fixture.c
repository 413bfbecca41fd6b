/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "lang/parse/parser.h"
#include "substrates/substrates.h"
#include <stdio.h>
#include <string.h>

int lang_run(const char *suite, const struct lang_test *tests, size_t n)
{
	CU_pSuite s;
	unsigned int failures;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	s = CU_add_suite(suite, NULL, NULL);
	for (size_t i = 0; s && i < n; i++)
		CU_add_test(s, tests[i].name, tests[i].run);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures() + (s ? 0 : 1);
	CU_cleanup_registry();
	return failures ? 1 : 0;
}

void expect_text(const char *got, const char *expected, int line)
{
	if (strcmp(got, expected) != 0)
		printf("\n--- line %d, expected:\n%s--- got:\n%s---\n", line, expected, got);
	CU_ASSERT_STRING_EQUAL(got, expected);
}

static struct scn_source source_of(const char *script)
{
	return (struct scn_source){"t.scn", script, strlen(script)};
}

void expect_errors(const char *script, const char *messages)
{
	struct scn_source src = source_of(script);
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};
	int err = scn_parse(&src, &s, &errors);

	CU_ASSERT_EQUAL(err == 0, *messages == '\0');
	expect_text(scn_buf_text(&errors.text), messages, __LINE__);
}

static enum scn_verdict play_variants(const struct scn_scenario *s, void *self,
				      struct scn_buf *message)
{
	const struct scn_substrate_ops *ops = &scn_substrate_model;
	struct scn_filter filter = {0};
	enum scn_verdict verdict = SCN_PASSED;
	uint32_t n = scn_variant_count(s, &filter);

	for (uint32_t i = 0; i < n && verdict == SCN_PASSED; i++) {
		scn_cleanup_buf struct scn_buf name = {0};
		struct scn_outcome outcome;
		struct scn_setup setup;

		struct scn_platform platform = ops->platform(self);

		scn_variant(s, &filter, ops->kernel(self), &platform, i, &setup, &name);
		scn_play(s, &setup, ops, self, &outcome);
		verdict = outcome.verdict;
		if (message)
			scn_buf_str(message, scn_buf_text(&outcome.message));
		scn_outcome_free(&outcome);
	}
	return verdict;
}

enum scn_verdict play_text(const char *script, struct scn_buf *message)
{
	struct scn_source src = source_of(script);
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};
	scn_cleanup_buf struct scn_buf why = {0};
	struct scn_options options = {0};
	enum scn_verdict verdict;
	void *self;

	if (scn_parse(&src, &s, &errors)) {
		if (message)
			scn_buf_str(message, scn_buf_text(&errors.text));
		return SCN_BROKEN;
	}
	if (scn_substrate_model.open(&options, &self, &why) != SCN_OK)
		return SCN_BROKEN;
	verdict = play_variants(&s, self, message);
	scn_substrate_model.close(self);
	return verdict;
}

void expect_play(const char *script, enum scn_verdict verdict, const char *message)
{
	scn_cleanup_buf struct scn_buf got = {0};
	enum scn_verdict what = play_text(script, &got);

	if (what != verdict || !strstr(scn_buf_text(&got), message))
		printf("\n--- script:\n%s--- expected %s: %s\n--- got %s: %s---\n", script,
		       scn_verdict_name(verdict), message, scn_verdict_name(what),
		       scn_buf_text(&got));
	CU_ASSERT_EQUAL(what, verdict);
	CU_ASSERT_PTR_NOT_NULL(strstr(scn_buf_text(&got), message));
}
