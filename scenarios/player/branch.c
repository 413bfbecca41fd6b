/* SPDX-License-Identifier: MIT */
#include "branch.h"

#include <stdio.h>

static const struct scn_step *of_process(const struct scn_step *step, uint32_t process)
{
	while (step && step->process != process)
		step = step->next;
	return step;
}

uint32_t scn_branches(const struct scn_step *block, struct scn_branch *out)
{
	uint32_t n = 0;

	for (const struct scn_step *step = block->body; step; step = step->next) {
		uint32_t i = 0;

		while (i < n && out[i].process != step->process)
			i++;
		if (i == n && n < SCN_MAX_BRANCHES)
			out[n++] = (struct scn_branch){.process = step->process, .next = step};
	}
	return n;
}

static void step_on(struct scn_branch *b)
{
	b->in_loop = false;
	b->next = of_process(b->next->next, b->process);
}

enum scn_done scn_branch_ready(struct scn_player *p, struct scn_branch *b)
{
	while (b->next && !b->in_loop) {
		if (!scn_condition_holds(b->next->condition, p->setup, p->alive)) {
			step_on(b);
			continue;
		}
		if (!b->next->loop)
			break;
		if (!scn_eval_range(&p->cx, b->next->loop->first, &b->at, &b->left))
			return scn_script_is_wrong(p);
		if (b->left > 0)
			b->in_loop = true;
		else
			step_on(b);
	}
	return SCN_DONE;
}

enum scn_done scn_branch_perform(struct scn_player *p, struct scn_branch *b)
{
	enum scn_done done;

	if (b->in_loop && !scn_set_variable(&p->cx, b->next->loop, b->at))
		return scn_script_is_wrong(p);
	p->in_branch = true;
	done = scn_perform(p, b->next);
	p->in_branch = false;
	if (done == SCN_STOPPED) {
		b->next = NULL;
	} else if (done == SCN_DONE || done == SCN_OMITTED) {
		b->at++;
		if (!b->in_loop || --b->left == 0)
			step_on(b);
	}
	return done;
}

/* A block that is being played in one order. */
struct block {
	struct scn_player *p;
	struct scn_branch branches[SCN_MAX_BRANCHES];
	bool waits[SCN_MAX_BRANCHES];
	uint32_t n;
	uint64_t seed;
};

static uint64_t draw(struct block *b, uint64_t n)
{
	b->seed ^= b->seed << 13;
	b->seed ^= b->seed >> 7;
	b->seed ^= b->seed << 17;
	return b->seed % n;
}

/* A branch that can be tried; n: there is none. */
static uint32_t choose(struct block *b)
{
	uint32_t able = 0, nth;

	for (uint32_t i = 0; i < b->n; i++)
		able += b->branches[i].next && !b->waits[i];
	if (able == 0)
		return b->n;
	nth = b->p->setup->has_seed ? (uint32_t)draw(b, able) : 0;
	for (uint32_t i = 0; i < b->n; i++) {
		if (b->branches[i].next && !b->waits[i] && nth-- == 0)
			return i;
	}
	return b->n;
}

/* Whether a read that waits may find an event after such a step. (Where events take a moment, a read
 * that waits has waited: it is not tried again for nothing, and the order does not depend on how long
 * an event took.) */
static bool may_send(enum scn_call_kind call)
{
	return call != SCN_LOAD && call != SCN_STORE && call != SCN_POLL && call != SCN_OPEN &&
	       call != SCN_DUP;
}

static enum scn_done try_branch(struct block *b, uint32_t i)
{
	enum scn_call_kind call = b->branches[i].next->call;
	enum scn_done done = scn_branch_perform(b->p, &b->branches[i]);

	b->waits[i] = done == SCN_WAITS;
	if (done == SCN_ENDED || done == SCN_WAITS)
		return done;
	for (uint32_t k = 0; k < b->n; k++) {
		struct scn_branch *other = &b->branches[k];

		if (scn_branch_ready(b->p, other) == SCN_ENDED)
			return SCN_ENDED;
		b->waits[k] &= other->next && other->next->call == SCN_READ && !may_send(call);
	}
	return scn_check_always(b->p, NULL);
}

static enum scn_done nobody_goes_on(const struct block *b)
{
	scn_cleanup_buf struct scn_buf message = {0};
	struct scn_pos first = {0, 0};

	scn_buf_str(&message, "expected a branch that goes on, found that all wait:");
	for (uint32_t i = 0; i < b->n; i++) {
		const struct scn_step *step = b->branches[i].next;

		if (!step)
			continue;
		scn_buf_printf(&message, "%s %.*s on line %u", first.line ? "," : "",
			       SCN_STR(step->process_name), step->pos.line);
		first = first.line ? first : step->call_pos;
	}
	return scn_end_play(b->p, SCN_FAILED, first, scn_buf_text(&message));
}

static enum scn_done play(struct block *b)
{
	enum scn_done done = scn_check_always(b->p, NULL);

	for (uint32_t i = 0; i < b->n && done != SCN_ENDED; i++)
		done = scn_branch_ready(b->p, &b->branches[i]);
	while (done != SCN_ENDED) {
		bool over = true;
		uint32_t i = choose(b);

		for (uint32_t k = 0; k < b->n; k++)
			over &= !b->branches[k].next;
		if (over)
			return SCN_DONE;
		if (i == b->n)
			return nobody_goes_on(b);
		done = try_branch(b, i);
	}
	return done;
}

enum scn_done scn_play_block(struct scn_player *p, const struct scn_step *block)
{
	struct block b = {.p = p, .seed = p->setup->seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
	enum scn_done done;

	b.n = scn_branches(block, b.branches);
	/* Zero would stay zero. */
	b.seed += b.seed == 0;
	done = play(&b);
	p->after_branch = true;
	return done;
}
