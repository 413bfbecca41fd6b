/* SPDX-License-Identifier: MIT */
#include "player.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "format.h"
#include "lang/bounds.h"
#include "lang/constants.h"
#include "match.h"
#include "prepare.h"

struct player {
	const struct scn_scenario *s;
	const struct scn_setup *setup;
	const struct scn_substrate_ops *ops;
	void *self;
	struct scn_context cx;
	struct scn_history history;
	bool alive[64];
	double deadline; /* by scn_now() */
	bool anyway;     /* whatever is lacking */
	bool judged;     /* a call was made, or an expect looked at */
	struct scn_outcome *out;
};

void scn_outcome_free(struct scn_outcome *o)
{
	scn_buf_free(&o->message);
	scn_buf_free(&o->log);
}

const char *scn_verdict_name(enum scn_verdict verdict)
{
	static const char *const names[SCN_N_VERDICTS] = {"passed", "skipped", "failed", "error"};

	return names[verdict];
}

static bool end_with(struct player *p, enum scn_verdict verdict, struct scn_pos pos,
		     const char *message)
{
	struct scn_errors e = {0};

	p->out->verdict = verdict;
	scn_error(&e, &p->s->source, pos, "%s", message);
	scn_buf_str(&p->out->message, scn_buf_text(&e.text));
	scn_errors_free(&e);
	if (verdict == SCN_FAILED && p->history.entries.len) {
		scn_buf_str(&p->out->message, "  last steps:\n");
		scn_history_last(&p->history, p->s->n_processes, &p->out->message);
	}
	return false;
}

/* Turns a substrate's status into the play's end; returns whether it goes on. */
static bool accept(struct player *p, enum scn_status status, struct scn_pos pos,
		   const struct scn_buf *why)
{
	if (status == SCN_OK)
		return true;
	return end_with(p, status == SCN_SKIP ? SCN_SKIPPED : SCN_BROKEN, pos, scn_buf_text(why));
}

static bool script_is_wrong(struct player *p)
{
	return end_with(p, SCN_BROKEN, p->cx.wrong_pos, p->cx.wrong);
}

static const struct scn_alternative *choose(const struct player *p, const struct scn_step *step)
{
	const struct scn_alternative *a = step->alternatives;

	while (a && !scn_condition_holds(a->condition, p->setup))
		a = a->next;
	return a;
}

static bool match_out(struct player *p, const struct scn_alternative *a,
		      const struct scn_call *call, const struct scn_result *result)
{
	const struct scn_ioctl *known;

	if (!a->out)
		return true;
	if (a->out->kind == SCN_LIST)
		return scn_match_list(&p->cx, a->out, result->data, result->data_len);
	if (a->out->kind == SCN_FUNCTION)
		return scn_match_bytes(&p->cx, a->out, result->data, result->data_len);
	known = scn_ioctl_by_number(call->arg[1]);
	return known && known->layout &&
	       scn_match_struct(&p->cx, a->out, known->layout, call, result->data,
				result->data_len);
}

static bool match_value(struct player *p, const struct scn_alternative *a,
			const struct scn_call *call, const struct scn_result *result)
{
	if (result->kind != SCN_RETURNED || result->value < 0)
		return false;
	if (!a->value)
		return true;
	if (call->kind == SCN_LOAD)
		return scn_match_bytes(&p->cx, a->value, result->data, result->data_len);
	return scn_match_number(&p->cx, a->value, (uint64_t)result->value, 8);
}

static bool match(struct player *p, const struct scn_alternative *a, const struct scn_call *call,
		  const struct scn_result *result)
{
	switch (a->expect) {
	case SCN_EXPECT_VALUE:
		return match_value(p, a, call, result) && match_out(p, a, call, result);
	case SCN_EXPECT_ERROR:
		return result->kind == SCN_RETURNED && result->value < 0 &&
		       (a->error->kind == SCN_WILDCARD ||
			(uint64_t)-result->value == a->error->number) &&
		       match_out(p, a, call, result);
	case SCN_EXPECT_SIGNAL:
		return result->kind == SCN_FAULTED && result->signal == a->signal;
	case SCN_EXPECT_BLOCKS:
		return result->kind == SCN_BLOCKED;
	case SCN_EXPECT_CRASH:
		break;
	}
	return false;
}

static bool succeeded(const struct scn_result *result)
{
	return result->kind == SCN_RETURNED && result->value >= 0;
}

static bool mismatch(struct player *p, const struct scn_step *step, const struct scn_alternative *a,
		     const char *got)
{
	char message[400];

	if (a)
		snprintf(message, sizeof(message), "expected %.*s, got %s", SCN_STR(a->text), got);
	else
		snprintf(message, sizeof(message), "expected success, got %s", got);
	return end_with(p, SCN_FAILED,
			a                             ? a->pos
			: step->kind == SCN_STEP_CALL ? step->call_pos
						      : step->pos,
			message);
}

static bool check_result(struct player *p, const struct scn_step *step,
			 const struct scn_alternative *a, const struct scn_call *call,
			 const struct scn_result *result)
{
	scn_cleanup_buf struct scn_buf got = {0};
	bool matched = a ? match(p, a, call, result) : succeeded(result);

	if (matched && step->bind && succeeded(result) && (!a || a->expect == SCN_EXPECT_VALUE))
		matched = scn_bind(&p->cx, step->bind, (uint64_t)result->value);
	if (p->cx.wrong)
		return script_is_wrong(p);
	if (matched)
		return true;
	scn_format_result(&got, call, result, a ? a->out : NULL);
	return mismatch(p, step, a, scn_buf_text(&got));
}

static bool is_named(struct scn_str quoted, const char *hazard)
{
	return quoted.n == strlen(hazard) + 2 && !memcmp(quoted.s + 1, hazard, quoted.n - 2);
}

/* Looks whether the kernel would have misbehaved, and whether that is what the step is about. */
static bool check_hazard(struct player *p, const struct scn_step *step,
			 const struct scn_alternative *a)
{
	const char *hazard = p->ops->hazard ? p->ops->hazard(p->self) : NULL;
	bool crash = a && a->expect == SCN_EXPECT_CRASH;
	bool harm = a && a->hazard.n > 0;
	char got[200];

	if (!hazard && !crash && !(harm && p->ops->hazard))
		return true;
	if (!hazard)
		return mismatch(p, step, a, "no harm to the kernel");
	if (harm && is_named(a->hazard, hazard))
		return true;
	/* The machine would be down now: the play ends here, and has passed. */
	if (crash && (!a->value || is_named(a->value->text, hazard)))
		return false;
	snprintf(got, sizeof(got), "harm to the real kernel: %s", hazard);
	return mismatch(p, step, a, got);
}

static void log_call(struct player *p, const struct scn_step *step, const struct scn_call *call,
		     const struct scn_result *result, const struct scn_alternative *a)
{
	scn_cleanup_buf struct scn_buf line = {0};

	scn_buf_printf(&line, "%8u  %.*s: ", step->pos.line, SCN_STR(step->process_name));
	scn_format_call(&line, step, call);
	if (call->kind != SCN_EXEC && call->kind != SCN_EXIT) {
		scn_buf_str(&line, " = ");
		scn_format_result(&line, call, result, a ? a->out : NULL);
	}
	scn_history_add(&p->history, step->process, scn_buf_text(&line));
}

static void log_machine(struct player *p, const struct scn_step *step)
{
	scn_cleanup_buf struct scn_buf line = {0};

	scn_buf_printf(&line, "%8u  %.*s", step->pos.line, SCN_STR(step->text));
	scn_history_add(&p->history, step->kind == SCN_STEP_KILL ? step->process : SCN_NOBODY,
			scn_buf_text(&line));
}

static bool must_live(struct player *p, const struct scn_step *step, uint32_t process,
		      struct scn_str name)
{
	char message[160];

	if (p->alive[process])
		return true;
	snprintf(message, sizeof(message), "expected a living process, found %.*s, which has ended",
		 SCN_STR(name));
	return end_with(p, SCN_BROKEN, step->pos, message);
}

static void note_life(struct player *p, const struct scn_call *call, uint32_t process,
		      const struct scn_result *result)
{
	if (call->kind == SCN_EXIT)
		p->alive[process] = false;
	else if (call->kind == SCN_FORK && succeeded(result))
		p->alive[call->peer] = true;
}

static void free_result(struct scn_result *r)
{
	scn_result_free(r);
}

static bool play_call(struct player *p, const struct scn_step *step)
{
	const struct scn_alternative *a = choose(p, step);
	scn_cleanup_prepared struct scn_prepared ready = {0};
	__attribute__((cleanup(free_result))) struct scn_result result = {0};
	scn_cleanup_buf struct scn_buf why = {0};

	if (!must_live(p, step, step->process, step->process_name))
		return false;
	if (step->call == SCN_SEND_FD && !must_live(p, step, step->target_process, step->target))
		return false;
	if (!scn_prepare(&p->cx, step, a, &ready))
		return script_is_wrong(p);
	if (!accept(p, p->ops->call(p->self, step->process, &ready.call, &result, &why),
		    step->call_pos, &why))
		return false;
	note_life(p, &ready.call, step->process, &result);
	log_call(p, step, &ready.call, &result, a);
	return check_hazard(p, step, a) && check_result(p, step, a, &ready.call, &result);
}

static bool play_kill(struct player *p, const struct scn_step *step)
{
	scn_cleanup_buf struct scn_buf why = {0};

	if (!must_live(p, step, step->process, step->process_name))
		return false;
	p->alive[step->process] = false;
	return accept(p, p->ops->kill(p->self, step->process, &why), step->pos, &why);
}

static bool play_set(struct player *p, const struct scn_step *step)
{
	for (const struct scn_setting *s = step->settings; s; s = s->next) {
		scn_cleanup_buf struct scn_buf why = {0};
		uint64_t value;

		if (!scn_eval(&p->cx, s->value, &value))
			return script_is_wrong(p);
		if (value > scn_limit_max(s->limit))
			return end_with(p, SCN_BROKEN, s->value->pos, "this limit is too high");
		if (!accept(p, p->ops->set_limit(p->self, step->domain, s->limit, value, &why),
			    s->pos, &why))
			return false;
	}
	return true;
}

static bool play_expect(struct player *p, const struct scn_step *step)
{
	scn_cleanup_buf struct scn_buf why = {0};
	struct scn_totals totals;

	if (!accept(p, p->ops->totals(p->self, &totals, &why), step->pos, &why))
		return false;
	for (const struct scn_node *f = step->value->first; f; f = f->next) {
		int total = scn_total_find(f->text);
		char message[120];

		if (scn_match_number(&p->cx, f->first, totals.of[total], 8))
			continue;
		if (p->cx.wrong)
			return script_is_wrong(p);
		snprintf(message, sizeof(message), "expected another number of %.*s, got %llu",
			 SCN_STR(f->text), (unsigned long long)totals.of[total]);
		return end_with(p, SCN_FAILED, f->pos, message);
	}
	return true;
}

static bool play_destroy(struct player *p, const struct scn_step *step)
{
	scn_cleanup_buf struct scn_buf why = {0};
	uint32_t i = 0;

	for (const struct scn_process_decl *d = p->s->processes; d; d = d->next, i++) {
		if (d->domain == step->domain)
			p->alive[i] = false;
	}
	return accept(p, p->ops->destroy(p->self, step->domain, &why), step->pos, &why);
}

static bool play_valued(struct player *p, const struct scn_step *step)
{
	scn_cleanup_buf struct scn_buf why = {0};
	enum scn_status status;
	uint64_t value;

	if (!scn_eval(&p->cx, step->value, &value))
		return script_is_wrong(p);
	if (step->kind == SCN_STEP_RAISE && value > UINT32_MAX)
		return end_with(p, SCN_BROKEN, step->value->pos, "a virq has 32 bits");
	if (step->kind == SCN_STEP_ADVANCE)
		status = p->ops->advance(p->self, value * step->unit, &why);
	else if (step->kind == SCN_STEP_FAIL)
		status = p->ops->fail_allocation(p->self, value, &why);
	else
		status = p->ops->raise_virq(p->self, step->domain, value, &why);
	return accept(p, status, step->pos, &why);
}

static bool play_machine_step(struct player *p, const struct scn_step *step)
{
	log_machine(p, step);
	switch (step->kind) {
	case SCN_STEP_KILL:
		return play_kill(p, step);
	case SCN_STEP_DESTROY:
		return play_destroy(p, step);
	case SCN_STEP_SET:
		return play_set(p, step);
	case SCN_STEP_EXPECT:
		return play_expect(p, step);
	case SCN_STEP_ADVANCE:
	case SCN_STEP_FAIL:
	case SCN_STEP_RAISE:
		return play_valued(p, step);
	case SCN_STEP_CALL:
		break;
	}
	return false;
}

/* Nothing that a script says makes a play go on without end. */
static bool is_in_bounds(struct player *p, const struct scn_step *step)
{
	const struct scn_node at = {.pos = step->pos};
	char message[80];

	if (!scn_work(&p->cx, &at, SCN_WORK_OF_STEP + step->text.n))
		return script_is_wrong(p);
	if (scn_now() < p->deadline)
		return true;
	snprintf(message, sizeof(message), "the play has gone on for %d seconds", SCN_MAX_SECONDS);
	return end_with(p, SCN_BROKEN, step->pos, message);
}

static bool is_judged(const struct scn_step *step)
{
	return step->kind == SCN_STEP_CALL || step->kind == SCN_STEP_EXPECT;
}

static bool play_once(struct player *p, const struct scn_step *step)
{
	if (!is_in_bounds(p, step))
		return false;
	p->judged |= is_judged(step);
	if (step->kind == SCN_STEP_CALL)
		return play_call(p, step);
	return play_machine_step(p, step) && check_hazard(p, step, choose(p, step));
}

static bool play_loop(struct player *p, const struct scn_step *step)
{
	uint64_t first, n;

	if (!scn_eval_range(&p->cx, step->loop->first, &first, &n))
		return script_is_wrong(p);
	for (uint64_t i = 0; i < n; i++) {
		if (!scn_set_variable(&p->cx, step->loop, first + i))
			return script_is_wrong(p);
		if (!play_once(p, step))
			return false;
	}
	return true;
}

static bool play_steps(struct player *p)
{
	for (const struct scn_step *step = p->s->steps; step; step = step->next) {
		if (!scn_condition_holds(step->condition, p->setup))
			continue;
		if (!(step->loop ? play_loop(p, step) : play_once(p, step)))
			return false;
	}
	return true;
}

static bool spawn_all(struct player *p)
{
	uint32_t i = 0;

	for (const struct scn_process_decl *d = p->s->processes; d; d = d->next, i++) {
		scn_cleanup_buf struct scn_buf why = {0};

		if (d->forked)
			continue;
		if (!accept(p, p->ops->spawn(p->self, i, d->domain, &why), d->pos, &why))
			return false;
		p->alive[i] = true;
	}
	return true;
}

/* When every process has gone nothing may be left: whatever the script was about. */
static bool check_end(struct player *p)
{
	struct scn_pos last = {1, 1};
	scn_cleanup_buf struct scn_buf wrong = {0};
	const char *hazard;

	for (const struct scn_step *step = p->s->steps; step; step = step->next)
		last = step->pos;
	for (uint32_t i = 0; i < p->s->n_processes; i++) {
		scn_cleanup_buf struct scn_buf why = {0};

		if (p->alive[i] && !accept(p, p->ops->kill(p->self, i, &why), last, &why))
			return false;
		p->alive[i] = false;
	}
	hazard = p->ops->hazard ? p->ops->hazard(p->self) : NULL;
	if (hazard)
		scn_buf_printf(&wrong, "harm to the real kernel: %s", hazard);
	if (!hazard && (!p->ops->check || p->ops->check(p->self, &wrong)))
		return true;
	scn_history_add(&p->history, SCN_NOBODY, "          (every process ends)");
	scn_cleanup_buf struct scn_buf message = {0};
	scn_buf_printf(&message, "expected nothing to be left at the end, got %s",
		       scn_buf_text(&wrong));
	return end_with(p, SCN_FAILED, last, scn_buf_text(&message));
}

/* A play that makes no call proves nothing. */
static bool says_something(struct player *p)
{
	const struct scn_step *step = p->s->steps;

	while (step && !is_judged(step))
		step = step->next;
	return step || end_with(p, SCN_BROKEN, (struct scn_pos){1, 1},
				"expected a call or an expect, found none in the file: nothing is "
				"judged");
}

static bool holds_here(struct player *p)
{
	int missing = scn_capability_missing(p->s->needs, p->ops->capabilities(p->self));

	p->out->verdict = SCN_SKIPPED;
	if (missing >= 0 && !p->anyway) {
		scn_buf_printf(&p->out->message, "%s can't do %s (%s)", p->ops->name,
			       scn_capability_name((enum scn_capability)missing),
			       scn_capability_summary((enum scn_capability)missing));
		return false;
	}
	if (!scn_condition_holds(p->s->kernels, p->setup)) {
		scn_buf_printf(&p->out->message, "does not hold for kernel %u.%u",
			       p->setup->kernel.major, p->setup->kernel.minor);
		return false;
	}
	p->out->verdict = SCN_PASSED;
	return true;
}

static void play(struct player *p)
{
	scn_cleanup_buf struct scn_buf why = {0};
	enum scn_status status = p->ops->begin(p->self, p->setup, &why);

	if (status != SCN_OK) {
		p->out->verdict = status == SCN_SKIP ? SCN_SKIPPED : SCN_BROKEN;
		scn_buf_str(&p->out->message, scn_buf_text(&why));
		return;
	}
	for (uint32_t i = 0; i < p->setup->n_domains; i++)
		p->cx.domid[i] = p->ops->domid(p->self, i);
	if (spawn_all(p) && play_steps(p) && check_end(p) && !p->judged) {
		p->out->verdict = SCN_SKIPPED;
		scn_buf_str(&p->out->message, "no call and no expect of it is for this machine");
	}
	p->ops->end(p->self);
}

static void play_if_it_holds(struct player *p)
{
	*p->out = (struct scn_outcome){0};
	if (!says_something(p) || !holds_here(p))
		return;
	if (scn_vars_init(&p->cx.vars, p->s->n_slots)) {
		p->out->verdict = SCN_BROKEN;
		scn_buf_str(&p->out->message, "out of memory");
		return;
	}
	p->deadline = scn_now() + SCN_MAX_SECONDS;
	play(p);
	p->out->log = p->history.text;
	p->history.text = (struct scn_buf){0};
	scn_history_free(&p->history);
	scn_vars_free(&p->cx.vars);
}

void scn_play(const struct scn_scenario *s, const struct scn_setup *setup,
	      const struct scn_substrate_ops *ops, void *self, struct scn_outcome *out)
{
	struct player p = {.s = s, .setup = setup, .ops = ops, .self = self, .out = out};

	play_if_it_holds(&p);
}

bool scn_can_be_tried(const struct scn_scenario *s, const struct scn_substrate_ops *ops,
		      const void *self)
{
	uint64_t missing = s->needs & ~ops->capabilities(self);
	uint64_t possible = SCN_CAPS_OF_DRIVERS | SCN_CAPS_OF_KERNEL;

	return missing && !(missing & ~possible);
}

void scn_play_anyway(const struct scn_scenario *s, const struct scn_setup *setup,
		     const struct scn_substrate_ops *ops, void *self, struct scn_outcome *out)
{
	struct player p = {
	    .s = s, .setup = setup, .ops = ops, .self = self, .anyway = true, .out = out};

	play_if_it_holds(&p);
}
