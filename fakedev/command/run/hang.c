/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hang.h"

#include "backtrace.h"
#include "broker/deaths/look.h"
#include "broker/processes/catch.h"
#include "ptrace/front.h"
#include "thread-calls.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Between two looks, ms. */
#define LOOK_MS 25
/* Until a thread that is in a call to us is where it can be looked at. */
#define CATCH_MS 1000

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int run_hang_ms(const struct run_options *o)
{
	return o->hang_ms || o->virtual_time ? LOOK_MS : -1;
}

/* Of all threads, what makes two looks the same. */
struct look {
	uint64_t sum;
	bool asleep;
	unsigned int n;
};

static void mix(struct look *l, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		l->sum = (l->sum ^ p[i]) * 0x100000001b3u;
}

static void look_at_thread(void *ctx, const struct thread_call *c)
{
	struct look *all = ctx;

	mix(all, &c->pid, sizeof(c->pid));
	mix(all, &c->tid, sizeof(c->tid));
	mix(all, &c->switches, sizeof(c->switches));
	mix(all, &c->call, sizeof(c->call));
	all->asleep &= c->waits == THREAD_WAITS_FOR_EVER || c->waits == THREAD_STOPPED;
	all->n++;
}

/* A helper of the machine's may wait for a time, but not run meanwhile. */
static void look_at_spared(void *ctx, const struct thread_call *c)
{
	struct look *l = ctx;

	mix(l, &c->tid, sizeof(c->tid));
	mix(l, &c->switches, sizeof(c->switches));
	l->asleep &= c->waits != THREAD_RUNS;
}

static void look_at_process(void *ctx, pid_t pid, bool spared)
{
	thread_calls((uint32_t)pid, spared ? look_at_spared : look_at_thread, ctx);
}

/* 0: somebody does something, or may by himself. */
static uint64_t look(const struct spared *spared)
{
	struct look l = {.sum = 0xcbf29ce484222325u, .asleep = true};

	descendants_visit(spared, look_at_process, &l);
	return l.asleep && l.n ? l.sum | 1 : 0;
}

/* ---- what is told of it ---- */

struct report {
	const struct run_place *at;
	struct json_object *waiting;
};

/* It may be in a call that only the machine's answer ends. Who executes a program can't be caught, and
 * who tried would wait as long. */
static struct snapshot *snapshot(struct broker *b, const struct thread_call *c)
{
	bool caught = !c->hidden && catch_begin(c->tid) == 0;

	if (c->hidden || (!caught && !look_ask(b, c->pid, c->tid)))
		return NULL;
	for (int i = 0; i < CATCH_MS / 10; i++) {
		struct snapshot *s = caught ? NULL : look_take(b, c->tid);

		if (s)
			return s;
		if (caught && catch_await(c->tid, 0) == 0)
			return catch_look(c->pid, c->tid);
		if (broker_serve(b, 10) < 0)
			break;
	}
	return NULL;
}

static void report_thread(void *ctx, const struct thread_call *c)
{
	const struct report *r = ctx;
	int index = deaths_program_of(r->at->deaths, c->pid);
	struct json_object *o = json_object_new_object();
	struct snapshot *s = snapshot(r->at->broker, c);
	char in[THREAD_CALL_TEXT];

	thread_call_text(c, r->at->broker, in);
	fprintf(stderr, "gntsim:   %s (process %u): %s\n",
		index < 0 ? "a process" : r->at->deaths->programs[index].name, c->pid, in);
	json_object_object_add(o, "index", index < 0 ? NULL : json_object_new_int(index + 1));
	json_object_object_add(o, "pid", json_object_new_int64(c->pid));
	json_object_object_add(o, "tid", json_object_new_int64(c->tid));
	json_object_object_add(o, "in", json_object_new_string(in));
	json_object_object_add(o, "backtrace", backtrace_json(s));
	json_object_array_add(r->waiting, o);
	snapshot_free(s);
}

/* Who traces programs waits with them, and is none of them. */
static bool is_tracer(pid_t pid)
{
	char path[32], name[sizeof(PTRACE_FRONT_NAME) + 1] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f && !fgets(name, sizeof(name), f))
		name[0] = '\0';
	if (f)
		fclose(f);
	name[strcspn(name, "\n")] = '\0';
	return strcmp(name, PTRACE_FRONT_NAME) == 0;
}

static void report_process(void *ctx, pid_t pid, bool spared)
{
	if (!spared && !is_tracer(pid))
		thread_calls((uint32_t)pid, report_thread, ctx);
}

static void report(const struct run_place *at, const struct spared *spared)
{
	struct json_object *o = json_object_new_object();
	struct report r = {at, json_object_new_array()};

	json_object_object_add(o, "kind", json_object_new_string("hang"));
	descendants_visit(spared, report_process, &r);
	json_object_object_add(o, "waiting", r.waiting);
	at->deaths->hang = strdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
}

/* ---- */

/* All sleep. @return whether time can't wake them either */
static bool let_time_pass(const struct run_options *o, struct broker *b)
{
	uint64_t next = o->hang_ms ? broker_next_waking(b) : broker_next_time(b);

	if (next == UINT64_MAX)
		return true;
	if (o->virtual_time)
		broker_advance(b, next);
	return false;
}

bool run_hang_look(struct run_hang *h, const struct run_options *o, const struct run_place *at,
		   const struct spared *spared, bool idle)
{
	struct deaths *d = at->deaths;
	uint64_t seen;

	if (run_hang_ms(o) < 0)
		return false;
	if (h->since == 0 || d->progress != h->progress) {
		h->progress = d->progress;
		h->since = now_ms();
		h->last_look = 0;
	}
	if (o->hang_ms && now_ms() - h->since >= (int64_t)o->hang_ms) {
		complain("the run hangs: no device call for %llu ms",
			 (unsigned long long)o->hang_ms);
		report(at, spared);
		return true;
	}
	if (!idle || broker_owes_turn(at->broker)) {
		h->last_look = 0;
		return false;
	}
	seen = look(spared);
	if (!seen || seen != h->last_look) {
		h->last_look = seen;
		return false;
	}
	h->last_look = 0;
	if (!let_time_pass(o, at->broker) || !o->hang_ms)
		return false;
	complain("the run hangs: all that is left waits for ever");
	report(at, spared);
	return true;
}
