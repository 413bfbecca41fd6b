/* SPDX-License-Identifier: MIT */
/* A report as JSON, written and read: shards are put together by it. */
#define _GNU_SOURCE
#include "crash/report.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#define TYPE "gntsim-crash"

static void set_text(json_object *o, const char *name, const char *text)
{
	json_object_object_add(o, name, json_object_new_string(text));
}

static void set_number(json_object *o, const char *name, int64_t n)
{
	json_object_object_add(o, name, json_object_new_int64(n));
}

static void set_bool(json_object *o, const char *name, bool value)
{
	json_object_object_add(o, name, json_object_new_boolean(value));
}

static json_object *of_schedules(const struct crash_result *r)
{
	json_object *all = json_object_new_array();

	for (unsigned int i = 0; i < r->n_schedules; i++) {
		scn_cleanup_buf struct scn_buf text = {0};

		crash_schedule_text(&r->schedules[i], &text);
		json_object_array_add(all, json_object_new_string(scn_buf_text(&text)));
	}
	return all;
}

static void set_text_or_null(json_object *o, const char *name, const char *text)
{
	json_object_object_add(o, name, text ? json_object_new_string(text) : NULL);
}

static json_object *of_scenario(const struct crash_scenario *s)
{
	json_object *o = json_object_new_object();

	set_text_or_null(o, "path", s->path);
	if (!s->path) {
		set_text(o, "lacking", s->lacking);
		return o;
	}
	set_number(o, "statements", s->statements);
	set_number(o, "recorded", s->recorded);
	set_bool(o, "ended", s->ended);
	set_text_or_null(o, "xen", s->xen);
	if (!s->xen)
		set_text(o, "xen_lacks", s->xen_lacks);
	return o;
}

static json_object *of_result(const struct crash_result *r)
{
	json_object *o = json_object_new_object();
	scn_cleanup_buf struct scn_buf point = {0};

	crash_point_text(&r->point, &point);
	set_text(o, "point", scn_buf_text(&point));
	if (r->point.place)
		set_number(o, "place", (int64_t)r->point.place);
	set_text(o, "program", r->program);
	set_number(o, "domain", r->domain);
	set_text(o, "outcome", crash_outcome_name(r->outcome));
	set_bool(o, "failed", crash_outcome_fails(r->outcome));
	set_text(o, "call", r->call);
	set_text(o, "site", r->site);
	set_text(o, "detail", r->detail);
	if (r->n_schedules)
		json_object_object_add(o, "schedules", of_schedules(r));
	if (r->scenario.path || r->scenario.lacking)
		json_object_object_add(o, "scenario", of_scenario(&r->scenario));
	set_number(o, "ms", r->ms);
	return o;
}

void crash_report_json(struct scn_buf *out, const struct crash_findings *f, const char *command)
{
	json_object *o = json_object_new_object(), *points = json_object_new_array();

	set_text(o, "type", TYPE);
	set_number(o, "version", 1);
	set_text(o, "command", command);
	set_number(o, "shard", f->shard);
	set_number(o, "shards", f->n_shards);
	set_number(o, "planned", (int64_t)f->planned);
	set_number(o, "tried", (int64_t)f->n);
	set_number(o, "runs", (int64_t)f->runs);
	set_number(o, "runs_planned", (int64_t)f->runs_planned);
	set_number(o, "passed", (int64_t)crash_count(f, CRASH_PASSED));
	set_number(o, "failed", (int64_t)crash_count_failed(f));
	set_bool(o, "out_of_time", f->out_of_time);
	set_bool(o, "unsteady", f->unsteady);
	set_number(o, "shifted", (int64_t)f->shifted);
	set_number(o, "ms", f->ms);
	for (size_t i = 0; i < f->n; i++)
		json_object_array_add(points, of_result(&f->results[i]));
	json_object_object_add(o, "points", points);
	scn_buf_str(out, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
							       JSON_C_TO_STRING_NOSLASHESCAPE));
	scn_buf_str(out, "\n");
	json_object_put(o);
}

static json_object *member(json_object *o, const char *name)
{
	json_object *found = NULL;

	json_object_object_get_ex(o, name, &found);
	return found;
}

static char *text_of(json_object *o, const char *name)
{
	json_object *found = member(o, name);

	return strdup(found ? json_object_get_string(found) : "");
}

/* NULL: it is not there. */
static char *text_if(json_object *o, const char *name)
{
	json_object *found = member(o, name);

	return found ? strdup(json_object_get_string(found)) : NULL;
}

static void take_scenario(struct crash_scenario *s, json_object *o)
{
	if (!o)
		return;
	s->path = text_if(o, "path");
	s->lacking = s->path ? NULL : text_of(o, "lacking");
	s->statements = (unsigned int)json_object_get_int64(member(o, "statements"));
	s->recorded = (unsigned int)json_object_get_int64(member(o, "recorded"));
	s->ended = json_object_get_boolean(member(o, "ended"));
	s->xen = text_if(o, "xen");
	s->xen_lacks = s->path && !s->xen ? text_of(o, "xen_lacks") : NULL;
}

static bool take_schedules(struct crash_result *r, json_object *all)
{
	size_t n = all ? json_object_array_length(all) : 0;

	for (size_t i = 0; i < n && i < CRASH_SCHEDULES_TOLD; i++)
		if (!crash_schedule_parse(json_object_get_string(json_object_array_get_idx(all, i)),
					  &r->schedules[r->n_schedules++]))
			return false;
	return true;
}

static int add_result(struct crash_findings *f, json_object *o)
{
	struct crash_result *all = reallocarray(f->results, f->n + 1, sizeof(*all)), *r;
	char *point = text_of(o, "point"), *outcome = text_of(o, "outcome");
	int status = all && point && outcome ? 0 : -ENOMEM;

	if (all)
		f->results = all;
	if (status == 0) {
		r = &all[f->n];
		*r = (struct crash_result){
		    .program = text_of(o, "program"),
		    .call = text_of(o, "call"),
		    .site = text_of(o, "site"),
		    .detail = text_of(o, "detail"),
		    .domain = (unsigned int)json_object_get_int64(member(o, "domain")),
		    .ms = json_object_get_int64(member(o, "ms")),
		    .outcome = crash_outcome_of(outcome)};
		f->n++;
		if (!r->program || !r->call || !r->site || !r->detail)
			status = -ENOMEM;
		else if (r->outcome == CRASH_OUTCOMES || !crash_point_parse(point, &r->point))
			status = -EBADMSG;
		if (status == 0 && !take_schedules(r, member(o, "schedules")))
			status = -EBADMSG;
		r->point.place = (unsigned long)json_object_get_int64(member(o, "place"));
		take_scenario(&r->scenario, member(o, "scenario"));
	}
	free(point);
	free(outcome);
	return status;
}

/* That it goes with those that are there. */
static int check_report(const struct crash_findings *f, json_object *o, const char *its,
			const char *command, struct scn_buf *why)
{
	unsigned int shard = (unsigned int)json_object_get_int64(member(o, "shard")),
		     n = (unsigned int)json_object_get_int64(member(o, "shards"));

	if (command && strcmp(its, command))
		scn_buf_printf(why, "is of another command: %s", its);
	else if (!shard || shard > n || n > CRASH_SHARDS_MAX)
		scn_buf_str(why, "is no shard's");
	else if (f->n_shards && n != f->n_shards)
		scn_buf_printf(why, "is of %u shards, others are of %u", n, f->n_shards);
	else if (f->merged && f->merged[shard - 1])
		scn_buf_printf(why, "is of a shard that is there already, %u/%u", shard, n);
	else
		return 0;
	return -EBADMSG;
}

static int mark(struct crash_findings *f, json_object *o)
{
	if (!f->merged) {
		f->n_shards = (unsigned int)json_object_get_int64(member(o, "shards"));
		f->merged = calloc(f->n_shards, sizeof(*f->merged));
	}
	if (!f->merged)
		return -ENOMEM;
	f->merged[json_object_get_int64(member(o, "shard")) - 1] = true;
	return 0;
}

static int add_report(struct crash_findings *f, json_object *o, char **command, struct scn_buf *why)
{
	json_object *points = member(o, "points");
	char *its = text_of(o, "command");
	int status = its ? check_report(f, o, its, *command, why) : -ENOMEM;

	if (status == 0)
		status = mark(f, o);
	if (status == 0 && !*command) {
		*command = its;
		its = NULL;
	}
	free(its);
	for (size_t i = 0; status == 0 && i < json_object_array_length(points); i++)
		status = add_result(f, json_object_array_get_idx(points, i));
	f->planned += (size_t)json_object_get_int64(member(o, "planned"));
	f->runs += (size_t)json_object_get_int64(member(o, "runs"));
	f->runs_planned += (size_t)json_object_get_int64(member(o, "runs_planned"));
	f->ms += json_object_get_int64(member(o, "ms"));
	f->out_of_time |= json_object_get_boolean(member(o, "out_of_time"));
	f->unsteady |= json_object_get_boolean(member(o, "unsteady"));
	f->shifted += (size_t)json_object_get_int64(member(o, "shifted"));
	return status;
}

int crash_report_read(const char *path, struct crash_findings *f, char **command,
		      struct scn_buf *why)
{
	json_object *o = json_object_from_file(path), *type = o ? member(o, "type") : NULL;
	int status = -EBADMSG;

	if (!o) {
		scn_buf_str(why, "can't be read, or is no JSON");
	} else if (!type || strcmp(json_object_get_string(type), TYPE) ||
		   !json_object_is_type(member(o, "points"), json_type_array)) {
		scn_buf_str(why, "is no report of gntsim crash");
	} else {
		status = add_report(f, o, command, why);
		if (status == -EBADMSG && !why->len)
			scn_buf_str(why, "has a point that is none");
	}
	json_object_put(o);
	return status;
}
