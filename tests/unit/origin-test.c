/* SPDX-License-Identifier: MIT */
/* Each thing tells the call that made it, whatever became of it since. */
#include "support/mapping.h"

struct origins {
	uint32_t grant, ended, map, notify;
};

static bool see_grant(void *ctx, const struct gntsim_grant_info *g)
{
	struct origins *o = ctx;

	o->grant = g->origin;
	o->ended = g->ended;
	return true;
}

static bool see_map(void *ctx, const struct gntsim_map_info *m)
{
	((struct origins *)ctx)->map = m->origin;
	return true;
}

static bool see_notify(void *ctx, const struct gntsim_notify_info *n)
{
	((struct origins *)ctx)->notify = n->origin;
	return true;
}

static struct origins look(void)
{
	struct origins o = {0};

	gntsim_for_each_grant(fx.m, see_grant, &o);
	gntsim_for_each_map(fx.m, see_map, &o);
	gntsim_for_each_notify(fx.m, see_notify, &o);
	return o;
}

/* Whether the call that was made since the last of these has stamped something. */
static bool used(uint32_t next)
{
	bool u = gntsim_machine_origin_used(fx.m);

	gntsim_machine_set_origin(fx.m, next);
	return u;
}

static void of_each_thing(void)
{
	struct gntsim_file *alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(fx.dom2), *child;
	struct gntsim_vma vma;
	uint64_t index;
	gntsim_gref ref;

	EXPECT(!used(1));
	REQUIRE_EQ(gntsim_gntalloc_alloc(alloc, 2, 1, 1, &index, &ref), 0);
	EXPECT(used(2));
	index = fx_map(dev, 1, ref);
	EXPECT(used(3));
	REQUIRE_EQ(gntsim_mmap(mm, dev, VA, PAGE, PROT_READ, MAP_SHARED, index), 0);
	EXPECT(used(4));
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, index, 1, 0), -EINVAL);
	EXPECT(!used(4));
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, index, 0, 0), 0);
	EXPECT(used(5));
	EXPECT_EQ(look().grant, 1);
	EXPECT_EQ(look().ended, 0);
	EXPECT_EQ(look().map, 2);
	REQUIRE(gntsim_mm_find_vma(mm, VA, &vma));
	EXPECT_EQ(vma.origin, 3);
	REQUIRE_EQ(gntsim_mm_fork(mm, &child), 0);
	REQUIRE(gntsim_mm_find_vma(child, VA, &vma));
	EXPECT_EQ(vma.origin, 5);
	gntsim_mm_destroy(child);
	EXPECT(used(6));
	EXPECT_EQ(gntsim_munmap(mm, VA + PAGE, PAGE), 0);
	EXPECT(!used(6));
	gntsim_close(alloc);
	EXPECT(used(7));
	EXPECT_EQ(look().grant, 1);
	EXPECT_EQ(look().ended, 6);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_machine_advance(fx.m, 2 * SECOND);
	EXPECT(!used(8));
	alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	REQUIRE_EQ(gntsim_gntalloc_alloc(alloc, 2, 1, 1, &index, &ref), 0);
	EXPECT_EQ(look().grant, 8);
	EXPECT_EQ(look().ended, 0);
	gntsim_close(alloc);
}

static void of_ports_and_notifications(void)
{
	struct gntsim_file *e = fx_open(fx.dom1, GNTSIM_DEV_EVTCHN);
	struct gntsim_file *alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	struct gntsim_port_info info;
	uint64_t index;
	gntsim_gref ref;
	int port;

	gntsim_machine_set_origin(fx.m, 11);
	port = gntsim_evtchn_bind_unbound(e, 2);
	REQUIRE(port > 0);
	EXPECT(used(12));
	REQUIRE_EQ(gntsim_gntalloc_alloc(alloc, 2, 1, 1, &index, &ref), 0);
	EXPECT(used(13));
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(alloc, index, 3, (gntsim_port)port), 0);
	EXPECT(used(14));
	EXPECT_EQ(look().notify, 13);
	REQUIRE_EQ(gntsim_port_describe(fx.dom1, (gntsim_port)port, &info), 0);
	EXPECT_EQ(info.origin, 11);
	EXPECT_EQ(gntsim_evtchn_notify(e, (gntsim_port)port), 0);
	EXPECT(!used(15));
	gntsim_close(alloc);
	gntsim_close(e);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"of each thing", of_each_thing},
	    {"of ports and notifications", of_ports_and_notifications},
	};

	return UNIT_MAIN("origin", tests);
}
