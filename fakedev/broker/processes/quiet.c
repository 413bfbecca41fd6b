/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "quiet.h"

#include "process-status.h"
#include "program.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Of processor time; or, as who yields has hardly any of it on a busy machine, in all. */
#define COMPUTES_NS   1000000000u
#define STARVES_NS    UINT64_C(10000000000)
#define DEEP_SLEEP_NS 1000000000u

enum state { GONE, RESTS, DEEP, RUNS };

/* What /proc tells of a process, or of one thread. */
struct seen {
	enum state state;
	uint32_t parent, threads;
	/* How often it has left a processor: the same number twice, at rest both times, is one rest. */
	uint64_t switches;
};

struct process {
	uint32_t pid;
	uint64_t switches;
	uint64_t since;     /* DEEP, RUNS: when it was first seen so */
	uint64_t processor; /* RUNS: its processor time then */
	enum state state;
	bool told;
};

/* Who is none of ours, and does not become it: by number, from the least. */
struct strangers {
	uint32_t *pids;
	size_t n, room;
};

struct quiet {
	struct process *all;
	size_t n, room;
	struct strangers strangers[2]; /* of the last list of processes, and of the one before */
	bool newest;
	bool stirred;
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	return clock_gettime(id, &t) < 0 ? 0
					 : (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t processor_ns(uint32_t pid)
{
	clockid_t id;

	return clock_getcpuclockid((pid_t)pid, &id) == 0 ? clock_ns(id) : 0;
}

static enum state state_of(char letter)
{
	switch (letter) {
	case 'Z':
	case 'X':
		return GONE;
	case 'R':
		return RUNS;
	case 'D':
		return DEEP;
	default:
		return RESTS;
	}
}

static bool read_status(uint32_t pid, uint32_t tid, struct seen *out)
{
	struct process_status s;

	*out = (struct seen){.state = GONE};
	if (!process_status(pid, tid, &s))
		return false;
	*out = (struct seen){state_of(s.state), s.parent, s.threads, s.switches};
	/* Without memory it is ending: its files are still to be closed, which others will notice. */
	if (out->state == RESTS && !s.has_memory)
		out->state = DEEP;
	return true;
}

/* All threads as one: it runs if one of them does. */
static void look_at_threads(uint32_t pid, struct seen *out)
{
	char path[40];
	const struct dirent *d;
	struct seen thread;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	tasks = opendir(path);
	*out = (struct seen){.state = GONE};
	while (tasks && (d = readdir(tasks))) {
		uint32_t tid = (uint32_t)strtoul(d->d_name, NULL, 10);

		if (!tid || !read_status(pid, tid, &thread))
			continue;
		out->switches += thread.switches + 1;
		if (thread.state > out->state)
			out->state = thread.state;
	}
	if (tasks)
		closedir(tasks);
}

static void look(uint32_t pid, struct seen *out)
{
	if (read_status(pid, 0, out) && out->threads > 1)
		look_at_threads(pid, out);
}

static struct process *find(struct quiet *q, uint32_t pid)
{
	for (size_t i = 0; i < q->n; i++)
		if (q->all[i].pid == pid)
			return &q->all[i];
	return NULL;
}

static bool add(struct quiet *q, uint32_t pid)
{
	if (q->n == q->room) {
		size_t room = q->room ? 2 * q->room : 16;
		struct process *all = reallocarray(q->all, room, sizeof(*all));

		if (!all)
			return false;
		q->all = all;
		q->room = room;
	}
	q->all[q->n++] = (struct process){.pid = pid, .state = RESTS};
	return true;
}

static void add_stranger(struct strangers *s, uint32_t pid)
{
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 256;
		uint32_t *pids = reallocarray(s->pids, room, sizeof(*pids));

		/* It is looked at again. */
		if (!pids)
			return;
		s->pids = pids;
		s->room = room;
	}
	s->pids[s->n++] = pid;
}

static bool is_ours(struct quiet *q, uint32_t pid, uint32_t own)
{
	struct seen seen;

	return read_status(pid, 0, &seen) && seen.state != GONE &&
	       (seen.parent == own || find(q, seen.parent));
}

/* One pass over /proc, which lists processes by their numbers. @param again everybody is looked at, else
 * who was not there before. @return whether any of ours were new */
static bool find_children(struct quiet *q, bool again)
{
	struct strangers *before = &q->strangers[q->newest], *now = &q->strangers[!q->newest];
	uint32_t own = (uint32_t)getpid();
	DIR *proc = opendir("/proc");
	const struct dirent *d;
	bool found = false;
	size_t at = 0;

	now->n = 0;
	while (proc && (d = readdir(proc))) {
		uint32_t pid = (uint32_t)strtoul(d->d_name, NULL, 10);

		if (pid == 0 || find(q, pid))
			continue;
		while (at < before->n && before->pids[at] < pid)
			at++;
		if ((again || at == before->n || before->pids[at] != pid) && is_ours(q, pid, own))
			found |= add(q, pid);
		else
			add_stranger(now, pid);
	}
	if (proc)
		closedir(proc);
	q->newest = !q->newest;
	return found;
}

/* A child may be listed before its parent. @return whether any were new */
static bool find_processes(struct quiet *q)
{
	bool found = false;

	q->stirred = false;
	while (find_children(q, found))
		found = true;
	return found;
}

static void say_computes(struct process *p)
{
	char text[PROGRAM_TEXT];
	struct program who;

	if (p->told)
		return;
	p->told = true;
	program_look(&who, p->pid);
	fprintf(
	    stderr,
	    "gntsim: --schedule: %s computes for a second or more without a device call: others "
	    "go on beside it\n",
	    program_text(&who, text));
}

/* One that does not rest may be taken as if, in time. */
static bool is_as_good_as_resting(struct process *p, enum state state, uint64_t switches)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (p->state != state || (state == DEEP && p->switches != switches)) {
		p->state = state;
		p->since = now;
		p->processor = processor_ns(p->pid);
	}
	p->switches = switches;
	if (state == DEEP)
		return now - p->since >= DEEP_SLEEP_NS;
	if (now - p->since < STARVES_NS && processor_ns(p->pid) - p->processor < COMPUTES_NS)
		return false;
	say_computes(p);
	return true;
}

/* @return whether all rest; the second time, whether they have done so ever since the first */
static bool all_rest(struct quiet *q, bool again, bool (*tells)(void *ctx, uint32_t pid), void *ctx)
{
	for (size_t i = 0; i < q->n;) {
		struct process *p = &q->all[i];
		struct seen seen;

		look(p->pid, &seen);
		if (seen.state == GONE) {
			*p = q->all[--q->n];
			continue;
		}
		if (seen.state != RESTS) {
			if (!is_as_good_as_resting(p, seen.state, seen.switches))
				return false;
		} else if (p->state != RESTS || p->switches != seen.switches) {
			p->state = RESTS;
			p->switches = seen.switches;
			/* It has run, and may have started another. */
			q->stirred |= !tells(ctx, p->pid);
			if (again)
				return false;
		}
		i++;
	}
	return true;
}

bool quiet_look(struct quiet *q, bool (*tells)(void *ctx, uint32_t pid), void *ctx)
{
	do {
		if (!all_rest(q, false, tells, ctx))
			return false;
	} while (q->stirred && find_processes(q));
	return all_rest(q, true, tells, ctx);
}

void quiet_stir(struct quiet *q)
{
	q->stirred = true;
}

struct quiet *quiet_new(void)
{
	struct quiet *q = calloc(1, sizeof(*q));

	if (q)
		q->stirred = true;
	return q;
}

void quiet_free(struct quiet *q)
{
	if (!q)
		return;
	free(q->strangers[0].pids);
	free(q->strangers[1].pids);
	free(q->all);
	free(q);
}
