/* SPDX-License-Identifier: MIT */
/* /dev/xen/gntalloc: pages, indices, limits, lifetimes. Rules: drivers/xen/gntalloc.c and
 * drivers/xen/grant-table.c. */
#include "support/grants.h"

static struct gntsim_file *alloc_file(void)
{
	return fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
}

static void alloc_grants_pages(void)
{
	struct gntsim_file *file = alloc_file();
	gntsim_gref refs[3];
	uint64_t index = 77;

	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 3, &index, refs), 0);
	EXPECT_EQ(index, 0);
	for (unsigned i = 0; i < 3; i++) {
		EXPECT_EQ(refs[i], 8 + i);
		EXPECT_EQ(entry_of(fx.dom1, refs[i]).flags, GNTSIM_GTF_PERMIT_ACCESS);
		EXPECT_EQ(entry_of(fx.dom1, refs[i]).domid, 2);
	}
	EXPECT(entry_of(fx.dom1, 8).frame != entry_of(fx.dom1, 9).frame &&
	       entry_of(fx.dom1, 9).frame != entry_of(fx.dom1, 10).frame);
	EXPECT_EQ(fx_totals().grants, 3);
	EXPECT_EQ(fx_totals().frames, 3);
	gntsim_close(file);
	EXPECT_EQ(fx_totals().frames, 0);
}

/* Pages come zeroed, whatever their last user left in them. */
static void pages_come_zeroed(void)
{
	struct gntsim_file *file;
	gntsim_gref refs[4];
	uint64_t index;

	fx_restart(&(struct fx_config){.n_frames = 4});
	file = alloc_file();
	for (unsigned round = 0; round < 3; round++) {
		REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 4, &index, refs), 0);
		for (unsigned i = 0; i < 4; i++) {
			unsigned char *bytes = fx_bytes(entry_of(fx.dom1, refs[i]).frame);

			for (unsigned j = 0; j < PAGE; j++)
				if (!EXPECT_EQ(bytes[j], 0))
					break;
			memset(bytes, 0xEE, PAGE);
		}
		EXPECT_EQ(gntsim_gntalloc_dealloc(file, index, 4), 0);
	}
	gntsim_close(file);
}

/* Only bit 0 of the flags counts. The domid is not checked. */
static void alloc_flags_and_domid(void)
{
	struct gntsim_file *file = alloc_file();
	gntsim_gref ref;
	uint64_t index;

	EXPECT_EQ(gntsim_gntalloc_alloc(file, 0xFFFF, 0, 1, &index, &ref), 0);
	EXPECT_EQ(entry_of(fx.dom1, ref).flags, GNTSIM_GTF_PERMIT_ACCESS | GNTSIM_GTF_READONLY);
	EXPECT_EQ(entry_of(fx.dom1, ref).domid, 0xFFFF);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 4711, 0xFFFE, 1, &index, &ref), 0);
	EXPECT_EQ(entry_of(fx.dom1, ref).flags, GNTSIM_GTF_PERMIT_ACCESS | GNTSIM_GTF_READONLY);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 1, 0xFFFF, 1, &index, &ref), 0);
	EXPECT_EQ(entry_of(fx.dom1, ref).flags, GNTSIM_GTF_PERMIT_ACCESS);
	EXPECT_EQ(entry_of(fx.dom1, ref).domid, 1);
	gntsim_close(file);
}

/* The index grows by the pages allocated, per file, and never comes back. */
static void index_grows_per_file(void)
{
	struct gntsim_file *a = alloc_file(), *b = alloc_file();
	gntsim_gref refs[4];
	uint64_t index;

	EXPECT_EQ(gntsim_gntalloc_alloc(a, 2, 1, 2, &index, refs), 0);
	EXPECT_EQ(index, 0);
	EXPECT_EQ(gntsim_gntalloc_alloc(b, 2, 1, 1, &index, refs), 0);
	EXPECT_EQ(index, 0);
	EXPECT_EQ(gntsim_gntalloc_alloc(a, 2, 1, 1, &index, refs), 0);
	EXPECT_EQ(index, 2 * PAGE);
	EXPECT_EQ(gntsim_gntalloc_dealloc(a, 0, 3), 0);
	EXPECT_EQ(gntsim_gntalloc_alloc(a, 2, 1, 1, &index, refs), 0);
	EXPECT_EQ(index, 3 * PAGE);
	EXPECT_EQ(gntsim_gntalloc_alloc(a, 2, 1, 0, &index, refs), 0);
	EXPECT_EQ(index, 4 * PAGE);
	EXPECT_EQ(gntsim_gntalloc_alloc(a, 2, 1, 1, &index, refs), 0);
	EXPECT_EQ(index, 4 * PAGE);
	gntsim_close(a);
	gntsim_close(b);
}

/* count 0 allocates nothing and is a success, unless the limit lies below what lives. */
static void alloc_of_nothing(void)
{
	struct gntsim_file *file = alloc_file();
	uint64_t index = 5;

	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 0, &index, NULL), 0);
	EXPECT_EQ(index, 0);
	EXPECT_EQ(fx_totals().grants, 0);
	fx_alloc(file, 2, NULL);
	fx_alloc(file, 2, NULL);
	gntsim_domain_set_gntalloc_limit(fx.dom1, 2);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 0, &index, NULL), 0);
	gntsim_domain_set_gntalloc_limit(fx.dom1, 1);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 0, &index, NULL), -ENOSPC);
	gntsim_close(file);
}

/* The limit counts the kernel's pages, of all files. An ENOSPC from it uses no index up. */
static void the_limit(void)
{
	struct gntsim_file *a = alloc_file(), *b = alloc_file();
	struct gntsim_file *elsewhere = fx_open(fx.dom2, GNTSIM_DEV_GNTALLOC);
	gntsim_gref refs[8];
	uint64_t index;

	gntsim_domain_set_gntalloc_limit(fx.dom1, 4);
	EXPECT_EQ(gntsim_gntalloc_alloc(a, 2, 1, 5, &index, refs), -ENOSPC);
	EXPECT_EQ(gntsim_gntalloc_alloc(a, 2, 1, UINT32_MAX, &index, refs), -ENOSPC);
	EXPECT_EQ(gntsim_gntalloc_alloc(a, 2, 1, 3, &index, refs), 0);
	EXPECT_EQ(index, 0);
	EXPECT_EQ(gntsim_gntalloc_alloc(b, 2, 1, 2, &index, refs), -ENOSPC);
	EXPECT_EQ(gntsim_gntalloc_alloc(a, 2, 1, 2, &index, refs), -ENOSPC);
	EXPECT_EQ(fx_totals().grants, 3);
	EXPECT_EQ(gntsim_gntalloc_alloc(a, 2, 1, 1, &index, refs), 0);
	EXPECT_EQ(index, 3 * PAGE);
	EXPECT_EQ(gntsim_gntalloc_alloc(b, 2, 1, 1, &index, refs), -ENOSPC);
	EXPECT_EQ(gntsim_gntalloc_alloc(elsewhere, 2, 1, 8, &index, refs), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(a, PAGE, 1), 0);
	EXPECT_EQ(gntsim_gntalloc_alloc(b, 2, 1, 1, &index, refs), 0);
	EXPECT_EQ(index, 0);
	gntsim_close(a);
	gntsim_close(b);
	gntsim_close(elsewhere);
}

/* Pages off the file but mapped still count toward the limit; deferred ones do not. */
static void what_the_limit_counts(void)
{
	struct gntsim_file *file = alloc_file(), *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(fx.dom1), *peer = fx_mm(fx.dom2);
	gntsim_gref refs[2];
	uint64_t index, map;

	gntsim_domain_set_gntalloc_limit(fx.dom1, 2);
	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 2, &index, refs), 0);
	map = fx_mapv(dev, 1, 2, refs);
	REQUIRE_EQ(fx_mmap(mm, file, VA, 2, index), 0);
	REQUIRE_EQ(fx_mmap(peer, dev, VA, 2, map), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, index, 2), 0);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 1, &index, refs), -ENOSPC);
	EXPECT_EQ(gntsim_munmap(mm, VA, 2 * PAGE), 0);
	EXPECT_EQ(fx_totals().deferred, 2);
	EXPECT_EQ(fx_totals().grants, 2);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 2, &index, refs), 0);
	EXPECT_EQ(fx_totals().grants, 4);
	gntsim_mm_destroy(mm);
	gntsim_mm_destroy(peer);
	gntsim_close(dev);
	gntsim_close(file);
}

/* References come back last in, first out; pages are given up in the order of the list. */
static void references_are_reused_last_in_first_out(void)
{
	struct gntsim_file *file = alloc_file();
	gntsim_gref refs[5];
	uint64_t index;

	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 4, &index, refs), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, index + PAGE, 3), 0);
	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 4, &index, refs), 0);
	EXPECT_EQ(refs[0], 11);
	EXPECT_EQ(refs[1], 10);
	EXPECT_EQ(refs[2], 9);
	EXPECT_EQ(refs[3], 12);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, index, 4), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, 0, 1), 0);
	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 5, &index, refs), 0);
	EXPECT_EQ(refs[0], 8);
	EXPECT_EQ(refs[1], 12);
	EXPECT_EQ(refs[2], 9);
	EXPECT_EQ(refs[3], 10);
	EXPECT_EQ(refs[4], 11);
	gntsim_close(file);
}

/* The sequence of references that the lab saw: 11 to 15, pages 1, 0 and 2 given back one by one, five
 * more, then the whole file. */
static void references_as_measured(void)
{
	static const gntsim_gref second[] = {13, 11, 12, 16, 17};
	static const gntsim_gref third[] = {17, 16, 12, 11, 13, 15, 14, 18};
	struct gntsim_file *first = alloc_file(), *file = alloc_file();
	gntsim_gref refs[8];
	uint64_t index;

	REQUIRE_EQ(gntsim_gntalloc_alloc(first, 2, 1, 3, &index, refs), 0);
	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 5, &index, refs), 0);
	for (unsigned i = 0; i < 5; i++)
		EXPECT_EQ(refs[i], 11 + i);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, PAGE, 1), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, 0, 1), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, 2 * PAGE, 1), 0);
	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 5, &index, refs), 0);
	for (unsigned i = 0; i < 5; i++)
		EXPECT_EQ(refs[i], second[i]);
	gntsim_close(file);
	file = alloc_file();
	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 8, &index, refs), 0);
	for (unsigned i = 0; i < 8; i++)
		EXPECT_EQ(refs[i], third[i]);
	gntsim_close(file);
	gntsim_close(first);
}

/* The limit is compared unsigned: -1 is none. With 0, even count 0 works only while nothing lives. */
static void odd_limits(void)
{
	struct gntsim_file *file = alloc_file();
	gntsim_gref refs[200];
	uint64_t index;

	gntsim_domain_set_gntalloc_limit(fx.dom1, 0);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 1, &index, refs), -ENOSPC);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 0, &index, refs), 0);
	gntsim_domain_set_gntalloc_limit(fx.dom1, UINT32_MAX);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 200, &index, refs), 0);
	gntsim_domain_set_gntalloc_limit(fx.dom1, 0);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 0, &index, refs), -ENOSPC);
	gntsim_close(file);
}

/* A read-only grant binds the peer, not its owner. */
static void readonly_pages_are_locally_writable(void)
{
	struct gntsim_file *file = alloc_file();
	struct gntsim_mm *mm = fx_mm(fx.dom1);
	gntsim_gref ref;
	uint64_t index;

	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 0, 1, &index, &ref), 0);
	REQUIRE_EQ(fx_mmap(mm, file, VA, 1, index), 0);
	fx_poke(mm, VA, 7);
	EXPECT_EQ(fx_peek(mm, VA), 7);
	gntsim_mm_destroy(mm);
	gntsim_close(file);
}

/* A deferred reference joins the free list when its timer frees it, not before. */
static void deferred_reference_comes_back_late(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct gntsim_file *file = alloc_file();

	EXPECT_EQ(s.ref, 8);
	gntsim_mm_destroy(s.granter);
	gntsim_close(s.alloc);
	s.granter = NULL;
	s.alloc = NULL;
	EXPECT_EQ(fx_alloc(file, 2, NULL), 9);
	gntsim_mm_destroy(s.mapper);
	gntsim_close(s.dev);
	s.mapper = NULL;
	s.dev = NULL;
	EXPECT_EQ(fx_alloc(file, 2, NULL), 10);
	gntsim_machine_advance(fx.m, SECOND);
	EXPECT_EQ(fx_alloc(file, 2, NULL), 8);
	gntsim_close(file);
}

/* A v1 entry stays valid while it is deferred: the peer may even map it again. */
static void deferred_entry_can_be_mapped_again(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	uint64_t again;

	fx_poke(s.granter, VA, 0x31);
	gntsim_mm_destroy(s.granter);
	gntsim_close(s.alloc);
	s.granter = NULL;
	s.alloc = NULL;
	EXPECT_EQ(fx_totals().deferred, 1);
	EXPECT_EQ(entry_of(fx.dom1, s.ref).flags & GNTSIM_GTF_TYPE_MASK, GNTSIM_GTF_PERMIT_ACCESS);
	again = fx_map(s.dev, 1, s.ref);
	EXPECT_EQ(fx_mmap(s.mapper, s.dev, VA + PAGE, 1, again), 0);
	EXPECT_EQ(fx_peek(s.mapper, VA + PAGE), 0x31);
	EXPECT_EQ(gntsim_munmap(s.mapper, VA, PAGE), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(s.dev, s.map_index, 1), 0);
	gntsim_machine_advance(fx.m, 5 * SECOND);
	EXPECT_EQ(fx_totals().deferred, 1);
	EXPECT_EQ(fx_peek(s.mapper, VA + PAGE), 0x31);
	fx_share_close(&s);
	gntsim_machine_advance(fx.m, SECOND);
	EXPECT_EQ(fx_totals().deferred, 0);
}

static void dealloc_errors(void)
{
	struct gntsim_file *file = alloc_file(), *other = alloc_file();
	gntsim_gref refs[4];
	uint64_t index;

	EXPECT_EQ(gntsim_gntalloc_dealloc(file, 0, 1), -EINVAL);
	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 4, &index, refs), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, 0, 0), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, 1, 1), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, 0, 5), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, 0, UINT32_MAX), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, 4 * PAGE, 1), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, UINT64_MAX - PAGE + 1, 1), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_dealloc(other, 0, 1), -EINVAL);
	EXPECT_EQ(fx_totals().grants, 4);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, PAGE, 1), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, PAGE, 1), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, 0, 2), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, 0, 4), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, 2 * PAGE, 2), 0);
	EXPECT_EQ(fx_totals().grants, 1);
	gntsim_close(file);
	gntsim_close(other);
}

/* Runs may begin and end anywhere, and go across ALLOCs. */
static void dealloc_runs_across_allocs(void)
{
	struct gntsim_file *file = alloc_file();
	gntsim_gref refs[3];
	uint64_t index;

	for (unsigned i = 0; i < 3; i++)
		REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 3, &index, refs), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, 2 * PAGE, 5), 0);
	EXPECT_EQ(fx_totals().grants, 4);
	EXPECT_EQ(fx_totals().frames, 4);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, PAGE, 2), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, 0, 2), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, 7 * PAGE, 2), 0);
	EXPECT_EQ(fx_totals().grants, 0);
	gntsim_close(file);
}

/* DEALLOC while mapped takes the index away at once; the grant lives until the last munmap. */
static void dealloc_while_mapped(void)
{
	struct gntsim_file *file = alloc_file();
	struct gntsim_mm *mm = fx_mm(fx.dom1);
	uint64_t index;
	gntsim_gref ref = fx_alloc(file, 2, &index);

	REQUIRE_EQ(fx_mmap(mm, file, VA, 1, index), 0);
	REQUIRE_EQ(fx_mmap(mm, file, VA + 8 * PAGE, 1, index), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, index, 1), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, index, 1), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, index, 0, 0), -ENOENT);
	EXPECT_EQ(fx_mmap(mm, file, VA + 16 * PAGE, 1, index), -ENOENT);
	EXPECT_EQ(entry_of(fx.dom1, ref).flags, GNTSIM_GTF_PERMIT_ACCESS);
	fx_poke(mm, VA, 9);
	EXPECT_EQ(fx_peek(mm, VA + 8 * PAGE), 9);
	EXPECT_EQ(gntsim_munmap(mm, VA, PAGE), 0);
	EXPECT_EQ(fx_totals().grants, 1);
	EXPECT_EQ(gntsim_munmap(mm, VA + 8 * PAGE, PAGE), 0);
	EXPECT_EQ(fx_totals().grants, 0);
	EXPECT_EQ(entry_of(fx.dom1, ref).flags, GNTSIM_GTF_INVALID);
	gntsim_mm_destroy(mm);
	gntsim_close(file);
}

/* mmap: not shared EINVAL, even read-only; no such run ENOENT. */
static void mmap_errors(void)
{
	struct gntsim_file *file = alloc_file(), *other = alloc_file();
	struct gntsim_mm *mm = fx_mm(fx.dom1);
	gntsim_gref refs[3];
	uint64_t index;

	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 3, &index, refs), 0);
	EXPECT_EQ(gntsim_mmap(mm, file, VA, PAGE, PROT_READ, MAP_PRIVATE, 0), -EINVAL);
	EXPECT_EQ(gntsim_mmap(mm, file, VA, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0), -EINVAL);
	EXPECT_EQ(gntsim_mmap(mm, file, VA, PAGE, PROT_READ, MAP_PRIVATE, 99 * PAGE), -EINVAL);
	EXPECT_EQ(fx_mmap(mm, file, VA, 4, 0), -ENOENT);
	EXPECT_EQ(fx_mmap(mm, file, VA, 1, 3 * PAGE), -ENOENT);
	EXPECT_EQ(fx_mmap(mm, other, VA, 1, 0), -ENOENT);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, PAGE, 1), 0);
	EXPECT_EQ(fx_mmap(mm, file, VA, 2, 0), -ENOENT);
	EXPECT_EQ(fx_mmap(mm, file, VA, 3, 0), -ENOENT);
	EXPECT_EQ(fx_totals().vmas, 0);
	EXPECT_EQ(gntsim_mmap(mm, file, VA, PAGE, PROT_READ, MAP_SHARED_VALIDATE, 0), 0);
	EXPECT_EQ(gntsim_mmap(mm, file, VA + PAGE, 1, PROT_READ, MAP_SHARED, 2 * PAGE), 0);
	EXPECT_EQ(fx_totals().vmas, 2);
	gntsim_mm_destroy(mm);
	gntsim_close(file);
	gntsim_close(other);
}

/* Sub-ranges, runs across ALLOCs and the same pages again are fine; all show the same frames. */
static void mmap_of_sub_ranges_and_again(void)
{
	struct gntsim_file *file = alloc_file();
	struct gntsim_mm *mm = fx_mm(fx.dom1);
	struct gntsim_page p;
	gntsim_gref refs[2];
	uint64_t index;

	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 2, &index, refs), 0);
	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 2, &index, refs), 0);
	REQUIRE_EQ(fx_mmap(mm, file, VA, 4, 0), 0);
	REQUIRE_EQ(fx_mmap(mm, file, VA + 16 * PAGE, 2, PAGE), 0);
	for (unsigned i = 0; i < 4; i++)
		fx_poke(mm, VA + i * PAGE + i, (uint8_t)(i + 1));
	EXPECT_EQ(fx_peek(mm, VA + 16 * PAGE + 1), 2);
	EXPECT_EQ(fx_peek(mm, VA + 17 * PAGE + 2), 3);
	EXPECT_EQ(gntsim_mm_page(mm, VA + 3 * PAGE + 5, &p), 0);
	EXPECT_EQ(p.frame, entry_of(fx.dom1, refs[1]).frame);
	EXPECT(p.readable);
	EXPECT(p.writable);
	gntsim_mm_destroy(mm);
	gntsim_close(file);
}

/* The pieces of a split mapping share one counter: nothing ends before all of them have. */
static void pieces_of_a_mapping_share_a_counter(void)
{
	struct gntsim_file *file = alloc_file();
	struct gntsim_mm *mm = fx_mm(fx.dom1);
	gntsim_gref refs[3];
	uint64_t index;

	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 3, &index, refs), 0);
	REQUIRE_EQ(fx_mmap(mm, file, VA, 3, index), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, index, 3), 0);
	EXPECT_EQ(gntsim_munmap(mm, VA + PAGE, PAGE), 0);
	EXPECT_EQ(fx_totals().grants, 3);
	EXPECT_EQ(gntsim_munmap(mm, VA, PAGE), 0);
	EXPECT_EQ(fx_totals().grants, 3);
	EXPECT_EQ(gntsim_munmap(mm, VA + 2 * PAGE, PAGE), 0);
	EXPECT_EQ(fx_totals().grants, 0);
	gntsim_mm_destroy(mm);
	gntsim_close(file);
}

/* fork copies the mapping and keeps the pages alive. */
static void fork_keeps_the_pages(void)
{
	struct gntsim_file *file = alloc_file();
	struct gntsim_mm *mm = fx_mm(fx.dom1), *child = NULL;
	uint64_t index;

	fx_alloc(file, 2, &index);
	REQUIRE_EQ(fx_mmap(mm, file, VA, 1, index), 0);
	REQUIRE_EQ(gntsim_mm_fork(mm, &child), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, index, 1), 0);
	gntsim_close(file);
	fx_poke(mm, VA, 5);
	EXPECT_EQ(fx_peek(child, VA), 5);
	gntsim_mm_destroy(mm);
	EXPECT_EQ(fx_totals().grants, 1);
	EXPECT_EQ(fx_peek(child, VA), 5);
	gntsim_mm_destroy(child);
	EXPECT_EQ(fx_totals().grants, 0);
	EXPECT_EQ(fx_totals().files, 0);
}

/* vma_close() walks the kernel's one list of pages from the mapping's first: with another file's
 * page in between it puts the wrong one (6.1: a use after free). The model must say so, and leave
 * the other file's page alone. */
static void run_with_a_foreign_page_in_between_is_a_hazard(void)
{
	struct gntsim_file *file = alloc_file(), *other = alloc_file();
	struct gntsim_mm *mm = fx_mm(fx.dom1);
	gntsim_gref theirs;

	fx_alloc(file, 2, NULL);
	theirs = fx_alloc(other, 2, NULL);
	fx_alloc(file, 2, NULL);
	REQUIRE_EQ(fx_mmap(mm, file, VA, 2, 0), 0);
	fx_drain();
	EXPECT_EQ(gntsim_munmap(mm, VA, 2 * PAGE), 0);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_HAZARD), 1);
	EXPECT_EQ(entry_of(fx.dom1, theirs).flags, GNTSIM_GTF_PERMIT_ACCESS);
	EXPECT_EQ(gntsim_gntalloc_dealloc(other, 0, 1), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, 0, 2), 0);
	EXPECT_EQ(fx_totals().grants, 0);
	gntsim_mm_destroy(mm);
	gntsim_close(file);
	gntsim_close(other);
}

/* The kernel of a domain that is destroyed closes no mappings any more. */
static void such_a_run_of_a_domain_that_is_destroyed(void)
{
	struct gntsim_file *file = alloc_file(), *other = alloc_file();
	struct gntsim_mm *mm = fx_mm(fx.dom1);

	fx_alloc(file, 2, NULL);
	fx_alloc(other, 2, NULL);
	fx_alloc(file, 2, NULL);
	REQUIRE_EQ(fx_mmap(mm, file, VA, 2, 0), 0);
	fx_drain();
	gntsim_domain_destroy(fx.dom1);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_HAZARD), 0);
	gntsim_mm_destroy(mm);
	gntsim_close(file);
	gntsim_close(other);
}

/* No frame left: -ENOMEM; what was made is undone, the index is used up all the same. */
static void alloc_without_frames(void)
{
	struct gntsim_file *file;
	gntsim_gref refs[6];
	uint64_t index;

	fx_restart(&(struct fx_config){.n_frames = 4});
	file = alloc_file();
	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 2, &index, refs), 0);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 3, &index, refs), -ENOMEM);
	EXPECT_EQ(fx_totals().grants, 2);
	EXPECT_EQ(fx_totals().frames, 2);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 2, &index, refs), 0);
	EXPECT_EQ(index, 5 * PAGE);
	gntsim_close(file);
}

/* The grant table full: -ENOSPC; what was made is undone, the index is used up. */
static void alloc_with_a_full_table(void)
{
	const struct gntsim_domain_config c = {.max_grant_frames = 1};
	struct fx_config config = {.n_frames = 600, .domain = {NULL, &c, NULL}};
	struct gntsim_file *file;
	gntsim_gref refs[504];
	uint64_t index;

	fx_restart(&config);
	file = alloc_file();
	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 502, &index, refs), 0);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 4, &index, refs), -ENOSPC);
	EXPECT_EQ(fx_totals().grants, 502);
	EXPECT_EQ(fx_totals().frames, 502);
	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 2, &index, refs), 0);
	EXPECT_EQ(index, 506 * PAGE);
	EXPECT_EQ(refs[0], 511);
	EXPECT_EQ(refs[1], 510);
	gntsim_close(file);
}

/* add_grefs() takes the page that failed off the module's count twice (gref_size -= count - i, and
 * __del_gref() of that page again): with no page alive the count is -1, and refuses every ALLOC. The
 * limit's own ENOSPC comes before any of this. */
static void failed_alloc_miscounts(void)
{
	struct gntsim_file *file;
	gntsim_gref refs[8];
	uint64_t index;

	fx_restart(&(struct fx_config){.n_frames = 4});
	file = alloc_file();
	gntsim_domain_set_gntalloc_limit(fx.dom1, 5);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 6, &index, refs), -ENOSPC);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_HAZARD), 0);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 5, &index, refs), -ENOMEM);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_HAZARD), 1);
	EXPECT_EQ(fx_totals().grants, 0);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 1, &index, refs), -ENOSPC);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 0, &index, refs), -ENOSPC);
	gntsim_close(file);
}

/* With pages alive, the same miscount lets one page more than the limit through. */
static void miscount_lets_one_more_through(void)
{
	struct gntsim_file *file;
	gntsim_gref refs[8];
	uint64_t index;

	fx_restart(&(struct fx_config){.n_frames = 6});
	file = alloc_file();
	gntsim_domain_set_gntalloc_limit(fx.dom1, 8);
	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 3, &index, refs), 0);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 4, &index, refs), -ENOMEM);
	gntsim_domain_set_gntalloc_limit(fx.dom1, 4);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 3, &index, refs), -ENOSPC);
	EXPECT_EQ(gntsim_gntalloc_alloc(file, 2, 1, 2, &index, refs), 0);
	EXPECT_EQ(fx_totals().grants, 5);
	gntsim_close(file);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"alloc grants pages", alloc_grants_pages},
	    {"pages come zeroed", pages_come_zeroed},
	    {"alloc flags and domid", alloc_flags_and_domid},
	    {"index grows per file", index_grows_per_file},
	    {"alloc of nothing", alloc_of_nothing},
	    {"the limit", the_limit},
	    {"what the limit counts", what_the_limit_counts},
	    {"references are reused last in, first out", references_are_reused_last_in_first_out},
	    {"deferred reference comes back late", deferred_reference_comes_back_late},
	    {"deferred entry can be mapped again", deferred_entry_can_be_mapped_again},
	    {"dealloc errors", dealloc_errors},
	    {"dealloc runs across allocs", dealloc_runs_across_allocs},
	    {"dealloc while mapped", dealloc_while_mapped},
	    {"mmap errors", mmap_errors},
	    {"mmap of sub-ranges and again", mmap_of_sub_ranges_and_again},
	    {"pieces of a mapping share a counter", pieces_of_a_mapping_share_a_counter},
	    {"fork keeps the pages", fork_keeps_the_pages},
	    {"run with a foreign page in between is a hazard",
	     run_with_a_foreign_page_in_between_is_a_hazard},
	    {"such a run of a domain that is destroyed", such_a_run_of_a_domain_that_is_destroyed},
	    {"alloc without frames", alloc_without_frames},
	    {"alloc with a full table", alloc_with_a_full_table},
	    {"failed alloc miscounts", failed_alloc_miscounts},
	    {"miscount lets one more through", miscount_lets_one_more_through},
	    {"references as measured", references_as_measured},
	    {"odd limits", odd_limits},
	    {"readonly pages are locally writable", readonly_pages_are_locally_writable},
	};

	return UNIT_MAIN("gntalloc", tests);
}
