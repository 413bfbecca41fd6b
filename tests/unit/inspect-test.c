/* SPDX-License-Identifier: MIT */
/* Totals and walks. */
#include "support/mapping.h"

#include <string.h>

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
	EXPECT(seen.grant[0].keeper == alloc);
	EXPECT_EQ(seen.grant[0].index, 0);
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
	EXPECT(seen.grant[2].keeper == NULL);
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

struct seen_more {
	struct gntsim_domain_info dom[MAX_SEEN];
	struct gntsim_map_page_info page[MAX_SEEN];
	struct gntsim_handle_info handle[MAX_SEEN];
	struct gntsim_notify_info notify[MAX_SEEN];
	unsigned n, stop_after;
};

#define SEE(member, type)                                                                          \
	static bool see_##member(void *ctx, const struct type *info)                               \
	{                                                                                          \
		struct seen_more *s = ctx;                                                         \
                                                                                                   \
		if (s->n < MAX_SEEN)                                                               \
			s->member[s->n] = *info;                                                   \
		return ++s->n != s->stop_after;                                                    \
	}
SEE(dom, gntsim_domain_info)
SEE(page, gntsim_map_page_info)
SEE(handle, gntsim_handle_info)
SEE(notify, gntsim_notify_info)

static void domains(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct fx_channel c = fx_channel(fx.dom0, fx.dom2);
	struct seen_more seen = {0};

	gntsim_for_each_domain(fx.m, see_dom, &seen);
	REQUIRE_EQ(seen.n, 3);
	EXPECT_EQ(seen.dom[0].domid, 0);
	EXPECT_EQ(seen.dom[0].guest, gntsim_domain_guest(fx.dom0));
	EXPECT(!strcmp(seen.dom[0].kernel, gntsim_domain_kernel_name(fx.dom0)));
	EXPECT(!seen.dom[0].zombie);
	EXPECT_EQ(seen.dom[0].ports, 1);
	EXPECT_EQ(seen.dom[0].max_ports, 131072);
	EXPECT_EQ(seen.dom[0].grant_frames, 1);
	EXPECT_EQ(seen.dom[0].max_grant_frames, 64);
	EXPECT_EQ(seen.dom[1].frames, 1);
	EXPECT_EQ(seen.dom[1].grant_frames, 1);
	EXPECT_EQ(seen.dom[1].gntalloc_pages, 1);
	EXPECT_EQ(seen.dom[1].gntalloc_limit, 1024);
	EXPECT_EQ(seen.dom[1].handles, 0);
	EXPECT_EQ(seen.dom[2].handles, 1);
	EXPECT_EQ(seen.dom[2].max_handles, 1024 * 256);
	gntsim_domain_destroy(fx.dom1);
	fx.dom1 = NULL;
	seen = (struct seen_more){0};
	gntsim_for_each_domain(fx.m, see_dom, &seen);
	REQUIRE_EQ(seen.n, 3);
	EXPECT_EQ(seen.dom[1].domid, 1);
	EXPECT(seen.dom[1].zombie);
	EXPECT_EQ(seen.dom[1].frames, 1);
	seen = (struct seen_more){.stop_after = 2};
	gntsim_for_each_domain(fx.m, see_dom, &seen);
	EXPECT_EQ(seen.n, 2);
	fx_channel_close(&c);
	fx_share_close(&s);
}

/* A page that can't be mapped has no handle, and Xen's record knows of the others only. */
static void map_pages_and_handles(void)
{
	struct gntsim_file *alloc = granted(fx.dom2), *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(fx.dom2);
	struct gntsim_grant grants[3];
	struct seen_more seen = {0};
	uint64_t index;

	for (unsigned i = 0; i < 3; i++)
		grants[i] = (struct gntsim_grant){.domid = 1, .ref = granted_refs[i]};
	REQUIRE_EQ(gntsim_gntdev_map(dev, 3, grants, &index), 0);
	gntsim_for_each_map_page(fx.m, see_page, &seen);
	REQUIRE_EQ(seen.n, 3);
	EXPECT_EQ(seen.page[2].handle, GNTSIM_INVALID_HANDLE);
	REQUIRE_EQ(gntsim_mmap(mm, dev, VA, 3 * PAGE, PROT_READ, MAP_SHARED, index), 0);
	seen = (struct seen_more){0};
	gntsim_for_each_map_page(fx.m, see_page, &seen);
	REQUIRE_EQ(seen.n, 3);
	for (unsigned i = 0; i < 3; i++) {
		EXPECT(seen.page[i].file == dev);
		EXPECT_EQ(seen.page[i].index, index);
		EXPECT_EQ(seen.page[i].page, i);
		EXPECT_EQ(seen.page[i].granter, 1);
		EXPECT_EQ(seen.page[i].ref, granted_refs[i]);
		EXPECT_EQ(seen.page[i].handle, i);
		EXPECT_EQ(seen.page[i].kernel_handle, GNTSIM_INVALID_HANDLE);
	}
	seen = (struct seen_more){0};
	gntsim_for_each_handle(fx.m, see_handle, &seen);
	REQUIRE_EQ(seen.n, 3);
	EXPECT_EQ(seen.handle[1].domid, 2);
	EXPECT_EQ(seen.handle[1].handle, 1);
	EXPECT_EQ(seen.handle[1].granter, 1);
	EXPECT_EQ(seen.handle[1].ref, granted_refs[1]);
	EXPECT_EQ(seen.handle[1].flags, GNTSIM_GNTMAP_HOST_MAP | GNTSIM_GNTMAP_READONLY);
	seen = (struct seen_more){.stop_after = 1};
	gntsim_for_each_handle(fx.m, see_handle, &seen);
	EXPECT_EQ(seen.n, 1);
	seen = (struct seen_more){.stop_after = 1};
	gntsim_for_each_map_page(fx.m, see_page, &seen);
	EXPECT_EQ(seen.n, 1);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	seen = (struct seen_more){0};
	gntsim_for_each_handle(fx.m, see_handle, &seen);
	EXPECT_EQ(seen.n, 0);
	gntsim_close(alloc);
}

static void notifications(void)
{
	struct mapping m = mapping(fx.dom2);
	struct seen_more seen = {0};
	struct gntsim_file *alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC), *last;
	gntsim_gref ref;
	uint64_t index;

	REQUIRE_EQ(gntsim_gntalloc_alloc(alloc, 2, 1, 1, &index, &ref), 0);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(alloc, index + 9, 1, 0), 0);
	gntsim_for_each_notify(fx.m, see_notify, &seen);
	REQUIRE_EQ(seen.n, 2);
	EXPECT(seen.notify[0].file == alloc);
	EXPECT_EQ(seen.notify[0].domid, 1);
	EXPECT_EQ(seen.notify[0].index, index);
	EXPECT_EQ(seen.notify[0].ref, ref);
	EXPECT_EQ(seen.notify[0].action, 1);
	EXPECT_EQ(seen.notify[0].offset, 9);
	EXPECT(seen.notify[1].file == m.dev);
	EXPECT_EQ(seen.notify[1].domid, 2);
	EXPECT_EQ(seen.notify[1].index, m.index);
	EXPECT_EQ(seen.notify[1].action, 3);
	EXPECT_EQ(seen.notify[1].offset, 5);
	EXPECT(seen.notify[1].port > 0);
	seen = (struct seen_more){.stop_after = 1};
	gntsim_for_each_notify(fx.m, see_notify, &seen);
	EXPECT_EQ(seen.n, 1);
	/* At a map's, too. */
	last = fx_open(fx.dom2, GNTSIM_DEV_GNTALLOC);
	(void)fx_alloc(last, 1, NULL);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(last, 9, 1, 0), 0);
	seen = (struct seen_more){.stop_after = 2};
	gntsim_for_each_notify(fx.m, see_notify, &seen);
	EXPECT_EQ(seen.n, 2);
	seen = (struct seen_more){0};
	gntsim_for_each_notify(fx.m, see_notify, &seen);
	EXPECT_EQ(seen.n, 3);
	gntsim_close(last);
	/* Taken back, and fired. */
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(alloc, index + 9, 0, 0), 0);
	mapping_end(&m);
	seen = (struct seen_more){0};
	gntsim_for_each_notify(fx.m, see_notify, &seen);
	EXPECT_EQ(seen.n, 0);
	gntsim_close(alloc);
}

struct seen_vmas {
	struct gntsim_mm *mm[MAX_SEEN];
	uint64_t start[MAX_SEEN];
	unsigned n, stop_after;
};

static bool see_vma(void *ctx, struct gntsim_mm *mm, const struct gntsim_vma *vma)
{
	struct seen_vmas *s = ctx;

	if (s->n < MAX_SEEN) {
		s->mm[s->n] = mm;
		s->start[s->n] = vma->start;
	}
	return ++s->n != s->stop_after;
}

static void vmas(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct seen_vmas seen = {0};

	gntsim_for_each_vma(fx.m, see_vma, &seen);
	REQUIRE_EQ(seen.n, 2);
	EXPECT(seen.mm[0] == s.granter);
	EXPECT_EQ(seen.start[0], VA);
	EXPECT(seen.mm[1] == s.mapper);
	seen.n = 0;
	seen.stop_after = 1;
	gntsim_for_each_vma(fx.m, see_vma, &seen);
	EXPECT_EQ(seen.n, 1);
	fx_share_close(&s);
}

static void port_with_its_user(void)
{
	struct gntsim_file *e = fx_open(fx.dom1, GNTSIM_DEV_EVTCHN);
	int port = gntsim_evtchn_bind_unbound(e, 2);
	struct gntsim_port_info info;

	REQUIRE(port > 0);
	EXPECT_EQ(gntsim_port_describe(fx.dom1, (gntsim_port)port, &info), 0);
	EXPECT(info.file == e);
	EXPECT(info.enabled);
	EXPECT_EQ(info.status.state, GNTSIM_PORT_UNBOUND);
	EXPECT_EQ(info.status.remote_domid, 2);
	EXPECT_EQ(gntsim_evtchn_unbind(e, (gntsim_port)port), 0);
	port = gntsim_port_alloc_unbound(fx.dom1, 0);
	EXPECT_EQ(gntsim_port_describe(fx.dom1, (gntsim_port)port, &info), 0);
	EXPECT(info.file == NULL);
	EXPECT_EQ(gntsim_port_describe(fx.dom1, 1u << 20, &info), -EINVAL);
	EXPECT_EQ(gntsim_port_close(fx.dom1, (gntsim_port)port), 0);
	gntsim_close(e);
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
	    {"domains", domains},
	    {"vmas", vmas},
	    {"map pages and handles", map_pages_and_handles},
	    {"notifications", notifications},
	    {"a port with its user", port_with_its_user},
	};

	return UNIT_MAIN("inspect", tests);
}
