/* SPDX-License-Identifier: MIT */
/* From counts to a list of points. */
#define _GNU_SOURCE
#include "crash/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {[CRASH_CALL] = "call",
				    [CRASH_AFTER_CALL] = "call",
				    [CRASH_STORE] = "store",
				    [CRASH_WAIT] = "wait"};

static bool is_called(const struct crash_program *p, const char *name)
{
	char domain[24];

	snprintf(domain, sizeof(domain), "dom%u", p->domain);
	return !strcmp(name, domain) || !strcmp(name, p->name);
}

bool crash_choice_has(const struct crash_choice *choice, const struct crash_program *p)
{
	for (size_t i = 0; i < choice->n_victims; i++)
		if (is_called(p, choice->victims[i]))
			return true;
	return choice->n_victims == 0;
}

/* @return the first that is no program's; NULL: all are there */
static const char *nobody(const struct crash_choice *choice, const struct crash_run *runs, size_t n)
{
	for (size_t v = 0; v < choice->n_victims; v++) {
		bool met = false;

		for (size_t r = 0; r < n; r++)
			for (size_t i = 0; i < runs[r].n_programs; i++)
				met |= is_called(&runs[r].programs[i], choice->victims[v]);
		if (!met)
			return choice->victims[v];
	}
	return NULL;
}

static int add(struct crash_plan *plan, struct crash_point point)
{
	if (plan->n == plan->room) {
		size_t room = plan->room ? 2 * plan->room : 256;
		struct crash_point *points = reallocarray(plan->points, room, sizeof(*points));

		if (!points)
			return -ENOMEM;
		plan->points = points;
		plan->room = room;
	}
	plan->points[plan->n++] = point;
	return 0;
}

/* Leaves so many of those from `first` on, evenly spread. */
static void sample(struct crash_plan *plan, size_t first, unsigned long wanted)
{
	size_t n = plan->n - first;

	if (!wanted || n <= wanted)
		return;
	for (size_t i = 0; i < wanted; i++)
		plan->points[first + i] = plan->points[first + i * n / wanted];
	plan->n = first + wanted;
}

/* Each by its kind, and the how manieth of that: other runs may make a call more or less. */
static int add_calls(struct crash_plan *plan, struct crash_point at, const struct crash_program *p)
{
	unsigned long *made = calloc(p->n_kinds + 1, sizeof(*made));
	int status = made ? 0 : -ENOMEM;

	for (long i = 1; i <= p->calls && status == 0; i++) {
		bool known = (size_t)i <= p->n_order;
		unsigned int kind = known ? p->order[i - 1] : 0;

		at.place = (unsigned long)i;
		at.n = known ? ++made[kind] : at.place;
		snprintf(at.kind, sizeof(at.kind), "%s", known ? p->kinds[kind] : "");
		at.when = CRASH_CALL;
		status = add(plan, at);
		at.when = CRASH_AFTER_CALL;
		if (status == 0)
			status = add(plan, at);
	}
	free(made);
	return status;
}

static int add_program(struct crash_plan *plan, const struct crash_choice *choice,
		       struct crash_point at, const struct crash_program *p)
{
	size_t first = plan->n;
	int status = choice->calls ? add_calls(plan, at, p) : 0;

	at.when = CRASH_WAIT;
	for (long i = 1; choice->calls && i <= p->waits && status == 0; i++) {
		at.n = (unsigned long)i;
		status = add(plan, at);
	}
	at.when = CRASH_STORE;
	for (long i = 1; choice->stores && i <= p->stores && status == 0; i++) {
		at.n = (unsigned long)i;
		status = add(plan, at);
	}
	plan->uncountable |= choice->stores && p->stores < 0;
	sample(plan, first, choice->sample);
	return status;
}

/* The bits of the place the other way round: each beginning of that order is spread over all. */
static int spread(struct crash_plan *plan)
{
	struct crash_point *out = calloc(plan->n ? plan->n : 1, sizeof(*out));
	unsigned int bits = 0;
	size_t n = 0;

	if (!out)
		return -ENOMEM;
	while ((size_t)1 << bits < plan->n)
		bits++;
	for (size_t i = 0; i < (size_t)1 << bits; i++) {
		size_t turned = 0;

		for (unsigned int b = 0; b < bits; b++)
			turned |= (i >> b & 1) << (bits - 1 - b);
		if (turned < plan->n)
			out[n++] = plan->points[turned];
	}
	free(plan->points);
	plan->points = out;
	plan->room = plan->n;
	return 0;
}

/* Each point has its shard, whatever the others count. */
static bool is_in_shard(const struct crash_choice *choice, const struct crash_point *point)
{
	bool is_call = point->when == CRASH_CALL || point->when == CRASH_AFTER_CALL;
	unsigned long place = is_call ? 2 * point->n + (point->when == CRASH_AFTER_CALL) : point->n;

	for (const char *c = point->kind; *c; c++)
		place += (unsigned char)*c;
	return place % choice->n_shards == choice->shard - 1;
}

static void take_shard(struct crash_plan *plan, const struct crash_choice *choice)
{
	size_t n = 0;

	if (choice->n_shards < 2)
		return;
	for (size_t i = 0; i < plan->n; i++)
		if (is_in_shard(choice, &plan->points[i]))
			plan->points[n++] = plan->points[i];
	plan->n = n;
}

int crash_plan_make(struct crash_plan *plan, const struct crash_choice *choice,
		    const struct crash_run *runs, size_t n_runs, struct scn_buf *why)
{
	const char *missing = nobody(choice, runs, n_runs);
	int status = 0;

	if (missing) {
		scn_buf_str(why, missing);
		return -ENOENT;
	}
	for (size_t r = 0; r < n_runs; r++)
		for (size_t i = 0; status == 0 && i < runs[r].n_programs; i++) {
			struct crash_point at = {.run = (unsigned int)r + 1,
						 .program = (unsigned int)i + 1};

			if (crash_choice_has(choice, &runs[r].programs[i]))
				status = add_program(plan, choice, at, &runs[r].programs[i]);
		}
	if (status < 0)
		return status;
	take_shard(plan, choice);
	return spread(plan);
}

void crash_plan_free(struct crash_plan *plan)
{
	free(plan->points);
	*plan = (struct crash_plan){0};
}

void crash_point_at(const struct crash_point *point, struct scn_buf *out)
{
	scn_buf_printf(out, "%s:%s%s%lu%s", kinds[point->when], point->kind,
		       *point->kind ? "#" : "", point->n,
		       point->when == CRASH_AFTER_CALL ? "+" : "");
}

void crash_point_text(const struct crash_point *point, struct scn_buf *out)
{
	if (point->run > 1)
		scn_buf_printf(out, "%u/", point->run);
	scn_buf_printf(out, "%u:", point->program);
	crash_point_at(point, out);
}

/* A number from 1, and what must stand behind it. */
static bool take_number(const char **text, const char *after, unsigned long *out)
{
	char *end;

	if (**text < '1' || **text > '9')
		return false;
	errno = 0;
	*out = strtoul(*text, &end, 10);
	if (errno || *out > 1000000000 || strncmp(end, after, strlen(after)) != 0)
		return false;
	*text = end + strlen(after);
	return true;
}

/* "mmap#" before a number. Which there are is run's to know. @return false: it is too long */
static bool take_kind(const char **text, char kind[static CRASH_KIND])
{
	size_t n = strspn(*text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");

	if (n == 0 || (*text)[n] != '#')
		return true;
	if (n >= CRASH_KIND)
		return false;
	snprintf(kind, CRASH_KIND, "%.*s", (int)n, *text);
	*text += n + 1;
	return true;
}

bool crash_point_parse(const char *text, struct crash_point *point)
{
	unsigned long run = 1, program;

	if (!take_number(&text, "/", &run))
		run = 1;
	if (!take_number(&text, ":", &program))
		return false;
	*point = (struct crash_point){.run = (unsigned int)run, .program = (unsigned int)program};
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i]);
		const char *rest = text + n + 1;

		if (i == CRASH_AFTER_CALL || strncmp(text, kinds[i], n) != 0 || text[n] != ':')
			continue;
		point->when = (enum crash_when)i;
		if (i == CRASH_CALL && !take_kind(&rest, point->kind))
			return false;
		if (!take_number(&rest, "", &point->n))
			return false;
		if (i == CRASH_CALL && !strcmp(rest, "+")) {
			point->when = CRASH_AFTER_CALL;
			return true;
		}
		return *rest == '\0';
	}
	return false;
}
