/* SPDX-License-Identifier: MIT */
/* The fuzzer: a substrate with a fault is caught, and the sequence shrunk to what shows it. */
#include <errno.h>
#include <fuzz.h>
#include <parser.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define SEQUENCES 30u
#define LENGTH    80u

/* The model, but for one call in what it answers. */
static struct scn_substrate_ops faulty;
static bool (*is_wrong)(const struct scn_call *call, const struct scn_result *result);

static enum scn_status faulty_call(void *self, uint32_t process, const struct scn_call *call,
				   struct scn_result *result, struct scn_buf *why)
{
	enum scn_status status = scn_substrate_model.call(self, process, call, result, why);

	if (status == SCN_OK && is_wrong(call, result)) {
		if (result->data_len)
			result->data[0] ^= 1;
		else
			result->value = -EIO;
	}
	return status;
}

static bool never(const struct scn_call *call, const struct scn_result *result)
{
	(void)call;
	(void)result;
	return false;
}

static bool bad_poll(const struct scn_call *call, const struct scn_result *result)
{
	(void)result;
	return call->kind == SCN_POLL;
}

static bool bad_munmap(const struct scn_call *call, const struct scn_result *result)
{
	return call->kind == SCN_MUNMAP && result->value == 0;
}

static bool bad_byte(const struct scn_call *call, const struct scn_result *result)
{
	return call->kind == SCN_LOAD && result->kind == SCN_RETURNED;
}

static bool bad_event(const struct scn_call *call, const struct scn_result *result)
{
	return call->kind == SCN_READ && result->kind == SCN_RETURNED && result->value == 4;
}

static const struct fuzz_world world = {.n_domains = 2,
					.guest = {SCN_PV, SCN_PVH},
					.kernel = {6, 1},
					.capabilities = (1u << SCN_N_CAPABILITIES) - 1};

struct bench {
	struct fuzz_sequence seq;
	struct fuzz_judge judge;
};

static void setup(struct bench *b)
{
	scn_cleanup_buf struct scn_buf why = {0};
	struct scn_options options = {0};

	faulty = scn_substrate_model;
	faulty.call = faulty_call;
	*b = (struct bench){.judge = {&faulty, NULL, {6, 1}}};
	b->seq.ops = calloc(FUZZ_MAX_OPS, sizeof(*b->seq.ops));
	CU_ASSERT_PTR_NOT_NULL_FATAL(b->seq.ops);
	CU_ASSERT_EQUAL(faulty.open(&options, &b->judge.self, &why), SCN_OK);
}

static void teardown(struct bench *b)
{
	faulty.close(b->judge.self);
	free(b->seq.ops);
}

static void generate(struct bench *b, uint64_t seed)
{
	scn_cleanup_buf struct scn_buf why = {0};

	CU_ASSERT_EQUAL(fuzz_generate(&world, seed, LENGTH, &b->seq, &why), FUZZ_PLAYED);
	CU_ASSERT_STRING_EQUAL(scn_buf_text(&why), "");
}

/* Every sequence plays as it was generated, and the same seed gives the same again. */
static void test_no_difference(void)
{
	struct bench b;

	setup(&b);
	is_wrong = never;
	for (uint64_t seed = 0; seed < SEQUENCES; seed++) {
		scn_cleanup_buf struct scn_buf first = {0};
		scn_cleanup_buf struct scn_buf second = {0};
		scn_cleanup_buf struct scn_buf why = {0};
		struct fuzz_verdict verdict;

		generate(&b, seed);
		CU_ASSERT(b.seq.n > LENGTH / 4);
		fuzz_compare(&world, &b.seq, &b.judge, &verdict);
		expect_text(scn_buf_text(&verdict.text), "", __LINE__);
		CU_ASSERT_EQUAL(verdict.verdict, SCN_PASSED);
		fuzz_verdict_free(&verdict);
		fuzz_script(&world, &b.seq, "", &first, NULL, &why);
		generate(&b, seed);
		fuzz_script(&world, &b.seq, "", &second, NULL, &why);
		expect_text(scn_buf_text(&second), scn_buf_text(&first), __LINE__);
	}
	teardown(&b);
}

/* The first sequence that shows the fault, shrunk: no more than `most` steps, the last of which
 * is the wrong call. */
static void expect_found(bool wrong(const struct scn_call *, const struct scn_result *),
			 uint32_t most, const char *last)
{
	struct fuzz_verdict verdict = {.verdict = SCN_PASSED};
	struct bench b;

	setup(&b);
	is_wrong = wrong;
	for (uint64_t seed = 0; seed < SEQUENCES && verdict.verdict == SCN_PASSED; seed++) {
		generate(&b, seed);
		fuzz_verdict_free(&verdict);
		fuzz_compare(&world, &b.seq, &b.judge, &verdict);
	}
	CU_ASSERT_EQUAL_FATAL(verdict.verdict, SCN_FAILED);
	CU_ASSERT(fuzz_shrink(&world, &b.seq, &b.judge, &verdict) > 0);
	fuzz_verdict_free(&verdict);
	fuzz_compare(&world, &b.seq, &b.judge, &verdict);
	CU_ASSERT_EQUAL(verdict.verdict, SCN_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(scn_buf_text(&verdict.text), last));
	CU_ASSERT(b.seq.n > 0 && b.seq.n <= most);
	CU_ASSERT_EQUAL(verdict.step + 1, b.seq.n);
	fuzz_verdict_free(&verdict);
	teardown(&b);
}

static void test_wrong_result(void)
{
	expect_found(bad_poll, 5, "poll(");
	expect_found(bad_munmap, 8, "munmap(");
}

static void test_wrong_byte(void)
{
	expect_found(bad_byte, 5, "load(");
}

static void test_wrong_event(void)
{
	expect_found(bad_event, 9, "read(");
}

/* A step whose names are gone is left out, and so is a dead process's. */
static void test_dropped(void)
{
	static struct fuzz_op ops[] = {
	    {.id = 1, .text = "close(@f9)"},
	    {.id = 2, .text = "open(\"/dev/xen/evtchn\", O_RDWR)"},
	    {.id = 3, .kind = FUZZ_KILL},
	    {.id = 4, .text = "close(@f2)"},
	};
	const struct fuzz_sequence seq = {ops, 4};
	scn_cleanup_buf struct scn_buf text = {0};
	scn_cleanup_buf struct scn_buf why = {0};
	uint32_t lines[4];

	CU_ASSERT_EQUAL(fuzz_script(&world, &seq, "a test", &text, lines, &why), FUZZ_PLAYED);
	EXPECT_TEXT(scn_buf_text(&text), "# Rule: what the model does, kernel 6.1.\n"
					 "# Source: gntsim fuzz, a test\n\n"
					 "needs distinct_domains\n"
					 "domain dom0 pv\ndomain dom1 pvh\n"
					 "process A in dom0\nprocess B in dom1\n"
					 "process C in dom0\nprocess D in dom1\n\n"
					 "A: f2 = open(\"/dev/xen/evtchn\", O_RDWR)\n"
					 "kill -9 A\n");
	CU_ASSERT_EQUAL(lines[0], 0);
	CU_ASSERT_EQUAL(lines[1], 12);
	CU_ASSERT_EQUAL(lines[2], 13);
	CU_ASSERT_EQUAL(lines[3], 0);
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"the model against itself", test_no_difference},
	    {"a wrong result", test_wrong_result},
	    {"a wrong byte", test_wrong_byte},
	    {"a wrong event", test_wrong_event},
	    {"what is left out", test_dropped},
	};

	return lang_run("fuzz", tests, sizeof(tests) / sizeof(tests[0]));
}
