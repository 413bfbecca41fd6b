/* SPDX-License-Identifier: MIT */
/* /dev/xen/gntdev: MAP_GRANT_REF and mmap. Domain 1 grants, domain 0 (PV) or domain 2 (PVH) maps.
 * Rules: drivers/xen/gntdev.c. */
#include "support/mapping.h"

/* No hypercall and no check of the grants before mmap. */
static void map_checks_no_grant(void)
{
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_grant grant = {.domid = 0xFFFFFFFF, .ref = 0xFFFFFFFF};
	struct gntsim_mm *mm = fx_mm(fx.dom2);
	uint64_t index;

	EXPECT_EQ(gntsim_gntdev_map(dev, 1, &grant, &index), 0);
	EXPECT_EQ(fx_totals().maptrack, 0);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 1, index), -EINVAL);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
}

/* The domid is cut to 16 bits at mmap. */
static void domid_is_cut(void)
{
	struct gntsim_file *alloc = granted(fx.dom2), *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_grant grant = {.domid = 0xABCD0001, .ref = granted_refs[0]};
	struct gntsim_mm *mm = fx_mm(fx.dom2);
	uint64_t index;

	EXPECT_EQ(gntsim_gntdev_map(dev, 1, &grant, &index), 0);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 1, index), 0);
	EXPECT_EQ(fx_peek(mm, VA), 0xFF);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
}

static void mmap_wants_the_exact_map(void)
{
	struct gntsim_file *alloc = granted(fx.dom2), *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_file *other = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(fx.dom2);
	uint64_t one = fx_map(dev, 1, granted_refs[2]), index = fx_mapv(dev, 1, 3, granted_refs);

	EXPECT_EQ(one, 0);
	EXPECT_EQ(index, PAGE);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 2, index), -EINVAL);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 4, index), -EINVAL);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 2, index + PAGE), -EINVAL);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 4, 0), -EINVAL);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 1, 99 * PAGE), -EINVAL);
	EXPECT_EQ(fx_mmap(mm, other, VA, 3, index), -EINVAL);
	EXPECT_EQ(gntsim_mmap(mm, dev, VA, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, index),
		  -EINVAL);
	EXPECT_EQ(fx_totals().maptrack, 0);
	EXPECT_EQ(fx_totals().vmas, 0);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 3, index), 0);
	EXPECT_EQ(fx_totals().maptrack, 3);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(other);
	gntsim_close(alloc);
}

/* Writable and not shared is EINVAL; a private read-only mapping is allowed. */
static void mmap_private(void)
{
	struct gntsim_file *alloc = granted(fx.dom2), *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(fx.dom2);
	uint64_t index = fx_map(dev, 1, granted_refs[0]);

	EXPECT_EQ(gntsim_mmap(mm, dev, VA, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, index),
		  -EINVAL);
	EXPECT_EQ(gntsim_mmap(mm, dev, VA, PAGE, PROT_WRITE, MAP_PRIVATE, 77 * PAGE), -EINVAL);
	EXPECT_EQ(gntsim_mmap(mm, dev, VA, PAGE, PROT_READ, MAP_PRIVATE, index), 0);
	EXPECT_EQ(fx_peek(mm, VA), 0xFF);
	EXPECT_EQ(fx_try_store(mm, VA), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(entry_of(fx.dom1, granted_refs[0]).flags,
		  GNTSIM_GTF_PERMIT_ACCESS | GNTSIM_GTF_READING);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
}

static void second_mmap(struct gntsim_domain *mapper)
{
	struct gntsim_file *alloc = granted(mapper), *dev = fx_open(mapper, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(mapper), *other = fx_mm(mapper);
	uint64_t index = fx_map(dev, 1, granted_refs[0]);

	EXPECT_EQ(fx_mmap(mm, dev, VA, 1, index), 0);
	EXPECT_EQ(fx_mmap(mm, dev, VA + PAGE, 1, index), -EINVAL);
	EXPECT_EQ(fx_mmap(other, dev, VA, 1, index), -EINVAL);
	EXPECT_EQ(gntsim_munmap(mm, VA, PAGE), 0);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 1, index), -EINVAL);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, index, 1), 0);
	EXPECT_EQ(fx_map(dev, 1, granted_refs[0]), index);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 1, index), 0);
	gntsim_mm_destroy(mm);
	gntsim_mm_destroy(other);
	gntsim_close(dev);
	gntsim_close(alloc);
}

/* 6.1: mapped before, ever, is EINVAL, until the map is made anew. */
static void a_map_is_mapped_once(void)
{
	second_mmap(fx.dom0);
	second_mmap(fx.dom2);
}

/* Any GNTST error is EINVAL. */
static void mmap_of_a_grant_that_fails(struct gntsim_domain *mapper)
{
	struct gntsim_file *alloc = granted(mapper), *dev = fx_open(mapper, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(mapper);
	const struct gntsim_grant bad[] = {{99, granted_refs[0]},
					   {GNTSIM_DOMID_SELF, granted_refs[0]},
					   {1, 11},
					   {1, 1u << 30},
					   {1, 0}};
	uint64_t index;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(gntsim_gntdev_map(dev, 1, &bad[i], &index), 0);
		EXPECT_EQ(fx_mmap(mm, dev, VA, 1, index), -EINVAL);
		EXPECT_EQ(fx_totals().maptrack, 0);
		EXPECT_EQ(fx_totals().vmas, 0);
		EXPECT_EQ(fx_try_load(mm, VA), GNTSIM_ACCESS_SEGV);
	}
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
}

static void any_status_is_einval(void)
{
	mmap_of_a_grant_that_fails(fx.dom0);
	mmap_of_a_grant_that_fails(fx.dom2);
}

/* A read-only grant: mmap writable EINVAL, read-only fine, a store faults. */
static void readonly_grant(struct gntsim_domain *mapper)
{
	struct gntsim_file *alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	struct gntsim_file *dev = fx_open(mapper, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(mapper);
	struct gntsim_page p;
	gntsim_gref ref;
	uint64_t index;

	EXPECT_EQ(gntsim_gntalloc_alloc(alloc, gntsim_domain_id(mapper), 0, 1, &index, &ref), 0);
	index = fx_map(dev, 1, ref);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 1, index), -EINVAL);
	EXPECT_EQ(gntsim_mmap(mm, dev, VA, PAGE, PROT_READ, MAP_SHARED, index), -EINVAL);
	index = fx_map(dev, 1, ref);
	EXPECT_EQ(gntsim_mmap(mm, dev, VA, PAGE, PROT_READ, MAP_SHARED, index), 0);
	EXPECT_EQ(fx_peek(mm, VA), 0);
	EXPECT_EQ(fx_try_store(mm, VA), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(gntsim_mm_page(mm, VA, &p), 0);
	EXPECT(p.readable && !p.writable);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
}

static void readonly_grants(void)
{
	readonly_grant(fx.dom0);
	readonly_grant(fx.dom2);
}

/* A grant mapped read-only stays so: mprotect may make the VMA writable, Xen's mapping is not. (A
 * PVH guest's store is discarded by Xen, see P2M_DISCARD_WRITE_TYPES; on Arm it never ends.) */
static void store_to_a_readonly_map(const char *hazard)
{
	struct gntsim_file *alloc = granted(fx.dom2), *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(fx.dom2);
	struct gntsim_page p;
	uint64_t index = fx_map(dev, 1, granted_refs[0]);

	EXPECT_EQ(gntsim_mmap(mm, dev, VA, PAGE, PROT_READ, MAP_SHARED, index), 0);
	EXPECT_EQ(fx_try_store(mm, VA), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(gntsim_mprotect(mm, VA, PAGE, PROT_READ | PROT_WRITE), 0);
	EXPECT_EQ(gntsim_mm_page(mm, VA, &p), 0);
	EXPECT(p.readable && !p.writable && p.discards);
	fx_drain();
	EXPECT_EQ(fx_try_store(mm, VA), GNTSIM_ACCESS_OK);
	EXPECT(fx_drain_hazard(hazard));
	EXPECT_EQ(byte_of(granted_refs[0], 0), 0xFF);
	EXPECT_EQ(fx_peek(mm, VA), 0xFF);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
}

static void readonly_map_is_never_written_through(void)
{
	store_to_a_readonly_map(NULL);
	fx_restart(&(struct fx_config){.arch = GNTSIM_ARCH_ARM64});
	store_to_a_readonly_map("arm-store-to-a-read-only-grant");
}

/* mprotect makes a private mapping writable. PVH: a store makes a page of the process's own (copy on
 * write). PV: the grant ended, SIGBUS. (Measured.) */
static void private_map_made_writable(void)
{
	struct gntsim_file *alloc = granted(fx.dom2), *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(fx.dom2);
	uint64_t index = fx_map(dev, 1, granted_refs[0]);

	EXPECT_EQ(gntsim_mmap(mm, dev, VA, PAGE, PROT_READ, MAP_PRIVATE, index), 0);
	EXPECT_EQ(gntsim_mprotect(mm, VA, PAGE, PROT_READ | PROT_WRITE), 0);
	fx_poke(mm, VA + 3, 0x21);
	EXPECT_EQ(fx_peek(mm, VA + 3), 0x21);
	EXPECT_EQ(fx_peek(mm, VA + 4), 0xFF);
	EXPECT_EQ(byte_of(granted_refs[0], 3), 0xFF);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
	alloc = granted(fx.dom0);
	dev = fx_open(fx.dom0, GNTSIM_DEV_GNTDEV);
	mm = fx_mm(fx.dom0);
	index = fx_map(dev, 1, granted_refs[0]);
	EXPECT_EQ(gntsim_mmap(mm, dev, VA, PAGE, PROT_READ, MAP_PRIVATE, index), 0);
	EXPECT_EQ(fx_peek(mm, VA), 0xFF);
	EXPECT_EQ(gntsim_mprotect(mm, VA, PAGE, PROT_READ | PROT_WRITE), 0);
	EXPECT_EQ(fx_try_load(mm, VA), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(fx_try_store(mm, VA), GNTSIM_ACCESS_BUS);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
}

/* mmap with PROT_NONE maps the grants for reading. PVH: SIGSEGV until mprotect allows it. PV: Xen wrote
 * the PTE, so that loads work at once, and mprotect ends them. (Measured.) */
static void map_with_prot_none(void)
{
	struct gntsim_file *alloc = granted(fx.dom2), *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(fx.dom2);

	EXPECT_EQ(
	    gntsim_mmap(mm, dev, VA, PAGE, PROT_NONE, MAP_SHARED, fx_map(dev, 1, granted_refs[0])),
	    0);
	EXPECT_EQ(flags_of(fx.dom1, granted_refs[0]),
		  GNTSIM_GTF_PERMIT_ACCESS | GNTSIM_GTF_READING);
	EXPECT_EQ(fx_try_load(mm, VA), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(gntsim_mprotect(mm, VA, PAGE, PROT_READ), 0);
	EXPECT_EQ(fx_peek(mm, VA), 0xFF);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
	alloc = granted(fx.dom0);
	dev = fx_open(fx.dom0, GNTSIM_DEV_GNTDEV);
	mm = fx_mm(fx.dom0);
	EXPECT_EQ(
	    gntsim_mmap(mm, dev, VA, PAGE, PROT_NONE, MAP_SHARED, fx_map(dev, 1, granted_refs[0])),
	    0);
	EXPECT_EQ(fx_peek(mm, VA), 0xFF);
	EXPECT_EQ(gntsim_mprotect(mm, VA, PAGE, PROT_READ), 0);
	EXPECT_EQ(fx_try_load(mm, VA), GNTSIM_ACCESS_BUS);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
}

/* Grants of several domains, in any order, come out contiguous. */
static void map_of_two_domains(void)
{
	struct gntsim_file *a = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	struct gntsim_file *b = fx_open(fx.dom0, GNTSIM_DEV_GNTALLOC);
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(fx.dom2), *ma = fx_mm(fx.dom1), *mb = fx_mm(fx.dom0);
	gntsim_gref ra[2], rb[2];
	uint64_t ia, ib, index;

	REQUIRE_EQ(gntsim_gntalloc_alloc(a, 2, 1, 2, &ia, ra), 0);
	REQUIRE_EQ(gntsim_gntalloc_alloc(b, 2, 1, 2, &ib, rb), 0);
	REQUIRE_EQ(fx_mmap(ma, a, VA, 2, ia), 0);
	REQUIRE_EQ(fx_mmap(mb, b, VA, 2, ib), 0);
	fx_poke(ma, VA, 1);
	fx_poke(ma, VA + PAGE, 2);
	fx_poke(mb, VA, 3);
	fx_poke(mb, VA + PAGE, 4);
	{
		const struct gntsim_grant grants[] = {
		    {0, rb[1]}, {1, ra[0]}, {0, rb[0]}, {1, ra[1]}};

		EXPECT_EQ(gntsim_gntdev_map(dev, 4, grants, &index), 0);
	}
	EXPECT_EQ(fx_mmap(mm, dev, VA, 4, index), 0);
	EXPECT_EQ(fx_peek(mm, VA), 4);
	EXPECT_EQ(fx_peek(mm, VA + PAGE), 1);
	EXPECT_EQ(fx_peek(mm, VA + 2 * PAGE), 3);
	EXPECT_EQ(fx_peek(mm, VA + 3 * PAGE), 2);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_mm_destroy(ma);
	gntsim_mm_destroy(mb);
	gntsim_close(a);
	gntsim_close(b);
}

/* One grant in several maps, or twice in one, has as many pins. */
static void one_grant_mapped_twice(void)
{
	struct gntsim_file *alloc = granted(fx.dom2), *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(fx.dom2);
	const gntsim_gref twice[] = {granted_refs[0], granted_refs[0]};
	uint64_t a = fx_mapv(dev, 1, 2, twice), b = fx_map(dev, 1, granted_refs[0]);

	REQUIRE_EQ(fx_mmap(mm, dev, VA, 2, a), 0);
	REQUIRE_EQ(gntsim_mmap(mm, dev, VA + 8 * PAGE, PAGE, PROT_READ, MAP_SHARED, b), 0);
	EXPECT_EQ(pins(), 3);
	fx_poke(mm, VA, 0x66);
	EXPECT_EQ(fx_peek(mm, VA + PAGE), 0x66);
	EXPECT_EQ(fx_peek(mm, VA + 8 * PAGE), 0x66);
	EXPECT_EQ(gntsim_munmap(mm, VA, 2 * PAGE), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, a, 2), 0);
	EXPECT_EQ(pins(), 1);
	EXPECT_EQ(entry_of(fx.dom1, granted_refs[0]).flags,
		  GNTSIM_GTF_PERMIT_ACCESS | GNTSIM_GTF_READING);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
}

/* A PV domain maps its own grant under its own number, with the events of any other. */
static void pv_self_map(void)
{
	struct fx_share s = fx_share(fx.dom0, fx.dom0);

	fx_poke(s.granter, VA, 0x13);
	EXPECT_EQ(fx_peek(s.mapper, VA), 0x13);
	EXPECT_EQ(gntsim_gntalloc_dealloc(s.alloc, s.index, 1), 0);
	gntsim_mm_destroy(s.granter);
	s.granter = NULL;
	EXPECT_EQ(fx_totals().deferred, 1);
	EXPECT_EQ(fx_peek(s.mapper, VA), 0x13);
	gntsim_mm_destroy(s.mapper);
	s.mapper = NULL;
	gntsim_machine_advance(fx.m, SECOND);
	EXPECT_EQ(fx_totals().deferred, 0);
	fx_share_close(&s);
}

/* PVH cannot: Xen takes the page away from its first address (xen-lab.md). The model warns. */
static void pvh_self_map_is_a_hazard(void)
{
	struct fx_share s = fx_share(fx.dom2, fx.dom2);

	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_HAZARD), 1);
	fx_share_close(&s);
}

/* A domain without maptrack handles left: mmap is EINVAL, and undone as any other failure. */
static void mmap_without_handles(void)
{
	const struct gntsim_domain_config c = {.max_maptrack_frames = 1};
	struct fx_config config = {.domain = {NULL, NULL, &c}};
	struct gntsim_file *alloc, *dev;
	struct gntsim_mm *mm;
	gntsim_gref refs[200];
	uint64_t index;

	fx_restart(&config);
	alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	mm = fx_mm(fx.dom2);
	REQUIRE_EQ(gntsim_gntalloc_alloc(alloc, 2, 1, 200, &index, refs), 0);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 200, fx_mapv(dev, 1, 200, refs)), 0);
	index = fx_mapv(dev, 1, 100, refs);
	EXPECT_EQ(fx_mmap(mm, dev, VA + 256 * PAGE, 100, index), -EINVAL);
	EXPECT_EQ(fx_totals().vmas, 1);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, index, 100), 0);
	EXPECT_EQ(fx_totals().maptrack, 200);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"map checks no grant", map_checks_no_grant},
	    {"domid is cut", domid_is_cut},
	    {"mmap wants the exact map", mmap_wants_the_exact_map},
	    {"mmap private", mmap_private},
	    {"a map is mapped once", a_map_is_mapped_once},
	    {"any status is EINVAL", any_status_is_einval},
	    {"readonly grants", readonly_grants},
	    {"readonly map is never written through", readonly_map_is_never_written_through},
	    {"map of two domains", map_of_two_domains},
	    {"one grant mapped twice", one_grant_mapped_twice},
	    {"PV: self map", pv_self_map},
	    {"PVH: self map is a hazard", pvh_self_map_is_a_hazard},
	    {"mmap without handles", mmap_without_handles},
	    {"private map made writable", private_map_made_writable},
	    {"map with PROT_NONE", map_with_prot_none},
	};

	return UNIT_MAIN("gntdev", tests);
}
