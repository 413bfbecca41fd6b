/* SPDX-License-Identifier: MIT */
/* Lines of JSON to what a run was. */
#define _GNU_SOURCE
#include "crash/points.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_object *member(json_object *o, const char *name)
{
	json_object *found = NULL;

	json_object_object_get_ex(o, name, &found);
	return found;
}

static const char *text_of(json_object *o, const char *name)
{
	json_object *found = member(o, name);

	return found ? json_object_get_string(found) : "";
}

static long number_of(json_object *o, const char *name, long absent)
{
	json_object *found = member(o, name);

	return found ? (long)json_object_get_int64(found) : absent;
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Of the program's own frames and those of its libraries: main's callers tell nothing. */
static void tell_frames(struct scn_buf *out, json_object *frames)
{
	size_t n = frames ? json_object_array_length(frames) : 0;

	for (size_t i = 0; i < n; i++) {
		json_object *f = json_object_array_get_idx(frames, i);
		const char *function = text_of(f, "function"), *source = text_of(f, "source");

		/* main may be part of what it calls. */
		if (!strncmp(function, "__libc_start", 12))
			break;
		scn_buf_str(out, i ? " < " : "");
		scn_buf_str(out, *function ? function : "?");
		if (*source)
			scn_buf_printf(out, " (%s:%ld)", base(source), number_of(f, "line", 0));
		else
			scn_buf_printf(out, " (%s+%s)", base(text_of(f, "object")),
				       text_of(f, "offset"));
		if (!strcmp(function, "main"))
			break;
	}
}

static int add_kinds(struct crash_program *p, json_object *kinds, json_object *order)
{
	size_t n = kinds ? json_object_array_length(kinds) : 0,
	       n_order = order ? json_object_array_length(order) : 0;

	p->kinds = calloc(n + 1, sizeof(*p->kinds));
	p->order = calloc(n_order + 1, sizeof(*p->order));
	if (!p->kinds || !p->order)
		return -ENOMEM;
	for (; p->n_kinds < n; p->n_kinds++)
		snprintf(p->kinds[p->n_kinds], CRASH_KIND, "%s",
			 text_of(json_object_array_get_idx(kinds, p->n_kinds), "call"));
	for (; p->n_order < n_order; p->n_order++) {
		int kind = json_object_get_int(json_object_array_get_idx(order, p->n_order));

		if (kind < 0 || (size_t)kind >= n)
			break;
		p->order[p->n_order] = (unsigned int)kind;
	}
	return 0;
}

static char *taken(struct scn_buf *text)
{
	char *out = text->failed ? NULL : strdup(scn_buf_text(text));

	scn_buf_free(text);
	*text = (struct scn_buf){0};
	return out;
}

/* Texts of an array with commas between. */
static char *joined(json_object *all)
{
	size_t n = all ? json_object_array_length(all) : 0;
	struct scn_buf text = {0};

	for (size_t i = 0; i < n; i++)
		scn_buf_printf(&text, "%s%s", i ? "," : "",
			       json_object_get_string(json_object_array_get_idx(all, i)));
	return taken(&text);
}

/* As crash_run.harm has them. */
static char *lines(json_object *all)
{
	size_t n = all ? json_object_array_length(all) : 0;
	struct scn_buf text = {0};

	scn_buf_str(&text, "\n");
	for (size_t i = 0; i < n; i++)
		scn_buf_printf(&text, "%s\n",
			       json_object_get_string(json_object_array_get_idx(all, i)));
	return taken(&text);
}

static int add_program(struct crash_run *run, json_object *line)
{
	struct crash_program *all, *p;

	all = reallocarray(run->programs, run->n_programs + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	run->programs = all;
	p = &all[run->n_programs++];
	*p = (struct crash_program){.name = strdup(text_of(line, "program")),
				    .domain = (unsigned int)number_of(line, "domain", 0),
				    .calls = number_of(line, "calls", 0),
				    .waits = number_of(line, "waits", 0),
				    .stores = number_of(line, "stores", -1),
				    .status = (int)number_of(line, "status", -1),
				    .signal = (int)number_of(line, "signal", 0),
				    .leaks = number_of(line, "leaks", 0)};
	p->armed = joined(member(line, "armed"));
	return p->name && p->armed ? add_kinds(p, member(line, "kinds"), member(line, "order"))
				   : -ENOMEM;
}

static int add_death(struct crash_run *run, json_object *line)
{
	struct scn_buf site = {0};

	if (run->died)
		return 0;
	run->died = true;
	run->dead = (unsigned int)number_of(line, "index", 0);
	run->dead_pid = number_of(line, "pid", 0);
	run->number = (unsigned long)number_of(line, "number", 0);
	run->call = strdup(text_of(line, "call"));
	tell_frames(&site, member(line, "backtrace"));
	run->site = taken(&site);
	run->left_set = joined(member(line, "left_set"));
	run->misused = joined(member(line, "misused"));
	return run->call && run->site && run->left_set && run->misused ? 0 : -ENOMEM;
}

static int add_hang(struct crash_run *run, json_object *line)
{
	json_object *waiting = member(line, "waiting");
	size_t n = waiting ? json_object_array_length(waiting) : 0;
	struct scn_buf text = {0};

	run->hung = true;
	for (size_t i = 0; i < n; i++) {
		json_object *one = json_object_array_get_idx(waiting, i);
		unsigned int index = (unsigned int)number_of(one, "index", 0);
		struct scn_buf frames = {0};

		if (!run->waits)
			run->waits = index;
		scn_buf_printf(&text, "%sprogram %u waits in %s", i ? "; " : "", index,
			       text_of(one, "in"));
		tell_frames(&frames, member(one, "backtrace"));
		if (frames.len)
			scn_buf_printf(&text, ", %s", scn_buf_text(&frames));
		scn_buf_free(&frames);
	}
	free(run->waiting);
	run->waiting = taken(&text);
	return run->waiting ? 0 : -ENOMEM;
}

static int add_line(struct crash_run *run, json_object *line)
{
	const char *kind = text_of(line, "kind");

	if (!strcmp(kind, "program"))
		return add_program(run, line);
	if (!strcmp(kind, "death"))
		return add_death(run, line);
	if (!strcmp(kind, "hang"))
		return add_hang(run, line);
	if (!strcmp(kind, "schedule")) {
		run->steps = (unsigned long)number_of(line, "steps", 0);
		run->processes = (unsigned long)number_of(line, "processes", 0);
	}
	if (!strcmp(kind, "machine")) {
		run->judged = true;
		run->hazards = number_of(line, "hazards", 0);
		free(run->left);
		run->left = strdup(text_of(line, "left"));
		free(run->harm);
		run->harm = lines(member(line, "harm"));
		if (!run->left || !run->harm)
			return -ENOMEM;
	}
	return 0;
}

int crash_run_read(const char *path, struct crash_run *run, struct scn_buf *why)
{
	FILE *in = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	int status = 0;

	*run = (struct crash_run){0};
	if (!in)
		return -errno;
	for (unsigned int at = 1; status == 0 && getline(&line, &room, in) >= 0; at++) {
		json_object *o = json_tokener_parse(line);

		if (o) {
			status = add_line(run, o);
		} else {
			scn_buf_printf(why, "%s:%u: no JSON", path, at);
			status = -EBADMSG;
		}
		json_object_put(o);
	}
	free(line);
	fclose(in);
	return status;
}

void crash_run_free(struct crash_run *run)
{
	for (size_t i = 0; i < run->n_programs; i++) {
		free(run->programs[i].name);
		free(run->programs[i].armed);
		free(run->programs[i].kinds);
		free(run->programs[i].order);
	}
	free(run->programs);
	free(run->call);
	free(run->site);
	free(run->left_set);
	free(run->misused);
	free(run->waiting);
	free(run->left);
	free(run->harm);
	*run = (struct crash_run){0};
}

const char *crash_run_name(const struct crash_run *run, unsigned int program)
{
	return program >= 1 && program <= run->n_programs ? run->programs[program - 1].name : "?";
}
