/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "writer.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/processes/aside.h"
#include "entry.h"

/* Bytes, of what is told and not written. */
#define MOST (256u << 20)
/* Bytes of text that are written at once. */
#define MUCH (1u << 16)
/* While calls go on the thread is woken so often: each time costs the broker some microseconds. */
#define LAG_US 10000
/* More entries in LAG_US than this, and programs are in a hurry: what the thread takes from the processors,
 * and from their caches, they would miss. What they tell waits until they pause, up to this many bytes. */
#define HURRY      64u
#define MUCH_WAITS (MOST / 4 * 3)
/* So many entries are done by who tells, when he has to: some milliseconds. */
#define HELP 512u

/*
 * The broker's thread tells; who has the turn takes, mostly the thread of our own. That one may be kept
 * from running wherever it is, for long: nothing that the broker needs is its own then, but the turn, and
 * that one it leaves at the next entry once somebody presses.
 */
struct writer {
	const struct trace_format *format;
	int fd;
	bool prompt;
	struct spool *spool;
	_Atomic int err; /* why it was given up */

	pthread_mutex_t turn;
	struct scn_buf text, seen; /* of who has the turn */
	atomic_bool pressed;

	enum { NOT_YET, RUNS, CANNOT } thread;
	sem_t wake;
	atomic_uint woken; /* a word, as it is exchanged */
	atomic_bool ending, hurry;
	uint64_t looked_us, looked_at; /* at the pace: when, and how many were given until then */
	unsigned int idle;             /* how often nothing had come, and something was left */
};

/* A trace that can't be written is given up: the program under test must not feel it. */
static void write_out(struct writer *w)
{
	const char *at = scn_buf_text(&w->text);
	size_t left = w->text.len;
	int err = atomic_load(&w->err);

	if ((w->text.failed || w->seen.failed) && !err)
		err = ENOMEM;
	while (left > 0 && !err) {
		ssize_t n = write(w->fd, at, left);

		if (n < 0 && errno != EINTR)
			err = errno;
		if (n < 0)
			continue;
		at += n;
		left -= (size_t)n;
	}
	atomic_store(&w->err, err);
	scn_buf_clear(&w->text);
}

/* What the thread gives way to. */
static bool others_first(const struct writer *w)
{
	return atomic_load(&w->pressed) || atomic_load(&w->hurry);
}

/* @return whether entries are left */
static bool take(struct writer *w, size_t most, bool give_way)
{
	struct entry e;
	bool left = entry_next(w->spool, &e);

	for (; left && most > 0 && !(give_way && others_first(w)); most--) {
		if (!atomic_load(&w->err)) {
			if (e.is_call)
				w->format->call(&w->text, &w->seen, &e.call, e.us);
			else
				w->format->saw(&w->seen, &e.saw);
		}
		spool_taken(w->spool);
		if (w->text.len > MUCH)
			write_out(w);
		left = entry_next(w->spool, &e);
	}
	if (!left)
		write_out(w);
	return left;
}

static void forget(struct writer *w)
{
	pthread_mutex_destroy(&w->turn);
	sem_destroy(&w->wake);
	scn_buf_free(&w->text);
	scn_buf_free(&w->seen);
	spool_free(w->spool);
	free(w);
}

static void *run(void *ctx)
{
	struct writer *w = ctx;
	const struct sched_param none = {0};
	bool left;

	if (!w->prompt)
		sched_setscheduler(0, SCHED_IDLE, &none);
	for (;;) {
		while (sem_wait(&w->wake) < 0)
			;
		if (atomic_load(&w->ending))
			break;
		atomic_store(&w->woken, false);
		do {
			pthread_mutex_lock(&w->turn);
			left = take(w, HELP, true);
			pthread_mutex_unlock(&w->turn);
		} while (left && !others_first(w));
	}
	forget(w);
	return NULL;
}

static void wake(struct writer *w)
{
	if (!atomic_exchange(&w->woken, true))
		sem_post(&w->wake);
}

/* The thread is our own once the machine is served: until then the command may still want to be alone,
 * as who enters a namespace must be. */
static void start(struct writer *w)
{
	if (w->thread == NOT_YET)
		w->thread = aside_start(run, w) == 0 ? RUNS : CANNOT;
}

struct writer *writer_new(const struct trace_format *format, int fd, bool prompt)
{
	struct writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->spool = spool_new(MOST);
	if (!w->spool) {
		free(w);
		return NULL;
	}
	w->format = format;
	w->fd = fd;
	w->prompt = prompt;
	pthread_mutex_init(&w->turn, NULL);
	sem_init(&w->wake, 0, 0);
	format->begin(&w->text);
	write_out(w);
	return w;
}

/* Takes @p most entries ourselves; the thread goes on afterwards. */
static bool take_here(struct writer *w, size_t most)
{
	bool left;

	atomic_store(&w->pressed, true);
	pthread_mutex_lock(&w->turn);
	left = take(w, most, false);
	pthread_mutex_unlock(&w->turn);
	atomic_store(&w->pressed, false);
	return left;
}

int writer_end(struct writer *w)
{
	int err;

	take_here(w, SIZE_MAX);
	err = atomic_load(&w->err);
	if (w->thread == RUNS) {
		/* It forgets what is ours, when it comes to it. */
		atomic_store(&w->ending, true);
		sem_post(&w->wake);
	} else {
		forget(w);
	}
	return err;
}

int writer_error(const struct writer *w)
{
	return atomic_load(&w->err);
}

/* The spool is full. @return false if that is no help: there is no memory at all */
static bool make_room(struct writer *w)
{
	bool was_empty = spool_is_empty(w->spool);

	take_here(w, HELP);
	if (was_empty)
		atomic_store(&w->err, ENOMEM);
	return !was_empty;
}

void writer_saw(struct writer *w, const struct gntsim_observation *o)
{
	while (!atomic_load(&w->err) && !entry_give_saw(w->spool, o) && make_room(w))
		;
}

void writer_call(struct writer *w, const struct trace_call *call, uint64_t us)
{
	while (!atomic_load(&w->err) && !entry_give_call(w->spool, call, us) && make_room(w))
		;
}

/* Calls come. @return whether it is time to wake the thread */
static bool look_at_pace(struct writer *w, uint64_t us)
{
	uint64_t given, spans = (us - w->looked_us) / LAG_US;

	if (spans == 0)
		return false;
	given = spool_given(w->spool);
	atomic_store(&w->hurry,
		     given - w->looked_at > HURRY * spans && spool_held(w->spool) < MUCH_WAITS);
	w->looked_us = us;
	w->looked_at = given;
	return !atomic_load(&w->hurry);
}

bool writer_flush(struct writer *w, enum trace_flush when, uint64_t us)
{
	bool time_to;

	if (when == TRACE_FLUSH_ALL)
		return take_here(w, SIZE_MAX);
	if (when == TRACE_FLUSH_BUSY)
		w->idle = 0;
	if (spool_is_empty(w->spool))
		return false;
	start(w);
	if (w->thread != RUNS)
		return take_here(w, when == TRACE_FLUSH_IDLE ? SIZE_MAX : HELP);
	time_to = look_at_pace(w, us);
	if (when == TRACE_FLUSH_IDLE || w->prompt) {
		atomic_store(&w->hurry, false);
		time_to = true;
	}
	if (time_to)
		wake(w);
	/* It does not come through: nobody waits for us now. */
	if (when == TRACE_FLUSH_IDLE && w->idle++ > 0 && pthread_mutex_trylock(&w->turn) == 0) {
		take(w, HELP, false);
		pthread_mutex_unlock(&w->turn);
	}
	return !spool_is_empty(w->spool);
}
