/* SPDX-License-Identifier: MIT */
/* The fuzzer: a substrate with a fault is caught, and the sequence shrunk to what shows it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "fuzz/fuzz.h"
#include "lang/parse/parser.h"
#include "substrates/substrates.h"

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

static const struct fuzz_world world = {
    .n_domains = 2, .guest = {SCN_PV, SCN_PVH}, .kernel = {6, 1, 0}, .capabilities = SCN_ALL_CAPS};

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
	*b = (struct bench){.judge = {&faulty, NULL, {6, 1, 0}, NULL}};
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
	struct fuzz_case c = {.world = world};
	struct bench b;

	setup(&b);
	is_wrong = wrong;
	for (uint64_t seed = 0; seed < SEQUENCES && c.verdict.verdict == SCN_PASSED; seed++) {
		fuzz_case_free(&c);
		c.world = world;
		generate(&b, seed);
		CU_ASSERT_FATAL(fuzz_sequence_copy(&c.seq, &b.seq));
		fuzz_compare(&world, &c.seq, &b.judge, &c.verdict);
	}
	CU_ASSERT_EQUAL_FATAL(c.verdict.verdict, SCN_FAILED);
	CU_ASSERT(fuzz_shrink(&c, &b.judge) > 0);
	fuzz_verdict_free(&c.verdict);
	fuzz_compare(&world, &c.seq, &b.judge, &c.verdict);
	CU_ASSERT_EQUAL(c.verdict.verdict, SCN_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(scn_buf_text(&c.verdict.text), last));
	CU_ASSERT(c.seq.n > 0 && c.seq.n <= most);
	CU_ASSERT_EQUAL(c.verdict.step + 1, c.seq.n);
	fuzz_case_free(&c);
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

static enum fuzz_played play_next(struct fuzz_model *m, uint32_t id, uint32_t process,
				  const char *text, uint32_t file)
{
	struct fuzz_op op = {.id = id, .process = process, .file = file};
	scn_cleanup_buf struct scn_buf line = {0};
	int64_t value;

	strcpy(op.text, text);
	return fuzz_model_play(m, &op, &line, &value);
}

static const struct {
	uint32_t process, file;
	const char *text;
	enum fuzz_played played; /* in real time */
} timed_steps[] = {
    {0, 0, "open(\"/dev/xen/gntalloc\", O_RDWR)", FUZZ_PLAYED},
    {1, 0, "open(\"/dev/xen/gntdev\", O_RDWR)", FUZZ_PLAYED},
    {0, 0, "ioctl(@f1, IOCTL_GNTALLOC_ALLOC_GREF, {domid=dom0, flags=1, count=1})", FUZZ_PLAYED},
    {1, 2, "ioctl(@f2, IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=[{domid=dom0, ref=@r3.0}]})",
     FUZZ_PLAYED},
    {1, 2, "ioctl(@f2, IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=[{domid=dom0, ref=@r3.0}]})",
     FUZZ_PLAYED},
    {1, 2, "mmap(0x200000000000, 4096, PROT_READ, MAP_SHARED|MAP_FIXED, @f2, @x4+0)", FUZZ_PLAYED},
    {0, 0, "close(@f1)", FUZZ_PLAYED},
    /* Ended, but mapped: it stays. */
    {1, 2, "ioctl(@f2, IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=[{domid=dom0, ref=@r3.0}]})",
     FUZZ_PLAYED},
    {1, 0, "munmap(0x200000000000, 4096)", FUZZ_PLAYED},
    /* The timer may have freed it by now. */
    {1, 2, "mmap(0x200000100000, 4096, PROT_READ, MAP_SHARED|MAP_FIXED, @f2, @x5+0)", FUZZ_DROPPED},
    {1, 2, "ioctl(@f2, IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=[{domid=dom0, ref=@r3.0}]})",
     FUZZ_DROPPED},
    {1, 0, "munmap(0x200000100000, 4096)", FUZZ_PLAYED},
};

static void play_timed(bool real)
{
	const struct fuzz_world one = {.n_domains = 1, .kernel = {6, 1, 0}, .real = real};
	struct fuzz_model m;

	CU_ASSERT_EQUAL_FATAL(fuzz_model_begin(&m, &one), 0);
	for (uint32_t i = 0; i < sizeof(timed_steps) / sizeof(timed_steps[0]); i++)
		CU_ASSERT_EQUAL(play_next(&m, i + 1, timed_steps[i].process, timed_steps[i].text,
					  timed_steps[i].file),
				real ? timed_steps[i].played : FUZZ_PLAYED);
	fuzz_model_end(&m);
}

/* What a timer decides is not tried where time passes by itself. */
static void test_real_time(void)
{
	play_timed(true);
	play_timed(false);
}

/* The rule by which B, in a PVH domain 1, must not make this call in a real machine; or A in dom0. */
static void expect_rule(struct fuzz_model *m, uint32_t process, const char *text, const char *rule)
{
	struct fuzz_op op = {.id = 90, .process = process};
	const char *got;

	strcpy(op.text, text);
	got = fuzz_rule_against(m, &op);
	expect_text(got ? got : "none", rule, __LINE__);
}

static void test_rules(void)
{
	static const char own[] = "ioctl(@f2, IOCTL_GNTDEV_MAP_GRANT_REF, {count=1, refs=["
				  "{domid=dom1, ref=5}]})";
	static const char port[] = "ioctl(@f2, IOCTL_EVTCHN_NOTIFY, {port=@p2})";
	static const char bind[] = "ioctl(@f1, IOCTL_EVTCHN_BIND_UNBOUND_PORT, {remote_domain=1})";
	static const char other[] = "ioctl(@f2, IOCTL_EVTCHN_NOTIFY, {port=@p5})";
	static const char peer[] = "ioctl(@f9, IOCTL_EVTCHN_BIND_INTERDOMAIN, {remote_domain=dom0, "
				   "remote_port=@p2})";
	static const char virq[] = "ioctl(@f1, IOCTL_EVTCHN_BIND_VIRQ, {virq=3})";
	struct fuzz_world real = world;
	struct fuzz_model m;

	real.real = true;
	CU_ASSERT_EQUAL_FATAL(fuzz_model_begin(&m, &real), 0);
	CU_ASSERT_EQUAL(play_next(&m, 1, 0, "open(\"/dev/xen/evtchn\", O_RDWR)", 0), FUZZ_PLAYED);
	CU_ASSERT_EQUAL(play_next(&m, 2, 0, bind, 0), FUZZ_PLAYED);
	expect_rule(&m, 0, port, "none");
	expect_rule(&m, 1, port, "foreign-port");
	expect_rule(&m, 1, peer, "none");
	expect_rule(&m, 0, own, "none");
	expect_rule(&m, 1, own, "pvh-maps-own-grant");
	expect_rule(&m, 0, virq, "virq-dom-exc");
	expect_rule(&m, 1, virq, "none");
	CU_ASSERT_EQUAL(play_next(&m, 3, 0, "ioctl(@f1, IOCTL_EVTCHN_UNBIND, {port=@p2})", 0),
			FUZZ_PLAYED);
	m.destroyed[1] = true;
	expect_rule(&m, 0, port, "none");
	CU_ASSERT_EQUAL(play_next(&m, 4, 0, bind, 0), FUZZ_PLAYED);
	CU_ASSERT_EQUAL(m.bound[2].value, m.bound[4].value);
	expect_rule(&m, 0, port, "reused-port");
	/* Port 5 is the next one here, and may be a lower one there, that port 8 has then. */
	CU_ASSERT_EQUAL(play_next(&m, 5, 0, bind, 0), FUZZ_PLAYED);
	expect_rule(&m, 0, other, "none");
	CU_ASSERT_EQUAL(play_next(&m, 6, 0, "ioctl(@f1, IOCTL_EVTCHN_UNBIND, {port=@p5})", 0),
			FUZZ_PLAYED);
	CU_ASSERT_EQUAL(play_next(&m, 7, 0, "ioctl(@f1, IOCTL_EVTCHN_UNBIND, {port=@p4})", 0),
			FUZZ_PLAYED);
	expect_rule(&m, 0, other, "none");
	CU_ASSERT_EQUAL(play_next(&m, 8, 0, bind, 0), FUZZ_PLAYED);
	CU_ASSERT_NOT_EQUAL(m.bound[5].value, m.bound[8].value);
	expect_rule(&m, 0, other, "none");
	m.writes = true;
	expect_rule(&m, 0, other, "reused-port");
	m.destroyed[1] = false;
	expect_rule(&m, 0, port, "none");
	real.real = false;
	expect_rule(&m, 1, own, "none");
	fuzz_model_end(&m);
}

/* A's read of an event that was left of a port whose number another port has now, bound before domain 1's end or
 * after it. */
static void read_left_event(bool bound_before, const char *expected)
{
	static const char bind[] =
	    "ioctl(@f1, IOCTL_EVTCHN_BIND_UNBOUND_PORT, {remote_domain=dom0})";
	struct fuzz_op destroy = {.id = 10, .kind = FUZZ_DESTROY, .peer = 1};
	struct fuzz_op look = {.id = 20, .text = "read(@f1, 8)"};
	scn_cleanup_buf struct scn_buf line = {0};
	struct fuzz_world real = world;
	struct fuzz_model m;
	int64_t value;

	real.real = true;
	CU_ASSERT_EQUAL_FATAL(fuzz_model_begin(&m, &real), 0);
	CU_ASSERT_EQUAL(play_next(&m, 1, 0, "open(\"/dev/xen/evtchn\", O_RDWR)", 0), FUZZ_PLAYED);
	CU_ASSERT_EQUAL(play_next(&m, 2, 0, bind, 0), FUZZ_PLAYED);
	CU_ASSERT_EQUAL(play_next(&m, 3, 0,
				  "ioctl(@f1, IOCTL_EVTCHN_BIND_INTERDOMAIN, {remote_domain=dom0, "
				  "remote_port=@p2})",
				  0),
			FUZZ_PLAYED);
	CU_ASSERT_EQUAL(play_next(&m, 4, 0, "ioctl(@f1, IOCTL_EVTCHN_NOTIFY, {port=@p3})", 0),
			FUZZ_PLAYED);
	CU_ASSERT_EQUAL(play_next(&m, 5, 0, "ioctl(@f1, IOCTL_EVTCHN_UNBIND, {port=@p2})", 0),
			FUZZ_PLAYED);
	if (bound_before)
		CU_ASSERT_EQUAL(play_next(&m, 6, 0, bind, 0), FUZZ_PLAYED);
	CU_ASSERT_EQUAL(fuzz_model_play(&m, &destroy, &line, &value), FUZZ_PLAYED);
	if (!bound_before)
		CU_ASSERT_EQUAL(play_next(&m, 11, 0, bind, 0), FUZZ_PLAYED);
	scn_buf_clear(&line);
	CU_ASSERT_EQUAL(fuzz_model_play(&m, &look, &line, &value), FUZZ_PLAYED);
	expect_text(scn_buf_text(&line), expected, __LINE__);
	fuzz_model_end(&m);
}

static void test_left_event(void)
{
	read_left_event(true, "A: read(f1, 8) = 8 [p3, p6]");
	read_left_event(false, "A: read(f1, 8) = 8 [p3, _]");
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"the model against itself", test_no_difference},
	    {"a wrong result", test_wrong_result},
	    {"a wrong byte", test_wrong_byte},
	    {"a wrong event", test_wrong_event},
	    {"what is left out", test_dropped},
	    {"what real time decides", test_real_time},
	    {"what real domains differ in", test_rules},
	    {"an event of a port that another has the number of", test_left_event},
	};

	return lang_run("fuzz", tests, sizeof(tests) / sizeof(tests[0]));
}
