/* SPDX-License-Identifier: MIT */
#include "stops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool records_stores(const struct run_options *o)
{
	return o->record && o->stores && strcmp(o->stores, "exact") == 0;
}

/* Who may be left by a death, and load of a ring then. */
static bool is_watched(const struct run_options *o, const struct run_program *p)
{
	bool any = false;

	for (unsigned int i = 0; i < o->n_rings; i++)
		any |= o->rings[i].has_data;
	return any && p->kill_at.at == DEATH_NEVER;
}

static bool is_followed(const struct run_options *o, const struct run_program *p)
{
	return o->count_stores || p->kill_at.at == DEATH_STORE || records_stores(o) ||
	       is_watched(o, p);
}

int run_stops_begin(const struct run_options *o, struct stops **out)
{
	struct stops_config config = {
	    .tell = records_stores(o), .look = o->points, .ask = o->scheduled};
	struct failure f;
	bool any = false;
	int err;

	for (unsigned int i = 0; i < o->n_programs; i++) {
		const struct run_program *p = &o->programs[i];

		any |= is_followed(o, p);
		if (p->kill_at.at == DEATH_STORE && i < STOPS_PROGRAMS)
			config.programs[i] =
			    (struct stops_program){.end_at = p->kill_at.n, .end = p->end};
	}
	if (!any)
		return 0;
	if (o->n_programs > STOPS_PROGRAMS)
		return complain("no more than %u programs can be stopped at their stores",
				STOPS_PROGRAMS),
		       -E2BIG;
	if (o->unassisted)
		return complain("an unassisted program, whose memory the kernel alone maps, can't "
				"be stopped at its stores"),
		       -ENOTSUP;
	err = stops_start(&config, out, &f);
	if (err < 0)
		complain("%s", f.text);
	return err;
}

/* Its descriptors stay ready. */
static void unwatch_lost(struct run_stops *w)
{
	if (!stops_are_lost(w->stops))
		return;
	while (w->n_watched)
		broker_unwatch(w->broker, w->watched[--w->n_watched]);
}

static void take_ends(void *ctx)
{
	struct run_stops *w = ctx;
	struct stops_end end;

	while (stops_take_end(w->stops, &end)) {
		if (w->deaths)
			deaths_at_store(w->broker, &w->deaths->programs[end.program], end.pid,
					end.tid, end.look);
		stops_let_end(w->stops);
	}
	unwatch_lost(w);
}

static struct parked_store **find_parked(struct run_stops *w, uint32_t tid)
{
	struct parked_store **at = &w->waiting;

	while (*at && (*at)->tid != tid)
		at = &(*at)->of_run;
	return at;
}

static void drop_parked(struct run_stops *w, struct parked_store *s)
{
	*find_parked(w, s->tid) = s->of_run;
	free(s);
}

static void let_store(void *ctx, struct parked_store *s)
{
	struct run_stops *w = ctx;

	stops_answer(w->stops, s->tid);
	drop_parked(w, s);
}

/* At once, if it can't wait. */
static void park(struct run_stops *w, const struct stops_question *q)
{
	struct parked_store *s = calloc(1, sizeof(*s));

	if (!s) {
		stops_answer(w->stops, q->tid);
		return;
	}
	*s = (struct parked_store){.of_run = w->waiting, .pid = q->pid, .tid = q->tid};
	w->waiting = s;
	if (turns_park_store(w->broker, s, let_store, w) < 0)
		let_store(w, s);
}

static void take_questions(void *ctx)
{
	struct run_stops *w = ctx;
	struct stops_question q;

	while (stops_take_question(w->stops, &q)) {
		struct parked_store *s = *find_parked(w, q.tid);

		if (!q.gone) {
			park(w, &q);
		} else if (s) {
			turns_forget_store(w->broker, s);
			drop_parked(w, s);
		}
	}
	unwatch_lost(w);
}

/* The broker closes what it watches. */
static int watch(struct run_stops *w, int fd, void (*ready)(void *), void *ctx)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), err;

	if (copy < 0)
		return -errno;
	err = broker_watch(w->broker, copy, ready, ctx);
	if (err < 0)
		close(copy);
	else
		w->watched[w->n_watched++] = copy;
	return err;
}

static void left_ring(void *ctx, unsigned int ring, uint64_t indexes, uint64_t data)
{
	struct run_stops *w = ctx;

	stops_watch_ring(w->stops, ring, &w->deaths->rings[ring], indexes, data);
}

bool run_stops_watch(struct run_stops *w, struct broker *b, struct recording *r)
{
	int err = 0;

	if (!w->stops)
		return true;
	w->broker = b;
	w->n_watched = 0;
	if (w->deaths) {
		w->deaths->left_ring = left_ring;
		w->deaths->left_ring_ctx = w;
	}
	err = watch(w, stops_ends(w->stops), take_ends, w);
	if (err == 0 && stops_questions(w->stops) >= 0)
		err = watch(w, stops_questions(w->stops), take_questions, w);
	if (err == 0 && r && stops_descriptor(w->stops) >= 0)
		err = watch(w, stops_descriptor(w->stops), recording_take_stores, r);
	if (err < 0)
		complain("cannot watch for stores: %s", strerror(-err));
	return err == 0;
}

void run_stops_unwatch(struct run_stops *w)
{
	while (w->waiting)
		drop_parked(w, w->waiting);
	if (w->deaths)
		w->deaths->left_ring = NULL;
}

int run_stops_follow(const struct run_options *o, const struct run_program *p, struct stops *s,
		     struct failure *f)
{
	return s && is_followed(o, p) ? stops_follow(s, (unsigned int)(p - o->programs), f) : 0;
}

void run_stops_counted(const struct run_options *o, const struct stops *s, unsigned int program,
		       struct deaths *d)
{
	struct death_program *p = d ? &d->programs[program] : NULL;

	if (!s || !p || !is_followed(o, &o->programs[program]))
		return;
	p->stops = true;
	p->stores = stops_count(s, program);
}

void run_stops_misread(const struct stops *s, struct deaths *d)
{
	for (unsigned int i = 0; s && d && i < d->n; i++)
		for (unsigned int k = 0; d->programs[i].reached && k < d->n_rings; k++)
			d->programs[i].rings[k].misused |= stops_ring_misread(s, k);
}

int run_stops_judge(const struct stops *s, int status)
{
	return s && stops_refused(s) ? complain("stores can't be stopped at: %s", stops_refused(s))
				     : status;
}
