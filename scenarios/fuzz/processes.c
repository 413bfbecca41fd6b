/* SPDX-License-Identifier: MIT */
/* Steps about descriptors and processes. */
#include "generate.h"

typedef struct fuzz_generator gen;

static bool make_open(gen *g, struct fuzz_op *op)
{
	static const char devices[] = {'a', 'd', 'e'};
	struct fuzz_thing file;

	/* One in a while: else there are too many files for much to happen in one. */
	if (!fuzz_chance(g, 30))
		return false;
	return !fuzz_descriptor(g, op, devices[fuzz_random(g, 3)], &file);
}

static struct fuzz_thing *any_file(gen *g)
{
	return fuzz_pick(g, &g->files, g->process, FUZZ_ANY, 0);
}

static bool make_close(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing *file = any_file(g);

	if (!file)
		return false;
	if (fuzz_chance(g, 3)) {
		fuzz_say(op, "close(200)");
		return true;
	}
	g->gone = file;
	g->gone_pool = &g->files;
	fuzz_say(op, "close(@f%u)", file->id);
	return true;
}

static bool make_dup(gen *g, struct fuzz_op *op)
{
	const struct fuzz_thing *file = any_file(g);

	if (!file)
		return false;
	g->made.file = file->file;
	g->made.device = file->device;
	g->made.source = file->source;
	g->made.count = file->count;
	g->pool = &g->files;
	fuzz_say(op, "dup(@f%u)", file->id);
	return true;
}

static bool make_send(gen *g, struct fuzz_op *op)
{
	const struct fuzz_thing *file = any_file(g);
	uint32_t to = fuzz_random(g, FUZZ_MAX_PROCESSES);

	if (!file || to == g->process || !g->model->alive[to] ||
	    g->model->domain_of[to] != g->model->domain_of[g->process])
		return false;
	g->made.file = file->file;
	g->made.device = file->device;
	g->made.source = file->source;
	g->made.count = file->count;
	g->made.process = to;
	g->pool = &g->files;
	fuzz_say(op, "send_fd(%c, @f%u)", fuzz_process_name(to), file->id);
	return true;
}

static bool make_fork(gen *g, struct fuzz_op *op)
{
	if (g->next_process == FUZZ_MAX_PROCESSES)
		return false;
	op->kind = FUZZ_FORK;
	op->peer = g->next_process;
	return true;
}

/* Ends are rare, and somebody is to be left. */
static bool may_end(gen *g)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < FUZZ_MAX_PROCESSES; i++)
		n += g->model->alive[i];
	return n > 2;
}

static bool make_kill(gen *g, struct fuzz_op *op)
{
	op->kind = FUZZ_KILL;
	return may_end(g);
}

static bool make_exit(gen *g, struct fuzz_op *op)
{
	fuzz_say(op, "exit(0)");
	return may_end(g);
}

static void forget(struct fuzz_pool *pool, uint32_t process)
{
	for (uint32_t i = pool->n; i-- > 0;) {
		if (pool->things[i].process == process)
			fuzz_pool_remove(pool, &pool->things[i]);
	}
}

/* What the program loses. Of dma-bufs it has to be known, as a number that was given again may close a ring. */
static void forget_closed(gen *g)
{
	for (uint32_t i = g->files.n; i-- > 0;) {
		const struct fuzz_thing *t = &g->files.things[i];

		if (t->process == g->process && t->cloexec)
			fuzz_pool_remove(&g->files, &g->files.things[i]);
	}
}

static bool make_exec(gen *g, struct fuzz_op *op)
{
	if (g->world->dmabufs)
		forget_closed(g);
	forget(&g->mappings, g->process);
	fuzz_say(op, "exec()");
	return true;
}

const struct fuzz_choice fuzz_process_choices[] = {
    {2, make_open}, {3, make_close}, {1, make_dup},  {2, make_send}, {2, make_fork},
    {1, make_kill}, {1, make_exit},  {1, make_exec}, {0, NULL},
};
