/* SPDX-License-Identifier: MIT */
/* /dev/xen/gntdev: when grants end, bytes are cleared and events sent, in PV and PVH guests. */
#include "support/mapping.h"

/* PV takes two pins a page (the user's and the kernel's PTE), PVH one. */
static void pins_per_page(void)
{
	const struct {
		struct gntsim_domain *mapper;
		uint32_t per_page;
	} guests[] = {{fx.dom0, 2}, {fx.dom2, 1}};

	for (unsigned i = 0; i < 2; i++) {
		struct gntsim_file *alloc = granted(guests[i].mapper);
		struct gntsim_file *dev = fx_open(guests[i].mapper, GNTSIM_DEV_GNTDEV);
		struct gntsim_mm *mm = fx_mm(guests[i].mapper);
		uint64_t index = fx_mapv(dev, 1, 3, granted_refs);

		EXPECT_EQ(live(index), 0);
		EXPECT_EQ(fx_mmap(mm, dev, VA, 3, index), 0);
		EXPECT_EQ(pins(), 3 * guests[i].per_page);
		EXPECT_EQ(fx_totals().maptrack, 3 * guests[i].per_page);
		EXPECT_EQ(live(index), 3);
		gntsim_mm_destroy(mm);
		gntsim_close(dev);
		EXPECT_EQ(pins(), 0);
		gntsim_close(alloc);
	}
}

/* PV, munmap alone: grants unmapped, byte cleared, no event; the event comes with UNMAP. */
static void pv_munmap_alone(void)
{
	struct mapping m = mapping(fx.dom0);

	EXPECT_EQ(gntsim_munmap(m.mm, VA, PAGE), 0);
	EXPECT_EQ(pins(), 0);
	EXPECT_EQ(fx_totals().maptrack, 0);
	EXPECT_EQ(byte_of(granted_refs[0], 5), 0);
	EXPECT_EQ(byte_of(granted_refs[0], 4), 0xFF);
	EXPECT_EQ(fx_events(m.c.there), 0);
	EXPECT_EQ(fx_totals().gntdev_maps, 1);
	EXPECT_EQ(gntsim_gntdev_unmap(m.dev, m.index, 1), 0);
	EXPECT_EQ(fx_events(m.c.there), 1);
	EXPECT_EQ(fx_totals().gntdev_maps, 0);
	mapping_end(&m);
}

/* PVH, munmap alone: nothing at all until UNMAP, which brings byte and event. */
static void pvh_munmap_alone(void)
{
	struct mapping m = mapping(fx.dom2);

	EXPECT_EQ(gntsim_munmap(m.mm, VA, PAGE), 0);
	EXPECT_EQ(fx_try_load(m.mm, VA), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(pins(), 1);
	EXPECT_EQ(byte_of(granted_refs[0], 5), 0xFF);
	EXPECT_EQ(fx_events(m.c.there), 0);
	EXPECT_EQ(live(m.index), 1);
	EXPECT_EQ(gntsim_gntdev_unmap(m.dev, m.index, 1), 0);
	EXPECT_EQ(pins(), 0);
	EXPECT_EQ(byte_of(granted_refs[0], 5), 0);
	EXPECT_EQ(fx_events(m.c.there), 1);
	mapping_end(&m);
}

/* The same with release instead of UNMAP. */
static void munmap_then_release(void)
{
	struct mapping m = mapping(fx.dom2);

	EXPECT_EQ(gntsim_munmap(m.mm, VA, PAGE), 0);
	gntsim_close(m.dev);
	m.dev = NULL;
	EXPECT_EQ(pins(), 0);
	EXPECT_EQ(byte_of(granted_refs[0], 5), 0);
	EXPECT_EQ(fx_events(m.c.there), 1);
	mapping_end(&m);
	m = mapping(fx.dom0);
	EXPECT_EQ(gntsim_munmap(m.mm, VA, PAGE), 0);
	EXPECT_EQ(byte_of(granted_refs[0], 5), 0);
	EXPECT_EQ(fx_events(m.c.there), 0);
	gntsim_close(m.dev);
	m.dev = NULL;
	EXPECT_EQ(fx_events(m.c.there), 1);
	mapping_end(&m);
}

/* UNMAP while mapped drops the file's reference only; the munmap after it brings all. */
static void unmap_while_mapped(struct gntsim_domain *mapper)
{
	struct mapping m = mapping(mapper);

	EXPECT_EQ(gntsim_gntdev_unmap(m.dev, m.index, 1), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(m.dev, m.index, 1), -ENOENT);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(m.dev, m.index, 0, 0), -ENOENT);
	EXPECT(pins() > 0);
	EXPECT_EQ(byte_of(granted_refs[0], 5), 0xFF);
	EXPECT_EQ(fx_events(m.c.there), 0);
	EXPECT_EQ(fx_totals().gntdev_maps, 1);
	EXPECT_EQ(fx_peek(m.mm, VA), 0xFF);
	EXPECT_EQ(gntsim_munmap(m.mm, VA, PAGE), 0);
	EXPECT_EQ(pins(), 0);
	EXPECT_EQ(byte_of(granted_refs[0], 5), 0);
	EXPECT_EQ(fx_events(m.c.there), 1);
	EXPECT_EQ(fx_totals().gntdev_maps, 0);
	mapping_end(&m);
}

static void unmap_while_mapped_both(void)
{
	unmap_while_mapped(fx.dom0);
	unmap_while_mapped(fx.dom2);
}

/* Partial munmap, PV: those pages are unmapped, and the byte goes if it is in the range. */
static void pv_partial_munmap(void)
{
	struct mapping m = mapping_notified_at(fx.dom0, 3, PAGE + 9);

	EXPECT_EQ(gntsim_munmap(m.mm, VA, PAGE), 0);
	EXPECT_EQ(pins(), 4);
	EXPECT_EQ(entry_of(fx.dom1, granted_refs[0]).flags, GNTSIM_GTF_PERMIT_ACCESS);
	EXPECT_EQ(live(m.index), 2);
	EXPECT_EQ(byte_of(granted_refs[1], 9), 0xFF);
	EXPECT_EQ(fx_peek(m.mm, VA + PAGE), 0xFF);
	EXPECT_EQ(gntsim_munmap(m.mm, VA + PAGE, PAGE), 0);
	EXPECT_EQ(pins(), 2);
	EXPECT_EQ(byte_of(granted_refs[1], 9), 0);
	EXPECT_EQ(fx_events(m.c.there), 0);
	fx_bytes(entry_of(fx.dom1, granted_refs[1]).frame)[9] = 0x55;
	EXPECT_EQ(gntsim_gntdev_unmap(m.dev, m.index, 3), 0);
	EXPECT_EQ(fx_events(m.c.there), 0);
	EXPECT_EQ(gntsim_munmap(m.mm, VA + 2 * PAGE, PAGE), 0);
	EXPECT_EQ(pins(), 0);
	EXPECT_EQ(fx_events(m.c.there), 1);
	EXPECT_EQ(byte_of(granted_refs[1], 9), 0x55);
	mapping_end(&m);
}

/* PV: a byte set into a page that is already unmapped is never cleared; into a live one, when that page
 * goes. The address of the hole still finds the map, through the piece above it. (Measured.) */
static void pv_notify_after_partial_munmap(void)
{
	struct mapping m = mapping_notified_at(fx.dom0, 3, 0);
	uint64_t offset = 9;
	uint32_t count = 9;

	EXPECT_EQ(gntsim_munmap(m.mm, VA + PAGE, PAGE), 0);
	EXPECT_EQ(gntsim_gntdev_get_offset_for_vaddr(m.dev, m.mm, VA + PAGE, &offset, &count), 0);
	EXPECT_EQ(offset, m.index);
	EXPECT_EQ(count, 3);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(m.dev, m.index + PAGE + 1, CLEAR_BYTE | SEND_EVENT,
						 m.c.port_here),
		  0);
	EXPECT_EQ(gntsim_munmap(m.mm, VA, PAGE), 0);
	EXPECT_EQ(byte_of(granted_refs[0], 0), 0xFF);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(m.dev, m.index + 2 * PAGE + 2,
						 CLEAR_BYTE | SEND_EVENT, m.c.port_here),
		  0);
	EXPECT_EQ(byte_of(granted_refs[1], 1), 0xFF);
	EXPECT_EQ(gntsim_munmap(m.mm, VA + 2 * PAGE, PAGE), 0);
	EXPECT_EQ(byte_of(granted_refs[2], 2), 0);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(m.dev, m.index + 1, CLEAR_BYTE | SEND_EVENT,
						 m.c.port_here),
		  0);
	EXPECT_EQ(fx_events(m.c.there), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(m.dev, m.index, 3), 0);
	EXPECT_EQ(byte_of(granted_refs[0], 1), 0xFF);
	EXPECT_EQ(fx_events(m.c.there), 1);
	mapping_end(&m);
}

/* PVH: UNMAP with a piece left does nothing; the last munmap clears the byte, wherever it lies, and
 * sends one event. (Measured.) */
static void pvh_unmap_with_a_piece_left(void)
{
	struct mapping m = mapping_notified_at(fx.dom2, 3, PAGE + 9);

	EXPECT_EQ(gntsim_munmap(m.mm, VA + PAGE, PAGE), 0);
	EXPECT_EQ(gntsim_munmap(m.mm, VA, PAGE), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(m.dev, m.index, 3), 0);
	EXPECT_EQ(pins(), 3);
	EXPECT_EQ(byte_of(granted_refs[1], 9), 0xFF);
	EXPECT_EQ(fx_events(m.c.there), 0);
	EXPECT_EQ(gntsim_munmap(m.mm, VA + 2 * PAGE, PAGE), 0);
	EXPECT_EQ(pins(), 0);
	EXPECT_EQ(byte_of(granted_refs[1], 9), 0);
	EXPECT_EQ(fx_events(m.c.there), 1);
	mapping_end(&m);
}

/* Partial munmap, PVH: nothing; and nothing either when all pieces are gone, until UNMAP. */
static void pvh_partial_munmap(void)
{
	struct mapping m = mapping_notified_at(fx.dom2, 3, PAGE + 9);

	EXPECT_EQ(gntsim_munmap(m.mm, VA + PAGE, PAGE), 0);
	EXPECT_EQ(fx_try_load(m.mm, VA + PAGE), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(fx_peek(m.mm, VA), 0xFF);
	EXPECT_EQ(fx_peek(m.mm, VA + 2 * PAGE), 0xFF);
	EXPECT_EQ(pins(), 3);
	EXPECT_EQ(gntsim_munmap(m.mm, VA, 3 * PAGE), 0);
	EXPECT_EQ(pins(), 3);
	EXPECT_EQ(byte_of(granted_refs[1], 9), 0xFF);
	EXPECT_EQ(fx_events(m.c.there), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(m.dev, m.index, 0), 0);
	EXPECT_EQ(pins(), 0);
	EXPECT_EQ(byte_of(granted_refs[1], 9), 0);
	EXPECT_EQ(fx_events(m.c.there), 1);
	mapping_end(&m);
}

/* A killed mapper: address space, then files; byte and event, one event. */
static void killed_mapper(struct gntsim_domain *mapper, bool byte_with_the_address_space)
{
	struct mapping m = mapping(mapper);

	gntsim_mm_destroy(m.mm);
	m.mm = NULL;
	EXPECT_EQ(byte_of(granted_refs[0], 5), byte_with_the_address_space ? 0 : 0xFF);
	EXPECT_EQ(fx_events(m.c.there), 0);
	gntsim_close(m.c.here);
	m.c.here = NULL;
	gntsim_close(m.dev);
	m.dev = NULL;
	EXPECT_EQ(byte_of(granted_refs[0], 5), 0);
	EXPECT_EQ(fx_events(m.c.there), 1);
	EXPECT_EQ(pins(), 0);
	mapping_end(&m);
}

static void killed_mappers(void)
{
	killed_mapper(fx.dom0, true);
	killed_mapper(fx.dom2, false);
}

/* Files closed first, as exit with the descriptors closed: the VMA holds the file. */
static void closed_then_unmapped(struct gntsim_domain *mapper)
{
	struct mapping m = mapping(mapper);

	gntsim_close(m.dev);
	m.dev = NULL;
	EXPECT_EQ(fx_peek(m.mm, VA), 0xFF);
	EXPECT_EQ(fx_events(m.c.there), 0);
	gntsim_mm_destroy(m.mm);
	m.mm = NULL;
	EXPECT_EQ(byte_of(granted_refs[0], 5), 0);
	EXPECT_EQ(fx_events(m.c.there), 1);
	mapping_end(&m);
}

static void closed_then_unmapped_both(void)
{
	closed_then_unmapped(fx.dom0);
	closed_then_unmapped(fx.dom2);
}

/* PVH: the child of fork inherits the mapping and holds a reference; nothing is sent before it is
 * gone, too. */
static void pvh_fork(void)
{
	struct mapping m = mapping(fx.dom2);
	struct gntsim_mm *child = NULL;

	REQUIRE_EQ(gntsim_mm_fork(m.mm, &child), 0);
	EXPECT_EQ(fx_totals().vmas, 2);
	fx_poke(child, VA, 0x21);
	EXPECT_EQ(fx_peek(m.mm, VA), 0x21);
	EXPECT_EQ(pins(), 1);
	gntsim_mm_destroy(m.mm);
	m.mm = NULL;
	EXPECT_EQ(gntsim_gntdev_unmap(m.dev, m.index, 1), 0);
	gntsim_close(m.dev);
	m.dev = NULL;
	EXPECT_EQ(fx_peek(child, VA), 0x21);
	EXPECT_EQ(byte_of(granted_refs[0], 5), 0xFF);
	EXPECT_EQ(fx_events(m.c.there), 0);
	gntsim_mm_destroy(child);
	EXPECT_EQ(byte_of(granted_refs[0], 5), 0);
	EXPECT_EQ(fx_events(m.c.there), 1);
	mapping_end(&m);
}

/* PV: VM_DONTCOPY, the child's access is SIGSEGV; its end changes nothing. */
static void pv_fork(void)
{
	struct mapping m = mapping(fx.dom0);
	struct gntsim_mm *child = NULL;
	uint64_t offset;
	uint32_t count;

	REQUIRE_EQ(gntsim_mm_fork(m.mm, &child), 0);
	EXPECT_EQ(fx_totals().vmas, 1);
	EXPECT_EQ(fx_try_load(child, VA), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(gntsim_gntdev_get_offset_for_vaddr(m.dev, child, VA, &offset, &count), -EINVAL);
	EXPECT_EQ(fx_peek(m.mm, VA), 0xFF);
	gntsim_mm_destroy(child);
	EXPECT_EQ(fx_events(m.c.there), 0);
	EXPECT_EQ(byte_of(granted_refs[0], 5), 0xFF);
	EXPECT_EQ(pins(), 2);
	mapping_end(&m);
}

/* A failed mmap of a good and a bad grant, PV: undone. */
static void pv_failed_mmap_is_undone(void)
{
	struct gntsim_file *alloc = granted(fx.dom0), *dev = fx_open(fx.dom0, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(fx.dom0);
	const gntsim_gref bad[] = {granted_refs[0], 400, granted_refs[1]};
	uint64_t index = fx_mapv(dev, 1, 3, bad);

	EXPECT_EQ(fx_mmap(mm, dev, VA, 3, index), -EINVAL);
	EXPECT_EQ(pins(), 0);
	EXPECT_EQ(fx_totals().maptrack, 0);
	EXPECT_EQ(fx_totals().gntdev_maps, 1);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 3, index), -EINVAL);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, index, 3), 0);
	EXPECT_EQ(fx_totals().gntdev_maps, 0);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_HAZARD), 0);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
}

/* The same on PVH: the pages that did map stay mapped until UNMAP or close, which clear the byte
 * and send the event. */
static void pvh_failed_mmap_stays_half_mapped(void)
{
	struct gntsim_file *alloc = granted(fx.dom2), *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct fx_channel c = fx_channel(fx.dom2, fx.dom1);
	struct gntsim_mm *mm = fx_mm(fx.dom2);
	const gntsim_gref bad[] = {granted_refs[0], 400, granted_refs[1]};
	uint64_t index = fx_mapv(dev, 1, 3, bad);

	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, index + 2 * PAGE, CLEAR_BYTE | SEND_EVENT,
						 c.port_here),
		  0);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 3, index), -EINVAL);
	EXPECT_EQ(fx_totals().vmas, 0);
	EXPECT_EQ(fx_try_load(mm, VA), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(pins(), 2);
	EXPECT_EQ(live(index), 2);
	EXPECT_EQ(fx_events(c.there), 0);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 3, index), -EINVAL);
	EXPECT_EQ(pins(), 2);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, index, 3), 0);
	EXPECT_EQ(pins(), 0);
	EXPECT_EQ(byte_of(granted_refs[1], 0), 0);
	EXPECT_EQ(byte_of(granted_refs[0], 0), 0xFF);
	EXPECT_EQ(fx_events(c.there), 1);
	index = fx_mapv(dev, 1, 3, bad);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 3, index), -EINVAL);
	EXPECT_EQ(pins(), 2);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	EXPECT_EQ(pins(), 0);
	fx_channel_close(&c);
	gntsim_close(alloc);
}

/* Whichever of the grants fails: the mmap is EINVAL, PV keeps no pin, PVH those that worked; the map
 * keeps its index, takes notifications, and is never mmapped. (Measured.) */
static void failed_mmap(struct gntsim_domain *mapper, const gntsim_gref *refs, uint32_t n,
			uint32_t good)
{
	struct gntsim_file *dev = fx_open(mapper, GNTSIM_DEV_GNTDEV);
	struct fx_channel c = fx_channel(mapper, fx.dom1);
	struct gntsim_mm *mm = fx_mm(mapper);
	uint64_t index = fx_mapv(dev, 1, n, refs);
	bool pv = gntsim_domain_guest(mapper) == GNTSIM_GUEST_PV;

	EXPECT_EQ(fx_mmap(mm, dev, VA, n, index), -EINVAL);
	EXPECT_EQ(pins(), pv ? 0 : good);
	EXPECT_EQ(fx_mmap(mm, dev, VA, n, index), -EINVAL);
	EXPECT_EQ(gntsim_mmap(mm, dev, VA, n * PAGE, PROT_READ, MAP_SHARED, index), -EINVAL);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, index, SEND_EVENT, c.port_here), 0);
	EXPECT_EQ(fx_map(dev, 1, refs[0]), index + n * PAGE);
	EXPECT_EQ(fx_events(c.there), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, index, n), 0);
	EXPECT_EQ(pins(), 0);
	EXPECT_EQ(fx_events(c.there), 1);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	fx_channel_close(&c);
}

static void failed_mmaps(void)
{
	struct gntsim_domain *mappers[] = {fx.dom0, fx.dom2};

	for (unsigned i = 0; i < 2; i++) {
		struct gntsim_file *alloc = granted(mappers[i]);
		gntsim_gref ro;
		uint64_t index;

		REQUIRE_EQ(
		    gntsim_gntalloc_alloc(alloc, gntsim_domain_id(mappers[i]), 0, 1, &index, &ro),
		    0);
		failed_mmap(mappers[i], (gntsim_gref[]){granted_refs[0], 400}, 2, 1);
		failed_mmap(mappers[i], (gntsim_gref[]){400, granted_refs[0]}, 2, 1);
		failed_mmap(mappers[i], (gntsim_gref[]){granted_refs[0], 400, granted_refs[1]}, 3,
			    2);
		failed_mmap(mappers[i], (gntsim_gref[]){granted_refs[0], ro}, 2, 1);
		failed_mmap(mappers[i], (gntsim_gref[]){400}, 1, 0);
		gntsim_close(alloc);
	}
}

/* One grant can be mapped 64 times at once on PV, 128 times on PVH; the next mmap is EINVAL.
 * (Measured.) */
static void pins_run_out(void)
{
	const struct {
		struct gntsim_domain *mapper;
		unsigned times;
	} guests[] = {{fx.dom0, 64}, {fx.dom2, 128}};

	for (unsigned i = 0; i < 2; i++) {
		struct gntsim_file *alloc = granted(guests[i].mapper);
		struct gntsim_file *dev = fx_open(guests[i].mapper, GNTSIM_DEV_GNTDEV);
		struct gntsim_mm *mm = fx_mm(guests[i].mapper);
		uint64_t index;

		for (unsigned j = 0; j < guests[i].times; j++)
			REQUIRE_EQ(
			    fx_mmap(mm, dev, VA + j * PAGE, 1, fx_map(dev, 1, granted_refs[0])), 0);
		EXPECT_EQ(pins(), 128);
		index = fx_map(dev, 1, granted_refs[0]);
		EXPECT_EQ(fx_mmap(mm, dev, VA + 200 * PAGE, 1, index), -EINVAL);
		EXPECT_EQ(pins(), 128);
		EXPECT_EQ(gntsim_gntdev_unmap(dev, index, 1), 0);
		EXPECT_EQ(gntsim_munmap(mm, VA, PAGE), 0);
		EXPECT_EQ(gntsim_gntdev_unmap(dev, 0, 1), 0);
		EXPECT_EQ(fx_mmap(mm, dev, VA, 1, fx_map(dev, 1, granted_refs[0])), 0);
		gntsim_mm_destroy(mm);
		gntsim_close(dev);
		gntsim_close(alloc);
	}
}

/* PV: a forked child mmaps its parent's map. It is the child's then: its end unmaps and clears the byte;
 * the event waits for the last put, by anyone; nobody maps it a second time. (Measured.) */
static void pv_child_maps_its_parents_map(void)
{
	struct gntsim_file *alloc = granted(fx.dom0), *dev = fx_open(fx.dom0, GNTSIM_DEV_GNTDEV);
	struct fx_channel c = fx_channel(fx.dom0, fx.dom1);
	struct gntsim_mm *parent = fx_mm(fx.dom0), *child = NULL;
	uint64_t index = fx_map(dev, 1, granted_refs[0]);

	REQUIRE_EQ(gntsim_mm_fork(parent, &child), 0);
	EXPECT_EQ(
	    gntsim_gntdev_set_unmap_notify(dev, index + 3, CLEAR_BYTE | SEND_EVENT, c.port_here),
	    0);
	EXPECT_EQ(fx_mmap(child, dev, VA, 1, index), 0);
	EXPECT_EQ(fx_mmap(parent, dev, VA, 1, index), -EINVAL);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, index, 1), 0);
	gntsim_mm_destroy(parent);
	EXPECT_EQ(fx_peek(child, VA), 0xFF);
	EXPECT_EQ(byte_of(granted_refs[0], 3), 0xFF);
	EXPECT_EQ(fx_events(c.there), 0);
	gntsim_mm_destroy(child);
	EXPECT_EQ(pins(), 0);
	EXPECT_EQ(byte_of(granted_refs[0], 3), 0);
	EXPECT_EQ(fx_events(c.there), 1);
	gntsim_close(dev);
	fx_channel_close(&c);
	gntsim_close(alloc);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"pins per page", pins_per_page},
	    {"PV: munmap alone", pv_munmap_alone},
	    {"PVH: munmap alone", pvh_munmap_alone},
	    {"munmap, then release", munmap_then_release},
	    {"unmap while mapped", unmap_while_mapped_both},
	    {"PV: partial munmap", pv_partial_munmap},
	    {"PVH: partial munmap", pvh_partial_munmap},
	    {"killed mappers", killed_mappers},
	    {"closed, then unmapped", closed_then_unmapped_both},
	    {"PVH: fork", pvh_fork},
	    {"PV: fork", pv_fork},
	    {"PV: failed mmap is undone", pv_failed_mmap_is_undone},
	    {"PVH: failed mmap stays half mapped", pvh_failed_mmap_stays_half_mapped},
	    {"PV: notify after partial munmap", pv_notify_after_partial_munmap},
	    {"PVH: unmap with a piece left", pvh_unmap_with_a_piece_left},
	    {"failed mmaps", failed_mmaps},
	    {"pins run out", pins_run_out},
	    {"PV: child maps its parent's map", pv_child_maps_its_parents_map},
	};

	return UNIT_MAIN("gntdev_lifetime", tests);
}
