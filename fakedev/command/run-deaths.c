/* SPDX-License-Identifier: MIT */
#include "run-deaths.h"

#include "lang/options.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

bool run_deaths_parse_point(const char *text, struct death_point *out)
{
	static const char call[] = "call:", store[] = "store:";
	bool of_store = strncmp(text, store, sizeof(store) - 1) == 0;
	bool of_call = strncmp(text, call, sizeof(call) - 1) == 0;
	const char *number = text + (of_store ? sizeof(store) : sizeof(call)) - 1;
	char *end = NULL;
	unsigned long long n = 0;

	if ((of_store || of_call) && number[0] >= '0' && number[0] <= '9') {
		errno = 0;
		n = strtoull(number, &end, 10);
	}
	if (!end || errno || n == 0 || (*end && (of_store || strcmp(end, "+")))) {
		scn_usage_error(
		    "run",
		    "--kill-at: expected call:N, call:N+ or store:N, with N from 1, found '%s'",
		    text);
		return false;
	}
	*out = (struct death_point){.at = of_store ? DEATH_STORE
					  : *end   ? DEATH_CALL_DONE
						   : DEATH_CALL,
				    .n = n};
	return true;
}

bool run_deaths_begin(const struct run_options *o, struct deaths *d)
{
	*d = (struct deaths){0};
	if (!run_has_deaths(o))
		return true;
	d->programs = calloc(o->n_programs, sizeof(*d->programs));
	if (!d->programs) {
		complain("out of memory");
		return false;
	}
	d->n = o->n_programs;
	for (unsigned int i = 0; i < d->n; i++) {
		const struct run_program *p = &o->programs[i];
		const char *slash = strrchr(p->argv[0], '/');

		d->programs[i] = (struct death_program){
		    .name = slash ? slash + 1 : p->argv[0], .domid = p->domid, .point = p->kill_at};
	}
	return true;
}

void run_deaths_end(struct deaths *d)
{
	free(d->programs);
	*d = (struct deaths){0};
}

void run_deaths_started(struct deaths *d, unsigned int program, pid_t pid)
{
	if (d && pid > 0)
		d->programs[program].pid = (uint32_t)pid;
}

void run_deaths_ended(struct deaths *d, unsigned int program, int status)
{
	if (!d)
		return;
	d->programs[program].ended = true;
	d->programs[program].status = status;
}

bool run_deaths_is_victim(const struct deaths *d, unsigned int program)
{
	return d && d->programs[program].reached;
}

int run_deaths_judge(const struct deaths *d, int status)
{
	bool missed = false;

	/* Nothing can be said of a run that was none. */
	if (status == EXIT_GNTSIM)
		return status;

	for (unsigned int i = 0; d && i < d->n; i++) {
		const struct death_program *p = &d->programs[i];
		char text[DEATH_POINT_TEXT];
		uint64_t n;

		if (p->point.at == DEATH_NEVER || p->reached)
			continue;
		n = p->point.at == DEATH_STORE ? p->stores : p->calls;
		complain("--kill-at %s was not reached: %s made %llu %s%s",
			 death_point_text(&p->point, text), p->name, (unsigned long long)n,
			 p->point.at == DEATH_STORE ? "store" : "device call", n == 1 ? "" : "s");
		missed = true;
	}
	return missed ? EXIT_NOT_REACHED : status;
}

FILE *run_points_open(const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f)
		complain("--points: cannot write %s: %s", path, strerror(errno));
	return f;
}

static void add(struct json_object *o, const char *name, struct json_object *value)
{
	json_object_object_add(o, name, value);
}

static struct json_object *number_if(bool known, int64_t n)
{
	return known ? json_object_new_int64(n) : NULL;
}

static void write_line(FILE *f, struct json_object *o)
{
	fprintf(f, "%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
}

static void write_program(FILE *f, const struct death_program *p, unsigned int index)
{
	struct json_object *o = json_object_new_object();

	add(o, "kind", json_object_new_string("program"));
	add(o, "index", json_object_new_uint64(index));
	add(o, "program", json_object_new_string(p->name));
	add(o, "domain", json_object_new_uint64(p->domid));
	add(o, "calls", json_object_new_uint64(p->calls));
	if (p->stops)
		add(o, "stores", json_object_new_uint64(p->stores));
	add(o, "status", number_if(p->ended && WIFEXITED(p->status), WEXITSTATUS(p->status)));
	add(o, "signal", number_if(p->ended && WIFSIGNALED(p->status), WTERMSIG(p->status)));
	write_line(f, o);
}

bool run_points_write(FILE *f, const char *path, const struct deaths *d)
{
	bool whole;

	for (unsigned int i = 0; i < d->n; i++)
		write_program(f, &d->programs[i], i + 1);
	whole = !ferror(f);
	whole &= fclose(f) == 0;
	if (!whole)
		complain("--points: cannot write %s: %s", path, strerror(errno));
	return whole;
}
