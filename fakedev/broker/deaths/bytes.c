/* SPDX-License-Identifier: MIT */
#include "bytes.h"

#include "broker/broker-internal.h"
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

static void note(struct death_program *p, struct death_byte byte)
{
	for (unsigned int i = 0; i < p->n_armed; i++)
		if (p->armed[i].granter == byte.granter && p->armed[i].ref == byte.ref &&
		    p->armed[i].offset == byte.offset)
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

static bool look_at_notify(void *ctx, const struct gntsim_notify_info *n)
{
	struct broker *b = ctx;
	struct place at = {.notify = n};

	if (n->file != b->arming.file || !(n->action & UNMAP_NOTIFY_CLEAR_BYTE))
		return true;
	if (gntsim_file_device(n->file) == GNTSIM_DEV_GNTALLOC)
		note(b->arming.program, (struct death_byte){n->domid, n->ref, n->offset});
	else
		gntsim_for_each_map_page(b->machine, look_at_page, &at);
	if (at.found)
		note(b->arming.program, at.byte);
	return true;
}

void death_bytes_called(struct broker *b)
{
	if (b->arming.program)
		gntsim_for_each_notify(b->machine, look_at_notify, b);
	b->arming.program = NULL;
}

/* ---- after a death ---- */

/* Its processes that the machine knows. */
static bool is_gone(const struct broker *b, const struct death_program *p)
{
	const struct deaths *d = b->config.deaths;

	for (const struct link *l = b->endpoints.next; l != &b->endpoints; l = l->next) {
		const struct endpoint *e =
		    (const struct endpoint *)(const void *)((const char *)l -
							    offsetof(struct endpoint, link));
		const struct client *c = (const struct client *)e;

		if (e->kind == ENDPOINT_CONTROL && !e->dead && c->mm && c->part >= 0 &&
		    &d->programs[c->part] == p)
			return false;
	}
	return true;
}

struct search {
	const struct broker *b;
	struct death_program *victim;
	bool ended; /**< and the machine has heard of it */
	gntsim_frame indexes[DEATH_RINGS], data[DEATH_RINGS];
};

static uint32_t index_at(const unsigned char *page, uint32_t offset)
{
	uint32_t index;

	memcpy(&index, page + offset, sizeof(index));
	return index;
}

/* The victim moves nothing any more: who does has used what it found. */
static void look_at_ring(const struct death_ring *r, struct death_ring_seen *seen,
			 const unsigned char *page)
{
	uint32_t producer = index_at(page, r->producer), consumer = index_at(page, r->consumer);

	if (!seen->known)
		*seen = (struct death_ring_seen){
		    .known = true, .producer = producer, .consumer = consumer};
	if (producer == seen->producer && consumer == seen->consumer)
		return;
	seen->misused |= !death_ring_holds(r, seen->producer, seen->consumer) ||
			 !death_ring_holds(r, producer, consumer);
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
			look_at_ring(r, &s->victim->rings[i], page);
			s->indexes[i] = grant->frame;
		}
		if (r->has_data && r->data_ref == grant->ref)
			s->data[i] = grant->frame;
	}
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
	for (unsigned int i = 0; page && s->ended && i < d->n_watched && i < DEATH_BYTES; i++) {
		const struct death_byte *byte = &d->watched[i];

		if (byte->granter != grant->granter || byte->ref != grant->ref ||
		    byte->offset >= PAGE)
			continue;
		s->victim->left_set &= ~(UINT64_C(1) << i);
		s->victim->left_set |= (uint64_t)(page[byte->offset] != 0) << i;
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
		struct search s = {.b = b, .victim = p, .ended = p->ended && is_gone(b, p)};

		if (!p->reached)
			continue;
		for (unsigned int k = 0; k < DEATH_RINGS; k++)
			s.indexes[k] = s.data[k] = GNTSIM_NO_FRAME;
		gntsim_for_each_grant(b->machine, look_at_grant, &s);
		tell_of_rings(&s);
	}
}
