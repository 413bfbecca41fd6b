/* SPDX-License-Identifier: MIT */
#include "model.h"

void gntsim_machine_totals(const struct gntsim_machine *m, struct gntsim_totals *out)
{
	*out = m->totals;
	out->bytes = m->mem.bytes;
}

/* One of the walks, with its callback. */
struct walk {
	bool (*grant)(void *ctx, const struct gntsim_grant_info *grant);
	bool (*map)(void *ctx, const struct gntsim_map_info *map);
	bool (*port)(void *ctx, struct gntsim_domain *dom, gntsim_port port);
	void *ctx;
};

static uint32_t count_pins(uint32_t pin)
{
	return (pin & 255) + (pin >> 8 & 255) + (pin >> 16 & 255) + (pin >> 24);
}

static bool grants_of(void *ctx, struct gntsim_domain *dom)
{
	const struct walk *walk = ctx;
	gntsim_gref ref;

	for (ref = 0; ref < table_size(&dom->grants.slots); ref++) {
		const struct slot *slot = gs_slot(dom, ref);
		struct gntsim_grant_info info = {
		    .granter = dom->id,
		    .grantee = slot->shared.domid,
		    .ref = ref,
		    .frame = slot->shared.frame,
		    .readonly = slot->shared.flags & GNTSIM_GTF_READONLY,
		    .deferred = slot->state == SLOT_DEFERRED,
		    .pins = count_pins(slot->pin),
		};

		if (!(slot->shared.flags & GNTSIM_GTF_TYPE_MASK))
			continue;
		if (slot->state == SLOT_PAGE && slot->u.gref->listed) {
			info.file = slot->u.gref->file;
			info.index = slot->u.gref->index;
		}
		if (!walk->grant(walk->ctx, &info))
			return false;
	}
	return true;
}

static bool maps_of_file(const struct walk *walk, struct gntsim_file *file)
{
	const struct list *head = &file->u.gntdev.all;
	struct list *l, *next;

	for (l = head->next; l != head; l = next) {
		const struct map *map = container_of(l, struct map, all);
		struct gntsim_map_info info = {
		    .file = file,
		    .index = gs_map_offset(map),
		    .count = map->count,
		    .live = gs_map_live(map),
		    .listed = map->listed,
		    .domid = file->dom->id,
		};

		next = l->next;
		if (!walk->map(walk->ctx, &info))
			return false;
	}
	return true;
}

static bool maps_of(void *ctx, struct gntsim_domain *dom)
{
	struct list *l;

	for (l = dom->files.next; l != &dom->files; l = l->next) {
		struct gntsim_file *file = container_of(l, struct gntsim_file, link);

		if (file->device == GNTSIM_DEV_GNTDEV && !maps_of_file(ctx, file))
			return false;
	}
	return true;
}

static bool ports_of(void *ctx, struct gntsim_domain *dom)
{
	const struct walk *walk = ctx;
	const struct port *p;
	gntsim_port port;

	for (port = 0; (p = gs_port(dom, port)); port++)
		if (p->state != GNTSIM_PORT_FREE && !walk->port(walk->ctx, dom, port))
			return false;
	return true;
}

void gntsim_for_each_grant(struct gntsim_machine *m,
			   bool (*visit)(void *ctx, const struct gntsim_grant_info *grant),
			   void *ctx)
{
	gs_for_each_domain(m, grants_of, &(struct walk){.grant = visit, .ctx = ctx});
}

void gntsim_for_each_map(struct gntsim_machine *m,
			 bool (*visit)(void *ctx, const struct gntsim_map_info *map), void *ctx)
{
	gs_for_each_domain(m, maps_of, &(struct walk){.map = visit, .ctx = ctx});
}

void gntsim_for_each_port(struct gntsim_machine *m,
			  bool (*visit)(void *ctx, struct gntsim_domain *dom, gntsim_port port),
			  void *ctx)
{
	gs_for_each_domain(m, ports_of, &(struct walk){.port = visit, .ctx = ctx});
}
