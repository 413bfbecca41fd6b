/* SPDX-License-Identifier: MIT */
/* The pager's thread. */
#define _GNU_SOURCE
#include "fuse-memory.h"

#include <errno.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Of one session, before a caller that keeps on asking is left to wait. */
#define MOST_REQUESTS 1000
/* Of looking how often the pager has rung. */
#define MOST_FAILURES 10
/* A release for which there is no memory. */
#define RELEASE_TRIES    1000
#define RELEASE_PAUSE_NS 1000000

struct waiting {
	struct waiting *next;
	struct fuse_buf request;
};

struct pager {
	struct fuse_session *session;
	pthread_t thread;
	pthread_mutex_t taking; /* held from the kernel's request to its place in the queue */
	pthread_mutex_t lock;
	struct waiting *first, **last;
	struct guard *guard;
	struct fuse_buf request; /* taken; mem is the guard's, NULL without the thread */
	bool ended;              /* the session did */
	int ready, stop;
	int failures; /* of reading it, in a row */
};

static void ring(int fd)
{
	const uint64_t one = 1;

	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static bool for_page(const struct fuse_buf *buf)
{
	struct fuse_in_header h;

	if (buf->size < sizeof(h))
		return false;
	memcpy(&h, buf->mem, sizeof(h));
	return h.nodeid == PAGES_INO && (h.opcode == FUSE_READ || h.opcode == FUSE_WRITE);
}

static struct waiting *copy_of(const struct fuse_buf *buf)
{
	struct waiting *w = calloc(1, sizeof(*w));
	void *copy = malloc(buf->size);

	if (!w || !copy) {
		free(w);
		free(copy);
		return NULL;
	}
	memcpy(copy, buf->mem, buf->size);
	w->request = (struct fuse_buf){.size = buf->size, .mem = copy};
	return w;
}

static bool is_release(const struct fuse_buf *buf)
{
	struct fuse_in_header h;

	memcpy(&h, buf->mem, sizeof(h));
	return h.opcode == FUSE_RELEASE;
}

/* Whoever asks is told at once that there is no memory for it; a release, which can't fail, waits for some. */
static struct waiting *copy_or_refuse(const struct pager *p, const struct fuse_buf *buf)
{
	const struct timespec pause = {.tv_nsec = RELEASE_PAUSE_NS};
	struct waiting *w = copy_of(buf);

	for (int i = 0; !w && is_release(buf) && i < RELEASE_TRIES; i++) {
		nanosleep(&pause, NULL);
		w = copy_of(buf);
	}
	if (!w)
		guard_refuse(fuse_session_fd(p->session), buf->mem, -ENOMEM);
	return w;
}

static void hand_on(struct pager *p, const struct fuse_buf *buf)
{
	struct waiting *w = NULL;

	if (buf->size >= sizeof(struct fuse_in_header))
		w = copy_or_refuse(p, buf);
	if (!w)
		return;
	pthread_mutex_lock(&p->lock);
	*p->last = w;
	p->last = &w->next;
	pthread_mutex_unlock(&p->lock);
	ring(p->ready);
}

/* Where the guard finds it, if we are killed before the answer. */
static int receive(const struct pager *p, struct fuse_buf *buf)
{
	ssize_t n;

	/* ENOENT: it was interrupted on its way. */
	do
		n = read(fuse_session_fd(p->session), buf->mem, GUARD_REQUEST);
	while (n < 0 && errno == ENOENT);
	buf->size = n < 0 ? 0 : (size_t)n;
	return n < 0 ? -errno : (int)n;
}

/* One request, dealt with or in the queue: its length; 0 or less as receive() says. */
static int take(struct pager *p)
{
	int n;

	pthread_mutex_lock(&p->taking);
	n = p->request.mem ? receive(p, &p->request) : -EAGAIN;
	if (n > 0 && for_page(&p->request))
		fuse_session_process_buf(p->session, &p->request);
	else if (n > 0)
		hand_on(p, &p->request);
	pthread_mutex_unlock(&p->taking);
	return n;
}

static void set_memory(struct pager *p, void *mem)
{
	pthread_mutex_lock(&p->taking);
	p->request.mem = mem;
	pthread_mutex_unlock(&p->taking);
}

static void *run(void *ctx)
{
	struct pager *p = ctx;
	struct pollfd fds[] = {{.fd = fuse_session_fd(p->session), .events = POLLIN},
			       {.fd = p->stop, .events = POLLIN}};

	set_memory(p, guard_hold(p->guard));
	for (;;) {
		int n = fds[0].revents & POLLERR ? -ENODEV : take(p);

		if (n == -EAGAIN || n == -EINTR) {
			poll(fds, 2, -1);
			if (fds[1].revents)
				break;
		} else if (n <= 0) {
			pthread_mutex_lock(&p->lock);
			p->ended = true;
			pthread_mutex_unlock(&p->lock);
			ring(p->ready);
			break;
		}
	}
	set_memory(p, NULL);
	guard_release(p->guard);
	return NULL;
}

int pager_start(struct fuse_session *s, struct pager **out, int *fd)
{
	struct pager *p = calloc(1, sizeof(*p));
	sigset_t all, before;
	int err = 0;

	if (!p)
		return -ENOMEM;
	p->session = s;
	p->last = &p->first;
	p->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->stop = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&p->taking, NULL);
	pthread_mutex_init(&p->lock, NULL);
	/* Signals are for the broker's thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	if (p->ready < 0 || p->stop < 0)
		err = -errno;
	else
		err = guard_start(fuse_session_fd(s), &p->guard);
	if (err == 0)
		err = -pthread_create(&p->thread, NULL, run, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err < 0) {
		guard_stop(p->guard);
		if (p->ready >= 0)
			close(p->ready);
		if (p->stop >= 0)
			close(p->stop);
		free(p);
		return err;
	}
	*fd = p->ready;
	*out = p;
	return 0;
}

/* @return false: it rings on, and would for ever */
static bool hush(struct pager *p)
{
	uint64_t count;

	/* It may have been rung for requests that were taken already. */
	if (read(p->ready, &count, sizeof(count)) >= 0 || errno == EAGAIN)
		p->failures = 0;
	else if (++p->failures == MOST_FAILURES)
		fprintf(stderr, "gntsim: cannot read an eventfd: %s: the mount ends\n",
			strerror(errno));
	return p->failures < MOST_FAILURES;
}

int pager_next(struct pager *p, struct fuse_buf *buf)
{
	struct waiting *w;
	bool ended;

	pthread_mutex_lock(&p->lock);
	w = p->first;
	if (w) {
		p->first = w->next;
		if (!p->first)
			p->last = &p->first;
	} else if (!p->ended && !hush(p)) {
		p->ended = true;
	}
	ended = p->ended;
	pthread_mutex_unlock(&p->lock);
	if (!w)
		return ended ? -ENODEV : 0;
	*buf = w->request;
	free(w);
	return 1;
}

void pager_catch_up(struct pager *p)
{
	/* Not by waiting for the thread: it may not get to run for long. */
	for (int i = 0; i < MOST_REQUESTS && take(p) > 0; i++)
		;
}

void pager_stop(struct pager *p)
{
	if (!p)
		return;
	ring(p->stop);
	pthread_join(p->thread, NULL);
	guard_stop(p->guard);
	while (p->first) {
		struct waiting *w = p->first;

		p->first = w->next;
		free(w->request.mem);
		free(w);
	}
	close(p->stop);
	pthread_mutex_destroy(&p->taking);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
