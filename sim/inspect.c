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
	bool (*domain)(void *ctx, const struct gntsim_domain_info *dom);
	bool (*page)(void *ctx, const struct gntsim_map_page_info *page);
	bool (*vma)(void *ctx, struct gntsim_mm *mm, const struct gntsim_vma *vma);
	bool (*handle)(void *ctx, const struct gntsim_handle_info *handle);
	bool (*notify)(void *ctx, const struct gntsim_notify_info *notify);
	void *ctx;
};

static uint32_t count_pins(uint32_t pin)
{
	return (pin & 255) + (pin >> 8 & 255) + (pin >> 16 & 255) + (pin >> 24);
}

static bool grant_of(const struct walk *walk, const struct gntsim_domain *dom,
		     const struct slot *slot, gntsim_gref ref)
{
	struct gntsim_grant_info info = {
	    .granter = dom->id,
	    .grantee = slot->shared.domid,
	    .ref = ref,
	    .frame = slot->shared.frame,
	    .readonly = slot->shared.flags & GNTSIM_GTF_READONLY,
	    .reading = slot->shared.flags & GNTSIM_GTF_READING,
	    .writing = slot->shared.flags & GNTSIM_GTF_WRITING,
	    .deferred = slot->state == SLOT_DEFERRED,
	    .pins = count_pins(slot->pin),
	    .origin = slot->state != SLOT_FREE || dom->dying ? slot->u.origin : 0,
	};

	if (slot->state == SLOT_PAGE) {
		info.keeper = slot->gref->file;
		info.file = slot->gref->listed ? info.keeper : NULL;
		info.index = slot->gref->index;
	} else if (slot->state == SLOT_DEFERRED) {
		info.ended = slot->gref->u.ended;
	}
	return walk->grant(walk->ctx, &info);
}

static bool grants_of(void *ctx, struct gntsim_domain *dom)
{
	const struct walk *walk = ctx;
	gntsim_gref ref;

	for (ref = 0; ref < dom->grants.touched; ref++) {
		const struct slot *slot = slot_at(dom, ref);

		if ((slot->shared.flags & GNTSIM_GTF_TYPE_MASK) && !grant_of(walk, dom, slot, ref))
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
		    .origin = map->origin,
		};

		next = l->next;
		if (!walk->map(walk->ctx, &info))
			return false;
	}
	return true;
}

static bool pages_of_map(const struct walk *walk, const struct map *map)
{
	uint32_t i;

	for (i = 0; i < map->count; i++) {
		const struct map_page *p = &map->pages[i];
		struct gntsim_map_page_info info = {
		    .file = map->file,
		    .index = gs_map_offset(map),
		    .page = i,
		    .granter = p->domid,
		    .ref = p->ref,
		    .handle = p->handle,
		    .kernel_handle = p->khandle,
		};

		if (!walk->page(walk->ctx, &info))
			return false;
	}
	return true;
}

static bool pages_of_file(const struct walk *walk, const struct gntsim_file *file)
{
	const struct list *head = &file->u.gntdev.all;
	const struct list *l;

	for (l = head->next; l != head; l = l->next)
		if (!pages_of_map(walk, container_of(l, const struct map, all)))
			return false;
	return true;
}

static bool pages_of(void *ctx, struct gntsim_domain *dom)
{
	const struct list *l;

	for (l = dom->files.next; l != &dom->files; l = l->next) {
		const struct gntsim_file *file = container_of(l, const struct gntsim_file, link);

		if (file->device == GNTSIM_DEV_GNTDEV && !pages_of_file(ctx, file))
			return false;
	}
	return true;
}

static bool notifies_of_maps(const struct walk *walk, struct gntsim_file *file)
{
	const struct list *head = &file->u.gntdev.all;
	const struct list *l;

	for (l = head->next; l != head; l = l->next) {
		const struct map *map = container_of(l, const struct map, all);
		struct gntsim_notify_info info = {
		    .file = file,
		    .domid = file->dom->id,
		    .index = gs_map_offset(map),
		    .action = map->notify.flags,
		    .offset = map->notify.offset,
		    .port = map->notify.port,
		    .origin = map->notify.origin,
		};

		if (map->notify.flags && !walk->notify(walk->ctx, &info))
			return false;
	}
	return true;
}

static bool notifies_of_pages(const struct walk *walk, struct gntsim_file *file)
{
	const struct tree_node *n;

	for (n = gs_tree_first(&file->u.gntalloc.grefs); n; n = gs_tree_next(n)) {
		const struct gref *g = container_of(n, const struct gref, node);
		struct gntsim_notify_info info = {
		    .file = file,
		    .domid = file->dom->id,
		    .index = g->index,
		    .ref = g->ref,
		    .action = g->notify_flags,
		    .offset = g->notify_offset,
		    .port = g->notify_port,
		    .origin = g->u.notify_origin,
		};

		if (g->notify_flags && !walk->notify(walk->ctx, &info))
			return false;
	}
	return true;
}

static bool notifies_of(void *ctx, struct gntsim_domain *dom)
{
	struct list *l;

	for (l = dom->files.next; l != &dom->files; l = l->next) {
		struct gntsim_file *file = container_of(l, struct gntsim_file, link);

		if (file->device == GNTSIM_DEV_GNTDEV && !notifies_of_maps(ctx, file))
			return false;
		if (file->device == GNTSIM_DEV_GNTALLOC && !notifies_of_pages(ctx, file))
			return false;
	}
	return true;
}

static bool vmas_of_mm(const struct walk *walk, struct gntsim_mm *mm)
{
	struct gntsim_vma vma;
	uint64_t addr = 0;

	for (; gntsim_mm_find_vma(mm, addr, &vma); addr = vma.end)
		if (!walk->vma(walk->ctx, mm, &vma))
			return false;
	return true;
}

static bool vmas_of(void *ctx, struct gntsim_domain *dom)
{
	struct list *l;

	for (l = dom->mms.next; l != &dom->mms; l = l->next)
		if (!vmas_of_mm(ctx, container_of(l, struct gntsim_mm, link)))
			return false;
	return true;
}

static bool handles_of(void *ctx, struct gntsim_domain *dom)
{
	const struct walk *walk = ctx;
	const struct table *tracks = &dom->maptrack.entries;
	uint32_t handle, left = dom->maptrack.used;

	for (handle = 0; left && handle < table_size(tracks); handle++) {
		const struct track *t = table_at(tracks, handle);
		struct gntsim_handle_info info = {
		    .domid = dom->id,
		    .handle = handle,
		    .granter = t->domid,
		    .ref = t->ref,
		    .flags = t->flags,
		};

		left -= t->flags != 0;
		if (t->flags && !walk->handle(walk->ctx, &info))
			return false;
	}
	return true;
}

static bool domain_of(void *ctx, struct gntsim_domain *dom)
{
	const struct walk *walk = ctx;
	struct gntsim_domain_info info = {
	    .domid = dom->id,
	    .guest = dom->guest,
	    .zombie = dom->dying,
	    .kernel = dom->profile->name,
	    .frames = dom->n_frames - dom->grants.n_shown,
	    .grant_frames = dom->grants.slots.n_chunks,
	    .max_grant_frames = dom->grants.max_frames,
	    .deferred = dom->grants.n_deferred,
	    .gntalloc_pages = dom->n_grefs,
	    .gntalloc_limit = dom->gntalloc_limit,
	    .handles = dom->maptrack.used,
	    .max_handles = dom->maptrack.max_frames << dom->maptrack.entries.shift,
	    .ports = dom->ports.used,
	    .max_ports = dom->ports.max,
	};

	return walk->domain(walk->ctx, &info);
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

void gntsim_for_each_domain(struct gntsim_machine *m,
			    bool (*visit)(void *ctx, const struct gntsim_domain_info *dom),
			    void *ctx)
{
	gs_for_each_domain(m, domain_of, &(struct walk){.domain = visit, .ctx = ctx});
}

void gntsim_for_each_map_page(struct gntsim_machine *m,
			      bool (*visit)(void *ctx, const struct gntsim_map_page_info *page),
			      void *ctx)
{
	gs_for_each_domain(m, pages_of, &(struct walk){.page = visit, .ctx = ctx});
}

void gntsim_for_each_vma(struct gntsim_machine *m,
			 bool (*visit)(void *ctx, struct gntsim_mm *mm,
				       const struct gntsim_vma *vma),
			 void *ctx)
{
	gs_for_each_domain(m, vmas_of, &(struct walk){.vma = visit, .ctx = ctx});
}

void gntsim_for_each_handle(struct gntsim_machine *m,
			    bool (*visit)(void *ctx, const struct gntsim_handle_info *handle),
			    void *ctx)
{
	gs_for_each_domain(m, handles_of, &(struct walk){.handle = visit, .ctx = ctx});
}

void gntsim_for_each_notify(struct gntsim_machine *m,
			    bool (*visit)(void *ctx, const struct gntsim_notify_info *notify),
			    void *ctx)
{
	gs_for_each_domain(m, notifies_of, &(struct walk){.notify = visit, .ctx = ctx});
}

int gntsim_port_describe(const struct gntsim_domain *dom, gntsim_port port,
			 struct gntsim_port_info *out)
{
	const struct port *p = gs_port(dom, port);

	if (!p || gntsim_port_status(dom, port, &out->status) < 0)
		return -EINVAL;
	out->file = p->file;
	out->enabled = p->enabled;
	out->origin = p->origin;
	return 0;
}
