/* SPDX-License-Identifier: MIT */
/* The guest's side of a domain's console, which is hvc_xen's in Linux (drivers/tty/hvc/hvc_xen.c): who asks for
 * it has a stream, of which each byte goes into the shared page, and each that the backend, xenconsoled, puts
 * there comes out. Without anybody bytes stay where they are. */
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Xen's public/io/console.h. */
#define IN_SIZE  1024u
#define OUT_SIZE 2048u
struct ring {
	char in[IN_SIZE];   /* from the backend */
	char out[OUT_SIZE]; /* to it */
	uint32_t in_cons, in_prod;
	uint32_t out_cons, out_prod;
};

struct terminal {
	struct endpoint endpoint; /* first */
	struct store_domain *domain;
	bool finished;   /* nothing more comes to be said */
	uint32_t events; /* that are waited for */
};

static struct terminal *terminal_of(const struct store_domain *d)
{
	return (struct terminal *)(void *)d->terminal;
}

static struct broker *broker_of(const struct terminal *t)
{
	return t->domain->store->broker;
}

static struct ring *ring_of(const struct terminal *t)
{
	return gntsim_frame_ptr(broker_of(t)->machine, t->domain->console);
}

static uint32_t load(const uint32_t *index)
{
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static void store(uint32_t *index, uint32_t value)
{
	__atomic_store_n(index, value, __ATOMIC_SEQ_CST);
}

static void notify(const struct terminal *t)
{
	struct gntsim_domain *dom = gntsim_domain_find(broker_of(t)->machine, t->domain->domid);

	if (dom)
		gntsim_port_send(dom, t->domain->console_port);
}

/* In one piece. */
static size_t piece(uint32_t from, size_t size, size_t most)
{
	size_t end = size - from % size;

	return most < end ? most : end;
}

/* @return whether anything went through; -1: nobody is there to hear it, or the indices make no sense */
static int hear(const struct terminal *t)
{
	struct ring *r = ring_of(t);
	uint32_t cons = r->in_cons, prod = load(&r->in_prod);
	bool heard = false;

	if (prod - cons > IN_SIZE)
		return -1;
	while (cons != prod) {
		ssize_t n = send(t->endpoint.fd, r->in + cons % IN_SIZE,
				 piece(cons, IN_SIZE, prod - cons), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (n <= 0)
			break;
		cons += (uint32_t)n;
		store(&r->in_cons, cons);
		heard = true;
	}
	return heard;
}

static int say(struct terminal *t)
{
	struct ring *r = ring_of(t);
	uint32_t prod = r->out_prod, cons = load(&r->out_cons);
	bool said = false;

	if (prod - cons > OUT_SIZE)
		return -1;
	while (!t->finished && prod - cons < OUT_SIZE) {
		ssize_t n = recv(t->endpoint.fd, r->out + prod % OUT_SIZE,
				 piece(prod, OUT_SIZE, OUT_SIZE - (prod - cons)), MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		t->finished = n == 0;
		if (n <= 0)
			break;
		prod += (uint32_t)n;
		store(&r->out_prod, prod);
		said = true;
	}
	return said;
}

static void wait_for(struct terminal *t)
{
	const struct ring *r = ring_of(t);
	bool room = r->out_prod - load(&r->out_cons) < OUT_SIZE;
	uint32_t events = (!t->finished && room ? (uint32_t)EPOLLIN : 0u) |
			  (r->in_cons != load(&r->in_prod) ? (uint32_t)EPOLLOUT : 0u);
	struct epoll_event ev = {.events = events, .data.ptr = &t->endpoint};

	if (events != t->events)
		epoll_ctl(broker_of(t)->epoll, EPOLL_CTL_MOD, t->endpoint.fd, &ev);
	t->events = events;
}

static void end(struct terminal *t)
{
	t->domain->terminal = NULL;
	broker_end_endpoint(broker_of(t), &t->endpoint);
}

/* Both ways, as far as it goes. Who has said all goes when all has been heard. */
static void pump(struct terminal *t)
{
	const struct ring *r = ring_of(t);
	int heard = hear(t), said = say(t);

	if (heard > 0 || said > 0)
		notify(t);
	if (heard < 0 || said < 0 || (t->finished && r->out_prod == load(&r->out_cons)))
		end(t);
	else
		wait_for(t);
}

static void ready(struct broker *b, struct endpoint *e, uint32_t events)
{
	struct terminal *t = (struct terminal *)e;

	if (events & (EPOLLHUP | EPOLLERR))
		end(t);
	else
		pump(t);
	broker_effects(b);
}

static void destroy(struct endpoint *e)
{
	free(e);
}

void store_console_event(struct store_domain *d)
{
	if (d->terminal)
		pump(terminal_of(d));
}

void store_console_end(struct store_domain *d)
{
	if (d->terminal)
		end(terminal_of(d));
}

int store_console_open(struct broker *b, uint16_t domid, int *client_fd)
{
	struct store_domain *d = store_find(b->store, domid);
	struct terminal *t;
	int pair[2], err;

	if (!d || !d->domid)
		return -ENOENT;
	if (d->terminal)
		return -EBUSY;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		free(t);
		return -errno;
	}
	t->domain = d;
	t->events = EPOLLIN | EPOLLOUT;
	t->endpoint = (struct endpoint){
	    .ready = ready, .destroy = destroy, .fd = pair[0], .kind = ENDPOINT_OTHER};
	err = broker_add_endpoint(b, &t->endpoint, t->events);
	if (err < 0) {
		close(pair[0]);
		close(pair[1]);
		free(t);
		return err;
	}
	d->terminal = &t->endpoint;
	*client_fd = pair[1];
	return 0;
}
