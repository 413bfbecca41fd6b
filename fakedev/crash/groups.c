/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "crash/groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare_numbers(unsigned long a, unsigned long b)
{
	return (a > b) - (a < b);
}

/* Calls as they were made undisturbed, each before and after; then waits; then stores. */
static int compare_points(const struct crash_point *a, const struct crash_point *b)
{
	static const unsigned int kind[] = {
	    [CRASH_CALL] = 0, [CRASH_AFTER_CALL] = 0, [CRASH_WAIT] = 1, [CRASH_STORE] = 2};
	int c = compare_numbers(a->run, b->run);

	c = c ? c : compare_numbers(a->program, b->program);
	c = c ? c : compare_numbers(kind[a->when], kind[b->when]);
	c = c ? c : compare_numbers(a->place, b->place);
	c = c ? c : strcmp(a->kind, b->kind);
	c = c ? c : compare_numbers(a->n, b->n);
	return c ? c : compare_numbers(a->when, b->when);
}

static int compare_results(const void *a, const void *b)
{
	return compare_points(&((const struct crash_result *)a)->point,
			      &((const struct crash_result *)b)->point);
}

/* But for addresses, which are others each time. */
static bool same_call(const char *a, const char *b)
{
	static const char digits[] = "0123456789abcdef";

	for (; *a && *a == *b; a++, b++)
		if (a[0] == '0' && a[1] == 'x' && b[1] == 'x') {
			a += 1 + strspn(a + 2, digits);
			b += 1 + strspn(b + 2, digits);
		}
	return *a == *b;
}

static bool belongs(const struct crash_group *g, const struct crash_result *r)
{
	const struct crash_result *first = g->first;
	/* Nobody knows where: what it did has to do. */
	bool same_place = *r->site || *first->site ? !strcmp(first->site, r->site)
						   : same_call(first->call, r->call);

	return same_place && first->outcome == r->outcome && first->point.run == r->point.run &&
	       first->point.program == r->point.program;
}

int crash_groups_make(struct crash_groups *groups, struct crash_findings *f)
{
	*groups = (struct crash_groups){.all = calloc(f->n + 1, sizeof(*groups->all))};
	if (!groups->all)
		return -ENOMEM;
	if (f->n)
		qsort(f->results, f->n, sizeof(*f->results), compare_results);
	for (size_t i = 0; i < f->n; i++) {
		struct crash_result *r = &f->results[i];
		size_t g = 0;

		if (!crash_outcome_fails(r->outcome))
			continue;
		while (g < groups->n && !belongs(&groups->all[g], r))
			g++;
		if (g == groups->n)
			groups->all[groups->n++] = (struct crash_group){.first = r};
		groups->all[g].n++;
	}
	return 0;
}

void crash_groups_free(struct crash_groups *groups)
{
	free(groups->all);
	*groups = (struct crash_groups){0};
}

size_t crash_count(const struct crash_findings *f, enum crash_outcome outcome)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->results[i].outcome == outcome;
	return n;
}

size_t crash_count_failed(const struct crash_findings *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += crash_outcome_fails(f->results[i].outcome);
	return n;
}
