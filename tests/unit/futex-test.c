/* SPDX-License-Identifier: MIT */
/* What a futex that processes share finds in device memory. */
#include "support/four.h"
#include "support/mapping.h"

/* No driver's page has a mapping in the kernel's sense, whoever has it, be it there or not. */
static void not_in_a_drivers_page(void)
{
	struct four f = four();
	struct mapping m;

	EXPECT_EQ(gntsim_mm_futex(f.mm, VA), -EFAULT);
	EXPECT_EQ(gntsim_mm_futex(f.mm, VA + 4092), -EFAULT);
	EXPECT_EQ(gntsim_madvise(f.mm, VA, PAGE, MADV_DONTNEED), 0);
	EXPECT_EQ(gntsim_mm_futex(f.mm, VA), -EFAULT);
	EXPECT_EQ(gntsim_mm_futex(f.mm, VA - PAGE), -EFAULT);
	four_end(&f);
	m = mapping(fx.dom0);
	EXPECT_EQ(gntsim_mm_futex(m.mm, VA), -EFAULT);
	mapping_end(&m);
}

/* It asks for the page to write, which copies a private one; what cannot be read is not looked at. */
static void in_a_private_copy(void)
{
	struct mapping m = {.alloc = granted(fx.dom2),
			    .dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV),
			    .mm = fx_mm(fx.dom2)};

	m.index = fx_mapv(m.dev, 1, 1, granted_refs);
	REQUIRE_EQ(gntsim_mmap(m.mm, m.dev, VA, PAGE, PROT_READ, MAP_PRIVATE, m.index), 0);
	EXPECT_EQ(gntsim_mm_futex(m.mm, VA), -EFAULT);
	REQUIRE_EQ(gntsim_mprotect(m.mm, VA, PAGE, RW), 0);
	EXPECT_EQ(fx_totals().frames, 3);
	EXPECT_EQ(gntsim_mm_futex(m.mm, VA + 8), 0);
	EXPECT_EQ(fx_totals().frames, 4);
	EXPECT_EQ(gntsim_mm_futex(m.mm, VA + 8), 0);
	EXPECT_EQ(fx_totals().frames, 4);
	REQUIRE_EQ(gntsim_mprotect(m.mm, VA, PAGE, PROT_READ), 0);
	EXPECT_EQ(gntsim_mm_futex(m.mm, VA), 0);
	REQUIRE_EQ(gntsim_mprotect(m.mm, VA, PAGE, PROT_NONE), 0);
	EXPECT_EQ(gntsim_mm_futex(m.mm, VA), -EFAULT);
	mapping_end(&m);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"not in a driver's page", not_in_a_drivers_page},
	    {"in a private copy", in_a_private_copy},
	};

	return UNIT_MAIN("futex", tests);
}
