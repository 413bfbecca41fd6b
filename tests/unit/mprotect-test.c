/* SPDX-License-Identifier: MIT */
/* mprotect. Rules: mm/mprotect.c, and gntdev's mmu notifier for PV. */
#include "support/four.h"

static const enum gntsim_guest pv = GNTSIM_GUEST_PV;

/* mprotect splits at its range's ends and never joins again. */
static void mprotect_splits(void)
{
	struct four f = four();

	EXPECT_EQ(gntsim_mprotect(f.mm, VA + PAGE, PAGE, PROT_READ), 0);
	EXPECT_EQ(fx_totals().vmas, 3);
	EXPECT_EQ(vma_at(f.mm, VA + PAGE).prot, PROT_READ);
	EXPECT_EQ(vma_at(f.mm, VA + PAGE).offset, PAGE);
	EXPECT_EQ(fx_try_store(f.mm, VA + PAGE), GNTSIM_ACCESS_SEGV);
	fx_poke(f.mm, VA, 1);
	fx_poke(f.mm, VA + 2 * PAGE, 3);
	EXPECT_EQ(gntsim_mprotect(f.mm, VA, 4 * PAGE, RW), 0);
	EXPECT_EQ(fx_totals().vmas, 3);
	fx_poke(f.mm, VA + PAGE, 2);
	EXPECT_EQ(gntsim_mprotect(f.mm, VA, 4 * PAGE, PROT_NONE), 0);
	EXPECT_EQ(fx_try_load(f.mm, VA + 3 * PAGE), GNTSIM_ACCESS_SEGV);
	four_end(&f);
}

/* The same protection again changes nothing, not even the number of mappings. */
static void mprotect_to_the_same(void)
{
	struct four f = four();

	EXPECT_EQ(gntsim_mprotect(f.mm, VA + PAGE, PAGE, RW), 0);
	EXPECT_EQ(fx_totals().vmas, 1);
	four_end(&f);
}

static void mprotect_errors(void)
{
	struct four f = four();

	EXPECT_EQ(gntsim_mprotect(f.mm, VA + 1, PAGE, PROT_READ), -EINVAL);
	EXPECT_EQ(gntsim_mprotect(f.mm, VA, 0, PROT_NONE), 0);
	EXPECT_EQ(vma_at(f.mm, VA).prot, RW);
	/* In do_mprotect_pkey()'s order: alignment, no length, the end, the protection. */
	EXPECT_EQ(gntsim_mprotect(f.mm, VA + 1, 0, PROT_READ), -EINVAL);
	EXPECT_EQ(gntsim_mprotect(f.mm, VA, UINT64_MAX, PROT_READ), -ENOMEM);
	EXPECT_EQ(gntsim_mprotect(f.mm, VA, UINT64_MAX - 2 * PAGE, 0x100), -ENOMEM);
	EXPECT_EQ(gntsim_mprotect(f.mm, VA, PAGE, 0x100), -EINVAL);
	EXPECT_EQ(gntsim_mprotect(f.mm, VA, PAGE, RW | 8 /* PROT_SEM */), 0);
	EXPECT_EQ(vma_at(f.mm, VA).prot, RW);
	gntsim_domain_destroy(fx.dom1);
	EXPECT_EQ(gntsim_mprotect(f.mm, VA + 1, PAGE, PROT_READ), -ENODEV);
	four_end(&f);
}

/* mprotect_fixup() leaves a mapping alone, and whole, that has the protection already. */
static void mprotect_of_what_is_so_already(void)
{
	struct four f = four();

	EXPECT_EQ(gntsim_mprotect(f.mm, VA + 2 * PAGE, 2 * PAGE, PROT_READ), 0);
	EXPECT_EQ(fx_totals().vmas, 2);
	EXPECT_EQ(gntsim_mprotect(f.mm, VA, 3 * PAGE, PROT_READ), 0);
	EXPECT_EQ(fx_totals().vmas, 2);
	EXPECT_EQ(vma_at(f.mm, VA).prot, PROT_READ);
	four_end(&f);
}

/* The open mode stays a limit: -EACCES, and what came before in the range is changed already. */
static void mprotect_and_the_open_mode(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct gntsim_file *rd = NULL;
	struct gntsim_grant grant = {1, s.ref};
	uint64_t index;

	REQUIRE_EQ(gntsim_open(fx.dom2, GNTSIM_DEV_GNTDEV, O_RDONLY, &rd), 0);
	REQUIRE_EQ(gntsim_gntdev_map(rd, 1, &grant, &index), 0);
	REQUIRE_EQ(gntsim_mmap(s.mapper, rd, VA + PAGE, PAGE, PROT_READ, MAP_SHARED, index), 0);
	EXPECT_EQ(gntsim_mprotect(s.mapper, VA + PAGE, PAGE, RW), -EACCES);
	EXPECT_EQ(gntsim_mprotect(s.mapper, VA, PAGE, PROT_READ), 0);
	EXPECT_EQ(gntsim_mprotect(s.mapper, VA, 2 * PAGE, RW), -EACCES);
	EXPECT_EQ(vma_at(s.mapper, VA).prot, RW);
	EXPECT_EQ(vma_at(s.mapper, VA + PAGE).prot, PROT_READ);
	gntsim_close(rd);
	fx_share_close(&s);
}

/* PV: a change of protection invalidates the PTEs, and the grants under it end: SIGBUS. */
static void pv_mprotect_ends_grants(void)
{
	struct mapped_pv m = mapped_pv();
	struct gntsim_page p;
	struct gntsim_effect e;

	EXPECT_EQ(gntsim_mprotect(m.mm, VA, 3 * PAGE, RW), 0);
	EXPECT_EQ(fx_totals().maptrack, 6);
	EXPECT(!gntsim_next_effect(fx.m, &e));
	EXPECT_EQ(gntsim_mprotect(m.mm, VA + PAGE, PAGE, PROT_READ), 0);
	EXPECT_EQ(fx_totals().maptrack, 4);
	EXPECT_EQ(gntsim_mm_page(m.mm, VA + PAGE, &p), 0);
	EXPECT_EQ(p.frame, GNTSIM_NO_FRAME);
	EXPECT_EQ(fx_try_load(m.mm, VA + PAGE), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(fx_try_load(m.mm, VA), GNTSIM_ACCESS_OK);
	EXPECT_EQ(fx_try_load(m.mm, VA + 2 * PAGE), GNTSIM_ACCESS_OK);
	REQUIRE(gntsim_next_effect(fx.m, &e));
	EXPECT_EQ(e.kind, GNTSIM_EFFECT_REVOKED);
	EXPECT(e.mm == m.mm);
	EXPECT(e.addr <= VA + PAGE && e.addr + e.len >= VA + 2 * PAGE);
	EXPECT(!gntsim_next_effect(fx.m, &e));
	EXPECT_EQ(gntsim_mprotect(m.mm, VA + PAGE, PAGE, RW), 0);
	EXPECT_EQ(fx_try_load(m.mm, VA + PAGE), GNTSIM_ACCESS_BUS);
	mapped_pv_end(&m);
}

/* PV, clear-byte and mprotect: the byte goes with the grant, the event waits for the last put. */
static void pv_mprotect_clears_the_byte(void)
{
	struct mapped_pv m = mapped_pv();
	struct fx_channel c = fx_channel(fx.dom0, fx.dom1);

	fx_poke(m.mm, VA + PAGE, 0x44);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(m.dev, m.index + PAGE, CLEAR_BYTE | SEND_EVENT,
						 c.port_here),
		  0);
	EXPECT_EQ(gntsim_mprotect(m.mm, VA + PAGE, PAGE, PROT_READ), 0);
	{
		struct gntsim_grant_entry e;

		EXPECT_EQ(gntsim_grant_entry_get(fx.dom1, m.refs[1], &e), 0);
		EXPECT_EQ(fx_bytes(e.frame)[0], 0);
	}
	EXPECT_EQ(fx_events(c.there), 0);
	mapped_pv_end(&m);
	EXPECT_EQ(fx_events(c.there), 1);
	fx_channel_close(&c);
}

/* PV: mprotect of a gntalloc mapping is a matter of protection only. */
static void pv_mprotect_of_gntalloc(void)
{
	const struct gntsim_domain_config c = {.guest = &pv};
	struct fx_config config = {.domain = {NULL, &c, NULL}};
	struct four f;

	fx_restart(&config);
	f = four();
	EXPECT_EQ(gntsim_mprotect(f.mm, VA, 2 * PAGE, PROT_READ), 0);
	EXPECT_EQ(gntsim_mprotect(f.mm, VA, 2 * PAGE, RW), 0);
	EXPECT_EQ(fx_peek(f.mm, VA), 1);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_REVOKED), 0);
	four_end(&f);
}

/* A page that lost its grant: SIGBUS, unless the protection says SIGSEGV first; it never comes back. The
 * pieces still belong to the map. (Measured.) */
static void pv_dead_page(void)
{
	struct mapped_pv m = mapped_pv();
	uint64_t offset = 9;
	uint32_t count = 9;

	EXPECT_EQ(gntsim_mprotect(m.mm, VA + PAGE, PAGE, PROT_READ), 0);
	EXPECT_EQ(fx_totals().vmas, 3);
	EXPECT_EQ(fx_try_load(m.mm, VA + PAGE), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(fx_try_store(m.mm, VA + PAGE), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(gntsim_mprotect(m.mm, VA + PAGE, PAGE, PROT_NONE), 0);
	EXPECT_EQ(fx_try_load(m.mm, VA + PAGE), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(gntsim_mprotect(m.mm, VA + PAGE, PAGE, RW), 0);
	EXPECT_EQ(fx_try_load(m.mm, VA + PAGE), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(fx_try_store(m.mm, VA + PAGE), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(gntsim_gntdev_get_offset_for_vaddr(m.dev, m.mm, VA + PAGE, &offset, &count), 0);
	EXPECT_EQ(offset, m.index);
	EXPECT_EQ(count, 3);
	mapped_pv_end(&m);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"mprotect splits", mprotect_splits},
	    {"mprotect to the same", mprotect_to_the_same},
	    {"mprotect errors", mprotect_errors},
	    {"mprotect of what is so already", mprotect_of_what_is_so_already},
	    {"mprotect and the open mode", mprotect_and_the_open_mode},
	    {"PV: mprotect ends grants", pv_mprotect_ends_grants},
	    {"PV: mprotect clears the byte", pv_mprotect_clears_the_byte},
	    {"PV: mprotect of gntalloc", pv_mprotect_of_gntalloc},
	    {"PV: dead page", pv_dead_page},
	};

	return UNIT_MAIN("mprotect", tests);
}
