/* SPDX-License-Identifier: MIT */
/* Loads and stores through device mappings. */
#include "support/four.h"

static void access(void)
{
	struct four f = four();
	char text[] = "across the page's end", back[sizeof(text)];
	struct gntsim_page p;

	EXPECT_EQ(gntsim_mm_store(f.mm, VA + PAGE - 5, text, sizeof(text)), GNTSIM_ACCESS_OK);
	EXPECT_EQ(gntsim_mm_load(f.mm, VA + PAGE - 5, back, sizeof(back)), GNTSIM_ACCESS_OK);
	EXPECT(strcmp(text, back) == 0);
	EXPECT_EQ(gntsim_mm_page(f.mm, VA, &p), 0);
	EXPECT(memcmp(fx_bytes(p.frame) + PAGE - 5, text, 5) == 0);
	EXPECT_EQ(gntsim_mm_page(f.mm, VA + PAGE + 77, &p), 0);
	EXPECT(memcmp(fx_bytes(p.frame), text + 5, sizeof(text) - 5) == 0);
	EXPECT_EQ(gntsim_mm_load(f.mm, VA + 4 * PAGE - 2, back, 2), GNTSIM_ACCESS_OK);
	EXPECT_EQ(gntsim_mm_load(f.mm, VA, back, 0), GNTSIM_ACCESS_OK);
	EXPECT_EQ(gntsim_mm_load(f.mm, VA + 4 * PAGE, back, 1), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(gntsim_mm_load(f.mm, VA - 1, back, 1), GNTSIM_ACCESS_SEGV);
	four_end(&f);
}

/* What was before the fault is done. */
static void access_stops_at_the_fault(void)
{
	struct four f = four();
	char back[4] = {9, 9, 9, 9};

	EXPECT_EQ(gntsim_mm_store(f.mm, VA + 4 * PAGE - 2, "abcd", 4), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(gntsim_mm_load(f.mm, VA + 4 * PAGE - 2, back, 4), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(back[0], 'a');
	EXPECT_EQ(back[1], 'b');
	EXPECT_EQ(back[2], 9);
	four_end(&f);
}

static void protections(void)
{
	struct four f = four_open_with(O_RDWR);
	struct gntsim_page p;

	REQUIRE_EQ(gntsim_mmap(f.mm, f.alloc, VA, PAGE, PROT_READ, MAP_SHARED, 0), 0);
	REQUIRE_EQ(gntsim_mmap(f.mm, f.alloc, VA + PAGE, PAGE, PROT_NONE, MAP_SHARED, 0), 0);
	EXPECT_EQ(fx_peek(f.mm, VA), 1);
	EXPECT_EQ(fx_try_store(f.mm, VA), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(fx_try_load(f.mm, VA + PAGE), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(fx_try_store(f.mm, VA + PAGE), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(gntsim_mm_page(f.mm, VA + PAGE, &p), 0);
	EXPECT(!p.readable && !p.writable);
	EXPECT_EQ(gntsim_mprotect(f.mm, VA, 2 * PAGE, RW), 0);
	fx_poke(f.mm, VA + PAGE, 8);
	EXPECT_EQ(fx_peek(f.mm, VA), 8);
	four_end(&f);
}

/* x86 has no memory that may be written or executed but not read. */
static void writable_is_readable(void)
{
	struct four f = four_open_with(O_RDWR);

	REQUIRE_EQ(gntsim_mmap(f.mm, f.alloc, VA, PAGE, PROT_WRITE, MAP_SHARED, 0), 0);
	EXPECT_EQ(fx_peek(f.mm, VA), 1);
	fx_poke(f.mm, VA, 2);
	EXPECT_EQ(fx_peek(f.mm, VA), 2);
	four_end(&f);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"access", access},
	    {"access stops at the fault", access_stops_at_the_fault},
	    {"protections", protections},
	    {"writable is readable", writable_is_readable},
	};

	return UNIT_MAIN("access", tests);
}
