/* SPDX-License-Identifier: MIT */
/* Recounts what Xen and the kernels' grant code keep: frames, slots, handles, ports. */
#include "model.h"

static uint32_t sum_bytes(uint32_t pin)
{
	return (pin & 255) + (pin >> 8 & 255) + (pin >> 16 & 255) + (pin >> 24);
}

static const char *check_frames(struct recount *r, const struct gntsim_domain *dom, uint64_t *pins)
{
	const struct frame *all = dom->m->frames.all;
	gntsim_frame frame = dom->first_frame, prev = GNTSIM_NO_FRAME;
	uint32_t n = 0, n_shown = 0;

	for (; frame != GNTSIM_NO_FRAME; prev = frame, frame = all[frame].next, n++) {
		if (all[frame].owner != dom || all[frame].prev != prev)
			return "a frame's owner or place in the owner's list";
		if (all[frame].use == FRAME_FREE ||
		    ((all[frame].use == FRAME_ORPHAN || all[frame].use == FRAME_TABLE) &&
		     !all[frame].pins))
			return "a frame that should be free is not";
		n_shown += all[frame].use == FRAME_TABLE;
		*pins += all[frame].pins;
	}
	if (n != dom->n_frames)
		return "number of a domain's frames";
	if (n_shown != dom->grants.n_shown || (dom->grants.shown != NULL) != (n_shown != 0))
		return "number of frames that show a grant table";
	r->totals.frames += n;
	return NULL;
}

/* What a domain's slots add up to. */
struct slots {
	uint64_t pinned;
	uint32_t free, deferred; /* that its kernel has free, or waits for */
};

static const char *check_slot(struct slots *sum, const struct gntsim_domain *dom,
			      const struct slot *slot, gntsim_gref ref)
{
	const struct frame *all = dom->m->frames.all;
	const struct gref *g = slot->gref;

	switch ((enum slot_state)slot->state) {
	case SLOT_FREE:
		sum->free += ref >= GNTSIM_NR_RESERVED_GREFS && ref < dom->grants.fresh;
		return NULL;
	case SLOT_RAW:
		break;
	case SLOT_PAGE:
		if (g->ref != ref || g->file->dom != dom || all[g->frame].use != FRAME_KERNEL)
			return "a gntalloc page and its grant";
		break;
	case SLOT_IMPORT:
		if (g->ref != ref || !g->borrowed)
			return "a dma-buf's page and its grant";
		break;
	case SLOT_DEFERRED:
		if (g->ref != ref || (!g->borrowed && all[g->frame].use != FRAME_KERNEL))
			return "a deferred grant's page";
		sum->deferred++;
		break;
	}
	return ref < dom->grants.fresh ? NULL : "a reference in use that was never taken";
}

static const char *check_free_references(const struct gntsim_domain *dom, uint32_t n)
{
	gntsim_gref ref = dom->grants.free;

	for (; ref != NO_REF && n; ref = slot_at(dom, ref)->u.link, n--)
		if (slot_at(dom, ref)->state != SLOT_FREE)
			return "a reference in use is in the free list";
	return ref != NO_REF || n ? "length of the free list of references" : NULL;
}

static const char *check_deferred(const struct gntsim_domain *dom, uint32_t n)
{
	const struct grants *g = &dom->grants;
	const struct list *l = g->deferred.next;

	if (n != g->n_deferred || g->timer_armed != (n != 0))
		return "number of deferred grants, or their timer";
	for (; l != &g->deferred && n; l = l->next, n--) {
		gntsim_gref ref = container_of(l, const struct gref, global)->ref;

		if (slot_at(dom, ref)->state != SLOT_DEFERRED)
			return "a grant in the deferred list is not deferred";
	}
	return n || l != &g->deferred ? "length of the deferred list" : NULL;
}

static const char *check_slots(struct recount *r, const struct gntsim_domain *dom, uint64_t pins)
{
	const struct frame *all = dom->m->frames.all;
	struct slots sum = {0};
	const char *wrong = NULL;
	gntsim_gref ref;

	for (ref = 0; ref < dom->grants.touched && !wrong; ref++) {
		const struct slot *slot = slot_at(dom, ref);

		r->totals.grants += (slot->shared.flags & GNTSIM_GTF_TYPE_MASK) != 0;
		if (slot->pin) {
			sum.pinned++;
			r->slot_pins += sum_bytes(slot->pin);
			if (all[slot->pinned_frame].owner != dom || !all[slot->pinned_frame].pins)
				return "a mapped grant's frame is not pinned";
		}
		wrong = check_slot(&sum, dom, slot, ref);
	}
	r->held += pins - sum.pinned;
	if (!wrong && pins < sum.pinned)
		wrong = "pins of frames";
	/* The dead's free list is nobody's any more. */
	if (wrong || dom->dying)
		return wrong;
	r->totals.deferred += sum.deferred;
	wrong = check_free_references(dom, sum.free);
	return wrong ? wrong : check_deferred(dom, sum.deferred);
}

static const char *check_track(struct recount *r, const struct gntsim_domain *dom,
			       const struct track *t)
{
	const struct gntsim_domain *rd = gs_domain(dom->m, t->domid);
	const struct slot *slot = rd ? gs_slot(rd, t->ref) : NULL;

	if (!slot || !slot->pin || slot->pinned_domid != dom->id)
		return "a mapping whose grant does not know of it";
	r->track_pins += (t->flags & GNTSIM_GNTMAP_HOST_MAP) != 0;
	r->track_pins += (t->flags & GNTSIM_GNTMAP_DEVICE_MAP) != 0;
	return NULL;
}

/* Of the handles of a chunk, those in use, and how many these are. */
static const char *check_tracks(struct recount *r, const struct gntsim_domain *dom,
				const struct track *first, uint32_t *used)
{
	const struct track *end = first + (1u << dom->maptrack.entries.shift), *t;
	const char *wrong = NULL;

	for (t = first; t < end && !wrong; t++) {
		if (!t->flags)
			continue;
		++*used;
		wrong = check_track(r, dom, t);
	}
	return wrong;
}

static const char *check_free_handles(const struct maptrack *t, uint32_t n_free)
{
	uint32_t n_fresh = t->fresh_end - t->fresh, handle = t->head;

	if (!n_free)
		return NULL;
	if (n_fresh) {
		if (handle != t->fresh || n_free <= n_fresh)
			return "the list of free handles";
		n_free -= n_fresh;
		handle = t->fresh_end;
	}
	for (; n_free > 1; n_free--) {
		const struct track *e = table_at(&t->entries, handle);

		if (e->flags || e->ref >= table_size(&t->entries))
			return "the list of free handles";
		handle = e->ref;
	}
	return handle == t->tail ? NULL : "end of the list of free handles";
}

static const char *check_maptrack(struct recount *r, const struct gntsim_domain *dom)
{
	const struct maptrack *t = &dom->maptrack;
	const struct table *entries = &t->entries;
	const char *wrong = NULL;
	uint32_t used = 0, i;

	for (i = 0; i < entries->n_chunks && !wrong; i++)
		wrong = check_tracks(r, dom, table_at(entries, i << entries->shift), &used);
	r->totals.maptrack += used;
	if (!wrong)
		wrong = check_free_handles(t, (uint32_t)table_size(entries) - used);
	if (!wrong && used != t->used)
		wrong = "number of handles";
	return wrong;
}

static const char *check_port(const struct gntsim_domain *dom, const struct port *p)
{
	const struct port *peer;

	if (p->file && (p->refs < 1 || p->file->dom != dom || p->masked == p->enabled))
		return "a port that evtchn has bound";
	if (p->state == GNTSIM_PORT_VIRQ && dom->ports.virqs[p->remote_port] != p->number)
		return "a virq's port";
	if (p->state != GNTSIM_PORT_INTERDOMAIN)
		return NULL;
	peer = gs_port(p->remote, p->remote_port);
	if (!peer || peer->state != GNTSIM_PORT_INTERDOMAIN || peer->remote != dom ||
	    peer->remote_port != p->number)
		return "an interdomain port's peer";
	return NULL;
}

/* The ports of a chunk: most are free, which costs little. */
static const char *check_chunk(struct recount *r, const struct gntsim_domain *dom, uint32_t chunk)
{
	const struct port_chunk *c = table_at(&dom->ports.chunks, chunk);
	gntsim_port first = chunk * PORTS_PER_CHUNK, max = dom->ports.max, i;
	const char *wrong = NULL;
	uint64_t free = 0;

	for (i = 0; i < PORTS_PER_CHUNK && !wrong; i++) {
		const struct port *p = &c->ports[i];

		if (p->number != first + i)
			return "a port's number";
		r->port_refs += (uint64_t)p->refs;
		if (p->state != GNTSIM_PORT_FREE) {
			r->totals.ports++;
			wrong = check_port(dom, p);
		} else if (p->file || p->refs || p->pending) {
			wrong = "a free port is not clean";
		} else {
			free |= (uint64_t)(first + i && first + i < max) << i;
		}
	}
	return wrong || free == c->free ? wrong : "a port's bit in the map of free ports";
}

static const char *check_ports(struct recount *r, const struct gntsim_domain *dom)
{
	const struct ports *ports = &dom->ports;
	uint32_t before = r->totals.ports, i;
	const char *wrong = NULL;

	r->port_refs = 0;
	for (i = 0; i < ports->chunks.n_chunks && !wrong; i++) {
		const struct port_chunk *c = table_at(&ports->chunks, i);

		wrong = check_chunk(r, dom, i);
		if ((c->free != 0) != (ports->roomy[i / 64] >> i % 64 & 1) ||
		    (ports->roomy[i / 64] != 0) != (ports->roomy_words >> i / 64 & 1))
			wrong = wrong ? wrong : "the map of chunks with free ports";
	}
	if (!wrong && r->totals.ports - before != ports->used)
		wrong = "number of ports";
	return wrong;
}

const char *gs_check_xen(struct recount *r, struct gntsim_domain *dom)
{
	uint64_t pins = 0;
	const char *wrong = check_frames(r, dom, &pins);

	if (!wrong)
		wrong = check_slots(r, dom, pins);
	if (!wrong)
		wrong = check_maptrack(r, dom);
	return wrong ? wrong : check_ports(r, dom);
}

const char *gs_check_machine_frames(const struct gntsim_machine *m)
{
	const struct frames *f = &m->frames;
	uint32_t n = f->fresh - m->totals.frames;
	gntsim_frame frame;

	for (frame = f->free; frame != GNTSIM_NO_FRAME && n; frame = f->all[frame].next, n--)
		if (f->all[frame].use != FRAME_FREE)
			return "a frame in use is in the free list";
	return frame != GNTSIM_NO_FRAME || n ? "number of free frames" : NULL;
}
