/* SPDX-License-Identifier: MIT */
/* Steps of nobody's: time passes, a limit changes, a domain goes. */
#include "generate.h"

typedef struct fuzz_generator gen;

/* Enough for the timer that frees what was still mapped; worth it only if there is some. */
static bool make_advance(gen *g, struct fuzz_op *op)
{
	if (!(g->world->capabilities & SCN_CAP(ADVANCE)) || !fuzz_model_deferred(g->model) ||
	    (g->world->real && !fuzz_chance(g, 3)))
		return false;
	op->kind = FUZZ_ADVANCE;
	op->needs = SCN_CAP(ADVANCE);
	op->value = 2 + fuzz_random(g, 2);
	return true;
}

static bool make_limit(gen *g, struct fuzz_op *op)
{
	if (!(g->world->capabilities & SCN_CAP(GNTALLOC_LIMIT)) || !fuzz_chance(g, 30))
		return false;
	op->kind = FUZZ_LIMIT;
	op->needs = SCN_CAP(GNTALLOC_LIMIT);
	op->peer = fuzz_random(g, g->world->n_domains);
	op->value = fuzz_chance(g, 40) ? 1024 : fuzz_random(g, 16);
	return !g->model->destroyed[op->peer];
}

/* Rarely: little happens in a machine with one domain. */
static bool make_destroy(gen *g, struct fuzz_op *op)
{
	uint64_t needs = SCN_CAP(DESTROY_DOMAIN) | SCN_CAP(DISTINCT_DOMAINS);

	if ((g->world->capabilities & needs) != needs || g->world->n_domains < 2 ||
	    !fuzz_chance(g, 8))
		return false;
	op->kind = FUZZ_DESTROY;
	op->needs = SCN_CAP(DESTROY_DOMAIN);
	op->peer = 1;
	return !g->model->destroyed[1];
}

const struct fuzz_choice fuzz_machine_choices[] = {
    {1, make_advance}, {1, make_limit}, {1, make_destroy}, {0, NULL}};
