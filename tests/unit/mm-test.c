/* SPDX-License-Identifier: MIT */
/* Address spaces: finding, splitting and ending mappings, fork. Rules: mm/mmap.c. */
#include "support/four.h"

static void getters(void)
{
	struct gntsim_mm *mm = fx_mm(fx.dom1), *child = NULL;
	struct gntsim_vma v;
	struct gntsim_page p;
	int data;

	EXPECT(gntsim_mm_domain(mm) == fx.dom1);
	EXPECT(gntsim_mm_data(mm) == NULL);
	gntsim_mm_set_data(mm, &data);
	EXPECT(gntsim_mm_data(mm) == &data);
	EXPECT(!gntsim_mm_find_vma(mm, 0, &v));
	EXPECT_EQ(gntsim_mm_page(mm, VA, &p), -EFAULT);
	EXPECT_EQ(fx_totals().mms, 1);
	REQUIRE_EQ(gntsim_mm_fork(mm, &child), 0);
	EXPECT(gntsim_mm_data(child) == NULL);
	EXPECT(gntsim_mm_domain(child) == fx.dom1);
	EXPECT_EQ(fx_totals().mms, 2);
	gntsim_mm_destroy(mm);
	gntsim_mm_destroy(child);
}

static void find_vma(void)
{
	struct four f = four_open_with(O_RDWR);
	struct gntsim_vma v;

	REQUIRE_EQ(fx_mmap(f.mm, f.alloc, VA, 2, PAGE), 0);
	REQUIRE_EQ(gntsim_mmap(f.mm, f.alloc, VA + 8 * PAGE, PAGE, PROT_READ, MAP_SHARED, 0), 0);
	v = vma_at(f.mm, 0);
	EXPECT_EQ(v.start, VA);
	EXPECT_EQ(v.end, VA + 2 * PAGE);
	EXPECT_EQ(v.offset, PAGE);
	EXPECT_EQ(v.prot, RW);
	EXPECT(!v.dontcopy);
	EXPECT(v.file == f.alloc);
	EXPECT_EQ(vma_at(f.mm, VA).start, VA);
	EXPECT_EQ(vma_at(f.mm, VA + 2 * PAGE - 1).start, VA);
	v = vma_at(f.mm, VA + 2 * PAGE);
	EXPECT_EQ(v.start, VA + 8 * PAGE);
	EXPECT_EQ(v.prot, PROT_READ);
	EXPECT(!gntsim_mm_find_vma(f.mm, VA + 9 * PAGE, &v));
	four_end(&f);
}

/* munmap of nothing is a success; of a bad range -EINVAL. */
static void munmap_errors(void)
{
	struct four f = four();

	EXPECT_EQ(gntsim_munmap(f.mm, VA, 0), -EINVAL);
	EXPECT_EQ(gntsim_munmap(f.mm, VA + 1, PAGE), -EINVAL);
	EXPECT_EQ(gntsim_munmap(f.mm, VA + 64 * PAGE, PAGE), 0);
	EXPECT_EQ(fx_totals().vmas, 1);
	EXPECT_EQ(gntsim_munmap(f.mm, VA - PAGE, 16 * PAGE), 0);
	EXPECT_EQ(fx_totals().vmas, 0);
	four_end(&f);
}

/* A range over parts of mappings: head, tail, and a whole one in between. */
static void munmap_over_several(void)
{
	struct four f = four();

	REQUIRE_EQ(fx_mmap(f.mm, f.alloc, VA + 5 * PAGE, 1, 0), 0);
	REQUIRE_EQ(fx_mmap(f.mm, f.alloc, VA + 7 * PAGE, 4, 0), 0);
	EXPECT_EQ(gntsim_munmap(f.mm, VA + 2 * PAGE, 7 * PAGE), 0);
	EXPECT_EQ(fx_totals().vmas, 2);
	EXPECT_EQ(vma_at(f.mm, VA).end, VA + 2 * PAGE);
	EXPECT_EQ(vma_at(f.mm, VA + 2 * PAGE).start, VA + 9 * PAGE);
	EXPECT_EQ(vma_at(f.mm, VA + 2 * PAGE).offset, 2 * PAGE);
	EXPECT_EQ(fx_peek(f.mm, VA + PAGE), 2);
	EXPECT_EQ(fx_peek(f.mm, VA + 9 * PAGE), 3);
	EXPECT_EQ(fx_try_load(f.mm, VA + 5 * PAGE), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(gntsim_munmap(f.mm, VA, PAGE - 1), 0);
	EXPECT_EQ(vma_at(f.mm, VA).start, VA + PAGE);
	four_end(&f);
}

/* The middle: two pieces, each with its own offset. */
static void munmap_of_the_middle(void)
{
	struct four f = four();

	EXPECT_EQ(gntsim_munmap(f.mm, VA + PAGE, 2 * PAGE), 0);
	EXPECT_EQ(fx_totals().vmas, 2);
	EXPECT_EQ(vma_at(f.mm, VA + PAGE).start, VA + 3 * PAGE);
	EXPECT_EQ(vma_at(f.mm, VA + PAGE).offset, 3 * PAGE);
	EXPECT_EQ(fx_peek(f.mm, VA), 1);
	EXPECT_EQ(fx_peek(f.mm, VA + 3 * PAGE), 4);
	EXPECT_EQ(fx_try_load(f.mm, VA + 2 * PAGE), GNTSIM_ACCESS_SEGV);
	four_end(&f);
}

/* fork copies protection, pieces and offsets; parent and child then go their own ways. */
static void fork_copies(void)
{
	struct four f = four();
	struct gntsim_mm *child = NULL;

	EXPECT_EQ(gntsim_mprotect(f.mm, VA + PAGE, PAGE, PROT_READ), 0);
	EXPECT_EQ(gntsim_munmap(f.mm, VA + 2 * PAGE, PAGE), 0);
	REQUIRE_EQ(gntsim_mm_fork(f.mm, &child), 0);
	EXPECT_EQ(fx_totals().vmas, 6);
	EXPECT_EQ(vma_at(child, VA + PAGE).prot, PROT_READ);
	EXPECT(vma_at(child, VA + PAGE).inherited && !vma_at(f.mm, VA + PAGE).inherited);
	EXPECT_EQ(vma_at(child, VA + 2 * PAGE).start, VA + 3 * PAGE);
	EXPECT_EQ(fx_try_load(child, VA + 2 * PAGE), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(fx_try_store(child, VA + PAGE), GNTSIM_ACCESS_SEGV);
	fx_poke(child, VA, 0x70);
	EXPECT_EQ(fx_peek(f.mm, VA), 0x70);
	EXPECT_EQ(gntsim_munmap(f.mm, VA, 4 * PAGE), 0);
	EXPECT_EQ(fx_peek(child, VA + 3 * PAGE), 4);
	gntsim_mm_destroy(child);
	four_end(&f);
}

/* PV: gntdev mappings say dontcopy and are not copied; gntalloc's are. */
static void pv_fork_leaves_gntdev_out(void)
{
	struct mapped_pv m = mapped_pv();
	struct gntsim_file *own = fx_open(fx.dom0, GNTSIM_DEV_GNTALLOC);
	struct gntsim_mm *child = NULL;
	uint64_t index;

	fx_alloc(own, 1, &index);
	REQUIRE_EQ(fx_mmap(m.mm, own, VA + 8 * PAGE, 1, index), 0);
	EXPECT(vma_at(m.mm, VA).dontcopy);
	EXPECT(!vma_at(m.mm, VA + 8 * PAGE).dontcopy);
	REQUIRE_EQ(gntsim_mm_fork(m.mm, &child), 0);
	EXPECT_EQ(vma_at(child, 0).start, VA + 8 * PAGE);
	EXPECT_EQ(fx_try_load(child, VA), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(fx_totals().vmas, 3);
	gntsim_mm_destroy(child);
	mapped_pv_end(&m);
	gntsim_close(own);
}

/* munmap of what no process can have is EINVAL. */
static void munmap_beyond_the_address_space(void)
{
	struct four f = four();

	EXPECT_EQ(gntsim_munmap(f.mm, VA, UINT64_C(1) << 48), -EINVAL);
	EXPECT_EQ(gntsim_munmap(f.mm, UINT64_C(1) << 48, PAGE), -EINVAL);
	EXPECT_EQ(gntsim_munmap(f.mm, UINT64_C(0) - PAGE, PAGE), -EINVAL);
	EXPECT_EQ(gntsim_munmap(f.mm, VA, UINT64_MAX), -EINVAL);
	EXPECT_EQ(fx_totals().vmas, 1);
	four_end(&f);
}

/* Two address spaces map one file; each mapping is its own. */
static void two_address_spaces(void)
{
	struct four f = four();
	struct gntsim_mm *other = fx_mm(fx.dom1);

	REQUIRE_EQ(fx_mmap(other, f.alloc, VA, 2, PAGE), 0);
	fx_poke(other, VA, 0x12);
	EXPECT_EQ(fx_peek(f.mm, VA + PAGE), 0x12);
	gntsim_mm_destroy(other);
	EXPECT_EQ(fx_peek(f.mm, VA + PAGE), 0x12);
	four_end(&f);
}

/* Many mappings: each is found, and goes alone. */
static void many_mappings(void)
{
	enum { N = 2000 };
	struct four f = four_open_with(O_RDWR);

	for (unsigned i = 0; i < N; i++) {
		unsigned at = (i * 7919) % N;

		REQUIRE_EQ(fx_mmap(f.mm, f.alloc, VA + 2 * at * PAGE, 1, (at % 4) * PAGE), 0);
	}
	EXPECT_EQ(fx_totals().vmas, N);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	for (unsigned i = 0; i < N; i++) {
		EXPECT_EQ(fx_peek(f.mm, VA + 2 * i * PAGE), i % 4 + 1);
		EXPECT_EQ(fx_try_load(f.mm, VA + (2 * i + 1) * PAGE), GNTSIM_ACCESS_SEGV);
	}
	EXPECT_EQ(gntsim_munmap(f.mm, VA + 100 * PAGE, 1000 * PAGE), 0);
	EXPECT_EQ(fx_totals().vmas, N - 500);
	EXPECT_EQ(vma_at(f.mm, VA + 99 * PAGE).start, VA + 1100 * PAGE);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	four_end(&f);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"getters", getters},
	    {"find_vma", find_vma},
	    {"munmap errors", munmap_errors},
	    {"munmap over several", munmap_over_several},
	    {"munmap of the middle", munmap_of_the_middle},
	    {"fork copies", fork_copies},
	    {"PV: fork leaves gntdev out", pv_fork_leaves_gntdev_out},
	    {"two address spaces", two_address_spaces},
	    {"many mappings", many_mappings},
	    {"munmap beyond the address space", munmap_beyond_the_address_space},
	};

	return UNIT_MAIN("mm", tests);
}
