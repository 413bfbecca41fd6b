/* SPDX-License-Identifier: MIT */
/*
 * GNTTABOP_map_grant_ref and GNTTABOP_unmap_grant_ref, checks in Xen's order, and the handles
 * (maptrack entries) that name a domain's mappings.
 */
#include "model.h"

#define TRACK_SHIFT 8u /* handles in a maptrack frame: 256 */
#define TRACK_TAIL  UINT32_MAX

void gs_maptrack_init(struct maptrack *t, uint32_t max_frames)
{
	gs_table_init(&t->entries, TRACK_SHIFT, sizeof(struct track));
	t->max_frames = max_frames;
	t->head = t->tail = TRACK_TAIL;
	t->fresh = t->fresh_end = 0;
	t->used = 0;
}

static struct track *track_at(const struct maptrack *t, uint32_t handle)
{
	return table_at(&t->entries, handle);
}

/* A new frame: its first handle is used, the others go before what is free. */
static uint32_t handle_from_new_frame(struct gntsim_machine *m, struct maptrack *t)
{
	uint32_t first = (uint32_t)table_size(&t->entries), last;

	if (t->entries.n_chunks >= t->max_frames || gs_table_grow(m, &t->entries) < 0)
		return GNTSIM_INVALID_HANDLE;
	last = first + (1u << TRACK_SHIFT) - 1;
	track_at(t, last)->ref = t->head;
	if (t->tail == TRACK_TAIL)
		t->tail = last;
	t->head = t->fresh = first + 1;
	t->fresh_end = last;
	return first;
}

/* The last free handle is never given out: freed ones are appended to it. */
static uint32_t take_handle(struct gntsim_machine *m, struct maptrack *t)
{
	uint32_t handle = t->head, next = TRACK_TAIL;

	if (t->fresh < t->fresh_end)
		next = ++t->fresh;
	else if (handle != TRACK_TAIL)
		next = track_at(t, handle)->ref;
	if (next == TRACK_TAIL)
		return handle_from_new_frame(m, t);
	t->head = next;
	return handle;
}

static void put_handle(struct maptrack *t, uint32_t handle)
{
	struct track *e = track_at(t, handle);

	e->ref = TRACK_TAIL;
	e->flags = 0;
	track_at(t, t->tail)->ref = handle;
	t->tail = handle;
}

enum gntsim_gntst gs_set_status(struct gntsim_domain *rd, struct slot *slot, bool readonly,
				bool for_map, uint16_t mapper)
{
	struct gntsim_grant_entry entry = slot->shared;
	uint16_t mask = GNTSIM_GTF_TYPE_MASK;

	if (for_map)
		mask |= GNTSIM_GTF_SUB_PAGE;
	if (!slot->pin &&
	    ((entry.flags & mask) != GNTSIM_GTF_PERMIT_ACCESS || entry.domid != mapper))
		return GNTSIM_GNTST_GENERAL_ERROR;
	if (!readonly && (entry.flags & GNTSIM_GTF_READONLY))
		return GNTSIM_GNTST_GENERAL_ERROR;
	entry.flags |= GNTSIM_GTF_READING;
	if (!readonly)
		entry.flags |= GNTSIM_GTF_WRITING;
	gs_slot_write(rd, slot, &entry);
	return GNTSIM_GNTST_OKAY;
}

/* Takes back what status says more than the pins need. */
void gs_reduce_status(struct gntsim_domain *rd, struct slot *slot, bool readonly)
{
	struct gntsim_grant_entry entry = slot->shared;
	uint32_t clear = slot->pin ? 0 : GNTSIM_GTF_READING;

	if (!readonly && !(slot->pin & PIN_WRITERS))
		clear |= GNTSIM_GTF_WRITING;
	entry.flags &= (uint16_t)~clear;
	gs_slot_write(rd, slot, &entry);
}

void gs_slot_pin(struct gntsim_domain *rd, struct slot *slot, uint32_t pin)
{
	if (!slot->pin)
		gs_frame_pin(rd->m, slot->pinned_frame);
	slot->pin += pin;
	gs_saw_grant(rd, slot);
}

void gs_slot_unpin(struct gntsim_domain *rd, struct slot *slot, uint32_t pin, bool readonly)
{
	slot->pin -= pin;
	gs_reduce_status(rd, slot, readonly);
	gs_saw_grant(rd, slot);
	if (slot->pin)
		return;
	gs_frame_unpin(rd->m, slot->pinned_frame);
}

static uint32_t pin_of(uint32_t flags)
{
	bool readonly = flags & GNTSIM_GNTMAP_READONLY;
	uint32_t pin = 0;

	if (flags & GNTSIM_GNTMAP_DEVICE_MAP)
		pin += readonly ? PIN_DEVR : PIN_DEVW;
	if (flags & GNTSIM_GNTMAP_HOST_MAP)
		pin += readonly ? PIN_HSTR : PIN_HSTW;
	return pin;
}

/* What map_grant_ref() does under the granter's lock. */
static enum gntsim_gntst pin_grant(struct gntsim_domain *ld, struct gntsim_domain *rd,
				   gntsim_gref ref, uint32_t flags, struct slot **out)
{
	struct slot *slot = gs_slot(rd, ref);
	bool readonly = flags & GNTSIM_GNTMAP_READONLY;
	uint32_t pin = pin_of(flags);
	enum gntsim_gntst rc;

	if (!slot)
		return GNTSIM_GNTST_BAD_GNTREF;
	/* A counter at 128 takes no more. */
	if (slot->pin && (slot->pinned_domid != ld->id || (slot->pin & pin << 7)))
		return GNTSIM_GNTST_GENERAL_ERROR;
	if (!slot->pin || (!readonly && !(slot->pin & PIN_WRITERS))) {
		rc = gs_set_status(rd, slot, readonly, true, ld->id);
		if (rc != GNTSIM_GNTST_OKAY)
			return rc;
	}
	if (!slot->pin) {
		if (!gs_frame_owned(rd, slot->shared.frame)) {
			gs_reduce_status(rd, slot, readonly);
			return GNTSIM_GNTST_BAD_PAGE;
		}
		slot->pinned_frame = slot->shared.frame;
		slot->pinned_domid = ld->id;
	}
	gs_slot_pin(rd, slot, pin);
	*out = slot;
	return GNTSIM_GNTST_OKAY;
}

static void saw_handle(const struct gntsim_domain *ld, enum gntsim_observation_kind kind,
		       uint32_t handle, const struct track *e)
{
	GS_SAW(ld->m, .kind = kind, .domid = ld->id, .handle = handle, .peer = e->domid,
	       .ref = e->ref, .flags = e->flags);
}

static enum gntsim_gntst map_grant(struct gntsim_domain *ld, struct gntsim_map_grant_ref *op)
{
	const uint32_t pv_only =
	    GNTSIM_GNTMAP_DEVICE_MAP | GNTSIM_GNTMAP_APPLICATION_MAP | GNTSIM_GNTMAP_CONTAINS_PTE;
	struct gntsim_domain *rd;
	enum gntsim_gntst rc;
	struct slot *slot;
	uint32_t handle;
	struct track *e;

	if (!pin_of(op->flags))
		return GNTSIM_GNTST_BAD_GNTREF;
	if (ld->guest == GNTSIM_GUEST_PVH && (op->flags & pv_only))
		return GNTSIM_GNTST_GENERAL_ERROR;
	rd = gs_domain(ld->m, op->domid);
	if (!rd)
		return GNTSIM_GNTST_BAD_DOMAIN;
	if (!gs_may_communicate(ld, ld, rd))
		return GNTSIM_GNTST_PERMISSION_DENIED;
	handle = take_handle(ld->m, &ld->maptrack);
	if (handle == GNTSIM_INVALID_HANDLE)
		return GNTSIM_GNTST_NO_SPACE;
	rc = pin_grant(ld, rd, op->ref, op->flags, &slot);
	/* The p2m of such a guest takes no other flag; found late, so undone. */
	if (rc == GNTSIM_GNTST_OKAY && ld->guest == GNTSIM_GUEST_PVH &&
	    (op->flags & ~GNTSIM_GNTMAP_READONLY) != GNTSIM_GNTMAP_HOST_MAP) {
		gs_slot_unpin(rd, slot, pin_of(op->flags), op->flags & GNTSIM_GNTMAP_READONLY);
		rc = GNTSIM_GNTST_GENERAL_ERROR;
	}
	if (rc != GNTSIM_GNTST_OKAY) {
		put_handle(&ld->maptrack, handle);
		return rc;
	}
	if (rd == ld && ld->guest == GNTSIM_GUEST_PVH && ld->m->arch == GNTSIM_ARCH_AMD64)
		gs_hazard(ld->m, HAZARD_PVH_SELF_MAP);
	e = track_at(&ld->maptrack, handle);
	*e = (struct track){
	    .host_addr = op->host_addr,
	    .ref = op->ref,
	    .domid = op->domid,
	    .flags = (uint16_t)op->flags,
	};
	ld->maptrack.used++;
	ld->m->totals.maptrack++;
	op->handle = handle;
	op->frame = slot->pinned_frame;
	saw_handle(ld, GNTSIM_SAW_HANDLE_TAKEN, handle, e);
	return GNTSIM_GNTST_OKAY;
}

uint64_t gntsim_maps_asked(const struct gntsim_machine *m)
{
	return m->maps_asked;
}

void gntsim_refuse_maps(struct gntsim_machine *m, gntsim_map_refusal *refusal, void *ctx)
{
	m->map_refusal = refusal;
	m->map_refusal_ctx = ctx;
}

void gntsim_gnttab_map(struct gntsim_domain *dom, struct gntsim_map_grant_ref *op)
{
	struct gntsim_machine *m = dom->m;
	enum gntsim_gntst status = GNTSIM_GNTST_OKAY;

	m->maps_asked++;
	if (m->map_refusal)
		status = m->map_refusal(m->map_refusal_ctx, m->maps_asked);
	if (status == GNTSIM_GNTST_OKAY)
		status = map_grant(dom, op);
	op->status = (int16_t)status;
	if (status != GNTSIM_GNTST_OKAY)
		GS_SAW(m, .kind = GNTSIM_SAW_MAP_REFUSED, .domid = dom->id, .peer = op->domid,
		       .ref = op->ref, .status = op->status);
}

static void end_track(struct gntsim_domain *ld, uint32_t handle)
{
	struct track e = *track_at(&ld->maptrack, handle);
	struct gntsim_domain *rd = gs_domain(ld->m, e.domid);

	put_handle(&ld->maptrack, handle);
	ld->maptrack.used--;
	ld->m->totals.maptrack--;
	saw_handle(ld, GNTSIM_SAW_HANDLE_FREED, handle, &e);
	gs_slot_unpin(rd, slot_at(rd, e.ref), pin_of(e.flags), e.flags & GNTSIM_GNTMAP_READONLY);
}

void gntsim_gnttab_unmap(struct gntsim_domain *dom, struct gntsim_unmap_grant_ref *op)
{
	struct maptrack *t = &dom->maptrack;
	const struct track *e;

	op->status = GNTSIM_GNTST_BAD_HANDLE;
	if (op->handle >= table_size(&t->entries))
		return;
	e = track_at(t, op->handle);
	if (!e->flags)
		return;
	op->status = GNTSIM_GNTST_OKAY;
	if (e->flags & GNTSIM_GNTMAP_HOST_MAP) {
		/* Xen takes address 0 to mean: leave that mapping alone. One that lies there is never taken off. */
		if (!op->host_addr)
			return;
		if (op->host_addr != e->host_addr) {
			op->status = GNTSIM_GNTST_GENERAL_ERROR;
			return;
		}
	}
	end_track(dom, op->handle);
}

void gs_maptrack_release(struct gntsim_domain *dom)
{
	struct maptrack *t = &dom->maptrack;
	uint32_t handle = (uint32_t)table_size(&t->entries);

	while (t->used)
		if (track_at(t, --handle)->flags)
			end_track(dom, handle);
	gs_table_clear(dom->m, &t->entries);
}
