/* SPDX-License-Identifier: MIT */
#include "origin.h"

#include "broker-internal.h"

#include <linux/ioctl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FEWEST 256u
/* Ids go round; what is older than this many calls is not known any more. */
#define OLDEST (1u << 30)

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000;
}

void origins_start(struct broker *b)
{
	b->origins.next = 1;
	b->origins.start_us = now_us();
	gntsim_machine_set_origin(b->machine, 1);
}

void origins_end(struct origins *o)
{
	free(o->all);
	*o = (struct origins){0};
}

bool origins_wanted(const struct broker *b)
{
	return gntsim_machine_origin_used(b->machine) || leaks_are_noted(b);
}

void origins_skip(struct broker *b)
{
	struct origins *o = &b->origins;

	o->n_argument = 0;
	if (!gntsim_machine_origin_used(b->machine))
		return;
	if (++o->next == 0)
		o->next = 1;
	gntsim_machine_set_origin(b->machine, o->next);
}

void origins_ioctl(struct broker *b)
{
	const struct cause *c = &b->cause;
	uint32_t size = _IOC_SIZE(c->cmd);

	b->origins.n_argument = 0;
	if (!origins_wanted(b) || !c->memory)
		return;
	size = size < ORIGIN_ARGUMENT ? size : ORIGIN_ARGUMENT;
	if (c->memory->read(c->memory->ctx, c->arg, b->origins.argument, size) == 0)
		b->origins.n_argument = size;
}

static int32_t age(const struct origins *o, uint32_t id)
{
	return (int32_t)(o->next - id);
}

static struct origin *find(const struct origins *o, uint32_t id)
{
	uint32_t low = 0, high = o->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (age(o, o->all[mid].id) > age(o, id))
			low = mid + 1;
		else
			high = mid;
	}
	return low < o->n && o->all[low].id == id ? &o->all[low] : NULL;
}

const struct origin *origins_find(const struct broker *b, uint32_t id)
{
	return id ? find(&b->origins, id) : NULL;
}

/* ---- what nothing bears the number of any more is forgotten ---- */

struct marking {
	struct origins *o;
	struct gntsim_machine *m;
	bool *live;
};

static void mark(const struct marking *k, uint32_t id)
{
	const struct origin *o = id ? find(k->o, id) : NULL;

	if (o && age(k->o, id) < (int32_t)OLDEST)
		k->live[o - k->o->all] = true;
}

static bool mark_grant(void *ctx, const struct gntsim_grant_info *g)
{
	mark(ctx, g->origin);
	mark(ctx, g->ended);
	return true;
}

static bool mark_map(void *ctx, const struct gntsim_map_info *m)
{
	mark(ctx, m->origin);
	return true;
}

static bool mark_notify(void *ctx, const struct gntsim_notify_info *n)
{
	mark(ctx, n->origin);
	return true;
}

static bool mark_vma(void *ctx, struct gntsim_mm *mm, const struct gntsim_vma *v)
{
	(void)mm;
	mark(ctx, v->origin);
	return true;
}

static bool mark_port(void *ctx, struct gntsim_domain *dom, gntsim_port port)
{
	struct gntsim_port_info info;

	if (gntsim_port_describe(dom, port, &info) == 0)
		mark(ctx, info.origin);
	return true;
}

static void forget_the_dead(struct broker *b, bool *live)
{
	struct origins *o = &b->origins;
	struct marking k = {o, b->machine, live};
	uint32_t kept = 0;

	gntsim_for_each_grant(b->machine, mark_grant, &k);
	gntsim_for_each_map(b->machine, mark_map, &k);
	gntsim_for_each_notify(b->machine, mark_notify, &k);
	gntsim_for_each_vma(b->machine, mark_vma, &k);
	gntsim_for_each_port(b->machine, mark_port, &k);
	for (uint32_t i = 0; i < o->n; i++)
		if (live[i])
			o->all[kept++] = o->all[i];
	o->n = kept;
}

/* The walk over all that lives comes again only when as much was made as lives. */
static bool make_room(struct broker *b)
{
	struct origins *o = &b->origins;
	struct origin *more;
	bool *live;

	if (o->n < o->room)
		return true;
	live = o->n ? calloc(o->n, sizeof(*live)) : NULL;
	if (live)
		forget_the_dead(b, live);
	free(live);
	if (o->n > o->room / 2 || o->room == 0) {
		uint32_t room = o->room ? o->room * 2 : FEWEST;

		more = reallocarray(o->all, room, sizeof(*more));
		if (more) {
			o->all = more;
			o->room = room;
		}
	}
	return o->n < o->room;
}

static void fill(const struct broker *b, struct origin *out, const struct trace_call *call,
		 uint64_t line)
{
	const struct origins *o = &b->origins;

	out->id = o->next;
	out->call = *call;
	out->call.memory = NULL;
	out->call.ports = NULL;
	out->n_argument = call->kind == TRACE_IOCTL ? o->n_argument : 0;
	memcpy(out->argument, o->argument, out->n_argument);
	out->us = now_us() - o->start_us;
	out->line = line;
}

void origins_note(struct broker *b, const struct trace_call *call, uint64_t line,
		  struct origin *last)
{
	struct origins *o = &b->origins;

	if (last)
		fill(b, last, call, line);
	if (gntsim_machine_origin_used(b->machine) && make_room(b))
		fill(b, &o->all[o->n++], call, line);
	origins_skip(b);
}
