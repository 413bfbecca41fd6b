/* SPDX-License-Identifier: MIT */
#include "player.h"

#include <stdio.h>
#include <string.h>

#include "branch.h"
#include "clock.h"
#include "lang/bounds.h"

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

static bool play_steps(struct scn_player *p)
{
	enum scn_done done = SCN_DONE;

	for (const struct scn_step *step = p->s->steps; step && done != SCN_ENDED;
	     step = step->next) {
		if (step->kind == SCN_STEP_PARALLEL)
			done = scn_play_block(p, step);
		else if (step->kind == SCN_STEP_ALWAYS)
			done = scn_add_always(p, step);
		else
			done = scn_perform_whole(p, step);
	}
	return done != SCN_ENDED;
}

static bool spawn_all(struct scn_player *p)
{
	uint32_t i = 0;

	for (const struct scn_process_decl *d = p->s->processes; d; d = d->next, i++) {
		scn_cleanup_buf struct scn_buf why = {0};

		if (d->forked)
			continue;
		if (SCN_DONE !=
		    scn_accept(p, p->ops->spawn(p->self, i, d->domain, &why), d->pos, &why))
			return false;
		p->alive[i] = true;
	}
	return true;
}

/* When every process has gone nothing may be left: whatever the script was about. */
static bool check_end(struct scn_player *p)
{
	struct scn_pos last = {1, 1};
	scn_cleanup_buf struct scn_buf wrong = {0};
	const char *hazard;

	for (const struct scn_step *step = p->s->steps; step; step = step->next)
		last = step->pos;
	for (uint32_t i = 0; i < p->s->n_processes; i++) {
		scn_cleanup_buf struct scn_buf why = {0};

		if (p->alive[i] &&
		    SCN_DONE != scn_accept(p, p->ops->kill(p->self, i, &why), last, &why))
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
	scn_end_play(p, SCN_FAILED, last, scn_buf_text(&message));
	return false;
}

/* A play that makes no call proves nothing. */
static bool says_something(struct scn_player *p)
{
	const struct scn_step *step = p->s->steps;

	while (step && step->kind != SCN_STEP_CALL && step->kind != SCN_STEP_EXPECT &&
	       step->kind != SCN_STEP_PARALLEL)
		step = step->next;
	return step ||
	       scn_end_play(p, SCN_BROKEN, (struct scn_pos){1, 1},
			    "expected a call or an expect, found none in the file: nothing is "
			    "judged") != SCN_ENDED;
}

static bool holds_here(struct scn_player *p)
{
	int missing = scn_capability_missing(p->s->needs, p->ops->capabilities(p->self));

	p->out->verdict = SCN_SKIPPED;
	if (missing >= 0 && !p->anyway) {
		scn_buf_printf(&p->out->message, "%s can't do %s (%s)", p->ops->name,
			       scn_capability_name((enum scn_capability)missing),
			       scn_capability_summary((enum scn_capability)missing));
		return false;
	}
	if (!scn_condition_holds(p->s->holds_for, p->setup, p->alive)) {
		scn_buf_str(&p->out->message, "does not hold for ");
		scn_setup_print(&p->out->message, p->setup);
		return false;
	}
	p->out->verdict = SCN_PASSED;
	return true;
}

enum scn_done scn_start(struct scn_player *p)
{
	scn_cleanup_buf struct scn_buf why = {0};
	enum scn_status status = p->ops->begin(p->self, p->setup, &why);

	if (status != SCN_OK) {
		p->out->verdict = status == SCN_SKIP ? SCN_SKIPPED : SCN_BROKEN;
		scn_buf_str(&p->out->message, scn_buf_text(&why));
		return SCN_ENDED;
	}
	for (uint32_t i = 0; i < p->setup->n_domains; i++)
		p->cx.domid[i] = p->ops->domid(p->self, i);
	if (spawn_all(p))
		return SCN_DONE;
	p->ops->end(p->self);
	return SCN_ENDED;
}

static void play(struct scn_player *p)
{
	if (scn_start(p) == SCN_ENDED)
		return;
	if (play_steps(p) && check_end(p) && !p->judged) {
		p->out->verdict = SCN_SKIPPED;
		scn_buf_str(&p->out->message, "no call and no expect of it is for this machine");
	}
	p->ops->end(p->self);
}

static void play_if_it_holds(struct scn_player *p)
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
	struct scn_player p = {.s = s, .setup = setup, .ops = ops, .self = self, .out = out};

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
	struct scn_player p = {
	    .s = s, .setup = setup, .ops = ops, .self = self, .anyway = true, .out = out};

	play_if_it_holds(&p);
}
