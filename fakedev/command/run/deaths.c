/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "deaths.h"

#include "broker/processes/catch.h"
#include "command/ring.h"
#include "command/trace/trace.h"
#include "lang/constants.h"
#include "lang/options.h"
#include "lang/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A number from @p low, up to what follows it; NULL: there is none. */
static const char *take_number(const char *text, unsigned long long low, uint64_t *out)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return NULL;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno || *out < low ? NULL : end;
}

static const char *after(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

static bool take_time(const char *text, uint64_t *out)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
	const char *unit = take_number(text, 0, out);

	for (size_t i = 0; unit && i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(unit, units[i].name) == 0)
			return !__builtin_mul_overflow(*out, units[i].ns, out);
	return false;
}

/* Behind "call:" which one is meant: "17", "mmap#2". @return what follows it; NULL: it is none */
static const char *take_call(const char *text, const char **kind, uint64_t *n)
{
	const char *mark = strchr(text, '#');

	*kind = NULL;
	if (mark && (text[0] < '0' || text[0] > '9')) {
		*kind = trace_kind_find(text, (size_t)(mark - text));
		if (!*kind)
			return NULL;
		text = mark + 1;
	}
	return take_number(text, 1, n);
}

bool run_deaths_parse_point(const char *text, struct death_point *out)
{
	const char *call = after(text, "call:"), *wait = after(text, "wait:");
	const char *store = after(text, "store:"), *time = after(text, "time:");
	struct death_point p = {0};
	const char *end;

	if (call && (end = take_call(call, &p.kind, &p.n)) && (!*end || strcmp(end, "+") == 0))
		p.at = *end ? DEATH_CALL_DONE : DEATH_CALL;
	else if (store && (end = take_number(store, 1, &p.n)) && !*end)
		p.at = DEATH_STORE;
	else if (wait && (end = take_number(wait, 1, &p.n)) && !*end)
		p.at = DEATH_WAIT;
	else if (time && take_time(time, &p.n))
		p.at = DEATH_TIME;
	*out = p;
	if (p.at == DEATH_NEVER)
		scn_usage_error(
		    "run",
		    "--kill-at: expected call:N, call:KIND#N, each also with + behind it, wait:N "
		    "or store:N, with N from 1, or time:T, as in time:20ms, found '%s'",
		    text);
	return p.at != DEATH_NEVER;
}

bool run_deaths_parse_hang(const char *text, uint64_t *ms)
{
	uint64_t ns;

	if (take_time(text, &ns) && ns >= 1000000) {
		*ms = ns / 1000000;
		return true;
	}
	scn_usage_error("run", "--hang: expected a time from 1ms, as in 10s, found '%s'", text);
	return false;
}

bool run_deaths_parse_end(const char *text, enum death_end *out)
{
	for (int i = 0; i < DEATH_ENDS; i++) {
		if (strcmp(text, death_end_name((enum death_end)i)))
			continue;
		*out = (enum death_end)i;
		return true;
	}
	scn_usage_error("run", "--end: expected kill, exit, abort, destroy or stop, found '%s'",
			text);
	return false;
}

/* "0:8:21". @return what follows it; NULL: it is none */
static const char *take_byte(const char *text, struct death_byte *out)
{
	uint64_t granter, ref, offset;

	text = take_number(text, 0, &granter);
	text = text && *text == ':' ? take_number(text + 1, 0, &ref) : NULL;
	text = text && *text == ':' ? take_number(text + 1, 0, &offset) : NULL;
	if (!text || granter > UINT16_MAX || ref > UINT32_MAX || offset > 4095)
		return NULL;
	*out = (struct death_byte){(uint16_t)granter, (uint32_t)ref, (uint32_t)offset};
	return text;
}

bool run_deaths_parse_bytes(const char *text, struct run_options *o)
{
	const char *at = text;

	for (o->n_watched = 0; at && o->n_watched < DEATH_BYTES; at++) {
		at = take_byte(at, &o->watched[o->n_watched]);
		if (!at)
			break;
		o->n_watched++;
		if (!*at)
			return true;
		if (*at != ',')
			break;
	}
	scn_usage_error("run",
			"--watch-bytes: expected DOMAIN:REFERENCE:OFFSET, at most %u of them with "
			"commas between, found '%s'",
			DEATH_BYTES, text);
	return false;
}

bool run_deaths_parse_ring(const char *text, struct run_options *o)
{
	if (o->n_rings < DEATH_RINGS && ring_parse(text, &o->rings[o->n_rings])) {
		o->n_rings++;
		return true;
	}
	scn_usage_error("run",
			"--watch-ring: expected " RING_EXPECTED ", at most %u of them, found '%s'",
			DEATH_RINGS, text);
	return false;
}

/* "=EINTR" or "=GNTST_bad_gntref". */
static bool take_error(const char *text, struct death_failure *f)
{
	int64_t status = 0;

	if (*text != '=')
		return false;
	text++;
	if (!f->of_map)
		f->err = scn_errno_find((struct scn_str){text, strlen(text)});
	else if (strncmp(text, "GNTST_", 6) == 0 &&
		 scn_constant_find((struct scn_str){text, strlen(text)}, &status))
		f->err = (int)status;
	return f->err != 0;
}

bool run_deaths_parse_failure(const char *text, struct run_program *p)
{
	const char *call = after(text, "call:"), *map = after(text, "gntst:"), *end = NULL;
	struct death_failure f = {.of_map = map != NULL}, *all;

	if (call)
		end = take_call(call, &f.kind, &f.n);
	else if (map)
		end = take_number(map, 1, &f.n);
	if (!end || !take_error(end, &f)) {
		scn_usage_error(
		    "run",
		    "--fail: expected call:N=ERRNO, call:KIND#N=ERRNO or gntst:N=GNTST_name, with "
		    "N from 1, as in call:3=EINTR, found '%s'",
		    text);
		return false;
	}
	all = reallocarray(p->failures, p->n_failures + 1, sizeof(*all));
	if (!all) {
		complain("out of memory");
		return false;
	}
	p->failures = all;
	all[p->n_failures++] = f;
	return true;
}

static char *describe(const struct trace_call *call)
{
	scn_cleanup_buf struct scn_buf text = {0};

	trace_call_text(&text, call);
	return text.failed ? NULL : strdup(scn_buf_text(&text));
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
	d->describe = describe;
	d->kind = trace_kind_name;
	d->n_watched = o->n_watched;
	memcpy(d->watched, o->watched, sizeof(d->watched));
	d->n_rings = o->n_rings;
	memcpy(d->rings, o->rings, sizeof(d->rings));
	d->snapshots = o->points;
	for (unsigned int i = 0; i < d->n; i++) {
		const struct run_program *p = &o->programs[i];
		const char *slash = strrchr(p->argv[0], '/');

		d->programs[i] = (struct death_program){.name = slash ? slash + 1 : p->argv[0],
							.domid = p->domid,
							.point = p->kill_at,
							.end = p->end,
							.failures = p->failures,
							.n_failures = p->n_failures};
	}
	return true;
}

void run_deaths_end(struct deaths *d)
{
	for (unsigned int i = 0; i < d->n; i++) {
		free(d->programs[i].call);
		free(d->programs[i].order);
		snapshot_free(d->programs[i].snapshot);
	}
	free(d->hang);
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
	return d && (d->programs[program].reached || d->programs[program].felled);
}

bool run_deaths_is_stopped(const struct deaths *d, unsigned int program)
{
	return d && d->programs[program].stopped;
}

static bool is_missed(const struct death_program *p)
{
	char text[DEATH_POINT_TEXT];
	bool missed = p->point.at != DEATH_NEVER && !p->reached;

	if (missed && p->point.at == DEATH_STORE)
		complain("--kill-at %s was not reached: %s made %llu store%s",
			 death_point_text(&p->point, text), p->name, (unsigned long long)p->stores,
			 p->stores == 1 ? "" : "s");
	else if (missed)
		complain("--kill-at %s was not reached: %s made %llu device call%s, %llu wait%s",
			 death_point_text(&p->point, text), p->name, (unsigned long long)p->calls,
			 p->calls == 1 ? "" : "s", (unsigned long long)p->waits,
			 p->waits == 1 ? "" : "s");
	for (unsigned int i = 0; i < p->n_failures; i++) {
		if (p->failures[i].reached)
			continue;
		missed = true;
		complain(
		    "--fail %s:%s%s%llu was not reached: %s made %llu device call%s, %llu map%s",
		    p->failures[i].of_map ? "gntst" : "call",
		    p->failures[i].kind ? p->failures[i].kind : "", p->failures[i].kind ? "#" : "",
		    (unsigned long long)p->failures[i].n, p->name, (unsigned long long)p->calls,
		    p->calls == 1 ? "" : "s", (unsigned long long)p->maps, p->maps == 1 ? "" : "s");
	}
	return missed;
}

int run_deaths_judge(const struct deaths *d, int status)
{
	bool missed = false;

	/* Nothing can be said of a run that was none. */
	if (status == EXIT_GNTSIM)
		return status;
	/* What was not reached then has that reason. */
	if (d->hang)
		return status;
	for (unsigned int i = 0; i < d->n; i++)
		missed |= is_missed(&d->programs[i]);
	return missed ? EXIT_NOT_REACHED : status;
}
