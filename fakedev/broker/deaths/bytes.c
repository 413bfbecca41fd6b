/* SPDX-License-Identifier: MIT */
#include "bytes.h"

#include "broker/broker-internal.h"
#include "holders.h"
#include "uapi.h"

#include <gntsim/inspect.h>
#include <string.h>

#define PAGE 4096u

void death_bytes_call(struct broker *b, struct death_program *p, const struct trace_call *call,
		      const struct device_file *f)
{
	bool arms = call->kind == TRACE_IOCTL && f && f->file &&
		    /* One number in both drivers. */
		    call->cmd == IOCTL_GNTDEV_SET_UNMAP_NOTIFY;

	b->arming = (struct arming){arms ? p : NULL, arms ? f->file : NULL};
}

static bool is_same(const struct death_byte *one, const struct death_byte *other)
{
	return one->granter == other->granter && one->ref == other->ref &&
	       one->offset == other->offset;
}

static void note(struct death_program *p, struct death_byte byte)
{
	for (unsigned int i = 0; i < p->n_armed; i++)
		if (is_same(&p->armed[i], &byte))
			return;
	if (p->n_armed < DEATH_BYTES)
		p->armed[p->n_armed++] = byte;
}

/* A map's page in which the byte is. */
struct place {
	const struct gntsim_notify_info *notify;
	struct death_byte byte;
	bool found;
};

static bool look_at_page(void *ctx, const struct gntsim_map_page_info *page)
{
	struct place *at = ctx;

	if (page->file != at->notify->file || page->index != at->notify->index ||
	    page->page != at->notify->offset / PAGE)
		return true;
	at->byte = (struct death_byte){page->granter, page->ref, at->notify->offset % PAGE};
	at->found = true;
	return false;
}

/* The byte that it clears; false: none. */
static bool find_byte(const struct broker *b, const struct gntsim_notify_info *n,
		      struct death_byte *byte)
{
	struct place at = {.notify = n, .byte = {n->domid, n->ref, n->offset}};

	if (!(n->action & UNMAP_NOTIFY_CLEAR_BYTE))
		return false;
	if (gntsim_file_device(n->file) == GNTSIM_DEV_GNTALLOC)
		at.found = true;
	else
		gntsim_for_each_map_page(b->machine, look_at_page, &at);
	*byte = at.byte;
	return at.found;
}

static bool look_at_notify(void *ctx, const struct gntsim_notify_info *n)
{
	struct broker *b = ctx;
	struct death_byte byte;

	if (n->file == b->arming.file && find_byte(b, n, &byte))
		note(b->arming.program, byte);
	return true;
}

void death_bytes_called(struct broker *b)
{
	if (b->arming.program)
		gntsim_for_each_notify(b->machine, look_at_notify, b);
	b->arming.program = NULL;
}

/* ---- after a death ---- */

struct search {
	struct broker *b;
	struct death_program *victim;
	gntsim_frame indexes[DEATH_RINGS], data[DEATH_RINGS];
};

static uint32_t index_at(const unsigned char *page, uint32_t offset)
{
	uint32_t index;

	memcpy(&index, page + offset, sizeof(index));
	return index;
}

static bool is_moved(const struct death_indexes *one, const struct death_indexes *other)
{
	return one->producer != other->producer || one->consumer != other->consumer;
}

/* Whoever moves the one index that the victim had made a wrong one, and makes it right, is the one whom it belongs to:
 * it has not gone by it. Who moves the other has. */
static bool is_mended(const struct death_ring *r, const struct death_ring_seen *seen,
		      const struct death_indexes *now)
{
	bool producer = seen->left.producer != seen->held.producer;
	bool consumer = seen->left.consumer != seen->held.consumer;

	if (!death_ring_holds(r, now->producer, now->consumer))
		return false;
	/* Of one index that is both there is no other. */
	if (r->producer == r->consumer)
		return true;
	return producer != consumer && (producer ? now->consumer == seen->left.consumer
						 : now->producer == seen->left.producer);
}

/* The victim moves nothing any more: who does has used what it found. */
static void look_at_ring(const struct death_ring *r, struct death_ring_seen *seen,
			 const unsigned char *page, bool is_dead)
{
	const struct death_indexes now = {index_at(page, r->producer), index_at(page, r->consumer)};
	bool holds = death_ring_holds(r, now.producer, now.consumer);

	if (!is_dead) {
		seen->held = holds ? now : seen->held;
		return;
	}
	if (!seen->known)
		seen->left = now;
	seen->known = true;
	if (!is_moved(&now, &seen->left))
		return;
	if (!death_ring_holds(r, seen->left.producer, seen->left.consumer) &&
	    is_mended(r, seen, &now))
		seen->left = now;
	else
		seen->misused |=
		    !death_ring_holds(r, seen->left.producer, seen->left.consumer) || !holds;
}

static void look_at_rings(struct search *s, const struct gntsim_grant_info *grant,
			  const unsigned char *page)
{
	const struct deaths *d = s->b->config.deaths;

	for (unsigned int i = 0; i < d->n_rings; i++) {
		const struct death_ring *r = &d->rings[i];

		if (r->granter != grant->granter)
			continue;
		if (r->ref == grant->ref) {
			look_at_ring(r, &s->victim->rings[i], page, s->victim->reached);
			s->indexes[i] = grant->frame;
		}
		if (r->has_data && r->data_ref == grant->ref)
			s->data[i] = grant->frame;
	}
}

struct promise {
	const struct search *s;
	struct death_byte byte;
	bool made;
};

static bool look_for_promise(void *ctx, const struct gntsim_notify_info *n)
{
	struct promise *promise = ctx;
	struct death_holders who;
	struct death_byte byte;

	if (!find_byte(promise->s->b, n, &byte) || !is_same(&byte, &promise->byte))
		return true;
	who = death_holders_of(promise->s->b, promise->s->victim, n->file);
	promise->made |= who.victim && !who.others;
	return true;
}

/* Whether it is cleared when the kernel has closed all that the victim had. That may come later than a survivor's
 * end, which hears of the death by other means: nobody would be left that the byte could be looked at for. */
static bool is_promised(const struct search *s, const struct death_byte *byte)
{
	struct promise promise = {.s = s, .byte = *byte};

	gntsim_for_each_notify(s->b->machine, look_for_promise, &promise);
	return promise.made;
}

static void look_at_byte(const struct search *s, unsigned int i, const unsigned char *page)
{
	const struct death_byte *byte = &s->b->config.deaths->watched[i];
	bool stays = page[byte->offset] && !is_promised(s, byte);

	s->victim->left_set &= ~(UINT64_C(1) << i);
	s->victim->left_set |= (uint64_t)stays << i;
}

static bool look_at_grant(void *ctx, const struct gntsim_grant_info *grant)
{
	struct search *s = ctx;
	const struct deaths *d = s->b->config.deaths;
	const unsigned char *page;

	/* Nobody sees it any more. */
	if (grant->deferred && !grant->pins)
		return true;
	page = gntsim_frame_ptr(s->b->machine, grant->frame);
	for (unsigned int i = 0; page && s->victim->reached && i < d->n_watched && i < DEATH_BYTES;
	     i++) {
		const struct death_byte *byte = &d->watched[i];

		if (byte->granter == grant->granter && byte->ref == grant->ref &&
		    byte->offset < PAGE && death_is_seen(s->b, s->victim, grant))
			look_at_byte(s, i, page);
	}
	if (page)
		look_at_rings(s, grant, page);
	return true;
}

static void tell_of_rings(const struct search *s)
{
	const struct deaths *d = s->b->config.deaths;

	for (unsigned int i = 0; i < d->n_rings && d->left_ring; i++) {
		struct death_ring_seen *seen = &s->victim->rings[i];

		if (seen->told || s->indexes[i] == GNTSIM_NO_FRAME || s->data[i] == GNTSIM_NO_FRAME)
			continue;
		seen->told = true;
		d->left_ring(d->left_ring_ctx, i, (uint64_t)s->indexes[i] * PAGE,
			     (uint64_t)s->data[i] * PAGE);
	}
}

void deaths_look(struct broker *b)
{
	struct deaths *d = b->config.deaths;

	if (!d || (!d->n_watched && !d->n_rings))
		return;
	for (unsigned int i = 0; i < d->n; i++) {
		struct death_program *p = &d->programs[i];
		struct search s = {.b = b, .victim = p};

		if (!p->reached && (!d->n_rings || p->point.at == DEATH_NEVER))
			continue;
		for (unsigned int k = 0; k < DEATH_RINGS; k++)
			s.indexes[k] = s.data[k] = GNTSIM_NO_FRAME;
		gntsim_for_each_grant(b->machine, look_at_grant, &s);
		if (p->reached)
			tell_of_rings(&s);
	}
}
