/* SPDX-License-Identifier: MIT */
/* madvise of device memory. Rules: mm/madvise.c; no driver here has a fault handler. (Measured.) */
#include "support/four.h"
#include "support/mapping.h"

/* gntalloc: what was there is gone for good from that mapping, not from others, nor is the grant ended. */
static void dontneed_of_gntalloc(void)
{
	struct four f = four();
	struct gntsim_mm *child = NULL;

	REQUIRE_EQ(fx_mmap(f.mm, f.alloc, VA + 8 * PAGE, 4, 0), 0);
	EXPECT_EQ(gntsim_madvise(f.mm, VA + PAGE, 2 * PAGE, MADV_DONTNEED), 0);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_REVOKED), 1);
	EXPECT_EQ(fx_peek(f.mm, VA), 1);
	EXPECT_EQ(fx_try_load(f.mm, VA + PAGE), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(fx_try_store(f.mm, VA + 2 * PAGE), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(fx_peek(f.mm, VA + 3 * PAGE), 4);
	EXPECT_EQ(fx_peek(f.mm, VA + 9 * PAGE), 2);
	EXPECT_EQ(fx_totals().vmas, 2);
	EXPECT_EQ(fx_totals().grants, 4);
	/* fork inherits the page tables, mremap moves them, munmap ends them. */
	REQUIRE_EQ(gntsim_mm_fork(f.mm, &child), 0);
	EXPECT_EQ(fx_try_load(child, VA + PAGE), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(gntsim_machine_check(fx.m) != NULL, 0);
	gntsim_mm_destroy(child);
	EXPECT_EQ(gntsim_mremap(f.mm, VA, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
				VA + 2 * PAGE + 16 * PAGE),
		  0);
	EXPECT_EQ(fx_peek(f.mm, VA + 18 * PAGE), 1);
	EXPECT_EQ(fx_try_load(f.mm, VA + 19 * PAGE), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(fx_try_load(f.mm, VA + 20 * PAGE), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(fx_peek(f.mm, VA + 21 * PAGE), 4);
	EXPECT_EQ(fx_mmap(f.mm, f.alloc, VA + 18 * PAGE, 4, 0), 0);
	EXPECT_EQ(fx_peek(f.mm, VA + 19 * PAGE), 2);
	four_end(&f);
}

/* gntdev elsewhere than on PV: SIGBUS too, though the grant stays mapped. */
static void dontneed_of_gntdev(void)
{
	struct mapping m = mapping(fx.dom2);

	EXPECT_EQ(gntsim_madvise(m.mm, VA, PAGE, MADV_DONTNEED), 0);
	EXPECT_EQ(fx_try_load(m.mm, VA), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(live(m.index), 1);
	EXPECT_EQ(byte_of(granted_refs[0], 5), 0xFF);
	EXPECT_EQ(gntsim_mprotect(m.mm, VA, PAGE, PROT_READ), 0);
	EXPECT_EQ(fx_try_load(m.mm, VA), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(fx_try_store(m.mm, VA), GNTSIM_ACCESS_SEGV);
	mapping_end(&m);
}

/* PV: the notifier ends the grants of the range and clears the byte; the event waits. */
static void dontneed_of_pv_gntdev(void)
{
	struct mapping m = mapping_notified_at(fx.dom0, 3, PAGE + 5);

	EXPECT_EQ(fx_totals().maptrack, 6);
	EXPECT_EQ(gntsim_madvise(m.mm, VA + PAGE, PAGE, MADV_DONTNEED), 0);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_REVOKED), 1);
	EXPECT_EQ(fx_totals().maptrack, 4);
	EXPECT_EQ(fx_totals().vmas, 1);
	EXPECT_EQ(byte_of(granted_refs[1], 5), 0);
	EXPECT_EQ(fx_events(m.c.there), 0);
	EXPECT_EQ(fx_try_load(m.mm, VA + PAGE), GNTSIM_ACCESS_BUS);
	EXPECT_EQ(fx_peek(m.mm, VA), 0xFF);
	EXPECT_EQ(fx_peek(m.mm, VA + 2 * PAGE), 0xFF);
	mapping_end(&m);
}

static void madvise_errors(void)
{
	struct four f = four();

	EXPECT_EQ(gntsim_madvise(f.mm, VA, PAGE, MADV_FREE), -EINVAL);
	EXPECT_EQ(gntsim_madvise(f.mm, VA, PAGE, MADV_REMOVE), -ENODEV);
	EXPECT_EQ(gntsim_madvise(f.mm, VA + 8 * PAGE, PAGE, MADV_REMOVE), 0);
	EXPECT_EQ(gntsim_madvise(f.mm, VA, PAGE, 12345), -EINVAL);
	EXPECT_EQ(gntsim_madvise(f.mm, VA + 1, PAGE, MADV_DONTNEED), -EINVAL);
	EXPECT_EQ(gntsim_madvise(f.mm, VA, UINT64_MAX, MADV_DONTNEED), -EINVAL);
	EXPECT_EQ(gntsim_madvise(f.mm, VA, UINT64_MAX - VA + 1 - PAGE, MADV_DONTNEED), 0);
	EXPECT_EQ(gntsim_madvise(f.mm, VA, 0, MADV_DONTNEED), 0);
	EXPECT_EQ(gntsim_madvise(f.mm, VA - 4 * PAGE, 2 * PAGE, MADV_DONTNEED), 0);
	EXPECT_EQ(gntsim_madvise(f.mm, VA - PAGE, PAGE, MADV_REMOVE), 0);
	/* Nothing is emptied, so nobody is told. */
	fx_drain();
	EXPECT_EQ(gntsim_madvise(f.mm, VA - PAGE, PAGE, MADV_DONTNEED), 0);
	EXPECT_EQ(gntsim_madvise(f.mm, VA + PAGE, 0, MADV_DONTNEED), 0);
	EXPECT_EQ(fx_drain(), 0);
	gntsim_domain_destroy(fx.dom1);
	EXPECT_EQ(gntsim_madvise(f.mm, VA, PAGE, 12345), -ENODEV);
	four_end(&f);
}

/* No memory for the book-keeping: ENOMEM, and it works when memory is back. */
static void no_memory(void)
{
	struct four f = four();

	fx.allocator.fail_at = fx.allocator.calls + 2;
	EXPECT_EQ(gntsim_madvise(f.mm, VA, 4 * PAGE, MADV_DONTNEED), -ENOMEM);
	EXPECT_EQ(gntsim_machine_check(fx.m) != NULL, 0);
	fx.allocator.fail_at = 0;
	EXPECT_EQ(gntsim_madvise(f.mm, VA, 4 * PAGE, MADV_DONTNEED), 0);
	EXPECT_EQ(fx_try_load(f.mm, VA + 3 * PAGE), GNTSIM_ACCESS_BUS);
	four_end(&f);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"DONTNEED of gntalloc", dontneed_of_gntalloc},
	    {"DONTNEED of gntdev", dontneed_of_gntdev},
	    {"DONTNEED of PV gntdev", dontneed_of_pv_gntdev},
	    {"errors", madvise_errors},
	    {"no memory", no_memory},
	};

	return UNIT_MAIN("madvise", tests);
}
