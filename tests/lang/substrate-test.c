/* SPDX-License-Identifier: MIT */
/* A substrate that can't do something, or is broken, says so, and the play says what it said: never a verdict on the
 * subject. The substrate is the model, but for one operation. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "lang/parse/parser.h"
#include "player/clock.h"
#include "player/session.h"
#include "player/variant.h"
#include "substrates/substrates.h"

#define HEAD "domain dom0\nprocess A, B in dom0\nA: ga = open(\"/dev/xen/gntalloc\", O_RDWR)\n"

static struct scn_substrate_ops odd;
static enum scn_status answer;
static unsigned int after; /* calls of the operation that do nothing odd */

static enum scn_status say(struct scn_buf *why)
{
	if (after > 0) {
		after--;
		return SCN_OK;
	}
	scn_buf_str(why, "it is odd");
	return answer;
}

static enum scn_status odd_begin(void *self, const struct scn_setup *setup, struct scn_buf *why)
{
	(void)self;
	(void)setup;
	return say(why);
}

static enum scn_status odd_spawn(void *self, uint32_t process, uint32_t domain, struct scn_buf *why)
{
	enum scn_status status = say(why);

	return status == SCN_OK ? scn_substrate_model.spawn(self, process, domain, why) : status;
}

static enum scn_status odd_call(void *self, uint32_t process, const struct scn_call *call,
				struct scn_result *result, struct scn_buf *why)
{
	enum scn_status status = say(why);

	return status == SCN_OK ? scn_substrate_model.call(self, process, call, result, why)
				: status;
}

static enum scn_status odd_kill(void *self, uint32_t process, struct scn_buf *why)
{
	enum scn_status status = say(why);

	scn_substrate_model.kill(self, process, why);
	return status;
}

static enum scn_status odd_number(void *self, uint64_t n, struct scn_buf *why)
{
	(void)self;
	(void)n;
	return say(why);
}

static enum scn_status odd_destroy(void *self, uint32_t domain, struct scn_buf *why)
{
	(void)self;
	(void)domain;
	return say(why);
}

static enum scn_status odd_limit(void *self, uint32_t domain, enum gntsim_limit limit,
				 uint64_t value, struct scn_buf *why)
{
	(void)self;
	(void)domain;
	(void)limit;
	(void)value;
	return say(why);
}

static enum scn_status odd_virq(void *self, uint32_t domain, uint64_t virq, struct scn_buf *why)
{
	(void)self;
	(void)domain;
	(void)virq;
	return say(why);
}

static enum scn_status odd_totals(void *self, struct scn_totals *out, struct scn_buf *why)
{
	(void)self;
	*out = (struct scn_totals){0};
	return say(why);
}

/* A call that no header has an error for. */
static enum scn_status odd_result(void *self, uint32_t process, const struct scn_call *call,
				  struct scn_result *result, struct scn_buf *why)
{
	enum scn_status status = scn_substrate_model.call(self, process, call, result, why);

	if (call->kind == SCN_CLOSE)
		result->value = -4000;
	return status;
}

static const char *odd_hazard(void *self)
{
	(void)self;
	return after > 0 ? after--, NULL : "odd-harm";
}

static bool odd_check(void *self, struct scn_buf *wrong)
{
	(void)self;
	scn_buf_str(wrong, "3 things");
	return false;
}

static bool late;
double __real_scn_now(void);
double __wrap_scn_now(void);

/* (The linker leads here: --wrap. Of two looks at it the second is an hour after the first.) */
double __wrap_scn_now(void)
{
	static double now;

	now += late ? 3600 : 0;
	return late ? now : __real_scn_now();
}

static void play_odd(const char *script, enum scn_verdict verdict, const char *message)
{
	struct scn_source src = {"t.scn", script, strlen(script)};
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};
	scn_cleanup_buf struct scn_buf name = {0}, why = {0};
	const struct scn_options options = {0};
	const struct scn_filter filter = {0};
	struct scn_platform platform;
	struct scn_outcome outcome;
	struct scn_setup setup;
	void *self;

	CU_ASSERT_EQUAL_FATAL(scn_parse(&src, &s, &errors), 0);
	CU_ASSERT_EQUAL_FATAL(scn_substrate_model.open(&options, &self, &why), SCN_OK);
	platform = scn_substrate_model.platform(self);
	scn_variant(&s, &filter, scn_substrate_model.kernel(self), &platform, 0, &setup, &name);
	scn_play(&s, &setup, &odd, self, &outcome);
	CU_ASSERT_EQUAL(outcome.verdict, verdict);
	if (!strstr(scn_buf_text(&outcome.message), message))
		printf("\n--- expected: %s\n--- got: %s\n", message,
		       scn_buf_text(&outcome.message));
	CU_ASSERT_PTR_NOT_NULL(strstr(scn_buf_text(&outcome.message), message));
	scn_outcome_free(&outcome);
	scn_substrate_model.close(self);
}

/* Both of what a substrate may answer; `ok` calls of the operation are as the model's. */
static void either_way(unsigned int ok, const char *script, const char *message)
{
	answer = SCN_ERROR;
	after = ok;
	play_odd(script, SCN_BROKEN, message);
	answer = SCN_SKIP;
	after = ok;
	play_odd(script, SCN_SKIPPED, message);
}

static void a_machine_that_cannot_be_had(void)
{
	odd = scn_substrate_model;
	odd.begin = odd_begin;
	either_way(0, HEAD, "it is odd");
	odd = scn_substrate_model;
	odd.spawn = odd_spawn;
	either_way(0, HEAD, "t.scn:2:9: it is odd");
	either_way(1, HEAD, "t.scn:2:12: it is odd");
}

static void a_call_that_cannot_be_made(void)
{
	odd = scn_substrate_model;
	odd.call = odd_call;
	either_way(0, HEAD, "t.scn:3:9: it is odd");
	either_way(2, HEAD "parallel {\nA: poll(ga)\nB: close(9) = -1 EBADF\n}\n",
		   "t.scn:6:4: it is odd");
}

static void a_step_of_the_machine_that_cannot_be_done(void)
{
	odd = scn_substrate_model;
	odd.kill = odd_kill;
	either_way(0, HEAD "kill -9 A\n", "t.scn:4:1: it is odd");
	either_way(0, HEAD, "t.scn:3:1: it is odd"); /* at the end */
	either_way(1, HEAD, "t.scn:3:1: it is odd");
	odd = scn_substrate_model;
	odd.advance = odd.fail_allocation = odd.fail_mmap = odd_number;
	either_way(0, HEAD "advance 1s\n", "t.scn:4:1: it is odd");
	either_way(0, HEAD "fail allocation 1\n", "t.scn:4:1: it is odd");
	either_way(0, HEAD "fail mmap 1\n", "t.scn:4:1: it is odd");
	odd.destroy = odd_destroy;
	either_way(0, HEAD "destroy dom0\n", "t.scn:4:1: it is odd");
	odd.set_limit = odd_limit;
	either_way(1, HEAD "set dom0 gntalloc_limit=5 gntdev_limit=6\n", "t.scn:4:27: it is odd");
	odd.raise_virq = odd_virq;
	either_way(0, HEAD "raise VIRQ_DEBUG in dom0\n", "t.scn:4:1: it is odd");
	odd.totals = odd_totals;
	either_way(0, HEAD "expect {files=1}\n", "t.scn:4:1: it is odd");
}

static void what_is_left_at_the_end(void)
{
	odd = scn_substrate_model;
	odd.check = odd_check;
	play_odd(HEAD, SCN_FAILED, "expected nothing to be left at the end, got 3 things\n");
	odd.hazard = odd_hazard;
	after = 1;
	play_odd(HEAD, SCN_FAILED,
		 "expected nothing to be left at the end, got harm to the real kernel: odd-harm\n");
	odd.hazard = NULL;
	odd.check = NULL;
	play_odd(HEAD, SCN_PASSED, "");
}

static void an_error_without_a_name(void)
{
	odd = scn_substrate_model;
	odd.call = odd_result;
	play_odd(HEAD "A: close(ga) = 0\n", SCN_FAILED, "expected 0, got -1 (errno 4000)");
	play_odd(HEAD "A: close(ga) = -1 _\n", SCN_PASSED, "");
}

static void a_play_that_goes_on_for_too_long(void)
{
	odd = scn_substrate_model;
	late = true;
	play_odd(HEAD, SCN_BROKEN, "t.scn:3:1: the play has gone on for ");
	late = false;
	play_odd(HEAD, SCN_PASSED, "");
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"a machine that can't be had", a_machine_that_cannot_be_had},
	    {"a call that can't be made", a_call_that_cannot_be_made},
	    {"a step of the machine that can't be done", a_step_of_the_machine_that_cannot_be_done},
	    {"what is left at the end", what_is_left_at_the_end},
	    {"an error without a name", an_error_without_a_name},
	    {"a play that goes on for too long", a_play_that_goes_on_for_too_long},
	};

	return lang_run("substrate", tests, sizeof(tests) / sizeof(tests[0]));
}
