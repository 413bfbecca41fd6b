/* SPDX-License-Identifier: MIT */
/* Pages of a device mapping that are no longer the device's: private copies, and what madvise emptied.
 * Measured on 6.1, see also mm/madvise.c. */
#include "support/mapping.h"

enum { RW = PROT_READ | PROT_WRITE };

/* Three pages of domain 1 that PVH domain 2 maps privately and may write to. */
static struct mapping private_mapping(void)
{
	struct mapping m = {.alloc = granted(fx.dom2),
			    .dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV),
			    .mm = fx_mm(fx.dom2)};

	m.index = fx_mapv(m.dev, 1, 3, granted_refs);
	REQUIRE_EQ(gntsim_mmap(m.mm, m.dev, VA, 3 * PAGE, PROT_READ, MAP_PRIVATE, m.index), 0);
	REQUIRE_EQ(gntsim_mprotect(m.mm, VA, 3 * PAGE, RW), 0);
	return m;
}

/* A store copies its page, and only that; what the granter writes afterwards is seen in the others. */
static void a_store_copies_its_page(void)
{
	struct mapping m = private_mapping();
	struct gntsim_page p;

	EXPECT_EQ(gntsim_mm_page(m.mm, VA + PAGE, &p), 0);
	EXPECT(p.readable && !p.writable && !p.discards && p.copies);
	EXPECT_EQ(p.frame, entry_of(fx.dom1, granted_refs[1]).frame);
	EXPECT_EQ(fx_totals().frames, 3);
	fx_poke(m.mm, VA + PAGE, 0x21);
	EXPECT_EQ(fx_totals().frames, 4);
	EXPECT_EQ(gntsim_mm_page(m.mm, VA + PAGE, &p), 0);
	EXPECT(p.frame != entry_of(fx.dom1, granted_refs[1]).frame);
	fx_poke(m.mm, VA + PAGE + 1, 0x22);
	EXPECT_EQ(fx_totals().frames, 4);
	for (unsigned i = 0; i < 3; i++)
		fx_bytes(entry_of(fx.dom1, granted_refs[i]).frame)[2] = 0x33;
	EXPECT_EQ(fx_peek(m.mm, VA + 2), 0x33);
	EXPECT_EQ(fx_peek(m.mm, VA + PAGE), 0x21);
	EXPECT_EQ(fx_peek(m.mm, VA + PAGE + 1), 0x22);
	EXPECT_EQ(fx_peek(m.mm, VA + PAGE + 2), 0xFF);
	EXPECT_EQ(byte_of(granted_refs[1], 0), 0xFF);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	mapping_end(&m);
	EXPECT_EQ(fx_totals().frames, 0);
}

/* A store across pages copies both. */
static void a_store_across_pages(void)
{
	struct mapping m = private_mapping();

	EXPECT_EQ(gntsim_mm_store(m.mm, VA + PAGE - 2, "abcd", 4), GNTSIM_ACCESS_OK);
	EXPECT_EQ(fx_totals().frames, 5);
	EXPECT_EQ(fx_peek(m.mm, VA + PAGE - 1), 'b');
	EXPECT_EQ(fx_peek(m.mm, VA + PAGE), 'c');
	EXPECT_EQ(byte_of(granted_refs[0], 4095), 0xFF);
	mapping_end(&m);
}

/* munmap, also of a part, and a mapping put over it, end the copy. */
static void copies_end_with_their_mapping(void)
{
	struct mapping m = private_mapping();
	uint64_t again;

	for (unsigned i = 0; i < 3; i++)
		fx_poke(m.mm, VA + i * PAGE, 1);
	EXPECT_EQ(fx_totals().frames, 6);
	EXPECT_EQ(gntsim_munmap(m.mm, VA + PAGE, PAGE), 0);
	EXPECT_EQ(fx_totals().frames, 5);
	again = fx_map(m.dev, 1, granted_refs[0]);
	EXPECT_EQ(gntsim_mmap(m.mm, m.dev, VA, PAGE, PROT_READ, MAP_SHARED, again), 0);
	EXPECT_EQ(fx_totals().frames, 4);
	EXPECT_EQ(fx_peek(m.mm, VA), 0xFF);
	EXPECT_EQ(fx_peek(m.mm, VA + 2 * PAGE), 1);
	EXPECT_EQ(gntsim_munmap(m.mm, VA, 3 * PAGE), 0);
	EXPECT_EQ(fx_totals().frames, 3);
	mapping_end(&m);
}

/* fork copies the copies: neither side sees what the other stores from then on. */
static void fork_copies_the_copies(void)
{
	struct mapping m = private_mapping();
	struct gntsim_mm *child = NULL;

	fx_poke(m.mm, VA, 1);
	fx_poke(m.mm, VA + PAGE, 1);
	REQUIRE_EQ(gntsim_mm_fork(m.mm, &child), 0);
	EXPECT_EQ(fx_peek(child, VA), 1);
	fx_poke(child, VA, 2);
	fx_poke(m.mm, VA + PAGE, 3);
	fx_poke(child, VA + 2 * PAGE, 4);
	EXPECT_EQ(fx_peek(m.mm, VA), 1);
	EXPECT_EQ(fx_peek(child, VA + PAGE), 1);
	EXPECT_EQ(fx_peek(m.mm, VA + 2 * PAGE), 0xFF);
	EXPECT_EQ(byte_of(granted_refs[2], 0), 0xFF);
	gntsim_mm_destroy(m.mm);
	m.mm = NULL;
	EXPECT_EQ(fx_peek(child, VA), 2);
	EXPECT_EQ(fx_peek(child, VA + 2 * PAGE), 4);
	gntsim_mm_destroy(child);
	mapping_end(&m);
}

/* Each with its piece of the mapping, and once. */
static void fork_copies_pieces(void)
{
	struct mapping m = private_mapping();
	struct gntsim_mm *child = NULL;

	fx_poke(m.mm, VA, 0x41);
	fx_poke(m.mm, VA + PAGE, 0x42);
	EXPECT_EQ(gntsim_mprotect(m.mm, VA + PAGE, PAGE, PROT_READ), 0);
	REQUIRE_EQ(gntsim_mm_fork(m.mm, &child), 0);
	EXPECT_EQ(fx_totals().frames, 7);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	fx_poke(m.mm, VA, 0x43);
	EXPECT_EQ(fx_peek(child, VA), 0x41);
	EXPECT_EQ(fx_peek(child, VA + PAGE), 0x42);
	gntsim_mm_destroy(child);
	EXPECT_EQ(fx_totals().frames, 5);
	mapping_end(&m);
}

/* mremap takes the copies along. */
static void mremap_moves_the_copies(void)
{
	struct mapping m = private_mapping();

	fx_poke(m.mm, VA, 1);
	fx_poke(m.mm, VA + 2 * PAGE, 3);
	EXPECT_EQ(gntsim_mremap(m.mm, VA + PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
				VA - 16 * PAGE),
		  0);
	EXPECT_EQ(fx_peek(m.mm, VA), 1);
	EXPECT_EQ(fx_peek(m.mm, VA - 16 * PAGE), 0xFF);
	EXPECT_EQ(fx_peek(m.mm, VA - 15 * PAGE), 3);
	EXPECT_EQ(fx_try_load(m.mm, VA + 2 * PAGE), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(fx_totals().frames, 5);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	EXPECT_EQ(gntsim_munmap(m.mm, VA - 16 * PAGE, 2 * PAGE), 0);
	EXPECT_EQ(fx_totals().frames, 4);
	mapping_end(&m);
}

/* Many copies, made in no order. */
static void many_copies(void)
{
	struct mapping m = {.alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC),
			    .dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV),
			    .mm = fx_mm(fx.dom2)};
	gntsim_gref refs[100];

	REQUIRE_EQ(gntsim_gntalloc_alloc(m.alloc, 2, 1, 100, &m.index, refs), 0);
	m.index = fx_mapv(m.dev, 1, 100, refs);
	REQUIRE_EQ(gntsim_mmap(m.mm, m.dev, VA, 100 * PAGE, PROT_READ, MAP_PRIVATE, m.index), 0);
	REQUIRE_EQ(gntsim_mprotect(m.mm, VA, 100 * PAGE, RW), 0);
	for (unsigned i = 0; i < 100; i++)
		fx_poke(m.mm, VA + (i * 37 % 100) * PAGE, (uint8_t)(i * 37 % 100));
	for (unsigned i = 0; i < 100; i++)
		EXPECT_EQ(fx_peek(m.mm, VA + i * PAGE), i);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	EXPECT_EQ(gntsim_munmap(m.mm, VA + 20 * PAGE, 60 * PAGE), 0);
	EXPECT_EQ(fx_totals().frames, 140);
	EXPECT_EQ(fx_peek(m.mm, VA + 19 * PAGE), 19);
	EXPECT_EQ(fx_peek(m.mm, VA + 80 * PAGE), 80);
	mapping_end(&m);
}

/* No frame for a copy: SIGBUS, as when the kernel's fault handler finds no memory. */
static void no_memory_for_a_copy(void)
{
	struct mapping m;

	fx_restart(&(struct fx_config){.n_frames = 3});
	m = private_mapping();
	EXPECT_EQ(fx_try_store(m.mm, VA), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(fx_peek(m.mm, VA), 0xFF);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	mapping_end(&m);
}

static void madvise_errors(void)
{
	struct mapping m = private_mapping();

	EXPECT_EQ(gntsim_madvise(m.mm, VA + 1, PAGE, MADV_DONTNEED), -EINVAL);
	EXPECT_EQ(gntsim_madvise(m.mm, VA, UINT64_C(0) - PAGE, MADV_DONTNEED), -EINVAL);
	EXPECT_EQ(gntsim_madvise(m.mm, VA, PAGE, MADV_FREE), -EINVAL);
	EXPECT_EQ(gntsim_madvise(m.mm, VA, PAGE, 4711), -EINVAL);
	EXPECT_EQ(gntsim_madvise(m.mm, VA, PAGE, MADV_REMOVE), -ENODEV);
	EXPECT_EQ(gntsim_madvise(m.mm, VA, 0, MADV_DONTNEED), 0);
	EXPECT_EQ(fx_peek(m.mm, VA), 0xFF);
	mapping_end(&m);
}

/* PV: MADV_DONTNEED ends the grants of the range, the byte with them, the event not yet. */
static void pv_madvise(void)
{
	struct mapping m = mapping_notified_at(fx.dom0, 3, PAGE + 9);

	EXPECT_EQ(gntsim_madvise(m.mm, VA + PAGE, PAGE, MADV_DONTNEED), 0);
	EXPECT_EQ(fx_try_load(m.mm, VA + PAGE), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(fx_try_load(m.mm, VA), GNTSIM_ACCESS_OK);
	EXPECT_EQ(pins(), 4);
	EXPECT_EQ(byte_of(granted_refs[1], 9), 0);
	EXPECT_EQ(fx_events(m.c.there), 0);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_REVOKED), 1);
	EXPECT_EQ(fx_totals().vmas, 1);
	mapping_end(&m);
}

/* PVH: the pages are gone from the process for good, the grants stay until the last put. */
static void pvh_madvise(void)
{
	struct mapping m = mapping_notified_at(fx.dom2, 3, PAGE + 9);

	EXPECT_EQ(gntsim_madvise(m.mm, VA + PAGE, PAGE, MADV_DONTNEED), 0);
	EXPECT_EQ(fx_try_load(m.mm, VA + PAGE), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(fx_try_store(m.mm, VA + PAGE), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(fx_try_load(m.mm, VA + 2 * PAGE), GNTSIM_ACCESS_OK);
	EXPECT_EQ(pins(), 3);
	EXPECT_EQ(byte_of(granted_refs[1], 9), 0xFF);
	EXPECT_EQ(gntsim_munmap(m.mm, VA, 3 * PAGE), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(m.dev, m.index, 3), 0);
	EXPECT_EQ(pins(), 0);
	EXPECT_EQ(byte_of(granted_refs[1], 9), 0);
	EXPECT_EQ(fx_events(m.c.there), 1);
	mapping_end(&m);
}

/* gntalloc: SIGBUS for good in that mapping; another of the same page and the child of a fork before
 * it are not touched. */
static void gntalloc_madvise(void)
{
	struct gntsim_file *alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	struct gntsim_mm *mm = fx_mm(fx.dom1), *before = NULL, *after = NULL;
	uint64_t index;

	fx_alloc(alloc, 2, &index);
	REQUIRE_EQ(fx_mmap(mm, alloc, VA, 1, index), 0);
	REQUIRE_EQ(fx_mmap(mm, alloc, VA + 2 * PAGE, 1, index), 0);
	REQUIRE_EQ(gntsim_mm_fork(mm, &before), 0);
	EXPECT_EQ(gntsim_madvise(mm, VA, PAGE, MADV_DONTNEED), 0);
	EXPECT_EQ(fx_try_load(mm, VA), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(fx_try_load(mm, VA + 2 * PAGE), GNTSIM_ACCESS_OK);
	EXPECT_EQ(fx_try_load(before, VA), GNTSIM_ACCESS_OK);
	REQUIRE_EQ(gntsim_mm_fork(mm, &after), 0);
	EXPECT_EQ(fx_try_load(after, VA), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(fx_mmap(mm, alloc, VA, 1, index), 0);
	EXPECT_EQ(fx_try_load(mm, VA), GNTSIM_ACCESS_OK);
	EXPECT_EQ(fx_totals().frames, 1);
	gntsim_mm_destroy(mm);
	gntsim_mm_destroy(before);
	gntsim_mm_destroy(after);
	gntsim_close(alloc);
}

/* MADV_DONTNEED throws a private copy away, and no page comes in its place. */
static void madvise_of_a_copy(void)
{
	struct mapping m = private_mapping();

	fx_poke(m.mm, VA, 1);
	EXPECT_EQ(gntsim_madvise(m.mm, VA, PAGE, MADV_DONTNEED), 0);
	EXPECT_EQ(fx_totals().frames, 3);
	EXPECT_EQ(fx_try_load(m.mm, VA), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(byte_of(granted_refs[0], 0), 0xFF);
	mapping_end(&m);
}

/* A destroyed domain takes its copies along. */
static void copies_of_a_destroyed_domain(void)
{
	struct mapping m = private_mapping();

	fx_poke(m.mm, VA, 1);
	EXPECT_EQ(gntsim_madvise(m.mm, VA + PAGE, PAGE, MADV_DONTNEED), 0);
	gntsim_domain_destroy(fx.dom2);
	EXPECT_EQ(fx_totals().frames, 3);
	EXPECT_EQ(fx_totals().zombies, 0);
	EXPECT_EQ(gntsim_madvise(m.mm, VA, PAGE, MADV_DONTNEED), -ENODEV);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	mapping_end(&m);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"fork copies pieces", fork_copies_pieces},
	    {"a store copies its page", a_store_copies_its_page},
	    {"a store across pages", a_store_across_pages},
	    {"copies end with their mapping", copies_end_with_their_mapping},
	    {"fork copies the copies", fork_copies_the_copies},
	    {"mremap moves the copies", mremap_moves_the_copies},
	    {"many copies", many_copies},
	    {"no memory for a copy", no_memory_for_a_copy},
	    {"madvise errors", madvise_errors},
	    {"PV: madvise", pv_madvise},
	    {"PVH: madvise", pvh_madvise},
	    {"gntalloc: madvise", gntalloc_madvise},
	    {"madvise of a copy", madvise_of_a_copy},
	    {"copies of a destroyed domain", copies_of_a_destroyed_domain},
	};

	return UNIT_MAIN("own_pages", tests);
}
