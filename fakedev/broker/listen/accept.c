/* SPDX-License-Identifier: MIT */
/* Who waits at a listening socket is taken in, or told that he is not. */
#define _GNU_SOURCE
#include "broker/broker-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Between tries: twice as long each time. */
#define AGAIN_NS   UINT64_C(20000000)
#define SELDOM_NS  UINT64_C(1000000000)
#define PATIENT_NS UINT64_C(3000000000)

struct acceptor {
	struct endpoint endpoint; /* first */
	void (*take)(struct broker *b, void *ctx, int fd);
	void (*refuse)(int fd);
	void *ctx;
	uint64_t failing_since; /* monotonic ns; 0: it does not fail */
	uint64_t again, pause;  /* then: when it is tried again, and how long that was to take */
	bool said;              /* that it fails */
	struct link failing;    /* in the broker's list */
};

static struct acceptor *acceptor_at(struct link *l)
{
	return (struct acceptor *)(void *)((char *)l - offsetof(struct acceptor, failing));
}

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int take_one(const struct acceptor *a)
{
	int fd;

	do {
		fd = accept4(a->endpoint.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	} while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	return fd;
}

/* Who is not even accepted would wait for ever, and the listener stay ready: tells one that there is
 * no room. @return as take_one(), but 0 */
static int refuse_one(struct broker *b, const struct acceptor *a)
{
	int fd, err;

	if (b->spare >= 0)
		close(b->spare);
	fd = take_one(a);
	err = fd < 0 ? errno : 0;
	if (fd >= 0) {
		if (a->refuse)
			a->refuse(fd);
		close(fd);
	}
	b->spare = fcntl(b->epoll, F_DUPFD_CLOEXEC, 0);
	errno = err;
	return fd < 0 ? -1 : 0;
}

static void listen_to(struct broker *b, struct acceptor *a, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = &a->endpoint};

	epoll_ctl(b->epoll, EPOLL_CTL_MOD, a->endpoint.fd, &ev);
}

/* What others may give back: a socket that is closed for it is lost for good. */
static bool may_pass(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOMEM || err == ENOBUFS;
}

static void give_up(struct broker *b, struct acceptor *a)
{
	link_del(&a->failing);
	epoll_ctl(b->epoll, EPOLL_CTL_DEL, a->endpoint.fd, NULL);
	close(a->endpoint.fd);
	a->endpoint.fd = -1;
}

static void fails(struct broker *b, struct acceptor *a, int err)
{
	uint64_t now = clock_ns();

	if (!a->failing_since) {
		a->failing_since = now;
		a->pause = AGAIN_NS / 2;
		link_add(&b->deaf, &a->failing);
		/* It stays ready. */
		listen_to(b, a, 0);
	}
	a->pause = a->pause < SELDOM_NS / 2 ? 2 * a->pause : SELDOM_NS;
	a->again = now + a->pause;
	if (now - a->failing_since < PATIENT_NS)
		return;
	if (!a->said)
		fprintf(stderr, "gntsim: cannot accept a connection: %s: %s\n", strerror(err),
			may_pass(err) ? "who connects has to wait" : "nobody else is let in");
	a->said = true;
	if (!may_pass(err))
		give_up(b, a);
}

static void works(struct broker *b, struct acceptor *a)
{
	a->failing_since = 0;
	link_del(&a->failing);
	listen_to(b, a, EPOLLIN);
	if (a->said)
		fprintf(stderr, "gntsim: connections are accepted again\n");
	a->said = false;
}

static void accept_all(struct broker *b, struct acceptor *a)
{
	for (;;) {
		int fd = take_one(a);

		if (fd >= 0)
			a->take(b, a->ctx, fd);
		else if ((errno != EMFILE && errno != ENFILE) || refuse_one(b, a) < 0)
			break;
	}
	if (errno != EAGAIN)
		fails(b, a, errno);
	else if (a->failing_since)
		works(b, a);
}

static void ready(struct broker *b, struct endpoint *e, uint32_t events)
{
	(void)events;
	accept_all(b, (struct acceptor *)e);
}

static void destroy(struct endpoint *e)
{
	struct acceptor *a = (struct acceptor *)e;

	link_del(&a->failing);
	free(a);
}

int broker_listen(struct broker *b, int fd, void (*take)(struct broker *b, void *ctx, int fd),
		  void (*refuse)(int fd), void *ctx, struct endpoint **out)
{
	struct acceptor *a = malloc(sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	*a = (struct acceptor){
	    .endpoint = {.ready = ready, .destroy = destroy, .fd = fd, .kind = ENDPOINT_OTHER},
	    .take = take,
	    .refuse = refuse,
	    .ctx = ctx};
	link_init(&a->failing);
	err = broker_add_endpoint(b, &a->endpoint, EPOLLIN);
	if (err < 0)
		free(a);
	else
		*out = &a->endpoint;
	return err;
}

void broker_listen_again(struct broker *b)
{
	for (struct link *l = b->deaf.next, *next; l != &b->deaf; l = next) {
		next = l->next;
		if (acceptor_at(l)->again <= clock_ns())
			accept_all(b, acceptor_at(l));
	}
}

int broker_listen_wait_ms(const struct broker *b, int timeout_ms)
{
	for (struct link *l = b->deaf.next; l != &b->deaf; l = l->next) {
		uint64_t at = acceptor_at(l)->again, now = clock_ns();
		int ms = at > now ? (int)((at - now) / 1000000u) + 1 : 0;

		if (timeout_ms < 0 || ms < timeout_ms)
			timeout_ms = ms;
	}
	return timeout_ms;
}
