/* SPDX-License-Identifier: MIT */
#include "four.h"

struct four four_open_with(int open_flags)
{
	struct four f = {.mm = fx_mm(fx.dom1)};
	uint64_t index;

	REQUIRE_EQ(gntsim_open(fx.dom1, GNTSIM_DEV_GNTALLOC, open_flags, &f.alloc), 0);
	REQUIRE_EQ(gntsim_gntalloc_alloc(f.alloc, 2, 1, 4, &index, f.refs), 0);
	REQUIRE_EQ(index, 0);
	for (unsigned i = 0; i < 4; i++) {
		struct gntsim_grant_entry e;

		EXPECT_EQ(gntsim_grant_entry_get(fx.dom1, f.refs[i], &e), 0);
		fx_bytes(e.frame)[0] = (uint8_t)(i + 1);
	}
	return f;
}

struct four four(void)
{
	struct four f = four_open_with(O_RDWR);

	REQUIRE_EQ(fx_mmap(f.mm, f.alloc, VA, 4, 0), 0);
	return f;
}

void four_end(struct four *f)
{
	if (f->mm)
		gntsim_mm_destroy(f->mm);
	if (f->alloc)
		gntsim_close(f->alloc);
}

struct mapped_pv mapped_pv(void)
{
	struct mapped_pv m = {.alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC),
			      .dev = fx_open(fx.dom0, GNTSIM_DEV_GNTDEV),
			      .mm = fx_mm(fx.dom0)};

	REQUIRE_EQ(gntsim_gntalloc_alloc(m.alloc, 0, 1, 3, &m.index, m.refs), 0);
	m.index = fx_mapv(m.dev, 1, 3, m.refs);
	REQUIRE_EQ(fx_mmap(m.mm, m.dev, VA, 3, m.index), 0);
	EXPECT_EQ(fx_totals().maptrack, 6);
	return m;
}

void mapped_pv_end(struct mapped_pv *m)
{
	gntsim_mm_destroy(m->mm);
	gntsim_close(m->dev);
	gntsim_close(m->alloc);
}

struct gntsim_vma vma_at(struct gntsim_mm *mm, uint64_t addr)
{
	struct gntsim_vma v = {0};

	EXPECT(gntsim_mm_find_vma(mm, addr, &v));
	return v;
}
