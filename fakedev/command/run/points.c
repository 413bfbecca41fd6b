/* SPDX-License-Identifier: MIT */
#include "points.h"

#include "backtrace.h"
#include "command/command.h"
#include "command/ring.h"
#include "late/late.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/wait.h>

FILE *run_points_open(const char *path)
{
	FILE *f;

	if (!late_has_json())
		return NULL;
	f = fopen(path, "we");
	if (!f)
		complain("--points: cannot write %s: %s", path, strerror(errno));
	return f;
}

static void add(struct json_object *o, const char *name, struct json_object *value)
{
	json_object_object_add(o, name, value);
}

static void add_text(struct json_object *o, const char *name, const char *text)
{
	add(o, name, text ? json_object_new_string(text) : NULL);
}

static void add_number(struct json_object *o, const char *name, bool known, uint64_t n)
{
	add(o, name, known ? json_object_new_uint64(n) : NULL);
}

static struct json_object *line(const char *kind)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "kind", kind);
	return o;
}

static void write_line(FILE *f, struct json_object *o)
{
	fprintf(f, "%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
}

/* Which kinds there are, and of the first calls which each is of. */
static void add_kinds(struct json_object *o, const struct death_program *p)
{
	struct json_object *kinds = json_object_new_array(), *order = json_object_new_array();

	for (unsigned int i = 0; i < p->n_kinds; i++) {
		struct json_object *kind = json_object_new_object();

		add_text(kind, "call", p->kinds[i].name);
		add_number(kind, "calls", true, p->kinds[i].calls);
		json_object_array_add(kinds, kind);
	}
	for (unsigned int i = 0; i < p->n_order; i++)
		json_object_array_add(order, json_object_new_int(p->order[i]));
	add(o, "kinds", kinds);
	add(o, "order", order);
}

static void add_byte(struct json_object *all, const struct death_byte *b)
{
	char text[40];

	snprintf(text, sizeof(text), "%u:%u:%u", b->granter, b->ref, b->offset);
	json_object_array_add(all, json_object_new_string(text));
}

static void add_ring(struct json_object *all, const struct death_ring *r)
{
	char text[RING_TEXT];

	json_object_array_add(all, json_object_new_string(ring_text(r, text)));
}

static void write_program(FILE *f, const struct death_program *p, unsigned int index,
			  const struct run_last_words *last)
{
	struct json_object *o = line("program"), *armed = json_object_new_array();

	add_number(o, "index", true, index);
	add_text(o, "program", p->name);
	add_number(o, "domain", true, p->domid);
	add_number(o, "calls", true, p->calls);
	add_number(o, "waits", true, p->waits);
	add_number(o, "maps", true, p->maps);
	add_number(o, "stores", p->stops, p->stores);
	add_number(o, "status", p->ended && WIFEXITED(p->status),
		   (unsigned int)WEXITSTATUS(p->status));
	add_number(o, "signal", p->ended && WIFSIGNALED(p->status),
		   (unsigned int)WTERMSIG(p->status));
	add_number(o, "leaks", last->known && last->leaks_known, p->leaks);
	add_kinds(o, p);
	for (unsigned int i = 0; i < p->n_armed; i++)
		add_byte(armed, &p->armed[i]);
	add(o, "armed", armed);
	write_line(f, o);
}

static void write_death(FILE *f, const struct deaths *d, unsigned int index)
{
	const struct death_program *p = &d->programs[index - 1];
	struct json_object *o = line("death"), *set = json_object_new_array(),
			   *misused = json_object_new_array();
	char point[DEATH_POINT_TEXT];

	add_number(o, "index", true, index);
	add_text(o, "point", death_point_text(&p->point, point));
	add_text(o, "end", death_end_name(p->end));
	add_text(o, "call", p->call);
	add_number(o, "pid", true, p->victim);
	add_number(o, "tid", true, p->thread);
	add_number(o, "number", p->due, p->due);
	add(o, "backtrace", backtrace_json(p->snapshot));
	for (unsigned int i = 0; i < d->n_watched; i++)
		if (p->left_set >> i & 1)
			add_byte(set, &d->watched[i]);
	add(o, "left_set", set);
	for (unsigned int i = 0; i < d->n_rings; i++)
		if (p->rings[i].misused)
			add_ring(misused, &d->rings[i]);
	add(o, "misused", misused);
	write_line(f, o);
}

static void write_machine(FILE *f, const struct run_last_words *last)
{
	struct json_object *o = line("machine");

	add_number(o, "leaks", last->leaks_known, last->leaks);
	add(o, "empty", json_object_new_boolean(!*last->left));
	add_text(o, "left", last->left);
	add_number(o, "hazards", true, last->hazards);
	add(o, "harm", json_object_get(last->harm));
	write_line(f, o);
}

static void write_schedule(FILE *f, const struct schedule *s)
{
	struct json_object *o = line("schedule");

	add_number(o, "seed", true, s->seed);
	add_number(o, "depth", true, s->depth);
	add_number(o, "steps", true, s->steps);
	add_number(o, "processes", true, s->processes);
	write_line(f, o);
}

bool run_points_write(FILE *f, const char *path, const struct deaths *d,
		      const struct run_last_words *last, const struct schedule *schedule)
{
	bool whole;

	for (unsigned int i = 0; i < d->n; i++)
		write_program(f, &d->programs[i], i + 1, last);
	for (unsigned int i = 0; i < d->n; i++)
		if (d->programs[i].reached)
			write_death(f, d, i + 1);
	if (d->hang)
		fprintf(f, "%s\n", d->hang);
	if (schedule)
		write_schedule(f, schedule);
	if (last->known)
		write_machine(f, last);
	whole = !ferror(f);
	whole &= fclose(f) == 0;
	if (!whole)
		complain("--points: cannot write %s: %s", path, strerror(errno));
	return whole;
}
