/* SPDX-License-Identifier: MIT */
/* gntsim_machine_check(), which fuzzers and storms go by: it notices each thing that is wrong, here by breaking the
 * machine's insides one at a time. */
#include "support/broken.h"

/* Something of everything: a shared page with its notifications on a channel, a page given up while it is mapped, a
 * private copy, numbers that were used and are free again, a virtual interrupt, a file that is not used. */
static struct world {
	struct fx_share share, late;
	struct fx_channel c;
	struct gntsim_file *idle, *priv, *other, *spare;
	struct gntsim_mm *copying;
	gntsim_port virq;
} w;

static struct slot *slot_of(const struct gntsim_domain *dom, gntsim_gref ref)
{
	return table_at(&dom->grants.slots, ref);
}

static struct port *port_of(const struct gntsim_domain *dom, gntsim_port port)
{
	struct port_chunk *c = table_at(&dom->ports.chunks, port / PORTS_PER_CHUNK);

	return &c->ports[port % PORTS_PER_CHUNK];
}

static struct vma *only_vma(const struct gntsim_mm *mm)
{
	return container_of(mm->vmas.root, struct vma, node);
}

static struct gref *only_gref(const struct gntsim_file *alloc)
{
	return container_of(alloc->u.gntalloc.grefs.root, struct gref, node);
}

static struct gref *next_gref(const struct gref *g)
{
	return container_of(gs_tree_next(&g->node), struct gref, node);
}

static struct map *only_map(const struct gntsim_file *dev)
{
	return container_of(dev->u.gntdev.maps.root, struct map, node);
}

static void build(void)
{
	const unsigned char byte = 1;
	struct gntsim_file *alloc;
	gntsim_gref refs[2];
	uint64_t index;
	int virq;

	w.c = fx_channel(fx.dom1, fx.dom2);
	w.share = fx_share(fx.dom1, fx.dom2);
	w.late = fx_share(fx.dom1, fx.dom2);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(w.share.alloc, 0, SEND_EVENT, w.c.port_here), 0);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(w.share.dev, 0, SEND_EVENT, w.c.port_there), 0);
	/* Given up while it is mapped. */
	EXPECT_EQ(gntsim_munmap(w.late.granter, VA, PAGE), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(w.late.alloc, w.late.index, 1), 0);
	EXPECT_EQ(fx_totals().deferred, 1);
	/* Private copies, of pages of another file. */
	w.other = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	w.priv = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	w.copying = fx_mm(fx.dom2);
	for (unsigned i = 0; i < 2; i++)
		refs[i] = fx_alloc(w.other, 2, &index);
	REQUIRE_EQ(gntsim_mmap(w.copying, w.priv, VA, 2 * PAGE, PROT_READ, MAP_PRIVATE,
			       fx_mapv(w.priv, 1, 2, refs)),
		   0);
	REQUIRE_EQ(gntsim_mprotect(w.copying, VA, 2 * PAGE, PROT_READ | PROT_WRITE), 0);
	EXPECT_EQ(gntsim_mm_store(w.copying, VA, &byte, 1), GNTSIM_ACCESS_OK);
	EXPECT_EQ(gntsim_mm_store(w.copying, VA + PAGE, &byte, 1), GNTSIM_ACCESS_OK);
	/* Pages that nobody maps. */
	w.spare = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	for (unsigned i = 0; i < 2; i++)
		(void)fx_alloc(w.spare, 2, &index);
	/* References, frames and a handle that are free again. */
	alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	for (unsigned i = 0; i < 3; i++)
		(void)fx_alloc(alloc, 2, &index);
	gntsim_close(alloc);
	virq = gntsim_evtchn_bind_virq(w.c.here, 7);
	REQUIRE(virq > 0);
	w.virq = (gntsim_port)virq;
	w.idle = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	REQUIRE(gntsim_machine_check(fx.m) == NULL);
}

static void tear_down(void)
{
	gntsim_close(w.idle);
	gntsim_close(w.spare);
	gntsim_mm_destroy(w.copying);
	gntsim_close(w.priv);
	gntsim_close(w.other);
	fx_share_close(&w.late);
	fx_share_close(&w.share);
	fx_channel_close(&w.c);
}

static void address_spaces(void)
{
	struct vma *vma, *second;
	struct own_page *own, *next;

	build();
	vma = only_vma(w.share.granter);
	own = container_of(w.copying->own_pages.root, struct own_page, node);
	next = container_of(gs_tree_next(&own->node), struct own_page, node);
	BROKEN(vma->start, vma->start + 1, "a mapping's range or file");
	BROKEN(vma->start, vma->end, "a mapping's range or file");
	BROKEN(vma->file, w.priv, "a mapping's range or file");
	BROKEN(vma->mm, w.share.mapper, "order of mappings");
	BROKEN(w.share.granter->dom, fx.dom2, "an address space's tree");
	BROKEN(w.share.granter->vmas.last, NULL, "an address space's tree");
	BROKEN(w.share.granter->hit_memory, ((struct vma_hit){VA, VA + PAGE, NULL}),
	       "an address space's tree");
	BROKEN(w.share.granter->hit_memory, ((struct vma_hit){VA, VA + 2 * PAGE, vma}),
	       "an address space's tree");
	BROKEN(w.copying->own_pages.last, NULL, "an address space's own pages");
	BROKEN(own->addr, VA - PAGE, "an own page's place");
	BROKEN(own->addr, VA + PAGE, "an own page's place");
	BROKEN(own->addr, VA + 9 * PAGE, "an own page's place");
	BROKEN(next->node.above, 1, "an address space's own pages");
	BROKEN(own->node.above, (uintptr_t)&next->node, "an address space's own pages");
	/* Two black nodes, one below the other; a red root. */
	BROKEN(next->node.above, (uintptr_t)&own->node, "an address space's own pages");
	BROKEN(own->node.above, 1, "an address space's own pages");
	BROKEN(w.share.granter->near.n_vmas, 2, "an address space's tree");
	BROKEN(vma->in_order.prev, NULL, "an address space's tree");
	BROKEN(own->frame, only_gref(w.share.alloc)->frame, "an own page's frame");
	BROKEN(vma->u.run->users, 2, "pieces of a gntalloc mapping");
	/* Two mappings, one behind the other. */
	REQUIRE_EQ(gntsim_mprotect(w.copying, VA, PAGE, PROT_READ), 0);
	vma = only_vma(w.copying);
	second = gs_vma_next(vma) ? gs_vma_next(vma) : vma;
	BROKEN(second->start, VA, "order of mappings");
	tear_down();
}

static void files(void)
{
	struct gref *g, *first, *second;
	struct map *map;
	struct slot *slot;
	struct evtchn_file *u;

	build();
	g = only_gref(w.share.alloc);
	first = container_of(gs_tree_first(&w.spare->u.gntalloc.grefs), struct gref, node);
	second = next_gref(first);
	slot = slot_of(fx.dom1, first->ref);
	map = only_map(w.share.dev);
	u = &w.c.here->u.evtchn;
	BROKEN(g->notify_port, 50, "a notification's port");
	BROKEN(g->notify_port, 5000, "a notification's port");
	BROKEN(g->users, 0, "a gntalloc page's place in its file");
	BROKEN(g->file, w.idle, "a gntalloc page's place in its file");
	BROKEN(second->index, first->index, "a gntalloc page's place in its file");
	BROKEN_BOTH(first->ref, 1u << 20, slot->state, SLOT_RAW, "a gntalloc page's grant");
	BROKEN_BOTH(first->ref, second->ref, slot->state, SLOT_RAW, "a gntalloc page's grant");
	BROKEN_BOTH(fx.dom1->grefs.next, fx.dom1->grefs.next->next, fx.dom1->n_grefs,
		    fx.dom1->n_grefs - 1, "number of gntalloc pages, or their users");
	BROKEN(slot_of(fx.dom1, g->ref)->state, SLOT_RAW, "a gntalloc page's grant");
	BROKEN(slot_of(fx.dom1, g->ref)->gref, only_gref(w.other), "a gntalloc page and its grant");
	BROKEN(g->users, g->users + 1, "number of gntalloc pages, or their users");
	BROKEN(w.share.alloc->u.gntalloc.grefs.last, NULL, "a gntalloc file's tree");
	BROKEN(map->users, map->users + 1, "users of a gntdev map");
	BROKEN(map->file, w.idle, "users of a gntdev map");
	BROKEN(map->live, 0, "live grants of a gntdev map");
	BROKEN(map->pages[0].handle, 1u << 20, "live grants of a gntdev map");
	BROKEN(map->pages[0].handle, fx.dom2->maptrack.tail, "live grants of a gntdev map");
	BROKEN(map->pages[0].ref, first->ref, "live grants of a gntdev map");
	BROKEN(map->pages[0].domid, 0, "live grants of a gntdev map");
	BROKEN(map->notify.port, 50, "a notification's port");
	BROKEN(w.share.dev->u.gntdev.maps.last, NULL, "a gntdev file's tree");
	BROKEN(map->gap, 1, "a gap between gntdev maps");
	BROKEN(map->max_gap, 7, "a gap between gntdev maps");
	BROKEN(map->listed, false, "a gap between gntdev maps");
	BROKEN(w.share.dev->u.gntdev.all,
	       ((struct list){&w.share.dev->u.gntdev.all, &w.share.dev->u.gntdev.all}),
	       "list of a gntdev file's maps");
	BROKEN(port_of(fx.dom1, w.virq)->file, w.idle, "list of an evtchn file's ports");
	BROKEN(u->n_ports, u->n_ports + 1, "an evtchn file's ring");
	BROKEN(u->prod, u->cons + u->ring_size + 1, "an evtchn file's ring");
	BROKEN(u->ring_size, 0, "an evtchn file's ring");
	BROKEN(w.share.alloc->vmas, 2, "mappings of a file");
	BROKEN(w.idle->open, false, "mappings of a file");
	BROKEN(w.idle->device, (enum gntsim_device)77, "a file's device");
	BROKEN(fx.dom1->n_grefs, fx.dom1->n_grefs + 1, "number of gntalloc pages, or their users");
	BROKEN(fx.dom1->gref_size, 100, "gntalloc's count of pages");
	BROKEN(port_of(fx.dom1, w.virq)->refs, 2, "references on ports");
	tear_down();
}

static void frames_and_grants(void)
{
	struct frame *all;
	struct gref *g, *deferred, *spare;
	struct grants *grants;
	struct slot *slot, *copied;
	gntsim_frame nothing[1] = {0};

	build();
	all = fx.m->frames.all;
	g = only_gref(w.share.alloc);
	grants = &fx.dom1->grants;
	slot = slot_of(fx.dom1, g->ref);
	deferred = container_of(grants->deferred.next, struct gref, global);
	spare = only_gref(w.spare);
	copied = slot_of(fx.dom1, only_gref(w.other)->ref);
	BROKEN(all[g->frame].owner, fx.dom2, "a frame's owner or place in the owner's list");
	BROKEN(all[g->frame].prev, 200, "a frame's owner or place in the owner's list");
	BROKEN(all[g->frame].use, FRAME_FREE, "a frame that should be free is not");
	BROKEN(all[spare->frame].use, FRAME_ORPHAN, "a frame that should be free is not");
	BROKEN(all[spare->frame].use, FRAME_TABLE, "a frame that should be free is not");
	BROKEN(all[only_vma(w.copying)->u.map->pages[0].frame].pins, 0,
	       "a mapped grant's frame is not pinned");
	BROKEN(slot->pinned_frame, 200, "a mapped grant's frame is not pinned");
	/* Two grants of the one pin that its frame has. */
	BROKEN_BOTH(slot->pinned_frame, copied->pinned_frame, all[g->frame].pins, 0,
		    "pins of frames");
	BROKEN(fx.dom1->n_frames, fx.dom1->n_frames + 1, "number of a domain's frames");
	BROKEN(grants->n_shown, 1, "number of frames that show a grant table");
	BROKEN(grants->shown, nothing, "number of frames that show a grant table");
	BROKEN(all[g->frame].pins, all[g->frame].pins + 1, "frames that are held");
	BROKEN(slot->pin, slot->pin + PIN_HSTR, "mappings, as granters and mappers count them");
	BROKEN(g->ref, deferred->ref, "a gntalloc page and its grant");
	BROKEN(g->file, w.priv, "a gntalloc page and its grant");
	BROKEN(all[g->frame].use, FRAME_RAW, "a gntalloc page and its grant");
	BROKEN(deferred->ref, g->ref, "a deferred grant's page");
	BROKEN(all[deferred->frame].use, FRAME_RAW, "a deferred grant's page");
	BROKEN(deferred->global.next, &deferred->global, "length of the deferred list");
	BROKEN(grants->fresh, g->ref, "a reference in use that was never taken");
	BROKEN(slot_of(fx.dom1, grants->free)->state, SLOT_RAW,
	       "a reference in use is in the free list");
	BROKEN(grants->free, NO_REF, "length of the free list of references");
	BROKEN(grants->n_deferred, 2, "number of deferred grants, or their timer");
	BROKEN(grants->timer_armed, false, "number of deferred grants, or their timer");
	BROKEN(grants->deferred, ((struct list){&grants->deferred, &grants->deferred}),
	       "length of the deferred list");
	BROKEN(grants->deferred.next, &g->global, "a grant in the deferred list is not deferred");
	BROKEN(all[fx.m->frames.free].use, FRAME_KERNEL, "a frame in use is in the free list");
	BROKEN(fx.m->frames.fresh, fx.m->frames.fresh + 1, "number of free frames");
	tear_down();
}

static void handles(void)
{
	struct maptrack *m;
	struct track *track, *free_one;

	build();
	m = &fx.dom2->maptrack;
	track = table_at(&m->entries, only_map(w.share.dev)->pages[0].handle);
	BROKEN(track->ref, 100, "a mapping whose grant does not know of it");
	BROKEN(track->ref, 1u << 20, "a mapping whose grant does not know of it");
	BROKEN(slot_of(fx.dom1, only_gref(w.share.alloc)->ref)->pinned_domid, 0,
	       "a mapping whose grant does not know of it");
	BROKEN(track->domid, 0, "a mapping whose grant does not know of it");
	BROKEN(track->domid, 999, "a mapping whose grant does not know of it");
	BROKEN(track->flags, track->flags | GNTSIM_GNTMAP_DEVICE_MAP,
	       "mappings, as granters and mappers count them");
	BROKEN(m->head, only_map(w.share.dev)->pages[0].handle, "the list of free handles");
	BROKEN(m->tail, m->tail - 1, "end of the list of free handles");
	BROKEN(m->fresh, m->fresh + 1, "the list of free handles");
	BROKEN(m->fresh_end, m->fresh_end + 1000, "the list of free handles");
	BROKEN(m->fresh_end, m->fresh_end - 1, "end of the list of free handles");
	BROKEN(m->used, 99, "number of handles");
	for (unsigned i = 0; i < 3; i++) {
		struct fx_share s = fx_share(fx.dom1, fx.dom2);

		fx_share_close(&s);
	}
	free_one = table_at(&m->entries, m->fresh_end);
	BROKEN(free_one->ref, 1u << 20, "the list of free handles");
	BROKEN(free_one->ref, only_map(w.share.dev)->pages[0].handle, "the list of free handles");
	tear_down();
}

static void ports(void)
{
	struct port *p, *peer, *none, *virq;
	struct ports *ports;
	struct port_chunk *c;

	build();
	ports = &fx.dom1->ports;
	p = port_of(fx.dom1, w.c.port_here);
	virq = port_of(fx.dom1, w.virq);
	none = port_of(fx.dom1, w.virq + 1);
	c = table_at(&ports->chunks, 0);
	BROKEN(p->number, 60, "a port's number");
	BROKEN(c->free, c->free ^ UINT64_C(1) << w.virq, "a port's bit in the map of free ports");
	BROKEN(none->pending, true, "a free port is not clean");
	BROKEN(none->refs, 1, "a free port is not clean");
	BROKEN(none->file, w.idle, "a free port is not clean");
	BROKEN(p->masked, p->enabled, "a port that evtchn has bound");
	BROKEN(p->refs, 0, "a port that evtchn has bound");
	BROKEN(p->file, w.c.there, "a port that evtchn has bound");
	BROKEN(ports->virqs[virq->remote_port], 0, "a virq's port");
	BROKEN(p->remote_port, 50, "an interdomain port's peer");
	BROKEN(p->remote_port, 5000, "an interdomain port's peer");
	BROKEN(p->remote, fx.dom0, "an interdomain port's peer");
	peer = port_of(fx.dom2, w.c.port_there);
	BROKEN(peer->remote, fx.dom0, "an interdomain port's peer");
	BROKEN(peer->remote_port, 50, "an interdomain port's peer");
	BROKEN_BOTH(p->number, 60, ports->roomy[0], ports->roomy[0] ^ 1, "a port's number");
	BROKEN(ports->roomy[0], ports->roomy[0] ^ 1, "the map of chunks with free ports");
	BROKEN(ports->roomy_words, 0, "the map of chunks with free ports");
	BROKEN(ports->used, ports->used + 1, "number of ports");
	tear_down();
}

static void the_machine(void)
{
	struct list stray = {&stray, &stray};

	build();
	BROKEN(fx.m->totals.files, 99, "the machine's totals");
	BROKEN(fx.m->totals.mms, 99, "the machine's totals");
	BROKEN(fx.m->frames.held, 5, "frames that are held");
	BROKEN(fx.m->releases.next, &stray, "a release was forgotten");
	BROKEN(fx.m->n_timers, 5, "number of timers");
	tear_down();
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"address spaces", address_spaces},
	    {"files", files},
	    {"frames and grants", frames_and_grants},
	    {"handles", handles},
	    {"ports", ports},
	    {"the machine", the_machine},
	};

	return UNIT_MAIN("check", tests);
}
