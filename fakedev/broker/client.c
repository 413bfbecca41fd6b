/* SPDX-License-Identifier: MIT */
/* Control connections: which there are, what each holds, when they end. */
#define _GNU_SOURCE
#include "foreign.h"
#include "ports.h"
#include "reads.h"
#include "store.h"
#include "trace-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int client_hold(struct client *c, struct device_file *file, uint32_t *id)
{
	struct hold *h;

	file->part = c->part;
	for (struct link *l = file->holds.next; l != &file->holds; l = l->next) {
		h = (struct hold *)(void *)((char *)l - offsetof(struct hold, of_file));
		if (h->client == c) {
			h->closed = false;
			*id = h->id;
			return 0;
		}
	}
	while (c->free_id < c->n_holds && c->holds[c->free_id])
		c->free_id++;
	if (c->free_id == c->n_holds) {
		uint32_t n = c->n_holds ? c->n_holds * 2 : 4;
		struct hold **holds = reallocarray(c->holds, n, sizeof(*holds));

		if (!holds)
			return -ENOMEM;
		memset(holds + c->n_holds, 0, (n - c->n_holds) * sizeof(*holds));
		c->holds = holds;
		c->n_holds = n;
	}
	h = malloc(sizeof(*h));
	if (!h)
		return -ENOMEM;
	*h = (struct hold){.client = c, .file = file, .id = c->free_id};
	c->holds[h->id] = h;
	link_add(&file->holds, &h->of_file);
	*id = h->id;
	if (file->overflowed)
		ports_shared(c);
	return 0;
}

struct device_file *client_file(struct client *c, uint32_t id)
{
	return id < c->n_holds && c->holds[id] ? c->holds[id]->file : NULL;
}

void client_index(struct client *c)
{
	link_del(&c->by_process);
	if (c->program.pid)
		link_add(&c->broker->processes[c->program.pid % PROCESS_BUCKETS], &c->by_process);
}

const struct client *client_of_link(const struct link *l)
{
	const struct endpoint *e =
	    (const struct endpoint *)(const void *)((const char *)l -
						    offsetof(struct endpoint, link));

	return e->kind == ENDPOINT_CLIENT && !e->dead ? (const struct client *)e : NULL;
}

struct client *client_of_process(const struct broker *b, uint32_t process)
{
	const struct link *head = &b->processes[process % PROCESS_BUCKETS];

	for (struct link *l = head->prev; l != head; l = l->prev) {
		struct client *c =
		    (struct client *)(void *)((char *)l - offsetof(struct client, by_process));

		if (c->program.pid == process)
			return c;
	}
	return NULL;
}

struct gntsim_mm *client_mm_of_process(const struct broker *b, uint32_t process)
{
	const struct client *c = client_of_process(b, process);

	return c ? c->mm : NULL;
}

static void client_destroy(struct endpoint *e)
{
	struct client *c = (struct client *)e;

	link_del(&c->by_process);
	reads_forget(c);
	leaks_unwatch(c);
	for (uint32_t i = 0; i < c->n_holds; i++) {
		if (!c->holds[i])
			continue;
		link_del(&c->holds[i]->of_file);
		free(c->holds[i]);
	}
	free(c->holds);
	free(c);
}

/* A pidfd: readable when the process has ended. */
struct process_watch {
	struct endpoint endpoint; /* first */
	struct client *client;
};

static void unwatch(struct client *c)
{
	if (!c->watch)
		return;
	c->watch->client = NULL;
	broker_end_endpoint(c->broker, &c->watch->endpoint);
	c->watch = NULL;
}

/* The address space ends. */
static void client_end(struct client *c)
{
	struct broker *b = c->broker;

	deaths_look(b);
	unwatch(c);
	/* It may execute itself: a live update. */
	if (c->is_xenstored && !c->executing)
		store_died(b);
	request_destroy_forget(c);
	link_del(&c->syncing);
	link_del(&c->by_process);
	link_del(&c->watching);
	link_del(&c->parked);
	reads_forget(c);
	bells_forget(c);
	link_del(&c->introducing);
	store_file_forget(c);
	if (c->mm) {
		b->cause =
		    (struct cause){.kind = CAUSE_END, .domid = c->domid, .program = c->program};
		leaks_of_mm(b, c);
		gntsim_mm_set_data(c->mm, NULL);
		foreign_unmap(c, 0, UINT64_MAX);
		gntsim_mm_destroy(c->mm);
		c->mm = NULL;
		broker_effects(b);
		trace_end(c);
	}
	broker_end_endpoint(b, &c->endpoint);
}

static void process_ended(struct broker *b, struct endpoint *e, uint32_t events)
{
	const struct process_watch *w = (struct process_watch *)e;

	(void)b;
	(void)events;
	if (w->client)
		client_end(w->client);
}

static void watch_destroy(struct endpoint *e)
{
	free(e);
}

void client_watch_process(struct client *c)
{
	struct process_watch *w = c->watch ? NULL : calloc(1, sizeof(*w));

	if (!w)
		return;
	w->client = c;
	w->endpoint = (struct endpoint){.ready = process_ended,
					.destroy = watch_destroy,
					.fd = (int)syscall(SYS_pidfd_open, c->program.pid, 0),
					.kind = ENDPOINT_DEVICE};
	if (w->endpoint.fd < 0 || broker_add_endpoint(c->broker, &w->endpoint, EPOLLIN) < 0) {
		if (w->endpoint.fd >= 0)
			close(w->endpoint.fd);
		free(w);
		return;
	}
	c->watch = w;
}

/* What was received with this result. */
static bool serve(struct client *c, int err, struct wire_in *in)
{
	struct broker *b = c->broker;

	if (err == -EAGAIN)
		return false;
	if (err == 0) {
		err = in->fds_lost ? client_reply(c, in, -ENFILE, NULL, 0, NULL, 0)
				   : client_request(c, in);
		wire_in_done(in);
	}
	if (err < 0)
		client_end(c);
	else
		broker_effects(b);
	if (b->config.deaths)
		deaths_finish(b);
	return err == 0;
}

bool client_serve(struct client *c)
{
	struct wire_in in;
	int err = wire_recv(c->endpoint.fd, MSG_DONTWAIT, c->broker->buffer, &in);

	return serve(c, err, &in);
}

void bells_serve_client(struct client *c)
{
	struct wire_in in;
	int err = bells_take(c, c->broker->buffer, &in);

	c->by_bell |= err == 0;
	serve(c, err, &in);
}

int client_send(struct client *c, uint16_t op, int64_t result, const void *payload, size_t len,
		const int *fds, int n_fds)
{
	if (!c->by_bell)
		return wire_send(c->endpoint.fd, op, result, payload, len, fds, n_fds);
	c->by_bell = false;
	return bells_answer(c, op, result, payload, len);
}

static void client_ready(struct broker *b, struct endpoint *e, uint32_t events)
{
	struct client *c = (struct client *)e;
	bool ends = events & (EPOLLHUP | EPOLLRDHUP);

	/* At the end: what was asked before it, then the end itself. */
	if (ends)
		bells_serve_client(c);
	if (e->dead)
		return;
	do {
		if (b->turns && turns_park(c)) {
			/* Its turn does not come any more. */
			if (ends)
				client_end(c);
			return;
		}
	} while (client_serve(c) && ends);
}

void client_answer(struct client *c, enum wire_op op, int64_t result, const void *payload,
		   size_t len)
{
	if (client_send(c, (uint16_t)op, result, payload, len, NULL, 0) < 0)
		client_end(c);
}

void client_answer_syncs(struct broker *b)
{
	while (b->syncs.next != &b->syncs) {
		struct client *c = (struct client *)(void *)((char *)b->syncs.next -
							     offsetof(struct client, syncing));

		link_del(&c->syncing);
		/* Somebody from outside, who may look at the trace: a program does not wait for it. */
		if (b->config.trace && c->watches)
			b->config.trace->flush(b->config.trace->ctx, TRACE_FLUSH_ALL);
		client_answer(c, WIRE_SYNC, 0, NULL, 0);
	}
}

int client_add(struct broker *b, int fd, struct client **out)
{
	struct client *c = calloc(1, sizeof(*c));
	int err, on = 1;

	if (!c)
		return -ENOMEM;
	/* Who asks is the kernel's word, not the client's. */
	setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	c->broker = b;
	c->part = -1;
	link_init(&c->syncing);
	link_init(&c->by_process);
	link_init(&c->watching);
	link_init(&c->parked);
	link_init(&c->reading);
	link_init(&c->introducing);
	c->endpoint = (struct endpoint){.ready = client_ready, .destroy = client_destroy, .fd = fd};
	err = broker_add_endpoint(b, &c->endpoint, EPOLLIN | EPOLLRDHUP);
	if (err < 0) {
		free(c);
		return err;
	}
	*out = c;
	return 0;
}
