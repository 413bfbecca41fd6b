/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "domain_kill.h"

#include "aside.h"
#include "domain_member.h"
#include "process-status.h"
#include "program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long a look may wait: the first that is late, each of the others, which have been waiting too. */
#define PATIENCE_MS      5000u
#define PATIENCE_MORE_MS 500u
#define MOST_LATE        64u
#define MOST_ROUNDS      8

static void say(struct survivors *s, const char *what, const char *why)
{
	int n = snprintf(s->text + s->len, sizeof(s->text) - s->len, "%s: %s\n", what, why);

	if (n > 0 && (size_t)n < sizeof(s->text) - s->len)
		s->len += (uint32_t)n;
}

static void note(struct survivors *s, uint32_t pid, const char *what, const char *why)
{
	struct program program;
	char who[PROGRAM_TEXT], text[PROGRAM_TEXT + 32];

	program_look(&program, pid);
	snprintf(text, sizeof(text), "%s %s", program_text(&program, who), what);
	say(s, text, why);
}

void domain_kill_process(struct survivors *s, uint32_t pid)
{
	if (pid > 1 && pid != (uint32_t)getpid() && kill((pid_t)pid, SIGKILL) < 0 && errno != ESRCH)
		note(s, pid, "lives on", strerror(errno));
}

struct pids {
	uint32_t *all;
	size_t n, room;
};

struct domain_kill {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int users; /* the threads, who started it */
	struct survivors survivors;
	struct domain_place place; /* what is looked for */
	uint32_t asker;
	int done; /* closed when it is */
	/* All processes, at this round's beginning and at the one's before, by number; who is new. */
	struct pids before, now, fresh;
	/* Who looks at these, one after the other, and at which. Another takes its place when it is late. */
	const struct looker *looker;
	size_t at;
	unsigned int killed, n_late;
};

struct looker {
	struct domain_kill *k;
	uint32_t thread; /* 0: it has not begun */
};

static void let_go(struct domain_kill *k)
{
	unsigned int left;

	pthread_mutex_lock(&k->lock);
	left = --k->users;
	pthread_mutex_unlock(&k->lock);
	if (left)
		return;
	pthread_cond_destroy(&k->changed);
	pthread_mutex_destroy(&k->lock);
	free(k->before.all);
	free(k->now.all);
	free(k->fresh.all);
	free(k);
}

/* Looks at each; ends when another has taken over meanwhile. */
static void *look_on(void *ctx)
{
	struct looker *l = ctx;
	struct domain_kill *k = l->k;
	char *room = malloc(DOMAIN_MEMBER_ROOM);

	pthread_mutex_lock(&k->lock);
	l->thread = (uint32_t)gettid();
	while (k->looker == l && k->at < k->fresh.n) {
		uint32_t pid = k->fresh.all[k->at];
		int got;

		pthread_mutex_unlock(&k->lock);
		got = room ? domain_member_kill(&k->place, pid, room) : -ENOMEM;
		pthread_mutex_lock(&k->lock);
		k->killed += got > 0;
		if (k->looker != l)
			break;
		if (got < 0)
			note(&k->survivors, pid, "lives on", strerror(-got));
		k->at++;
	}
	if (k->looker == l)
		k->looker = NULL;
	pthread_cond_signal(&k->changed);
	pthread_mutex_unlock(&k->lock);
	free(room);
	free(l);
	let_go(k);
	return NULL;
}

/* With the lock. */
static int start_looker(struct domain_kill *k)
{
	struct looker *l = calloc(1, sizeof(*l));
	int err = -ENOMEM;

	if (l) {
		l->k = k;
		k->looker = l;
		k->users++;
		err = aside_start(look_on, l);
	}
	if (l && err < 0) {
		k->looker = NULL;
		k->users--;
		free(l);
	}
	return err;
}

/* Who only waits for a processor is not late. */
static bool waits(const struct looker *l)
{
	struct process_status s;

	return l->thread && process_status((uint32_t)getpid(), l->thread, &s) && s.state != 'R';
}

/* Waits for the looker's end, or until it is late with one; with the lock. */
static void await(struct domain_kill *k)
{
	const struct looker *l = k->looker;

	while (k->looker == l) {
		struct timespec until = aside_until(k->n_late ? PATIENCE_MORE_MS : PATIENCE_MS);
		size_t at = k->at;
		int err = 0;

		while (k->looker == l && err == 0)
			err = pthread_cond_timedwait(&k->changed, &k->lock, &until);
		if (k->looker == l && k->at == at && waits(l)) {
			k->looker = NULL;
			k->n_late++;
			note(&k->survivors, k->fresh.all[k->at++], "may live on",
			     "it cannot be looked at");
		}
	}
}

static bool add(struct pids *p, uint32_t pid)
{
	if (p->n == p->room) {
		size_t room = p->room ? 2 * p->room : 256;
		uint32_t *all = reallocarray(p->all, room, sizeof(*all));

		if (!all)
			return false;
		p->all = all;
		p->room = room;
	}
	p->all[p->n++] = pid;
	return true;
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool is_in(const struct pids *p, uint32_t pid)
{
	return p->n && bsearch(&pid, p->all, p->n, sizeof(pid), by_number);
}

/* Who is there now, and was not when we looked before; with the lock. */
static int list(struct domain_kill *k)
{
	struct pids last = k->before;
	DIR *proc = opendir("/proc");
	const struct dirent *d;
	int err = proc ? 0 : -errno;

	k->before = k->now;
	k->now = last;
	k->now.n = k->fresh.n = k->at = 0;
	while (err == 0 && (d = readdir(proc))) {
		uint32_t pid = (uint32_t)strtoul(d->d_name, NULL, 10);

		if (pid > 1 && pid != k->asker && pid != (uint32_t)getpid() &&
		    (!add(&k->now, pid) || (!is_in(&k->before, pid) && !add(&k->fresh, pid))))
			err = -ENOMEM;
	}
	if (proc)
		closedir(proc);
	if (k->now.n)
		qsort(k->now.all, k->now.n, sizeof(*k->now.all), by_number);
	return err;
}

/* @return whether any was killed: it may have started another, of a number that we had passed */
static bool look_at_all(struct domain_kill *k)
{
	int err = list(k);

	k->killed = 0;
	while (err == 0 && k->at < k->fresh.n && k->n_late < MOST_LATE) {
		err = start_looker(k);
		if (err == 0)
			await(k);
	}
	if (err < 0)
		say(&k->survivors, "who uses no device may live on", strerror(-err));
	return k->killed > 0;
}

static void *kill_all(void *ctx)
{
	struct domain_kill *k = ctx;

	pthread_mutex_lock(&k->lock);
	for (int i = 0; i < MOST_ROUNDS && look_at_all(k); i++)
		;
	pthread_mutex_unlock(&k->lock);
	close(k->done);
	let_go(k);
	return NULL;
}

int domain_kill_start(const char *socket, uint32_t domid, uint32_t asker, struct domain_kill **out,
		      int *fd)
{
	struct domain_kill *k = calloc(1, sizeof(*k));
	int ends[2], err;

	if (!k)
		return -ENOMEM;
	*k = (struct domain_kill){.users = 2, .place.domid = domid, .asker = asker};
	if (!realpath(socket, k->place.socket))
		snprintf(k->place.socket, sizeof(k->place.socket), "%s", socket);
	if (pipe2(ends, O_CLOEXEC) < 0) {
		err = -errno;
		free(k);
		return err;
	}
	k->done = ends[1];
	pthread_mutex_init(&k->lock, NULL);
	aside_condition(&k->changed);
	err = aside_start(kill_all, k);
	if (err < 0) {
		close(ends[0]);
		close(ends[1]);
		k->users = 1;
		let_go(k);
		return err;
	}
	*fd = ends[0];
	*out = k;
	return 0;
}

void domain_kill_end(struct domain_kill *k, struct survivors *s)
{
	size_t n;

	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	n = k->survivors.len;
	if (s && n < sizeof(s->text) - s->len) {
		memcpy(s->text + s->len, k->survivors.text, n + 1);
		s->len += (uint32_t)n;
	}
	pthread_mutex_unlock(&k->lock);
	let_go(k);
}
