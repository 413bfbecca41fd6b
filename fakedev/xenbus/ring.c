/* SPDX-License-Identifier: MIT */
/* The shared page: requests go out as there is room, answers come in as they are there. Linux's
 * xenbus_comms.c. The other side may write anything into it. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void queue_init(struct queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

void queue_add(struct queue *q, struct item *i)
{
	i->next = NULL;
	*q->last = i;
	q->last = &i->next;
}

struct item *queue_take(struct queue *q)
{
	struct item *i = q->first;

	if (!i)
		return NULL;
	q->first = i->next;
	if (!q->first)
		q->last = &q->first;
	return i;
}

static uint32_t load(const uint32_t *index)
{
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static void store(uint32_t *index, uint32_t value)
{
	__atomic_store_n(index, value, __ATOMIC_RELEASE);
}

/* Of the ring's bytes between two indices a piece in one place. */
static size_t piece(uint32_t from, size_t most)
{
	size_t end = XS_RING_SIZE - from % XS_RING_SIZE;

	return most < end ? most : end;
}

/* @return whether anything was sent */
static bool send_item(struct xs_ring *r, struct item *i)
{
	uint32_t prod = r->req_prod, cons = load(&r->req_cons);
	bool sent = false;

	/* Indices that make no sense: begin anew. */
	if (prod - cons > XS_RING_SIZE) {
		store(&r->req_cons, 0);
		store(&r->req_prod, 0);
		prod = cons = 0;
	}
	while (i->done < i->len && prod - cons < XS_RING_SIZE) {
		size_t room = XS_RING_SIZE - (prod - cons), left = i->len - i->done;
		size_t n = piece(prod, left < room ? left : room);

		memcpy(r->req + prod % XS_RING_SIZE, i->bytes + i->done, n);
		i->done += n;
		prod += (uint32_t)n;
		store(&r->req_prod, prod);
		sent = true;
	}
	return sent;
}

static void pump_out(struct xenbus *x)
{
	bool sent = false;

	while (x->out.first) {
		struct item *i = x->out.first;

		sent |= send_item(x->ring, i);
		if (i->done < i->len)
			break;
		queue_take(&x->out);
		queue_add(&x->waiting, i);
	}
	if (sent)
		x->ops.kick(x->ctx);
}

/* Bytes of what comes. @return how many; 0: none are there */
static size_t take(struct xenbus *x, unsigned char *to, size_t want)
{
	struct xs_ring *r = x->ring;
	uint32_t cons = r->rsp_cons, prod = load(&r->rsp_prod);
	size_t n;

	if (prod - cons > XS_RING_SIZE) {
		store(&r->rsp_cons, 0);
		store(&r->rsp_prod, 0);
		return 0;
	}
	n = piece(cons, prod - cons < want ? prod - cons : want);
	memcpy(to, r->rsp + cons % XS_RING_SIZE, n);
	store(&r->rsp_cons, cons + (uint32_t)n);
	/* Who found it full meanwhile waits for word that there is room. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (n && load(&r->rsp_prod) - cons >= XS_RING_SIZE)
		x->ops.kick(x->ctx);
	return n;
}

static void dispatch(struct xenbus *x)
{
	struct item **at, *i;

	x->body[x->head.len] = '\0';
	if (x->head.type == XS_WATCH_EVENT) {
		watch_fired(x);
		return;
	}
	for (at = &x->waiting.first; (i = *at); at = &i->next) {
		if (i->number != x->head.req_id)
			continue;
		*at = i->next;
		if (!*at)
			x->waiting.last = at;
		request_answered(x, i);
		return;
	}
}

/* @return whether there was something */
static bool take_message(struct xenbus *x)
{
	size_t n;

	if (x->head_done < sizeof(x->head)) {
		n = take(x, (unsigned char *)&x->head + x->head_done,
			 sizeof(x->head) - x->head_done);
		x->head_done += n;
		if (x->head_done < sizeof(x->head))
			return n > 0;
		x->body_done = 0;
		/* The kernel drops the head, and takes what follows for another. */
		if (x->head.len > XS_PAYLOAD_MAX) {
			x->head_done = 0;
			return true;
		}
	}
	n = take(x, x->body + x->body_done, x->head.len - x->body_done);
	x->body_done += n;
	if (x->body_done < x->head.len)
		return n > 0;
	x->head_done = 0;
	dispatch(x);
	return true;
}

void xenbus_event(struct xenbus *x)
{
	if (x->dead)
		return;
	while (take_message(x))
		;
	pump_out(x);
}

void request_send(struct xenbus *x, struct item *i)
{
	struct xs_msg *head = (struct xs_msg *)(void *)i->bytes;

	i->number = ++x->last_number;
	head->req_id = i->number;
	queue_add(&x->out, i);
	pump_out(x);
}

int xenbus_new(struct xs_ring *ring, const struct xenbus_ops *ops, void *ctx, struct xenbus **out)
{
	struct xenbus *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->ring = ring;
	x->ops = *ops;
	x->ctx = ctx;
	queue_init(&x->out);
	queue_init(&x->waiting);
	*out = x;
	return 0;
}

void xenbus_died(struct xenbus *x)
{
	struct item *i;

	x->dead = true;
	while ((i = queue_take(&x->waiting)) || (i = queue_take(&x->out)))
		request_lost(i);
	for (struct xenbus_file *f = x->files, *next; f; f = next) {
		next = f->next;
		f->ops.readable(f->ctx);
	}
}

void xenbus_revive(struct xenbus *x)
{
	struct xs_ring *r = x->ring;

	memset(r, 0, sizeof(*r));
	x->dead = false;
	x->head_done = 0;
	for (struct xenbus_file *f = x->files; f; f = f->next) {
		file_forget_transactions(f);
		f->used = 0;
	}
	for (const struct watch *w = x->watches; w; w = w->next) {
		struct item *i = request_watch(XS_WATCH, w);

		if (i)
			request_send(x, i);
	}
}

void xenbus_free(struct xenbus *x)
{
	if (!x)
		return;
	xenbus_died(x);
	while (x->watches) {
		struct watch *w = x->watches;

		x->watches = w->next;
		free(w);
	}
	for (struct xenbus_file *f = x->files; f; f = f->next)
		f->bus = NULL;
	free(x);
}
