/* SPDX-License-Identifier: MIT */
/*
 * Frames of a domain's grant table that somebody else has: XENMEM_acquire_resource. The table itself is
 * the slots; a frame of the machine shows 512 of them while it is held. What a slot gets is stored there
 * too, and what was stored there is taken over whenever a slot is looked up: nobody can tell, but by a
 * store at the very same time, that they are two.
 */
#include <string.h>

#include "model.h"

#define ENTRIES (1u << SLOTS_SHIFT)

_Static_assert(sizeof(struct gntsim_grant_entry) * ENTRIES == GNTSIM_PAGE_SIZE,
	       "an entry is laid out as Xen's, version 1");

static uint64_t *entry_at(const struct gntsim_domain *dom, gntsim_gref ref)
{
	gntsim_frame frame = dom->grants.shown[ref >> SLOTS_SHIFT];

	return (uint64_t *)(void *)frame_bytes(&dom->m->frames, frame) + ref % ENTRIES;
}

static bool is_shown(const struct gntsim_domain *dom, gntsim_gref ref)
{
	return dom->grants.shown[ref >> SLOTS_SHIFT] != GNTSIM_NO_FRAME;
}

void gs_shown_take(const struct gntsim_domain *dom, gntsim_gref ref, struct slot *slot)
{
	struct gntsim_grant_entry entry;
	uint64_t bits;

	if (!is_shown(dom, ref))
		return;
	bits = __atomic_load_n(entry_at(dom, ref), __ATOMIC_ACQUIRE);
	memcpy(&entry, &bits, sizeof(entry));
	gs_slot_set(dom->m, slot, &entry);
}

void gs_shown_store(const struct gntsim_domain *dom, const struct slot *slot)
{
	gntsim_gref ref = gs_slot_ref(dom, slot);
	uint64_t bits;

	if (!is_shown(dom, ref))
		return;
	memcpy(&bits, &slot->shared, sizeof(bits));
	__atomic_store_n(entry_at(dom, ref), bits, __ATOMIC_RELEASE);
}

/* When there is nothing to show any more. */
static void stop_showing(struct gntsim_domain *dom)
{
	struct grants *g = &dom->grants;

	if (!g->shown || g->n_shown)
		return;
	gs_mem_free(dom->m, g->shown, g->max_frames * sizeof(*g->shown));
	g->shown = NULL;
}

void gs_shown_end(struct gntsim_domain *dom, gntsim_frame frame)
{
	struct grants *g = &dom->grants;
	uint32_t i;

	for (i = 0; g->shown[i] != frame;)
		i++;
	for (gntsim_gref ref = i * ENTRIES; ref < (i + 1) * ENTRIES; ref++)
		(void)slot_at(dom, ref);
	g->shown[i] = GNTSIM_NO_FRAME;
	g->n_shown--;
	stop_showing(dom);
}

/* Whose it is, if the caller may have it. */
static int find_owner(struct gntsim_domain *dom, uint16_t domid, struct gntsim_domain **out)
{
	struct gntsim_domain *d = gs_domain(dom->m, domid);

	if (!d)
		return -ESRCH;
	*out = d;
	return d == dom || dom->id ? -EPERM : 0;
}

static uint32_t resource_size(const struct gntsim_domain *d, uint32_t type, uint32_t id)
{
	uint64_t entries = (uint64_t)d->grants.max_frames * GNTSIM_PAGE_SIZE / 16;

	if (type != GNTSIM_RESOURCE_GRANT_TABLE)
		return 0;
	if (id == GNTSIM_RESOURCE_GRANT_TABLE_SHARED)
		return d->grants.max_frames;
	/* Of version 2: entries of 16 bytes, and a status of two bytes each. */
	return id == GNTSIM_RESOURCE_GRANT_TABLE_STATUS
		   ? (uint32_t)((entries * 2 + GNTSIM_PAGE_SIZE - 1) / GNTSIM_PAGE_SIZE)
		   : 0;
}

int gntsim_resource_size(struct gntsim_domain *dom, uint16_t domid, uint32_t type, uint32_t id,
			 uint32_t *out)
{
	struct gntsim_domain *d;
	int err = find_owner(dom, domid, &d);

	if (err < 0)
		return err;
	*out = resource_size(d, type, id);
	return *out ? 0 : -EINVAL;
}

static int start_showing(struct gntsim_domain *d)
{
	struct grants *g = &d->grants;

	if (g->shown)
		return 0;
	g->shown = gs_mem_alloc(d->m, g->max_frames * sizeof(*g->shown));
	if (!g->shown)
		return -ENOMEM;
	for (uint32_t i = 0; i < g->max_frames; i++)
		g->shown[i] = GNTSIM_NO_FRAME;
	return 0;
}

/* One frame, held once more. */
static int show(struct gntsim_domain *d, uint32_t i, gntsim_frame *out)
{
	struct grants *g = &d->grants;
	int err = 0;

	if (g->shown[i] == GNTSIM_NO_FRAME) {
		err = gs_frame_take(d, FRAME_TABLE, out);
		if (err < 0)
			return err;
		/* So that there is something to show. */
		(void)gs_slot(d, (i + 1) * ENTRIES - 1);
		g->shown[i] = *out;
		g->n_shown++;
		for (gntsim_gref ref = i * ENTRIES; ref < (i + 1) * ENTRIES; ref++)
			gs_shown_store(d, table_at(&g->slots, ref));
		/* Any may be written from now on. */
		if (g->touched < (i + 1) * ENTRIES)
			g->touched = (i + 1) * ENTRIES;
	}
	*out = g->shown[i];
	gs_frame_pin(d->m, *out);
	d->m->frames.held++;
	return 0;
}

static int show_all(struct gntsim_domain *d, uint32_t frame, uint32_t n, gntsim_frame *out)
{
	int err = start_showing(d);
	uint32_t i = 0;

	while (err == 0 && i < n) {
		err = show(d, frame + i, &out[i]);
		i += err == 0;
	}
	if (err == 0)
		return 0;
	while (i > 0)
		gntsim_frame_unhold(d->m, out[--i]);
	stop_showing(d);
	return err;
}

int gntsim_acquire_resource(struct gntsim_domain *dom, uint16_t domid, uint32_t type, uint32_t id,
			    uint32_t frame, uint32_t n, gntsim_frame *out)
{
	struct gntsim_domain *d;
	int err = find_owner(dom, domid, &d);

	if (err < 0)
		return err;
	/* Every table is of version 1, which has no status. */
	if (!resource_size(d, type, id) || id != GNTSIM_RESOURCE_GRANT_TABLE_SHARED || !n ||
	    n > d->grants.max_frames || frame > d->grants.max_frames - n)
		return -EINVAL;
	while (d->grants.slots.n_chunks < frame + n)
		if (gs_table_grow(d->m, &d->grants.slots) < 0)
			return -EINVAL;
	return show_all(d, frame, n, out);
}
