/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "turns.h"

#include "broker-internal.h"
#include "broker/processes/quiet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* While somebody runs of whom we may not hear. */
#define LOOK_MS 1

/* Above all that a change point gives. */
#define UNCHANGED (UINT64_C(1) << 63)

/* A process that makes device calls. What it executes is it, too. */
struct party {
	struct link link;
	uint32_t pid;
	int part;          /* its program, -1 none */
	uint64_t priority; /* the highest goes first; 0: not drawn yet */
};

struct turns {
	struct schedule *schedule;
	const struct deaths *programs;
	uint32_t apart;
	struct link parties;
	struct link parked;          /* clients whose request waits */
	struct link held;            /* files whose events wait */
	struct parked_store *stores; /* in the order in which they came */
	void (*let)(void *ctx, struct parked_store *s);
	void *let_ctx;
	struct party *turn;
	uint64_t changes[SCHEDULE_DEPTH_MAX]; /* after which step; schedule->depth - 1 of them */
	unsigned int n_started;
	struct quiet *quiet;
};

static struct client *client_at(struct link *l)
{
	return (struct client *)(void *)((char *)l - offsetof(struct client, parked));
}

static struct device_file *file_at(struct link *l)
{
	return (struct device_file *)(void *)((char *)l - offsetof(struct device_file, held));
}

static struct party *party_at(struct link *l)
{
	return (struct party *)(void *)((char *)l - offsetof(struct party, link));
}

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014). */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* By what a process is in every run of these programs: the how manieth of which. */
static uint64_t priority_of(uint64_t seed, int part, uint32_t serial)
{
	uint64_t state = seed;

	state = draw(&state) ^ (uint64_t)(part + 1);
	state = draw(&state) ^ serial;
	return draw(&state) | UNCHANGED;
}

static struct party *find_party(const struct turns *t, uint32_t pid)
{
	for (struct link *l = t->parties.next; l != &t->parties; l = l->next)
		if (party_at(l)->pid == pid)
			return party_at(l);
	return NULL;
}

static struct party *party_of(struct turns *t, int part, uint32_t pid)
{
	struct party *p = find_party(t, pid);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->pid = pid;
	p->part = part >= 0 ? part : deaths_program_of(t->programs, pid);
	link_add(&t->parties, &p->link);
	quiet_stir(t->quiet);
	return p;
}

/* What a connection says next, without taking it off. */
struct next_request {
	uint16_t op; /* 0: nothing, or none that is well-formed */
	bool counts; /* it is something that the program can be seen to do */
	uint32_t role;
	uint32_t pid;
};

static void look_at_request(const struct client *c, struct next_request *out)
{
	struct {
		struct wire_msg msg;
		union {
			struct wire_hello hello;
			struct wire_before before;
		};
	} head = {0};
	/* No room for descriptors: they stay with the message. */
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {&head, sizeof(head)};
	struct msghdr hdr = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(c->endpoint.fd, &hdr, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *m = n > 0 ? CMSG_FIRSTHDR(&hdr) : NULL;
	struct ucred cred;

	*out = (struct next_request){.pid = c->program.pid};
	if (n < (ssize_t)sizeof(head.msg))
		return;
	out->op = head.msg.op;
	out->counts = deaths_counts(head.msg.op, &head.before);
	out->role = n == (ssize_t)sizeof(head) ? head.hello.role : WIRE_ROLE_PROCESS;
	/* Who says hello is not known by another way: a forked child has its parent's connection. */
	if (m && m->cmsg_level == SOL_SOCKET && m->cmsg_type == SCM_CREDENTIALS) {
		memcpy(&cred, CMSG_DATA(m), sizeof(cred));
		out->pid = (uint32_t)cred.pid;
	}
}

static bool is_a_commands(const struct client *c, const struct next_request *r)
{
	if (c->greeted)
		return !c->mm;
	return r->op != WIRE_HELLO || r->role == WIRE_ROLE_COMMAND || r->role == WIRE_ROLE_WATCH ||
	       r->role == WIRE_ROLE_UNREACHED;
}

static void listen_to(struct client *c, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = &c->endpoint};

	epoll_ctl(c->broker->epoll, EPOLL_CTL_MOD, c->endpoint.fd, &ev);
}

bool turns_park(struct client *c)
{
	struct turns *t = c->broker->turns;
	struct next_request r;
	struct party *p;

	if (c->parked.next != &c->parked)
		return true;
	look_at_request(c, &r);
	/* What a read() gave is told afterwards, and not answered. */
	if (r.op == 0 || r.op == WIRE_READ || r.pid == t->apart || is_a_commands(c, &r))
		return false;
	p = party_of(t, c->part, r.pid);
	if (!p)
		return false;
	c->party = p;
	if (r.op == WIRE_FORK)
		quiet_stir(t->quiet);
	/* Nobody yields where a program can't be seen to do anything. */
	if (p == t->turn && !r.counts)
		return false;
	link_add(&t->parked, &c->parked);
	listen_to(c, EPOLLRDHUP);
	return true;
}

int turns_park_store(struct broker *b, struct parked_store *s,
		     void (*let)(void *ctx, struct parked_store *s), void *ctx)
{
	struct turns *t = b->turns;
	struct parked_store **end = &t->stores;

	if (!party_of(t, -1, s->pid))
		return -ENOMEM;
	while (*end)
		end = &(*end)->next;
	*end = s;
	s->next = NULL;
	t->let = let;
	t->let_ctx = ctx;
	return 0;
}

void turns_forget_store(struct broker *b, struct parked_store *s)
{
	struct parked_store **at = &b->turns->stores;

	while (*at && *at != s)
		at = &(*at)->next;
	if (*at)
		*at = s->next;
}

/* The process among those that use a file which goes first; NULL: none has turns. */
static struct party *first_user(const struct device_file *f)
{
	struct party *first = NULL;

	for (struct link *l = f->holds.next; l != &f->holds; l = l->next) {
		const struct hold *h =
		    (struct hold *)(void *)((char *)l - offsetof(struct hold, of_file));
		struct party *p = h->closed ? NULL : h->client->party;

		if (p && (!first || p->priority > first->priority))
			first = p;
	}
	return first;
}

static bool uses(const struct party *p, const struct device_file *f)
{
	for (struct link *l = f->holds.next; l != &f->holds; l = l->next) {
		const struct hold *h =
		    (struct hold *)(void *)((char *)l - offsetof(struct hold, of_file));

		if (!h->closed && h->client->party == p)
			return true;
	}
	return false;
}

bool turns_hold(struct device_file *f)
{
	struct turns *t = f->broker->turns;

	if (!first_user(f) || (t->turn && uses(t->turn, f)))
		return false;
	if (f->held.next == &f->held)
		link_add(&t->held, &f->held);
	return true;
}

static bool is_parked(void *ctx, uint32_t pid)
{
	struct turns *t = ctx;

	for (struct link *l = t->parked.next; l != &t->parked; l = l->next)
		if (client_at(l)->party->pid == pid)
			return true;
	for (const struct parked_store *s = t->stores; s; s = s->next)
		if (s->pid == pid)
			return true;
	return false;
}

bool turns_any(const struct turns *t)
{
	return t->parked.next != &t->parked || t->held.next != &t->held || t->stores;
}

bool turns_are_due(struct turns *t)
{
	unsigned int n = 0;

	if (!turns_any(t))
		return false;
	while (n < t->programs->n && t->programs->programs[n].pid)
		n++;
	if (n != t->n_started)
		quiet_stir(t->quiet);
	t->n_started = n;
	return quiet_look(t->quiet, is_parked, t);
}

int turns_wait_ms(const struct turns *t, int timeout_ms)
{
	if (!turns_any(t) || (timeout_ms >= 0 && timeout_ms < LOOK_MS))
		return timeout_ms;
	return LOOK_MS;
}

static uint32_t count_drawn(const struct turns *t, int part)
{
	uint32_t n = 0;

	for (struct link *l = t->parties.next; l != &t->parties; l = l->next)
		n += party_at(l)->priority && party_at(l)->part == part;
	return n;
}

/* In the order in which they were started, not in that in which they came. */
static void draw_priorities(struct turns *t)
{
	struct party *least;

	do {
		least = NULL;
		for (struct link *l = t->parties.next; l != &t->parties; l = l->next) {
			struct party *p = party_at(l);

			if (!p->priority && (!least || p->pid < least->pid))
				least = p;
		}
		if (least) {
			least->priority = priority_of(t->schedule->seed, least->part,
						      count_drawn(t, least->part));
			t->schedule->processes++;
		}
	} while (least);
}

static struct party *choose(const struct turns *t)
{
	struct party *best = NULL, *p;

	for (struct link *l = t->parked.next; l != &t->parked; l = l->next) {
		p = client_at(l)->party;
		if (!best || p->priority > best->priority)
			best = p;
	}
	for (const struct parked_store *s = t->stores; s; s = s->next) {
		p = find_party(t, s->pid);
		if (p && (!best || p->priority > best->priority))
			best = p;
	}
	for (struct link *l = t->held.next; l != &t->held; l = l->next) {
		p = first_user(file_at(l));
		if (p && (!best || p->priority > best->priority))
			best = p;
	}
	return best;
}

/* @return whether there were any */
static bool deliver(struct turns *t)
{
	bool any = false;

	for (struct link *l = t->held.next, *next; l != &t->held; l = next) {
		struct device_file *f = file_at(l);

		next = l->next;
		/* Nobody may be left who waits for it. */
		if (first_user(f) && !uses(t->turn, f))
			continue;
		link_del(l);
		f->front->events(f);
		any = true;
	}
	return any;
}

static bool let_store(struct broker *b)
{
	struct turns *t = b->turns;
	struct parked_store *s = t->stores;

	while (s && s->pid != t->turn->pid)
		s = s->next;
	if (!s)
		return false;
	turns_forget_store(b, s);
	t->let(t->let_ctx, s);
	return true;
}

/* @return whether a program can be seen to have done something */
static bool serve_parked(struct broker *b)
{
	struct turns *t = b->turns;

	for (struct link *l = t->parked.next; l != &t->parked; l = l->next) {
		struct client *c = client_at(l);
		struct next_request r;

		if (c->party != t->turn)
			continue;
		link_del(l);
		listen_to(c, EPOLLIN | EPOLLRDHUP);
		look_at_request(c, &r);
		client_serve(c);
		return r.counts;
	}
	return let_store(b);
}

/* The how manieth step it was decides. */
static void change(struct turns *t, struct party *p)
{
	uint64_t step = ++t->schedule->steps;

	for (uint32_t i = 0; i + 1 < t->schedule->depth; i++)
		if (t->changes[i] == step)
			p->priority = i + 1;
}

void turns_next(struct broker *b)
{
	struct turns *t = b->turns;
	bool woken;

	draw_priorities(t);
	t->turn = choose(t);
	woken = deliver(t);
	if (t->turn && (serve_parked(b) || woken))
		change(t, t->turn);
}

int turns_begin(struct broker *b, struct schedule *s, uint32_t apart)
{
	struct turns *t = calloc(1, sizeof(*t));
	uint64_t state = ~s->seed;

	if (!t)
		return -ENOMEM;
	t->quiet = quiet_new();
	if (!t->quiet) {
		free(t);
		return -ENOMEM;
	}
	t->schedule = s;
	t->programs = b->config.deaths;
	t->apart = apart;
	link_init(&t->parties);
	link_init(&t->parked);
	link_init(&t->held);
	for (uint32_t i = 0; i + 1 < s->depth; i++)
		t->changes[i] = draw(&state) % s->expected + 1;
	b->turns = t;
	return 0;
}

void turns_end(struct turns *t)
{
	if (!t)
		return;
	while (t->parties.next != &t->parties) {
		struct party *p = party_at(t->parties.next);

		link_del(&p->link);
		free(p);
	}
	quiet_free(t->quiet);
	free(t);
}
