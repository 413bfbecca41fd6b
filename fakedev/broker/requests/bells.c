/* SPDX-License-Identifier: MIT */
/* Requests that come through doorbells (wire_bell.h), and how the broker waits for them: rung for, as for
 * all others, or looking at the pages of those who usually ask again at once. */
#define _GNU_SOURCE
#include "broker/ports.h"
#include "broker/reads.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* More than these are not looked at. */
#define MOST_LOOKED_AT 8u
/* Looks between two times that others may run; and of these, between two looks at the sockets. */
#define LOOKS      32
#define LOOKS_ELSE 4

struct client_bell {
	struct endpoint endpoint; /* first; the eventfd */
	struct bell bell;
	struct client *client; /* NULL: it has ended */
	struct link recent;    /* in the broker's list, once it has asked */
	bool looked_at, asks;
};

static struct client_bell *bell_at(struct link *l)
{
	return (struct client_bell *)(void *)((char *)l - offsetof(struct client_bell, recent));
}

static void noted(struct broker *b, struct client_bell *cb)
{
	if (cb->recent.next == &cb->recent)
		link_add(&b->bells.recent, &cb->recent);
}

/* Edge-triggered: the count is never read. */
static void rung(struct broker *b, struct endpoint *e, uint32_t events)
{
	struct client_bell *cb = (struct client_bell *)e;

	(void)events;
	noted(b, cb);
	bells_serve_client(cb->client);
}

static void bell_destroy(struct endpoint *e)
{
	free(e);
}

static int make(struct client *c, int fds[2])
{
	struct client_bell *cb = calloc(1, sizeof(*cb));
	int err;

	if (!cb)
		return -ENOMEM;
	err = bell_make(&cb->bell, &fds[0]);
	if (err < 0) {
		free(cb);
		return err;
	}
	fds[1] = cb->bell.rings;
	cb->client = c;
	link_init(&cb->recent);
	cb->endpoint = (struct endpoint){
	    .ready = rung, .destroy = bell_destroy, .fd = cb->bell.rings, .kind = ENDPOINT_BELL};
	err = broker_add_endpoint(c->broker, &cb->endpoint, EPOLLIN | EPOLLET);
	if (err < 0) {
		bell_end(&cb->bell);
		close(fds[0]);
		close(fds[1]);
		free(cb);
		return err;
	}
	c->bell = cb;
	ports_shared(c);
	return 0;
}

struct bell *bells_of(const struct client *c)
{
	return c->bell ? &c->bell->bell : NULL;
}

int bells_give(struct client *c, const struct wire_in *in)
{
	const struct broker *b = c->broker;
	int fds[2] = {-1, -1}, err;

	if (in->msg.payload != 0)
		return -EPROTO;
	/* Where somebody decides when a call is made, or looks at who makes it, it is a message. */
	if (!c->mm || b->config.deaths || b->turns ||
	    (b->config.trace && b->config.trace->before_answer))
		err = -EOPNOTSUPP;
	else
		err = c->bell ? -EEXIST : make(c, fds);
	if (err < 0)
		return client_reply(c, in, err, NULL, 0, NULL, 0);
	err = client_reply(c, in, 0, NULL, 0, fds, 2);
	close(fds[0]);
	return err;
}

void bells_forget(struct client *c)
{
	struct client_bell *cb = c->bell;

	if (!cb)
		return;
	/* Who unmasks after this looks at it again. */
	bell_say_ended(&cb->bell);
	ports_tell_client(c);
	c->bell = NULL;
	cb->client = NULL;
	link_del(&cb->recent);
	bell_end(&cb->bell);
	broker_end_endpoint(c->broker, &cb->endpoint);
}

int bells_take(struct client *c, void *buffer, struct wire_in *in)
{
	int err = c->bell ? bell_take(&c->bell->bell, buffer, in) : -EAGAIN;

	return err == 0 && in->msg.op != WIRE_IOCTL && in->msg.op != WIRE_WRITE ? -EPROTO : err;
}

int bells_answer(struct client *c, uint16_t op, int64_t result, const void *payload, size_t len)
{
	int err;

	if (!c->bell || bell_answer(&c->bell->bell, op, result, payload, len))
		return 0;
	err = wire_send(c->endpoint.fd, op, result, payload, len, NULL, 0);
	if (err == 0)
		bell_answer_sent(&c->bell->bell);
	return err;
}

/* Who asks now? What had ended before is in the epoll set by then. */
static bool look(const struct broker *b)
{
	bool any = false;

	for (struct link *l = b->bells.recent.next; l != &b->bells.recent; l = l->next) {
		struct client_bell *cb = bell_at(l);

		cb->asks |= cb->looked_at && bell_asks(&cb->bell);
		any |= cb->asks;
	}
	return any;
}

/* How many are to be looked at; and how many of them but look for an event. */
static unsigned int asked_lately(const struct broker *b, unsigned int *waiting)
{
	unsigned int n = 0;

	*waiting = 0;
	for (struct link *l = b->bells.recent.next; l != &b->bells.recent; l = l->next) {
		*waiting += bell_waits(&bell_at(l)->bell);
		if (++n > MOST_LOOKED_AT)
			break;
	}
	return n;
}

/* Until when it is worth while; 0: it is not. */
static uint64_t look_until(struct broker *b)
{
	unsigned int waiting, n = asked_lately(b, &waiting);
	uint64_t now, until = 0;

	if (!n || n > MOST_LOOKED_AT || !patience_has_room(&b->bells.patience, waiting))
		return 0;
	now = patience_now();
	for (struct link *l = b->bells.recent.next; l != &b->bells.recent; l = l->next) {
		const struct bell *bell = &bell_at(l)->bell;
		uint64_t ns = patience_for(bell->pause_ns);

		if (ns && bell->said_ns + ns > until)
			until = bell->said_ns + ns;
	}
	return until > now ? until : 0;
}

/* Did any ask on this processor? He cannot ask while we are here. */
static bool any_is_here(const struct broker *b)
{
	int here = sched_getcpu();

	for (struct link *l = b->bells.recent.next; l != &b->bells.recent; l = l->next)
		if (!bell_is_elsewhere(&bell_at(l)->bell, here))
			return true;
	return false;
}

/* @return whether somebody asks */
static bool look_for_a_moment(const struct broker *b)
{
	int n = any_is_here(b) ? 1 : LOOKS;

	for (int i = 0; i < n; i++) {
		if (look(b))
			return true;
		if (i + 1 < n)
			wire_bell_pause();
	}
	return false;
}

static void begin_to_look(const struct broker *b)
{
	for (struct link *l = b->bells.recent.next; l != &b->bells.recent; l = l->next) {
		struct client_bell *cb = bell_at(l);

		bell_look(&cb->bell);
		cb->looked_at = true;
	}
}

/* @return whether somebody asks who has not rung */
static bool look_away(const struct broker *b)
{
	bool any = false;

	for (struct link *l = b->bells.recent.next, *next; l != &b->bells.recent; l = next) {
		struct client_bell *cb = bell_at(l);

		next = l->next;
		if (cb->looked_at) {
			bell_look_away(&cb->bell);
			cb->asks = bell_asks(&cb->bell);
			cb->looked_at = false;
		}
		any |= cb->asks;
		if (!cb->asks)
			link_del(l);
	}
	return any;
}

int bells_wait(struct broker *b, struct epoll_event *events, int most, int ms)
{
	uint64_t until, before, now;

	if (look(b))
		return epoll_wait(b->epoll, events, most, 0);
	until = ms != 0 ? look_until(b) : 0;
	if (until)
		begin_to_look(b);
	for (unsigned int turn = 1; until; turn++) {
		int n = 0;

		if (look_for_a_moment(b))
			return epoll_wait(b->epoll, events, most, 0);
		/* A look at all else takes longer. */
		if (turn % LOOKS_ELSE == 0)
			n = epoll_wait(b->epoll, events, most, 0);
		if (n != 0)
			return n;
		/* Somebody may wait for this very processor. */
		before = patience_now();
		sched_yield();
		now = patience_now();
		if (patience_gave_way(&b->bells.patience, before, now) || now >= until)
			break;
	}
	if (ms != 0 && look_away(b))
		ms = 0;
	return epoll_wait(b->epoll, events, most, ms);
}

int bells_serve(struct broker *b)
{
	int n = 0;

	for (;;) {
		struct link *l = b->bells.recent.next;

		while (l != &b->bells.recent && !bell_at(l)->asks)
			l = l->next;
		if (l == &b->bells.recent)
			return n;
		bell_at(l)->asks = false;
		reads_take(b);
		bells_serve_client(bell_at(l)->client);
		n++;
	}
}
