/* SPDX-License-Identifier: MIT */
/*
 * A domain's grant table, and how its own kernel fills it (Linux drivers/xen/grant-table.c):
 * references come from a free list, last freed first; below its end lie references that were
 * never used. The table grows by a frame of 512 entries when the list is empty.
 */
#include <string.h>

#include "model.h"

int gs_grants_init(struct gntsim_domain *dom, uint32_t max_frames)
{
	struct grants *g = &dom->grants;

	gs_table_init(&g->slots, SLOTS_SHIFT, sizeof(struct slot));
	g->slots.raw = true;
	g->zeroed = &g->zeroed_memory;
	g->max_frames = max_frames;
	g->free = NO_REF;
	list_init(&g->deferred);
	g->fresh = GNTSIM_NR_RESERVED_GREFS;
	g->touched = 0;
	list_init(&g->timer);
	return gs_table_grow(dom->m, &g->slots);
}

/* Slots are zeroed so many at a time: most domains use a few. */
#define ZEROED_AT_ONCE 32u

static void zero_slots(const struct grants *g, gntsim_gref ref)
{
	for (; *g->zeroed <= ref; *g->zeroed += ZEROED_AT_ONCE)
		memset(table_at(&g->slots, *g->zeroed), 0, ZEROED_AT_ONCE * sizeof(struct slot));
}

struct slot *gs_slot(const struct gntsim_domain *dom, gntsim_gref ref)
{
	const struct grants *g = &dom->grants;

	if (ref >= table_size(&g->slots))
		return NULL;
	if (ref >= *g->zeroed)
		zero_slots(g, ref);
	return slot_at(dom, ref);
}

static bool valid(uint16_t flags)
{
	return flags & GNTSIM_GTF_TYPE_MASK;
}

/* Slots do not know their number; who asks can wait for it. */
gntsim_gref gs_slot_ref(const struct gntsim_domain *dom, const struct slot *slot)
{
	const struct table *t = &dom->grants.slots;
	uint32_t chunk, n = 1u << t->shift;
	const struct slot *first;

	for (chunk = 0;; chunk++) {
		first = (const struct slot *)(const void *)t->chunks[chunk];
		if (slot >= first && slot < first + n)
			return chunk * n + (uint32_t)(slot - first);
	}
}

void gs_slot_set(struct gntsim_machine *m, struct slot *slot,
		 const struct gntsim_grant_entry *entry)
{
	m->totals.grants += (uint32_t)valid(entry->flags) - (uint32_t)valid(slot->shared.flags);
	slot->shared = *entry;
}

void gs_slot_write(struct gntsim_domain *dom, struct slot *slot,
		   const struct gntsim_grant_entry *entry)
{
	gs_slot_set(dom->m, slot, entry);
	if (dom->grants.shown)
		gs_shown_store(dom, slot);
}

static void invalidate(struct gntsim_domain *dom, struct slot *slot)
{
	struct gntsim_grant_entry entry = slot->shared;

	entry.flags = GNTSIM_GTF_INVALID;
	gs_slot_write(dom, slot, &entry);
}

void gs_grants_clear(struct gntsim_domain *dom)
{
	gntsim_gref ref;

	for (ref = 0; ref < dom->grants.touched; ref++) {
		struct slot *slot = slot_at(dom, ref);

		if (slot->state == SLOT_FREE)
			slot->u.origin = 0;
		slot->state = SLOT_FREE;
	}
}

void gs_grants_bury(struct gntsim_domain *dom)
{
	gntsim_gref ref;

	for (ref = 0; ref < dom->grants.touched; ref++)
		invalidate(dom, slot_at(dom, ref));
}

/* get_free_entries(1) */
static gntsim_gref take_reference(struct gntsim_domain *dom)
{
	struct grants *g = &dom->grants;
	gntsim_gref ref = g->free;

	if (ref != NO_REF) {
		g->free = slot_at(dom, ref)->u.link;
		return ref;
	}
	if (g->fresh >= table_size(&g->slots) &&
	    (g->slots.n_chunks >= g->max_frames || gs_table_grow(dom->m, &g->slots) < 0))
		return NO_REF;
	ref = g->fresh++;
	if (ref >= *g->zeroed)
		zero_slots(g, ref);
	if (g->touched < g->fresh)
		g->touched = g->fresh;
	return ref;
}

bool gs_grants_room(struct gntsim_domain *dom, uint32_t count)
{
	struct grants *g = &dom->grants;
	uint64_t end = (uint64_t)g->fresh + count;
	gntsim_gref ref;

	for (ref = g->free; ref != NO_REF && end > g->fresh; ref = slot_at(dom, ref)->u.link)
		end--;
	if (end > (uint64_t)g->max_frames << SLOTS_SHIFT)
		return false;
	while (end > table_size(&g->slots))
		if (gs_table_grow(dom->m, &g->slots) < 0)
			return false;
	return true;
}

static void put_reference(struct gntsim_domain *dom, gntsim_gref ref, struct slot *slot)
{
	slot->state = SLOT_FREE;
	slot->u.link = dom->grants.free;
	dom->grants.free = ref;
}

int gs_grant(struct gntsim_domain *dom, uint16_t domid, gntsim_frame frame, bool readonly,
	     enum slot_state state, struct gref *gref)
{
	gntsim_gref ref = take_reference(dom);
	struct gntsim_grant_entry entry = {
	    .flags = GNTSIM_GTF_PERMIT_ACCESS | (readonly ? GNTSIM_GTF_READONLY : 0),
	    .domid = domid,
	    .frame = frame,
	};
	struct slot *slot;

	if (ref == NO_REF)
		return -ENOSPC;
	slot = slot_at(dom, ref);
	slot->state = (uint8_t)state;
	slot->gref = gref;
	slot->u.origin = gs_origin(dom->m);
	gs_slot_write(dom, slot, &entry);
	gs_saw_grant(dom, slot);
	return (int)ref;
}

bool gs_grant_try_end(struct gntsim_domain *dom, gntsim_gref ref)
{
	struct slot *slot = slot_at(dom, ref);

	if (slot->shared.flags & (GNTSIM_GTF_READING | GNTSIM_GTF_WRITING))
		return false;
	invalidate(dom, slot);
	gs_saw_grant(dom, slot);
	put_reference(dom, ref, slot);
	return true;
}

int gntsim_grant_access(struct gntsim_domain *dom, uint16_t domid, gntsim_frame frame,
			bool readonly)
{
	return gs_grant(dom, domid, frame, readonly, SLOT_RAW, NULL);
}

bool gntsim_grant_try_end(struct gntsim_domain *dom, gntsim_gref ref)
{
	const struct slot *slot = gs_slot(dom, ref);

	return slot && slot->state == SLOT_RAW && gs_grant_try_end(dom, ref);
}

int gntsim_grant_entry_get(const struct gntsim_domain *dom, gntsim_gref ref,
			   struct gntsim_grant_entry *out)
{
	const struct slot *slot = gs_slot(dom, ref);

	if (!slot)
		return -EINVAL;
	*out = slot->shared;
	return 0;
}

int gntsim_grant_entry_set(struct gntsim_domain *dom, gntsim_gref ref,
			   const struct gntsim_grant_entry *entry)
{
	struct slot *slot = gs_slot(dom, ref);

	if (!slot)
		return -EINVAL;
	if (dom->grants.touched <= ref)
		dom->grants.touched = ref + 1;
	gs_slot_write(dom, slot, entry);
	gs_saw_grant(dom, slot);
	return 0;
}

enum gntsim_gntst gntsim_gnttab_query_size(struct gntsim_domain *dom, uint16_t domid,
					   uint32_t *nr_frames, uint32_t *max_nr_frames)
{
	struct gntsim_domain *d = gs_domain_any(dom, domid);

	if (!d)
		return GNTSIM_GNTST_BAD_DOMAIN;
	if (d != dom && dom->id != 0)
		return GNTSIM_GNTST_PERMISSION_DENIED;
	*nr_frames = d->grants.slots.n_chunks;
	*max_nr_frames = d->grants.max_frames;
	return GNTSIM_GNTST_OKAY;
}
