/* SPDX-License-Identifier: MIT */
/* Totals and walks. */
#include "support/fixture.h"

static void totals_of_a_new_machine(void)
{
	struct gntsim_totals t;

	fx_restart(&(struct fx_config){.n_domains = FX_NO_DOMAINS});
	t = fx_totals();
	EXPECT_EQ(t.domains, 0);
	fx_expect_nothing_left(&t);
}

static void totals_follow(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct fx_channel c = fx_channel(fx.dom0, fx.dom1);
	struct gntsim_totals t = fx_totals();

	EXPECT_EQ(t.domains, 3);
	EXPECT_EQ(t.files, 4);
	EXPECT_EQ(t.mms, 2);
	EXPECT_EQ(t.vmas, 2);
	EXPECT_EQ(t.frames, 1);
	EXPECT_EQ(t.grants, 1);
	EXPECT_EQ(t.deferred, 0);
	EXPECT_EQ(t.gntdev_maps, 1);
	EXPECT_EQ(t.maptrack, 1);
	EXPECT_EQ(t.ports, 2);
	gntsim_mm_destroy(s.granter);
	s.granter = NULL;
	gntsim_close(s.alloc);
	s.alloc = NULL;
	t = fx_totals();
	EXPECT_EQ(t.files, 3);
	EXPECT_EQ(t.frames, 1);
	EXPECT_EQ(t.grants, 1);
	EXPECT_EQ(t.deferred, 1);
	fx_share_close(&s);
	fx_channel_close(&c);
}

/* bytes is what the machine holds of its allocator, and comes back with what it was for. */
static void bytes_come_back(void)
{
	uint64_t before;
	struct fx_share s = fx_share(fx.dom1, fx.dom2);

	fx_share_close(&s);
	gntsim_machine_advance(fx.m, 2 * SECOND);
	before = fx_totals().bytes;
	for (unsigned i = 0; i < 10; i++) {
		s = fx_share(fx.dom1, fx.dom2);
		EXPECT(fx_totals().bytes > before);
		fx_share_close(&s);
		gntsim_machine_advance(fx.m, 2 * SECOND);
		EXPECT_EQ(fx_totals().bytes, before);
	}
}

#define MAX_SEEN 8

struct seen {
	struct gntsim_grant_info grant[MAX_SEEN];
	struct gntsim_map_info map[MAX_SEEN];
	struct gntsim_domain *dom[MAX_SEEN];
	gntsim_port port[MAX_SEEN];
	unsigned n, stop_after;
};

static bool see_grant(void *ctx, const struct gntsim_grant_info *grant)
{
	struct seen *s = ctx;

	if (s->n < MAX_SEEN)
		s->grant[s->n] = *grant;
	return ++s->n != s->stop_after;
}

static bool see_map(void *ctx, const struct gntsim_map_info *map)
{
	struct seen *s = ctx;

	if (s->n < MAX_SEEN)
		s->map[s->n] = *map;
	return ++s->n != s->stop_after;
}

static bool see_port(void *ctx, struct gntsim_domain *dom, gntsim_port port)
{
	struct seen *s = ctx;

	if (s->n < MAX_SEEN) {
		s->dom[s->n] = dom;
		s->port[s->n] = port;
	}
	return ++s->n != s->stop_after;
}

/* By domain, then reference, with everything that is known of each. */
static void grants(void)
{
	struct fx_share s = fx_share(fx.dom2, fx.dom1);
	struct gntsim_file *alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	struct gntsim_mm *mm = fx_mm(fx.dom1);
	struct seen seen = {0};
	gntsim_gref refs[2];
	uint64_t index;

	REQUIRE_EQ(gntsim_gntalloc_alloc(alloc, 0, 0, 2, &index, refs), 0);
	REQUIRE_EQ(fx_mmap(mm, alloc, VA, 1, 0), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(alloc, 0, 1), 0);
	gntsim_for_each_grant(fx.m, see_grant, &seen);
	REQUIRE_EQ(seen.n, 3);
	EXPECT_EQ(seen.grant[0].granter, 1);
	EXPECT_EQ(seen.grant[0].grantee, 0);
	EXPECT_EQ(seen.grant[0].ref, refs[0]);
	EXPECT(seen.grant[0].readonly);
	EXPECT(seen.grant[0].file == NULL);
	EXPECT_EQ(seen.grant[1].ref, refs[1]);
	EXPECT(seen.grant[1].file == alloc);
	EXPECT_EQ(seen.grant[1].index, PAGE);
	EXPECT_EQ(seen.grant[1].pins, 0);
	EXPECT_EQ(seen.grant[2].granter, 2);
	EXPECT_EQ(seen.grant[2].grantee, 1);
	EXPECT_EQ(seen.grant[2].ref, s.ref);
	EXPECT(!seen.grant[2].readonly);
	EXPECT(!seen.grant[2].deferred);
	EXPECT_EQ(seen.grant[2].pins, 1);
	EXPECT(seen.grant[2].file == s.alloc);
	EXPECT(seen.grant[2].frame < 256);
	gntsim_mm_destroy(s.granter);
	s.granter = NULL;
	gntsim_close(s.alloc);
	s.alloc = NULL;
	seen = (struct seen){0};
	gntsim_for_each_grant(fx.m, see_grant, &seen);
	REQUIRE_EQ(seen.n, 3);
	EXPECT(seen.grant[2].deferred);
	EXPECT(seen.grant[2].file == NULL);
	seen = (struct seen){.stop_after = 2};
	gntsim_for_each_grant(fx.m, see_grant, &seen);
	EXPECT_EQ(seen.n, 2);
	gntsim_mm_destroy(mm);
	gntsim_close(alloc);
	fx_share_close(&s);
}

static void maps(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct seen seen = {0};
	uint64_t second = fx_map(s.dev, 1, 99);

	gntsim_for_each_map(fx.m, see_map, &seen);
	REQUIRE_EQ(seen.n, 2);
	EXPECT(seen.map[0].file == s.dev);
	EXPECT_EQ(seen.map[0].index, s.map_index);
	EXPECT_EQ(seen.map[0].count, 1);
	EXPECT_EQ(seen.map[0].live, 1);
	EXPECT(seen.map[0].listed);
	EXPECT_EQ(seen.map[0].domid, 2);
	EXPECT_EQ(seen.map[1].index, second);
	EXPECT_EQ(seen.map[1].live, 0);
	EXPECT_EQ(gntsim_gntdev_unmap(s.dev, s.map_index, 1), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(s.dev, second, 1), 0);
	seen = (struct seen){0};
	gntsim_for_each_map(fx.m, see_map, &seen);
	REQUIRE_EQ(seen.n, 1);
	EXPECT(!seen.map[0].listed);
	EXPECT_EQ(seen.map[0].live, 1);
	fx_map(s.dev, 1, 99);
	seen = (struct seen){.stop_after = 1};
	gntsim_for_each_map(fx.m, see_map, &seen);
	EXPECT_EQ(seen.n, 1);
	fx_share_close(&s);
}

static void ports(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);
	struct seen seen = {0};
	unsigned own = 0;

	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom1, 0), 2);
	gntsim_for_each_port(fx.m, see_port, &seen);
	REQUIRE_EQ(seen.n, 3);
	for (unsigned i = 0; i < 3; i++) {
		EXPECT(seen.dom[i] == fx.dom1 || seen.dom[i] == fx.dom2);
		own += seen.dom[i] == fx.dom1;
		EXPECT(seen.port[i] == 1 || seen.port[i] == 2);
	}
	EXPECT_EQ(own, 2);
	seen = (struct seen){.stop_after = 1};
	gntsim_for_each_port(fx.m, see_port, &seen);
	EXPECT_EQ(seen.n, 1);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 2), 0);
	fx_channel_close(&c);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"totals of a new machine", totals_of_a_new_machine},
	    {"totals follow", totals_follow},
	    {"bytes come back", bytes_come_back},
	    {"grants", grants},
	    {"maps", maps},
	    {"ports", ports},
	};

	return UNIT_MAIN("inspect", tests);
}
