/* SPDX-License-Identifier: MIT */
#include "search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "substrates/substrates.h"

static void go_on_from(struct run *r, const struct scn_step *step);

static uint64_t bit(uint32_t thread)
{
	return UINT64_C(1) << thread;
}

static void node_free(struct node *node)
{
	if (!node)
		return;
	state_free(&node->saved);
	free(node->branches);
	free(node->results);
	free(node->touched);
	free(node->asleep);
	free(node);
}

/* The node of a depth; nodes are kept for the next time. NULL: out of memory. */
static struct node *node_at(struct run *r, uint32_t depth)
{
	struct node *node = r->nodes[depth];
	const size_t n = SCN_MAX_BRANCHES;

	if (node)
		return node;
	node = calloc(1, sizeof(*node));
	if (node) {
		node->branches = calloc(n, sizeof(*node->branches));
		node->results = calloc(n, sizeof(*node->results));
		node->touched = calloc(n, sizeof(*node->touched));
		node->asleep = calloc(n, sizeof(const struct footprint *));
	}
	if (!node || !node->branches || !node->results || !node->touched || !node->asleep) {
		node_free(node);
		r->out_of_memory = r->stop = true;
		return NULL;
	}
	r->nodes[depth] = node;
	return node;
}

static uint32_t trail_length(const struct run *r)
{
	return (uint32_t)(r->trail.len / sizeof(struct happened));
}

static void note(struct run *r, const struct scn_step *step, uint64_t at, enum scn_done done)
{
	const struct happened h = {step, at, done, r->last.kind, r->last.value, r->last.signal};

	scn_buf_add(&r->trail, &h, sizeof(h));
}

static void count_schedule(struct run *r)
{
	r->q->schedules++;
	if (r->q->limit && r->q->schedules >= r->q->limit) {
		r->q->limited = true;
		r->stop = true;
	}
}

static void violation(struct run *r, enum fault fault, const struct scn_step *looked)
{
	struct search *q = r->q;

	count_schedule(r);
	q->hangs += fault == FAULT_HANG;
	if (q->violations++ == 0) {
		q->fault = fault;
		q->looked = looked;
		memcpy(q->alive, r->p.alive, sizeof(q->alive));
		q->n_path = trail_length(r);
		q->path = malloc(r->trail.len + 1);
		if (q->path)
			memcpy(q->path, r->trail.data, r->trail.len);
		else
			r->out_of_memory = true;
	}
	r->stop |= !q->go_on;
}

/* A step has ended the play: as it failed, or as the script can't be played. */
static void ended(struct run *r, enum fault fault, const struct scn_step *looked)
{
	enum scn_verdict verdict = r->p.out->verdict;

	r->p.out->verdict = SCN_PASSED;
	if (verdict == SCN_FAILED) {
		violation(r, fault, looked);
	} else if (verdict == SCN_PASSED) {
		count_schedule(r);
	} else {
		r->p.out->verdict = verdict;
		if (r->p.cx.wrong)
			scn_buf_str(&r->q->why, r->p.cx.wrong);
		r->q->broken =
		    r->trail.len
			? ((const struct happened *)(const void *)(r->trail.data + r->trail.len) -
			   1)
			      ->step
			: NULL;
		r->stop = true;
	}
}

static bool always_holds(struct run *r)
{
	const struct scn_step *looked = NULL;
	struct footprint *into = r->r.into;
	enum scn_done done;

	if (r->p.n_always == 0)
		return true;
	r->r.into = &r->looks;
	done = scn_check_always(&r->p, &looked);
	r->r.into = into;
	if (done == SCN_ENDED)
		ended(r, FAULT_ALWAYS, looked);
	return done != SCN_ENDED;
}

/* All steps are done: everybody who is left ends, which must not harm a kernel. */
static void finish(struct run *r)
{
	scn_cleanup_buf struct scn_buf why = {0};

	for (uint32_t i = 0; i < r->q->s->n_processes; i++) {
		if (r->p.alive[i])
			r->p.ops->kill(r->p.self, i, &why);
	}
	if (r->p.ops->hazard(r->p.self))
		violation(r, FAULT_END, NULL);
	else
		count_schedule(r);
}

static int compare_digests(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

/* Takes down the state after a block, if it is a new one. */
static void take_digest(struct run *r, bool hangs)
{
	uint64_t digest;

	if (!r->q->digests)
		return;
	digest = state_digest(&r->p);
	digest = digest_add(digest, r->results, r->n_branches * sizeof(r->results[0]));
	digest = digest_add(digest, &hangs, sizeof(hangs));
	scn_buf_add(&r->q->final, &digest, sizeof(digest));
}

static void restore(struct run *r, const struct node *node)
{
	state_restore(&r->p, &node->saved);
	memcpy(r->branches, node->branches, r->n_branches * sizeof(r->branches[0]));
	memcpy(r->results, node->results, r->n_branches * sizeof(r->results[0]));
	r->trail.len = node->n_trail * sizeof(struct happened);
}

/* The block is over: what comes after it. What is done there is no part of the block. */
static void block_is_over(struct run *r)
{
	const struct scn_step *block = r->block;
	struct scn_branch branches[SCN_MAX_BRANCHES];
	uint64_t results[SCN_MAX_BRANCHES];
	uint32_t n = r->n_branches, first_event = r->first_event;
	bool with_death = r->with_death;

	take_digest(r, false);
	memcpy(branches, r->branches, sizeof(branches));
	memcpy(results, r->results, sizeof(results));
	r->r.into = NULL;
	r->p.after_branch = true;
	go_on_from(r, block->next);
	memcpy(r->branches, branches, sizeof(branches));
	memcpy(r->results, results, sizeof(results));
	r->block = block;
	r->n_branches = n;
	r->first_event = first_event;
	r->with_death = with_death;
}

static bool victim_lives(const struct run *r)
{
	uint32_t i = 0;

	if (r->q->death == DEATH_KILL)
		return r->p.alive[r->q->victim];
	for (const struct scn_process_decl *d = r->q->s->processes; d; d = d->next, i++) {
		if (d->domain == r->q->victim && r->p.alive[i])
			return true;
	}
	return false;
}

static uint64_t live_threads(const struct run *r)
{
	uint64_t live = 0;

	for (uint32_t t = 0; t < r->n_branches; t++) {
		if (r->branches[t].next && r->p.alive[r->branches[t].process])
			live |= bit(t);
	}
	if (r->with_death && victim_lives(r))
		live |= bit(r->n_branches);
	return live;
}

/* The death. */
static enum scn_done die(struct run *r)
{
	scn_cleanup_buf struct scn_buf why = {0};
	const struct scn_process_decl *d = r->q->s->processes;

	if (r->q->death == DEATH_KILL) {
		recorder_kill(&r->r, r->q->victim);
		r->p.ops->kill(r->p.self, r->q->victim, &why);
		r->p.alive[r->q->victim] = false;
	} else {
		r->p.ops->destroy(r->p.self, r->q->victim, &why);
		for (uint32_t i = 0; d; d = d->next, i++)
			r->p.alive[i] &= d->domain != r->q->victim;
		r->p.destroyed[r->q->victim] = true;
	}
	recorder_killed(&r->r);
	if (!r->p.ops->hazard(r->p.self))
		return SCN_DONE;
	r->p.out->verdict = SCN_FAILED;
	return SCN_ENDED;
}

/* Lets a thread do its next step. */
static enum scn_done attempt(struct run *r, struct node *node, uint32_t thread)
{
	struct scn_branch *b = &r->branches[thread];
	struct footprint *touched = &node->touched[thread];
	const struct scn_step *step = NULL;
	enum scn_done done;
	uint64_t at = 0, result = r->results[thread];

	touched->n = 0;
	touched->everything = touched->counts = false;
	r->r.into = touched;
	r->last_thread = thread;
	r->last = (struct scn_result){0};
	if (thread == r->n_branches) {
		done = die(r);
	} else {
		step = b->next;
		at = b->at;
		done = scn_branch_perform(&r->p, b);
		if (done != SCN_WAITS && done != SCN_ENDED &&
		    scn_branch_ready(&r->p, b) == SCN_ENDED)
			done = SCN_ENDED;
	}
	if (done == SCN_WAITS) {
		r->results[thread] = result;
	} else {
		note(r, step, at, done);
		r->q->steps++;
	}
	return done;
}

static bool is_visible(const struct run *r, const struct footprint *touched, uint32_t thread,
		       const struct scn_step *step)
{
	if (r->p.n_always == 0)
		return false;
	return thread == r->n_branches || step->call == SCN_EXIT ||
	       (touched->counts && r->looks_at_counts) || footprints_meet(touched, &r->looks);
}

/* The next state's sleeping threads: those whose step would be the same there. */
static void put_to_sleep(const struct run *r, const struct node *node, const struct event *e,
			 struct node *next)
{
	next->sleep = next->asleep_visible = 0;
	if (r->q->every_order)
		return;
	for (uint32_t t = 0; t <= r->n_branches; t++) {
		struct event other = {.thread = t, .touched = node->asleep[t]};

		other.visible = node->asleep_visible >> t & 1;
		if (!(node->sleep & bit(t)) || depend(r, &other, e))
			continue;
		next->sleep |= bit(t);
		next->asleep[t] = node->asleep[t];
		if (other.visible)
			next->asleep_visible |= bit(t);
	}
}

static void visit(struct run *r);

/* Goes on from the state after an event. */
static void descend(struct run *r, struct node *node, const struct event *e)
{
	struct node *next = node_at(r, r->depth + 1);

	if (!next || !always_holds(r))
		return;
	put_to_sleep(r, node, e, next);
	r->depth++;
	visit(r);
	r->depth--;
}

static void blocked(struct run *r, struct node *node, struct event *e)
{
	uint64_t me = bit(e->thread);

	node->blocked |= me;
	reverse_races(r, e);
	if (node->backtrack & me)
		node->backtrack |= node->live;
}

/* Tries one thread from here. Returns whether it did something. */
static bool try_thread(struct run *r, struct node *node, uint32_t thread)
{
	struct event e = {.thread = thread, .touched = &node->touched[thread]};
	const struct scn_step *step = thread < r->n_branches ? r->branches[thread].next : NULL;
	enum scn_done done = attempt(r, node, thread);

	e.visible = is_visible(r, e.touched, thread, step);
	if (done == SCN_WAITS) {
		blocked(r, node, &e);
		return false;
	}
	node->backtrack |= bit(thread);
	reverse_races(r, &e);
	r->events[r->depth] = e;
	/* Who dies might have done a step more before. */
	for (uint32_t t = 0; thread == r->n_branches && t < r->n_branches; t++) {
		if ((node->live & bit(t)) && is_victim(r, t))
			node->backtrack |= bit(t);
	}
	/* Who ends by itself can't be killed any more. */
	if (step && step->call == SCN_EXIT && is_victim(r, thread))
		node->backtrack |= node->live & bit(r->n_branches);
	if (done == SCN_ENDED)
		ended(r, FAULT_STEP, NULL);
	else
		descend(r, node, &e);
	node->sleep |= bit(thread);
	node->asleep[thread] = e.touched;
	if (e.visible)
		node->asleep_visible |= bit(thread);
	return true;
}

static uint32_t lowest(uint64_t set)
{
	return (uint32_t)__builtin_ctzll(set);
}

static void nobody_can(struct run *r, const struct node *node)
{
	uint32_t first = lowest(node->live);

	/* Those that sleep could: their orders have been tried. */
	if (node->live & ~node->blocked)
		return;
	take_digest(r, true);
	note(r, r->branches[first].next, r->branches[first].at, SCN_WAITS);
	violation(r, FAULT_HANG, NULL);
}

static void enter(struct run *r, struct node *node, uint64_t live)
{
	/* From where there is one way only nobody comes back. */
	if (live & (live - 1))
		state_save(&r->p, &node->saved);
	if (!state_is_whole(&node->saved))
		r->out_of_memory = r->stop = true;
	memcpy(node->branches, r->branches, r->n_branches * sizeof(r->branches[0]));
	memcpy(node->results, r->results, r->n_branches * sizeof(r->results[0]));
	node->n_trail = trail_length(r);
	node->live = live;
	node->done = node->blocked = 0;
	node->backtrack = r->q->every_order ? live : 0;
}

static void too_many_steps(struct run *r)
{
	r->q->outcome.verdict = SCN_BROKEN;
	r->q->broken = r->block;
	scn_buf_printf(&r->q->why, "more than %u steps in an order", MAX_EVENTS);
	r->stop = true;
}

/* All ways on from the current state. */
static void visit(struct run *r)
{
	struct node *node = r->nodes[r->depth];
	uint64_t live = live_threads(r);
	bool picked = false, changed = false;

	if (live == 0) {
		block_is_over(r);
		return;
	}
	if (r->depth + 1 >= MAX_EVENTS) {
		too_many_steps(r);
		return;
	}
	enter(r, node, live);
	while (!r->stop) {
		uint64_t able = node->live & ~node->done & ~node->sleep;
		uint32_t thread;

		if (!able || (picked && !(able & node->backtrack)))
			break;
		thread = lowest(able & node->backtrack ? able & node->backtrack : able);
		node->done |= bit(thread);
		if (changed)
			restore(r, node);
		changed = try_thread(r, node, thread);
		picked |= changed;
	}
	if (!picked && !r->stop)
		nobody_can(r, node);
}

static bool looks_at_counts(const struct run *r)
{
	for (uint32_t i = 0; i < r->p.n_always; i++) {
		for (const struct scn_step *step = r->p.always[i]->body; step; step = step->next) {
			if (step->kind == SCN_STEP_EXPECT)
				return true;
		}
	}
	return false;
}

/* Whether this is the block in which somebody dies. */
static bool is_deadly(const struct search *q, const struct scn_step *block)
{
	uint32_t n = 0;

	for (const struct scn_step *step = q->s->steps; step != block; step = step->next)
		n += step->kind == SCN_STEP_PARALLEL;
	return q->death != DEATH_NONE && n == q->deadly_block;
}

static void search_block(struct run *r, const struct scn_step *block)
{
	struct node *node = node_at(r, r->depth);

	r->block = block;
	r->n_branches = scn_branches(block, r->branches);
	if (r->n_branches == SCN_MAX_BRANCHES) {
		r->q->outcome.verdict = SCN_BROKEN;
		r->q->broken = block;
		scn_buf_str(&r->q->why, "more than 63 branches in a parallel");
		r->stop = true;
	}
	memset(r->results, 0, sizeof(r->results));
	r->first_event = r->depth;
	r->with_death = is_deadly(r->q, block);
	r->looks_at_counts = looks_at_counts(r);
	for (uint32_t i = 0; i < r->n_branches && !r->stop; i++) {
		if (scn_branch_ready(&r->p, &r->branches[i]) == SCN_ENDED)
			ended(r, FAULT_STEP, NULL);
	}
	if (!node || r->stop || !always_holds(r))
		return;
	node->sleep = node->asleep_visible = 0;
	visit(r);
}

/* The steps up to the next block; the end. */
static void go_on_from(struct run *r, const struct scn_step *step)
{
	for (; step && !r->stop; step = step->next) {
		enum scn_done done = SCN_DONE;

		r->last = (struct scn_result){0};
		if (step->kind == SCN_STEP_PARALLEL) {
			search_block(r, step);
			return;
		}
		if (step->kind == SCN_STEP_ALWAYS) {
			done = scn_add_always(&r->p, step);
		} else if (scn_condition_holds(step->condition, r->q->setup, r->p.alive)) {
			done = scn_perform_whole(&r->p, step);
			note(r, step, 0, done);
		}
		if (done == SCN_ENDED) {
			ended(r, FAULT_STEP, NULL);
			return;
		}
	}
	if (!r->stop)
		finish(r);
}

static void watch_before(void *ctx, uint32_t process, const struct scn_call *call)
{
	struct run *r = ctx;

	if (r->r.into)
		recorder_before(&r->r, process, call);
}

static void watch_after(void *ctx, uint32_t process, const struct scn_call *call,
			const struct scn_result *result)
{
	struct run *r = ctx;
	uint64_t *digest = &r->results[r->last_thread];

	if (!r->p.looking) {
		r->last = *result;
		r->last.data = NULL;
	}
	if (!r->r.into)
		return;
	recorder_after(&r->r, process, call, result);
	if (!r->q->digests || r->p.looking || result->kind == SCN_BLOCKED)
		return;
	*digest = digest_add(*digest, &result->kind, sizeof(result->kind));
	*digest = digest_add(*digest, &result->value, sizeof(result->value));
	*digest = digest_add(*digest, result->data, result->data_len);
}

static bool has_fail(const struct scn_scenario *s)
{
	const struct scn_step *step = s->steps;

	while (step && step->kind != SCN_STEP_FAIL)
		step = step->next;
	return step;
}

static void sort_digests(struct scn_buf *final)
{
	size_t n = final->len / sizeof(uint64_t), kept = 0;

	if (n == 0)
		return;
	qsort(final->data, n, sizeof(uint64_t), compare_digests);
	for (size_t i = 0; i < n; i++) {
		const char *one = final->data + i * sizeof(uint64_t);

		if (kept == 0 ||
		    memcmp(one, final->data + (kept - 1) * sizeof(uint64_t), sizeof(uint64_t)) != 0)
			memmove(final->data + kept++ * sizeof(uint64_t), one, sizeof(uint64_t));
	}
	final->len = kept * sizeof(uint64_t);
}

static void search(struct run *r, void *self)
{
	r->p = (struct scn_player){.s = r->q->s,
				   .setup = r->q->setup,
				   .ops = &scn_substrate_model,
				   .self = self,
				   .quiet = true,
				   .before = watch_before,
				   .after = watch_after,
				   .watcher = r,
				   .out = &r->q->outcome};
	if (scn_vars_init(&r->p.cx.vars, r->q->s->n_slots)) {
		r->out_of_memory = true;
		return;
	}
	if (scn_start(&r->p) == SCN_DONE) {
		recorder_begin(&r->r, self, r->q->setup);
		r->r.alloc_fails_soon = has_fail(r->q->s);
		go_on_from(r, r->q->s->steps);
	}
	r->p.ops->end(self);
	scn_vars_free(&r->p.cx.vars);
}

int search_run(struct search *q, void *self)
{
	struct run *r = calloc(1, sizeof(*r));
	bool failed;

	if (!r)
		return -ENOMEM;
	r->q = q;
	q->outcome.verdict = SCN_PASSED;
	search(r, self);
	sort_digests(&q->final);
	for (uint32_t i = 0; i <= MAX_EVENTS; i++)
		node_free(r->nodes[i]);
	failed = r->out_of_memory || r->trail.failed || q->final.failed;
	scn_buf_free(&r->trail);
	free(r);
	return failed ? -ENOMEM : 0;
}

void search_free(struct search *q)
{
	free(q->path);
	scn_buf_free(&q->final);
	scn_buf_free(&q->why);
	scn_outcome_free(&q->outcome);
}
