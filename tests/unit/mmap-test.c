/* SPDX-License-Identifier: MIT */
/* mmap: the kernel's own checks, and what is replaced. Rules: mm/mmap.c. */
#include "support/four.h"

/* The kernel's own checks, before any driver is asked. */
static void mmap_errors(void)
{
	struct four f = four_open_with(O_RDWR);
	const uint64_t top = UINT64_C(0) - PAGE;

	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, VA, 0, RW, MAP_SHARED, 0), -EINVAL);
	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, VA + 1, PAGE, RW, MAP_SHARED, 0), -EINVAL);
	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, VA, PAGE, RW, MAP_SHARED, 1), -EINVAL);
	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, VA, PAGE, RW, 0, 0), -EINVAL);
	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, VA, PAGE, RW, MAP_SHARED, top), -EOVERFLOW);
	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, VA, 2 * PAGE, RW, MAP_SHARED, top), -EOVERFLOW);
	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, VA, PAGE, RW, MAP_SHARED, top - PAGE), -ENOENT);
	EXPECT_EQ(fx_totals().vmas, 0);
	four_end(&f);
}

/* do_mmap(): the length, the address's range, its alignment, the offset, the type. */
static void mmap_errors_in_order(void)
{
	struct four f = four_open_with(O_RDWR);
	const uint64_t top = UINT64_C(0) - PAGE, task = ADDRESSES_END;

	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, VA, UINT64_MAX, RW, MAP_SHARED, 0), -ENOMEM);
	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, VA, task + PAGE, RW, MAP_SHARED, 0), -ENOMEM);
	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, 0, task, RW, MAP_SHARED, 0), -ENOENT);
	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, task + 1, PAGE, RW, MAP_SHARED, 0), -ENOMEM);
	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, VA + 1, PAGE, RW, MAP_SHARED, top), -EINVAL);
	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, VA, PAGE, RW, 0, top), -EOVERFLOW);
	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, task - PAGE, PAGE, RW, MAP_SHARED, 0), 0);
	EXPECT_EQ(fx_totals().vmas, 1);
	EXPECT_EQ(gntsim_munmap(f.mm, task - PAGE, PAGE), 0);
	EXPECT_EQ(fx_totals().vmas, 0);
	four_end(&f);
}

/* The dead are told so, whoever else is concerned. */
static void mmap_of_the_dead(void)
{
	struct gntsim_file *dead = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	struct gntsim_file *file = fx_open(fx.dom2, GNTSIM_DEV_GNTALLOC);
	struct gntsim_mm *dead_mm = fx_mm(fx.dom1), *mm = fx_mm(fx.dom2);

	EXPECT_EQ(fx_mmap(mm, dead, VA, 1, 0), -EINVAL);
	gntsim_domain_destroy(fx.dom1);
	EXPECT_EQ(fx_mmap(mm, dead, VA, 1, 0), -ENODEV);
	EXPECT_EQ(fx_mmap(dead_mm, file, VA, 1, 0), -ENODEV);
	EXPECT_EQ(fx_mmap(dead_mm, dead, VA, 1, 0), -ENODEV);
	gntsim_mm_destroy(dead_mm);
	gntsim_mm_destroy(mm);
	gntsim_close(dead);
	gntsim_close(file);
}

/* The mapping that is replaced may have been the last that held its file. */
static void mmap_releases_what_it_replaces(void)
{
	struct gntsim_file *old = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	struct gntsim_file *new = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	struct gntsim_mm *mm = fx_mm(fx.dom1);

	fx_alloc(old, 2, NULL);
	fx_alloc(new, 2, NULL);
	EXPECT_EQ(fx_mmap(mm, old, VA, 1, 0), 0);
	gntsim_close(old);
	EXPECT_EQ(fx_totals().files, 2);
	EXPECT_EQ(fx_mmap(mm, new, VA, 1, 0), 0);
	EXPECT_EQ(fx_totals().files, 1);
	EXPECT_EQ(fx_totals().grants, 1);
	gntsim_mm_destroy(mm);
	gntsim_close(new);
}

/* A length that is no whole number of pages is rounded up. */
static void mmap_rounds_the_length_up(void)
{
	struct four f = four_open_with(O_RDWR);

	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, VA, PAGE + 1, RW, MAP_SHARED, PAGE), 0);
	EXPECT_EQ(vma_at(f.mm, VA).end, VA + 2 * PAGE);
	EXPECT_EQ(fx_peek(f.mm, VA + PAGE), 3);
	four_end(&f);
}

/* Adjacent mappings stay apart: what has a close operation is never merged. */
static void mappings_do_not_merge(void)
{
	struct four f = four_open_with(O_RDWR);

	REQUIRE_EQ(fx_mmap(f.mm, f.alloc, VA, 1, 0), 0);
	REQUIRE_EQ(fx_mmap(f.mm, f.alloc, VA + PAGE, 1, PAGE), 0);
	EXPECT_EQ(fx_totals().vmas, 2);
	EXPECT_EQ(vma_at(f.mm, VA).end, VA + PAGE);
	four_end(&f);
}

/* MAP_FIXED: what the range touches goes first. */
static void mmap_replaces(void)
{
	struct four f = four();

	EXPECT_EQ(fx_mmap(f.mm, f.alloc, VA + PAGE, 1, 3 * PAGE), 0);
	EXPECT_EQ(fx_totals().vmas, 3);
	EXPECT_EQ(fx_peek(f.mm, VA), 1);
	EXPECT_EQ(fx_peek(f.mm, VA + PAGE), 4);
	EXPECT_EQ(fx_peek(f.mm, VA + 2 * PAGE), 3);
	EXPECT_EQ(fx_mmap(f.mm, f.alloc, VA, 4, 0), 0);
	EXPECT_EQ(fx_totals().vmas, 1);
	EXPECT_EQ(fx_peek(f.mm, VA + PAGE), 2);
	four_end(&f);
}

/* ... once the kernel's checks have passed, and before the driver's. */
static void failed_mmap_replaces_only_for_the_driver(void)
{
	struct four f = four();
	struct gntsim_file *evtchn = fx_open(fx.dom1, GNTSIM_DEV_EVTCHN), *rd = NULL;
	struct gntsim_file *dev = fx_open(fx.dom1, GNTSIM_DEV_GNTDEV);
	const uint64_t top = UINT64_C(0) - PAGE;

	REQUIRE_EQ(gntsim_open(fx.dom1, GNTSIM_DEV_GNTALLOC, O_RDONLY, &rd), 0);
	EXPECT_EQ(gntsim_mmap(f.mm, rd, VA, PAGE, RW, MAP_SHARED, 0), -EACCES);
	EXPECT_EQ(fx_mmap(f.mm, evtchn, VA, 1, 0), -ENODEV);
	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, VA, PAGE, RW, 0, 0), -EINVAL);
	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, VA, PAGE, RW, MAP_SHARED, 5), -EINVAL);
	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, VA, PAGE, RW, MAP_SHARED, top), -EOVERFLOW);
	EXPECT_EQ(fx_totals().vmas, 1);
	EXPECT_EQ(fx_peek(f.mm, VA), 1);
	EXPECT_EQ(fx_mmap(f.mm, f.alloc, VA, 1, 99 * PAGE), -ENOENT);
	EXPECT_EQ(fx_try_load(f.mm, VA), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(fx_peek(f.mm, VA + PAGE), 2);
	EXPECT_EQ(gntsim_mmap(f.mm, f.alloc, VA + PAGE, PAGE, RW, MAP_PRIVATE, 0), -EINVAL);
	EXPECT_EQ(fx_try_load(f.mm, VA + PAGE), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(fx_mmap(f.mm, dev, VA + 2 * PAGE, 1, 0), -EINVAL);
	EXPECT_EQ(fx_try_load(f.mm, VA + 2 * PAGE), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(vma_at(f.mm, VA).start, VA + 3 * PAGE);
	gntsim_close(evtchn);
	gntsim_close(rd);
	gntsim_close(dev);
	four_end(&f);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"mmap errors", mmap_errors},
	    {"mmap errors in order", mmap_errors_in_order},
	    {"mmap of the dead", mmap_of_the_dead},
	    {"mmap releases what it replaces", mmap_releases_what_it_replaces},
	    {"mmap rounds the length up", mmap_rounds_the_length_up},
	    {"mappings do not merge", mappings_do_not_merge},
	    {"mmap replaces", mmap_replaces},
	    {"failed mmap replaces only for the driver", failed_mmap_replaces_only_for_the_driver},
	};

	return UNIT_MAIN("mmap", tests);
}
