/* SPDX-License-Identifier: MIT */
/* Recounts what Xen and the kernels' grant code keep: frames, slots, handles, ports. */
#include "model.h"

static uint32_t sum_bytes(uint32_t pin)
{
	return (pin & 255) + (pin >> 8 & 255) + (pin >> 16 & 255) + (pin >> 24);
}

static const char *check_frames(struct recount *r, const struct gntsim_domain *dom)
{
	const struct frame *all = dom->m->frames.all;
	gntsim_frame frame = dom->first_frame, prev = GNTSIM_NO_FRAME;
	uint64_t pins = 0, pinned = 0;
	uint32_t n = 0, n_shown = 0;
	gntsim_gref ref;

	for (; frame != GNTSIM_NO_FRAME; prev = frame, frame = all[frame].next, n++) {
		if (all[frame].owner != dom || all[frame].prev != prev)
			return "a frame's owner or place in the owner's list";
		if (all[frame].use == FRAME_FREE ||
		    ((all[frame].use == FRAME_ORPHAN || all[frame].use == FRAME_TABLE) &&
		     !all[frame].pins))
			return "a frame that should be free is not";
		n_shown += all[frame].use == FRAME_TABLE;
		pins += all[frame].pins;
	}
	if (n != dom->n_frames)
		return "number of a domain's frames";
	if (n_shown != dom->grants.n_shown || (dom->grants.shown != NULL) != (n_shown != 0))
		return "number of frames that show a grant table";
	for (ref = 0; ref < dom->grants.touched; ref++) {
		const struct slot *slot = slot_at(dom, ref);

		if (!slot->pin)
			continue;
		pinned++;
		if (all[slot->pinned_frame].owner != dom || !all[slot->pinned_frame].pins)
			return "a mapped grant's frame is not pinned";
	}
	r->totals.frames += n;
	r->held += pins - pinned;
	return pins >= pinned ? NULL : "pins of frames";
}

static const char *check_slot(struct recount *r, const struct gntsim_domain *dom, gntsim_gref ref)
{
	const struct slot *slot = slot_at(dom, ref);
	const struct gref *g = slot->gref;

	r->totals.grants += (slot->shared.flags & GNTSIM_GTF_TYPE_MASK) != 0;
	r->slot_pins += sum_bytes(slot->pin);
	if (slot->state == SLOT_PAGE && (g->ref != ref || g->file->dom != dom ||
					 dom->m->frames.all[g->frame].use != FRAME_KERNEL))
		return "a gntalloc page and its grant";
	if (slot->state == SLOT_IMPORT && (g->ref != ref || !g->borrowed))
		return "a dma-buf's page and its grant";
	if (slot->state == SLOT_DEFERRED &&
	    (g->ref != ref || (!g->borrowed && dom->m->frames.all[g->frame].use != FRAME_KERNEL)))
		return "a deferred grant's page";
	return NULL;
}

static const char *check_slots(struct recount *r, const struct gntsim_domain *dom)
{
	const struct grants *g = &dom->grants;
	uint32_t n_free = 0, n_deferred = 0;
	const char *wrong = NULL;
	const struct list *l;
	gntsim_gref ref;

	for (ref = 0; ref < g->touched && !wrong; ref++) {
		uint8_t state = slot_at(dom, ref)->state;

		wrong = check_slot(r, dom, ref);
		n_free += state == SLOT_FREE && ref >= GNTSIM_NR_RESERVED_GREFS && ref < g->fresh;
		n_deferred += state == SLOT_DEFERRED;
		if (state != SLOT_FREE && ref >= g->fresh)
			return "a reference in use that was never taken";
	}
	/* The dead's free list is nobody's any more. */
	if (wrong || dom->dying)
		return wrong;
	for (ref = g->free; ref != NO_REF && n_free; ref = slot_at(dom, ref)->u.link, n_free--)
		if (slot_at(dom, ref)->state != SLOT_FREE)
			return "a reference in use is in the free list";
	if (ref != NO_REF || n_free)
		return "length of the free list of references";
	r->totals.deferred += n_deferred;
	if (n_deferred != g->n_deferred || g->timer_armed != (n_deferred != 0))
		return "number of deferred grants, or their timer";
	for (l = g->deferred.next; l != &g->deferred && n_deferred; l = l->next, n_deferred--) {
		ref = container_of(l, const struct gref, global)->ref;
		if (slot_at(dom, ref)->state != SLOT_DEFERRED)
			return "a grant in the deferred list is not deferred";
	}
	return n_deferred || l != &g->deferred ? "length of the deferred list" : NULL;
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

static const char *check_maptrack(struct recount *r, const struct gntsim_domain *dom)
{
	const struct table *entries = &dom->maptrack.entries;
	uint32_t handle, n_free = 0, used = 0;
	const char *wrong = NULL;

	for (handle = 0; handle < table_size(entries) && !wrong; handle++) {
		const struct track *t = table_at(entries, handle);

		if (!t->flags) {
			n_free++;
			continue;
		}
		used++;
		wrong = check_track(r, dom, t);
	}
	r->totals.maptrack += used;
	if (wrong || !n_free)
		return wrong;
	for (handle = dom->maptrack.head; n_free > 1; n_free--) {
		const struct track *t = table_at(entries, handle);

		if (t->flags || t->ref >= table_size(entries))
			return "the list of free handles";
		handle = t->ref;
	}
	if (handle != dom->maptrack.tail)
		return "end of the list of free handles";
	return used == dom->maptrack.used ? NULL : "number of handles";
}

static const char *check_port(const struct gntsim_domain *dom, const struct port *p)
{
	const struct port_chunk *c = table_at(&dom->ports.chunks, p->number / PORTS_PER_CHUNK);
	bool is_free = c->free >> p->number % PORTS_PER_CHUNK & 1;
	const struct port *peer;

	if (is_free != (p->state == GNTSIM_PORT_FREE && p->number && p->number < dom->ports.max))
		return "a port's bit in the map of free ports";
	if (p->state == GNTSIM_PORT_FREE && (p->file || p->refs || p->pending))
		return "a free port is not clean";
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

static const char *check_ports(struct recount *r, const struct gntsim_domain *dom)
{
	const struct ports *ports = &dom->ports;
	const char *wrong = NULL;
	const struct port *p;
	gntsim_port port;
	uint32_t used = 0, i;

	for (port = 0; (p = gs_port(dom, port)) && !wrong; port++) {
		used += p->state != GNTSIM_PORT_FREE;
		wrong = p->number == port ? check_port(dom, p) : "a port's number";
	}
	for (i = 0; i < ports->chunks.n_chunks && !wrong; i++) {
		const struct port_chunk *c = table_at(&ports->chunks, i);

		if ((c->free != 0) != (ports->roomy[i / 64] >> i % 64 & 1) ||
		    (ports->roomy[i / 64] != 0) != (ports->roomy_words >> i / 64 & 1))
			wrong = "the map of chunks with free ports";
	}
	r->totals.ports += used;
	if (!wrong && used != ports->used)
		wrong = "number of ports";
	return wrong;
}

const char *gs_check_xen(struct recount *r, struct gntsim_domain *dom)
{
	const char *wrong = check_frames(r, dom);

	if (!wrong)
		wrong = check_slots(r, dom);
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
