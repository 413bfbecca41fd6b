/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "aside.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Enough for a file's path and lines of it; a limit of address space may be near. */
#define STACK (256u << 10)

struct errand {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done, abandoned;
	void (*fn)(void *args);
	_Alignas(max_align_t) unsigned char args[];
};

static void forget(struct errand *e)
{
	pthread_cond_destroy(&e->changed);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

static void *run(void *ctx)
{
	struct errand *e = ctx;
	bool abandoned;

	e->fn(e->args);
	pthread_mutex_lock(&e->lock);
	e->done = true;
	abandoned = e->abandoned;
	pthread_cond_signal(&e->changed);
	pthread_mutex_unlock(&e->lock);
	if (abandoned)
		forget(e);
	return NULL;
}

int aside_start(void *(*start)(void *ctx), void *ctx)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK);
	/* Signals are for the broker's thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = pthread_create(&thread, &attr, start, ctx);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}

struct timespec aside_until(unsigned int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

void aside_condition(pthread_cond_t *changed)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(changed, &attr);
	pthread_condattr_destroy(&attr);
}

bool aside(void (*fn)(void *args), void *args, size_t size, unsigned int ms)
{
	struct errand *e = calloc(1, sizeof(*e) + size);
	const struct timespec until = aside_until(ms);
	bool done;

	if (!e)
		return false;
	e->fn = fn;
	memcpy(e->args, args, size);
	pthread_mutex_init(&e->lock, NULL);
	aside_condition(&e->changed);
	if (aside_start(run, e) < 0) {
		forget(e);
		return false;
	}
	pthread_mutex_lock(&e->lock);
	while (!e->done && pthread_cond_timedwait(&e->changed, &e->lock, &until) == 0)
		;
	done = e->done;
	e->abandoned = !done;
	if (done)
		memcpy(args, e->args, size);
	pthread_mutex_unlock(&e->lock);
	if (done)
		forget(e);
	return done;
}
