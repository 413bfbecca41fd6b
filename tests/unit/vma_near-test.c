/* SPDX-License-Identifier: MIT */
/* Address spaces of so many mappings that a table says where to begin (sim/linux/vma_near.c): beside a plain array of
 * pages, and without the memory for it. */
#include "support/four.h"

enum { PAGES = 8192, ENOUGH = 1024 };

static uint64_t seed = 88172645463325252u;

static unsigned random_below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % n);
}

/* By page: the one after it where its mapping ends; 0: none. */
static unsigned ends[PAGES + 1];

static void set(unsigned from, unsigned count, unsigned end)
{
	for (unsigned i = from; i < from + count; i++)
		ends[i] = end;
	/* What began before the range ends at it now. */
	for (unsigned i = from; i-- && ends[i] > from;)
		ends[i] = from;
}

static bool agrees(struct gntsim_mm *mm, unsigned page)
{
	struct gntsim_vma v;
	bool found = gntsim_mm_find_vma(mm, VA + page * PAGE, &v);

	while (page < PAGES && !ends[page])
		page++;
	return found ? page < PAGES && v.end == VA + ends[page] * PAGE && v.start < v.end
		     : page == PAGES;
}

static void step(struct gntsim_mm *mm, struct gntsim_file *file)
{
	unsigned at = random_below(PAGES - 4), count = 1 + random_below(3);
	unsigned to = random_below(PAGES - 4);

	switch (random_below(8)) {
	case 0:
		REQUIRE_EQ(gntsim_munmap(mm, VA + at * PAGE, count * PAGE), 0);
		set(at, count, 0);
		break;
	case 1:
		if (!ends[at] || to == at)
			break;
		REQUIRE_EQ(gntsim_mremap(mm, VA + at * PAGE, PAGE, PAGE, 3, VA + to * PAGE), 0);
		set(to, 1, to + 1);
		set(at, 1, 0);
		break;
	default:
		REQUIRE_EQ(fx_mmap(mm, file, VA + at * PAGE, count, 0), 0);
		set(at, count, at + count);
	}
}

/* Mappings come between others, over them, move and go; each is found from every page. */
static void come_and_go(void)
{
	struct four f = four_open_with(O_RDWR);

	for (unsigned i = 0; i < 40000; i++) {
		step(f.mm, f.alloc);
		REQUIRE(agrees(f.mm, random_below(PAGES)));
		if (i % 1000 == 0)
			REQUIRE(gntsim_machine_check(fx.m) == NULL);
	}
	EXPECT(fx_totals().vmas > 2 * ENOUGH);
	for (unsigned page = 0; page < PAGES; page++)
		EXPECT(agrees(f.mm, page));
	EXPECT_EQ(gntsim_munmap(f.mm, VA, PAGES * PAGE), 0);
	EXPECT_EQ(fx_totals().vmas, 0);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	four_end(&f);
}

/* No memory for the table: the mapping is made and found all the same, and the next one brings the table. */
static void without_memory(void)
{
	struct four f = four_open_with(O_RDWR);
	uint64_t calls;

	for (unsigned i = 1; i < ENOUGH; i++)
		REQUIRE_EQ(fx_mmap(f.mm, f.alloc, VA + 2 * i * PAGE, 1, 0), 0);
	/* Its own two allocations are had. */
	fx.allocator.fail_at = fx.allocator.calls + 3;
	EXPECT_EQ(fx_mmap(f.mm, f.alloc, VA, 1, 0), 0);
	EXPECT_EQ(fx.allocator.failed, 1);
	EXPECT_EQ(vma_at(f.mm, VA).start, VA);
	EXPECT_EQ(vma_at(f.mm, VA + PAGE).start, VA + 2 * PAGE);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	calls = fx.allocator.calls;
	EXPECT_EQ(fx_mmap(f.mm, f.alloc, VA + PAGE, 1, 0), 0);
	EXPECT_EQ(fx.allocator.calls, calls + 3);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	four_end(&f);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"mappings come and go", come_and_go},
	    {"no memory for the table", without_memory},
	};

	return UNIT_MAIN("vma_near", tests);
}
