/* SPDX-License-Identifier: MIT */
#include "generate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where mappings go: one megabyte each, where no system puts anything. Buffers lie below, so that
 * above an address of the devices there are only the devices' own mappings. */
#define FIRST_ADDR   UINT64_C(0x200000000000)
#define FIRST_BUFFER UINT64_C(0x1f0000000000)
#define MAX_TRIES    50u

/* One at random, the first ones more often: else none would have much to do it with. */
static bool choose_process(struct fuzz_generator *g)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < FUZZ_MAX_PROCESSES; i++)
		left += g->model->alive[i];
	if (left == 0)
		return false;
	for (uint32_t i = 0; i < FUZZ_MAX_PROCESSES; i++) {
		if (!g->model->alive[i])
			continue;
		g->process = i;
		if (--left == 0 || fuzz_chance(g, 35))
			break;
	}
	return true;
}

static fuzz_make *choose(struct fuzz_generator *g)
{
	const struct fuzz_choice *const all[] = {
	    fuzz_grant_choices,   fuzz_memory_choices, fuzz_event_choices, fuzz_process_choices,
	    fuzz_machine_choices, fuzz_odd_choices,    fuzz_dmabuf_choices};
	/* Without them sequences are those that they were before there were any. */
	uint32_t n = sizeof(all) / sizeof(all[0]) - (g->world->dmabufs == GNTSIM_DMABUFS_NONE);
	fuzz_make *found = NULL;
	uint32_t seen = 0;

	for (uint32_t i = 0; i < n; i++) {
		for (const struct fuzz_choice *c = all[i]; c->make; c++) {
			seen += c->weight;
			if (fuzz_random(g, seen) < c->weight)
				found = c->make;
		}
	}
	return found;
}

static bool make(struct fuzz_generator *g, struct fuzz_op *op)
{
	uint32_t id = op->id;

	if (!choose_process(g))
		return false;
	for (uint32_t i = 0; i < MAX_TRIES; i++) {
		*op = (struct fuzz_op){.id = id, .process = g->process};
		g->pool = NULL;
		g->also = NULL;
		g->gone = NULL;
		g->made = (struct fuzz_thing){.process = g->process};
		if (choose(g)(g, op))
			return true;
	}
	return false;
}

static void copy_for_child(struct fuzz_generator *g, struct fuzz_pool *pool, uint32_t parent,
			   uint32_t child)
{
	uint32_t n = pool->n;

	for (uint32_t i = 0; i < n && pool->n < FUZZ_POOL; i++) {
		struct fuzz_thing t = pool->things[i];

		if (t.process != parent)
			continue;
		t.process = child;
		fuzz_pool_add(g, pool, &t);
	}
}

/* The step has succeeded: what there is now. */
static void take_note(struct fuzz_generator *g, const struct fuzz_op *op)
{
	if (op->kind == FUZZ_FORK) {
		g->next_process++;
		copy_for_child(g, &g->files, op->process, op->peer);
		copy_for_child(g, &g->mappings, op->process, op->peer);
	}
	if (g->gone)
		fuzz_pool_remove(g->gone_pool, g->gone);
	if (!g->pool)
		return;
	g->made.id = op->id;
	g->made.domain = g->model->domain_of[g->made.process];
	fuzz_pool_add(g, g->pool, &g->made);
	if (g->also)
		fuzz_pool_add(g, g->also, &g->made);
}

/* Plays what there is so far on a fresh machine. */
static enum fuzz_played replay(struct fuzz_generator *g, const struct fuzz_sequence *seq)
{
	enum fuzz_played played = FUZZ_PLAYED;

	fuzz_model_end(g->model);
	if (fuzz_model_begin(g->model, g->world))
		return FUZZ_ERROR;
	for (uint32_t i = 0; i < seq->n && (played == FUZZ_PLAYED || played == FUZZ_DROPPED); i++) {
		scn_cleanup_buf struct scn_buf line = {0};
		int64_t value;

		played = fuzz_model_play(g->model, &seq->ops[i], &line, &value);
	}
	return played == FUZZ_DROPPED ? FUZZ_PLAYED : played;
}

static enum fuzz_played add_step(struct fuzz_generator *g, struct fuzz_sequence *seq)
{
	struct fuzz_op *op = &seq->ops[seq->n];
	scn_cleanup_buf struct scn_buf line = {0};
	enum fuzz_played played;
	int64_t value;

	if (!make(g, op))
		return FUZZ_DROPPED;
	played = fuzz_model_play(g->model, op, &line, &value);
	if (played == FUZZ_HAZARD ||
	    (value == -ENOSYS && !(g->world->capabilities & SCN_CAP(ENOSYS))))
		return replay(g, seq);
	if (value == -ENOSYS)
		op->needs |= SCN_CAP(ENOSYS);
	if (played != FUZZ_PLAYED)
		return played == FUZZ_DROPPED ? FUZZ_PLAYED : played;
	op->ok = value >= 0;
	if (op->ok)
		take_note(g, op);
	seq->n++;
	return FUZZ_PLAYED;
}

/* With hazards allowed the ends of processes are steps too: they may say what harm is done. */
static void end_processes(struct fuzz_generator *g, struct fuzz_sequence *seq, uint32_t *id)
{
	for (uint32_t i = 0; i < FUZZ_MAX_PROCESSES && seq->n < FUZZ_MAX_OPS; i++) {
		if (g->model->alive[i])
			seq->ops[seq->n++] =
			    (struct fuzz_op){.id = (*id)++, .kind = FUZZ_KILL, .process = i};
	}
}

/* The end may do harm too: then the sequence is cut until it does not. */
static enum fuzz_played finish(struct fuzz_generator *g, struct fuzz_sequence *seq)
{
	enum fuzz_played played = replay(g, seq);

	if (played == FUZZ_PLAYED)
		played = fuzz_model_finish(g->model);
	while (played == FUZZ_HAZARD && seq->n > 0) {
		seq->n -= seq->n / 8 + 1;
		played = replay(g, seq);
		if (played == FUZZ_PLAYED)
			played = fuzz_model_finish(g->model);
	}
	return played;
}

enum fuzz_played fuzz_generate(const struct fuzz_world *world, uint64_t seed, uint32_t n,
			       struct fuzz_sequence *out, struct scn_buf *why)
{
	struct fuzz_model model = {0};
	struct fuzz_generator g = {
	    .world = world, .model = &model, .random = seed * UINT64_C(0x100000001b3) + 1};
	enum fuzz_played played = fuzz_model_begin(&model, world) ? FUZZ_ERROR : FUZZ_PLAYED;
	uint32_t id = 1;

	out->n = 0;
	g.next_addr = FIRST_ADDR;
	g.next_buffer = FIRST_BUFFER;
	g.next_process = fuzz_first_processes(world);
	for (; played == FUZZ_PLAYED && out->n < n && id < FUZZ_MAX_OPS - FUZZ_MAX_PROCESSES;
	     id++) {
		out->ops[out->n].id = id;
		played = add_step(&g, out);
	}
	if (played == FUZZ_DROPPED)
		played = FUZZ_PLAYED;
	if (played == FUZZ_PLAYED && world->n_allowed)
		end_processes(&g, out, &id);
	if (played == FUZZ_PLAYED)
		played = finish(&g, out);
	scn_buf_str(why, scn_buf_text(&model.why));
	fuzz_model_end(&model);
	return played;
}
