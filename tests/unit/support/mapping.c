/* SPDX-License-Identifier: MIT */
#include "mapping.h"

gntsim_gref granted_refs[3];

struct gntsim_file *granted(struct gntsim_domain *mapper)
{
	struct gntsim_file *alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	struct gntsim_grant_entry e;
	uint64_t index;

	REQUIRE_EQ(
	    gntsim_gntalloc_alloc(alloc, gntsim_domain_id(mapper), 1, 3, &index, granted_refs), 0);
	for (unsigned i = 0; i < 3; i++) {
		EXPECT_EQ(gntsim_grant_entry_get(fx.dom1, granted_refs[i], &e), 0);
		memset(fx_bytes(e.frame), 0xFF, PAGE);
	}
	return alloc;
}

uint8_t byte_of(gntsim_gref ref, unsigned offset)
{
	return fx_bytes(entry_of(fx.dom1, ref).frame)[offset];
}

int map_n(struct gntsim_file *dev, uint32_t count, uint64_t *index)
{
	struct gntsim_grant *grants = calloc(count, sizeof(*grants));
	int err;

	if (!grants)
		abort();
	err = gntsim_gntdev_map(dev, count, grants, index);
	free(grants);
	return err;
}

uint64_t mapped(struct gntsim_file *dev, uint32_t count)
{
	uint64_t index = UINT64_MAX;

	EXPECT_EQ(map_n(dev, count, &index), 0);
	return index;
}

struct find_map {
	uint64_t index;
	struct gntsim_map_info info;
	unsigned n;
};

static bool find_map(void *ctx, const struct gntsim_map_info *info)
{
	struct find_map *f = ctx;

	if (info->index == f->index) {
		f->info = *info;
		f->n++;
	}
	return true;
}

uint32_t live(uint64_t index)
{
	struct find_map f = {.index = index};

	gntsim_for_each_map(fx.m, find_map, &f);
	EXPECT_EQ(f.n, 1);
	return f.info.live;
}

struct mapping mapping_notified_at(struct gntsim_domain *mapper, uint32_t pages, uint64_t byte)
{
	struct mapping m = {.alloc = granted(mapper),
			    .dev = fx_open(mapper, GNTSIM_DEV_GNTDEV),
			    .mm = fx_mm(mapper),
			    .c = fx_channel(mapper, fx.dom1)};

	m.index = fx_mapv(m.dev, 1, pages, granted_refs);
	REQUIRE_EQ(gntsim_gntdev_set_unmap_notify(m.dev, m.index + byte, CLEAR_BYTE | SEND_EVENT,
						  m.c.port_here),
		   0);
	REQUIRE_EQ(fx_mmap(m.mm, m.dev, VA, pages, m.index), 0);
	return m;
}

struct mapping mapping(struct gntsim_domain *mapper)
{
	return mapping_notified_at(mapper, 1, 5);
}

void mapping_end(struct mapping *m)
{
	if (m->mm)
		gntsim_mm_destroy(m->mm);
	if (m->dev)
		gntsim_close(m->dev);
	fx_channel_close(&m->c);
	gntsim_close(m->alloc);
}
