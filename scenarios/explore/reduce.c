/* SPDX-License-Identifier: MIT */
/* Which other orders could be told from the one that is being tried. */
#include <string.h>

#include "run.h"

static bool has(const uint64_t *set, uint32_t i)
{
	return set[i / 64] >> (i % 64) & 1;
}

static void put(uint64_t *set, uint32_t i)
{
	set[i / 64] |= UINT64_C(1) << (i % 64);
}

static uint32_t domain_of(const struct scn_scenario *s, uint32_t process)
{
	const struct scn_process_decl *d = s->processes;

	while (process-- > 0)
		d = d->next;
	return d->domain;
}

bool is_victim(const struct run *r, uint32_t thread)
{
	uint32_t process = r->branches[thread].process;

	return r->q->death == DEATH_DESTROY ? domain_of(r->q->s, process) == r->q->victim
					    : process == r->q->victim;
}

bool depend(const struct run *r, const struct event *a, const struct event *b)
{
	if (a->visible && b->visible)
		return true;
	if (a->thread == r->n_branches && is_victim(r, b->thread))
		return true;
	if (b->thread == r->n_branches && is_victim(r, a->thread))
		return true;
	return footprints_meet(a->touched, b->touched);
}

/* A thread that blocks where it was asked for can't show what it would do: then all others may. */
static void ask_for(struct node *node, uint32_t thread)
{
	uint64_t bit = UINT64_C(1) << thread;

	node->backtrack |= bit;
	if (node->blocked & bit)
		node->backtrack |= node->live;
}

/* Of what comes after event i without depending on it, and then `e`: the threads whose first step
 * depends on nothing of that. One of them has to be tried instead of i. */
static void reverse(struct run *r, uint32_t i, const struct event *e)
{
	struct node *node = r->nodes[i];
	uint32_t later[MAX_EVENTS], n = 0;
	uint64_t initials = 0;
	uint32_t first = e->thread;

	for (uint32_t k = i + 1; k < r->depth; k++) {
		if (!has(r->events[k].before, i))
			later[n++] = k;
	}
	if (n > 0)
		first = r->events[later[0]].thread;
	for (uint32_t k = 0; k <= n; k++) {
		const struct event *v = k < n ? &r->events[later[k]] : e;
		bool initial = true;

		for (uint32_t j = 0; j < k && initial; j++)
			initial = !has(v->before, later[j]);
		if (initial)
			initials |= UINT64_C(1) << v->thread;
	}
	if (!(initials & node->backtrack))
		ask_for(node, first);
}

void reverse_races(struct run *r, struct event *e)
{
	uint32_t races[MAX_EVENTS], n = 0;

	for (uint32_t i = r->depth; i-- > r->first_event;) {
		if (r->events[i].thread != e->thread)
			continue;
		memcpy(e->before, r->events[i].before, sizeof(e->before));
		put(e->before, i);
		break;
	}
	for (uint32_t i = r->depth; i-- > r->first_event;) {
		if (has(e->before, i) || !depend(r, &r->events[i], e))
			continue;
		races[n++] = i;
		for (uint32_t w = 0; w < EVENT_WORDS; w++)
			e->before[w] |= r->events[i].before[w];
		put(e->before, i);
	}
	for (uint32_t i = 0; i < n; i++)
		reverse(r, races[i], e);
}
