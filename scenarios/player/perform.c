/* SPDX-License-Identifier: MIT */
#include "perform.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "format.h"
#include "lang/bounds.h"
#include "lang/constants.h"
#include "match.h"
#include "prepare.h"

static bool end_with(struct scn_player *p, enum scn_verdict verdict, struct scn_pos pos,
		     const char *message)
{
	struct scn_errors e = {0};

	p->out->verdict = verdict;
	if (p->quiet) {
		if (verdict != SCN_FAILED)
			scn_buf_str(&p->out->message, message);
		return false;
	}
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
static bool accept(struct scn_player *p, enum scn_status status, struct scn_pos pos,
		   const struct scn_buf *why)
{
	if (status == SCN_OK)
		return true;
	return end_with(p, status == SCN_SKIP ? SCN_SKIPPED : SCN_BROKEN, pos, scn_buf_text(why));
}

static bool is_wrong(struct scn_player *p)
{
	return end_with(p, SCN_BROKEN, p->cx.wrong_pos, p->cx.wrong);
}

enum scn_done scn_script_is_wrong(struct scn_player *p)
{
	is_wrong(p);
	return SCN_ENDED;
}

enum scn_done scn_end_play(struct scn_player *p, enum scn_verdict verdict, struct scn_pos pos,
			   const char *message)
{
	end_with(p, verdict, pos, message);
	return SCN_ENDED;
}

enum scn_done scn_accept(struct scn_player *p, enum scn_status status, struct scn_pos pos,
			 const struct scn_buf *why)
{
	return accept(p, status, pos, why) ? SCN_DONE : SCN_ENDED;
}

static const struct scn_alternative *choose(const struct scn_player *p, const struct scn_step *step)
{
	const struct scn_alternative *a = step->alternatives;

	while (a && !scn_condition_holds(a->condition, p->setup, p->alive))
		a = a->next;
	return a;
}

static bool match_out(struct scn_player *p, const struct scn_alternative *a,
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

static bool match_value(struct scn_player *p, const struct scn_alternative *a,
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

static bool match(struct scn_player *p, const struct scn_alternative *a,
		  const struct scn_call *call, const struct scn_result *result)
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

static bool mismatch(struct scn_player *p, const struct scn_step *step,
		     const struct scn_alternative *a, const char *got)
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

static void log_call(struct scn_player *p, const struct scn_step *step, const struct scn_call *call,
		     const struct scn_result *result, const struct scn_alternative *a);

/* What a branch does about a result that is not the expected one; DONE: it has failed. */
static enum scn_done otherwise(struct scn_player *p, const struct scn_step *step,
			       const struct scn_alternative *a, const struct scn_result *result)
{
	if (p->in_branch && result->kind == SCN_BLOCKED && (!a || a->expect != SCN_EXPECT_BLOCKS))
		return SCN_WAITS;
	if (step->otherwise == SCN_ELSE_FAIL || (!p->in_branch && !p->looking))
		return SCN_DONE;
	return step->otherwise == SCN_ELSE_WAIT ? SCN_WAITS : SCN_STOPPED;
}

/* What only looks, or may have to be done again, is in the log when it is known what came of it. */
static bool logs_late(const struct scn_player *p, const struct scn_step *step,
		      const struct scn_result *result)
{
	return p->looking ||
	       (p->in_branch && (result->kind == SCN_BLOCKED || step->otherwise == SCN_ELSE_WAIT));
}

static enum scn_done check_result(struct scn_player *p, const struct scn_step *step,
				  const struct scn_alternative *a, const struct scn_call *call,
				  const struct scn_result *result)
{
	scn_cleanup_buf struct scn_buf got = {0};
	enum scn_done done;
	bool matched;

	scn_vars_mark(&p->cx.vars);
	matched = a ? match(p, a, call, result) : succeeded(result);

	if (matched && step->bind && succeeded(result) && (!a || a->expect == SCN_EXPECT_VALUE))
		matched = scn_bind(&p->cx, step->bind, (uint64_t)result->value);
	if (p->cx.wrong)
		return scn_script_is_wrong(p);
	done = matched ? SCN_DONE : otherwise(p, step, a, result);
	if (!matched && done != SCN_DONE)
		scn_vars_forget(&p->cx.vars);
	if (logs_late(p, step, result) &&
	    (p->looking ? !matched && done == SCN_DONE : done != SCN_WAITS))
		log_call(p, step, call, result, a);
	if (matched || done != SCN_DONE)
		return done;
	if (!p->quiet)
		scn_format_result(&got, call, result, a ? a->out : NULL);
	mismatch(p, step, a, scn_buf_text(&got));
	return SCN_ENDED;
}

static bool is_named(struct scn_str quoted, const char *hazard)
{
	return quoted.n == strlen(hazard) + 2 && !memcmp(quoted.s + 1, hazard, quoted.n - 2);
}

/* Looks whether the kernel would have misbehaved, and whether that is what the step is about. */
static bool check_hazard(struct scn_player *p, const struct scn_step *step,
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

static void log_call(struct scn_player *p, const struct scn_step *step, const struct scn_call *call,
		     const struct scn_result *result, const struct scn_alternative *a)
{
	scn_cleanup_buf struct scn_buf line = {0};

	if (p->quiet)
		return;
	scn_buf_printf(&line, "%8u  %.*s: ", step->pos.line, SCN_STR(step->process_name));
	scn_format_call(&line, step, call);
	if (call->kind != SCN_EXEC && call->kind != SCN_EXIT) {
		scn_buf_str(&line, " = ");
		scn_format_result(&line, call, result, a ? a->out : NULL);
	}
	scn_history_add(&p->history, step->process, scn_buf_text(&line));
}

static void log_machine(struct scn_player *p, const struct scn_step *step)
{
	scn_cleanup_buf struct scn_buf line = {0};

	if (p->quiet || p->looking)
		return;
	scn_buf_printf(&line, "%8u  %.*s", step->pos.line, SCN_STR(step->text));
	scn_history_add(&p->history, step->kind == SCN_STEP_KILL ? step->process : SCN_NOBODY,
			scn_buf_text(&line));
}

static bool must_live(struct scn_player *p, const struct scn_step *step, uint32_t process,
		      struct scn_str name)
{
	char message[160];

	if (p->alive[process])
		return true;
	snprintf(message, sizeof(message), "expected a living process, found %.*s, which has ended",
		 SCN_STR(name));
	return end_with(p, SCN_BROKEN, step->pos, message);
}

static void note_life(struct scn_player *p, const struct scn_call *call, uint32_t process,
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

/* A process that must live, beside the one that makes the call. */
static bool names_another(const struct scn_step *step)
{
	return step->kind == SCN_STEP_CALL &&
	       (step->call == SCN_SEND_FD || (step->call == SCN_FCNTL && step->target.n > 0));
}

/* After a parallel nobody may be left to do a step: whoever was killed, or did not get so far. */
static bool is_left_out(const struct scn_player *p, const struct scn_step *step)
{
	bool dead = step->kind == SCN_STEP_KILL || step->kind == SCN_STEP_CALL
			? !p->alive[step->process]
			: step->domain_name.n > 0 && p->destroyed[step->domain];

	if (names_another(step))
		dead |= !p->alive[step->target_process];
	return dead && (p->after_branch || p->looking);
}

static void log_omitted(struct scn_player *p, const struct scn_step *step)
{
	scn_cleanup_buf struct scn_buf line = {0};

	if (p->quiet || p->looking)
		return;
	scn_buf_printf(&line, "%8u  (left out: %.*s)", step->pos.line, SCN_STR(step->text));
	scn_history_add(&p->history, SCN_NOBODY, scn_buf_text(&line));
}

static enum scn_done play_call(struct scn_player *p, const struct scn_step *step)
{
	const struct scn_alternative *a = choose(p, step);
	scn_cleanup_prepared struct scn_prepared ready = {0};
	__attribute__((cleanup(free_result))) struct scn_result result = {0};
	scn_cleanup_buf struct scn_buf why = {0};
	enum scn_done done;

	if (!must_live(p, step, step->process, step->process_name))
		return SCN_ENDED;
	if (names_another(step) && !must_live(p, step, step->target_process, step->target))
		return SCN_ENDED;
	if (!scn_prepare(&p->cx, step, a, &ready)) {
		if (!p->cx.unset || !(p->after_branch || p->looking))
			return scn_script_is_wrong(p);
		p->cx.wrong = NULL;
		p->cx.unset = false;
		log_omitted(p, step);
		return SCN_OMITTED;
	}
	if (p->before)
		p->before(p->watcher, step->process, &ready.call);
	done = scn_accept(p, p->ops->call(p->self, step->process, &ready.call, &result, &why),
			  step->call_pos, &why);
	if (done != SCN_DONE)
		return done;
	if (p->after)
		p->after(p->watcher, step->process, &ready.call, &result);
	note_life(p, &ready.call, step->process, &result);
	if (!logs_late(p, step, &result))
		log_call(p, step, &ready.call, &result, a);
	if (!p->looking && !check_hazard(p, step, a))
		return SCN_ENDED;
	return check_result(p, step, a, &ready.call, &result);
}

static bool play_kill(struct scn_player *p, const struct scn_step *step)
{
	scn_cleanup_buf struct scn_buf why = {0};

	if (!must_live(p, step, step->process, step->process_name))
		return false;
	p->alive[step->process] = false;
	return accept(p, p->ops->kill(p->self, step->process, &why), step->pos, &why);
}

static bool play_set(struct scn_player *p, const struct scn_step *step)
{
	for (const struct scn_setting *s = step->settings; s; s = s->next) {
		scn_cleanup_buf struct scn_buf why = {0};
		uint64_t value;

		if (!scn_eval(&p->cx, s->value, &value))
			return is_wrong(p);
		if (value > scn_limit_max(s->limit))
			return end_with(p, SCN_BROKEN, s->value->pos, "this limit is too high");
		if (!accept(p, p->ops->set_limit(p->self, step->domain, s->limit, value, &why),
			    s->pos, &why))
			return false;
	}
	return true;
}

static bool play_expect(struct scn_player *p, const struct scn_step *step)
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
			return is_wrong(p);
		snprintf(message, sizeof(message), "expected another number of %.*s, got %llu",
			 SCN_STR(f->text), (unsigned long long)totals.of[total]);
		return end_with(p, SCN_FAILED, f->pos, message);
	}
	return true;
}

static bool play_destroy(struct scn_player *p, const struct scn_step *step)
{
	scn_cleanup_buf struct scn_buf why = {0};
	uint32_t i = 0;

	for (const struct scn_process_decl *d = p->s->processes; d; d = d->next, i++) {
		if (d->domain == step->domain)
			p->alive[i] = false;
	}
	p->destroyed[step->domain] = true;
	return accept(p, p->ops->destroy(p->self, step->domain, &why), step->pos, &why);
}

static bool play_valued(struct scn_player *p, const struct scn_step *step)
{
	scn_cleanup_buf struct scn_buf why = {0};
	enum scn_status status;
	uint64_t value;

	if (!scn_eval(&p->cx, step->value, &value))
		return is_wrong(p);
	if (step->kind == SCN_STEP_RAISE && value > UINT32_MAX)
		return end_with(p, SCN_BROKEN, step->value->pos, "a virq has 32 bits");
	if (step->kind == SCN_STEP_ADVANCE)
		status = p->ops->advance(p->self, value * step->unit, &why);
	else if (step->kind == SCN_STEP_FAIL)
		status = (step->mmap ? p->ops->fail_mmap : p->ops->fail_allocation)(p->self, value,
										    &why);
	else
		status = p->ops->raise_virq(p->self, step->domain, value, &why);
	return accept(p, status, step->pos, &why);
}

static bool play_machine_step(struct scn_player *p, const struct scn_step *step)
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
	case SCN_STEP_PARALLEL:
	case SCN_STEP_ALWAYS:
		break;
	}
	return false;
}

/* Nothing that a script says makes a play go on without end. */
static bool is_in_bounds(struct scn_player *p, const struct scn_step *step)
{
	const struct scn_node at = {.pos = step->pos};
	char message[80];

	if (!scn_work(&p->cx, &at, SCN_WORK_OF_STEP + step->text.n))
		return is_wrong(p);
	if (scn_now() < p->deadline)
		return true;
	snprintf(message, sizeof(message), "the play has gone on for %d seconds", SCN_MAX_SECONDS);
	return end_with(p, SCN_BROKEN, step->pos, message);
}

enum scn_done scn_perform(struct scn_player *p, const struct scn_step *step)
{
	if (!p->quiet && !is_in_bounds(p, step))
		return SCN_ENDED;
	if (is_left_out(p, step)) {
		log_omitted(p, step);
		return SCN_OMITTED;
	}
	p->judged |= step->kind == SCN_STEP_CALL || step->kind == SCN_STEP_EXPECT;
	if (step->kind == SCN_STEP_CALL)
		return play_call(p, step);
	return play_machine_step(p, step) && (p->looking || check_hazard(p, step, choose(p, step)))
		   ? SCN_DONE
		   : SCN_ENDED;
}

static enum scn_done play_loop(struct scn_player *p, const struct scn_step *step)
{
	enum scn_done done = SCN_DONE;
	uint64_t first, n;

	if (!scn_eval_range(&p->cx, step->loop->first, &first, &n))
		return scn_script_is_wrong(p);
	for (uint64_t i = 0; i < n && done != SCN_ENDED && done != SCN_STOPPED; i++) {
		if (!scn_set_variable(&p->cx, step->loop, first + i))
			return scn_script_is_wrong(p);
		done = scn_perform(p, step);
	}
	return done;
}

enum scn_done scn_perform_whole(struct scn_player *p, const struct scn_step *step)
{
	if (!scn_condition_holds(step->condition, p->setup, p->alive))
		return SCN_DONE;
	return step->loop ? play_loop(p, step) : scn_perform(p, step);
}

enum scn_done scn_add_always(struct scn_player *p, const struct scn_step *step)
{
	if (p->n_always == SCN_MAX_ALWAYS)
		return scn_end_play(p, SCN_BROKEN, step->pos, "too many always in one file");
	p->always[p->n_always++] = step;
	return SCN_DONE;
}

enum scn_done scn_check_always(struct scn_player *p, const struct scn_step **failed)
{
	enum scn_done done = SCN_DONE;

	p->looking = true;
	for (uint32_t i = 0; i < p->n_always && done != SCN_ENDED; i++) {
		done = SCN_DONE;
		for (const struct scn_step *step = p->always[i]->body;
		     step && done != SCN_ENDED && done != SCN_STOPPED; step = step->next) {
			done = scn_perform_whole(p, step);
			if (done == SCN_ENDED && failed)
				*failed = step;
		}
	}
	p->looking = false;
	return done == SCN_ENDED ? SCN_ENDED : SCN_DONE;
}
