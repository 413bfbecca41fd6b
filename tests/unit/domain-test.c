/* SPDX-License-Identifier: MIT */
/* Domains: what they are made of, and what is left when one is destroyed. */
#include "support/fixture.h"

static const enum gntsim_guest pv = GNTSIM_GUEST_PV, pvh = GNTSIM_GUEST_PVH;

static void create_checks_the_domid(void)
{
	struct gntsim_domain *dom = NULL;

	EXPECT_EQ(gntsim_domain_create(fx.m, 0x7FF0, NULL, &dom), -EINVAL);
	EXPECT_EQ(gntsim_domain_create(fx.m, GNTSIM_DOMID_INVALID, NULL, &dom), -EINVAL);
	EXPECT_EQ(gntsim_domain_create(fx.m, 0xFFFF, NULL, &dom), -EINVAL);
	EXPECT_EQ(gntsim_domain_create(fx.m, 1, NULL, &dom), -EEXIST);
	REQUIRE_EQ(gntsim_domain_create(fx.m, 0x7FEF, NULL, &dom), 0);
	EXPECT_EQ(gntsim_domain_id(dom), 0x7FEF);
	EXPECT(gntsim_domain_find(fx.m, 0x7FEF) == dom);
	EXPECT_EQ(fx_totals().domains, 4);
	gntsim_domain_destroy(dom);
	EXPECT_EQ(fx_totals().domains, 3);
}

/* Limits that no Xen takes. 131072 ports are the FIFO ABI's maximum. */
static void create_checks_the_limits(void)
{
	struct gntsim_domain *dom = NULL;
	struct gntsim_domain_config config = {.max_ports = 131073};

	EXPECT_EQ(gntsim_domain_create(fx.m, 9, &config, &dom), -EINVAL);
	config = (struct gntsim_domain_config){.max_grant_frames = UINT32_MAX};
	EXPECT_EQ(gntsim_domain_create(fx.m, 9, &config, &dom), -EINVAL);
	config = (struct gntsim_domain_config){.max_maptrack_frames = UINT32_MAX};
	EXPECT_EQ(gntsim_domain_create(fx.m, 9, &config, &dom), -EINVAL);
	EXPECT(gntsim_domain_find(fx.m, 9) == NULL);
	config = (struct gntsim_domain_config){.max_ports = 131072};
	REQUIRE_EQ(gntsim_domain_create(fx.m, 9, &config, &dom), 0);
}

/* Domain 0 is PV, every other one PVH, unless the configuration says. */
static void guest_types(void)
{
	const struct gntsim_domain_config c0 = {.guest = &pvh}, c1 = {.guest = &pv};
	struct fx_config config = {.domain = {&c0, &c1, NULL}};

	EXPECT_EQ(gntsim_domain_guest(fx.dom0), GNTSIM_GUEST_PV);
	EXPECT_EQ(gntsim_domain_guest(fx.dom1), GNTSIM_GUEST_PVH);
	EXPECT_EQ(gntsim_domain_guest(fx.dom2), GNTSIM_GUEST_PVH);
	fx_restart(&config);
	EXPECT_EQ(gntsim_domain_guest(fx.dom0), GNTSIM_GUEST_PVH);
	EXPECT_EQ(gntsim_domain_guest(fx.dom1), GNTSIM_GUEST_PV);
	EXPECT_EQ(gntsim_domain_guest(fx.dom2), GNTSIM_GUEST_PVH);
}

static void getters(void)
{
	EXPECT_EQ(gntsim_domain_id(fx.dom2), 2);
	EXPECT(gntsim_domain_machine(fx.dom2) == fx.m);
	EXPECT(gntsim_domain_find(fx.m, 2) == fx.dom2);
	EXPECT(gntsim_domain_find(fx.m, 3) == NULL);
	EXPECT(gntsim_domain_find(fx.m, GNTSIM_DOMID_SELF) == NULL);
	EXPECT(strcmp(gntsim_domain_kernel_name(fx.dom1), "6.1") == 0);
}

/* The defaults: 64 grant frames, gntalloc's 1024 pages, gntdev's 65536 grants. */
static void default_limits(void)
{
	struct gntsim_file *alloc, *dev;
	gntsim_gref *refs = calloc(1025, sizeof(*refs));
	struct gntsim_grant *grants = calloc(65537, sizeof(*grants));
	uint32_t nr, max;
	uint64_t index;

	REQUIRE(refs && grants);
	fx_restart(&(struct fx_config){.n_frames = 1100});
	alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	dev = fx_open(fx.dom1, GNTSIM_DEV_GNTDEV);
	EXPECT_EQ(gntsim_gnttab_query_size(fx.dom1, 1, &nr, &max), GNTSIM_GNTST_OKAY);
	EXPECT_EQ(max, 64);
	EXPECT_EQ(gntsim_gntalloc_alloc(alloc, 2, 1, 1025, &index, refs), -ENOSPC);
	EXPECT_EQ(gntsim_gntalloc_alloc(alloc, 2, 1, 1024, &index, refs), 0);
	EXPECT_EQ(gntsim_gntdev_map(dev, 65537, grants, &index), -EINVAL);
	EXPECT_EQ(gntsim_gntdev_map(dev, 65536, grants, &index), 0);
	gntsim_close(alloc);
	gntsim_close(dev);
	free(refs);
	free(grants);
}

static void configured_limits(void)
{
	const struct gntsim_domain_config c = {
	    .max_grant_frames = 1, .gntalloc_limit = 3, .gntdev_limit = 2, .max_ports = 4};
	struct fx_config config = {.domain = {NULL, &c, NULL}};
	struct gntsim_file *alloc, *dev, *evtchn;
	gntsim_gref refs[4];
	struct gntsim_grant grants[3] = {{2, 8}, {2, 9}, {2, 10}};
	uint32_t nr, max;
	uint64_t index;

	fx_restart(&config);
	alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	dev = fx_open(fx.dom1, GNTSIM_DEV_GNTDEV);
	evtchn = fx_open(fx.dom1, GNTSIM_DEV_EVTCHN);
	EXPECT_EQ(gntsim_gnttab_query_size(fx.dom1, 1, &nr, &max), GNTSIM_GNTST_OKAY);
	EXPECT_EQ(max, 1);
	EXPECT_EQ(gntsim_gntalloc_alloc(alloc, 2, 1, 4, &index, refs), -ENOSPC);
	EXPECT_EQ(gntsim_gntalloc_alloc(alloc, 2, 1, 3, &index, refs), 0);
	EXPECT_EQ(gntsim_gntdev_map(dev, 3, grants, &index), -EINVAL);
	EXPECT_EQ(gntsim_gntdev_map(dev, 2, grants, &index), 0);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(evtchn, 2), 1);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(evtchn, 2), 2);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(evtchn, 2), 3);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(evtchn, 2), -ENOSPC);
	gntsim_close(alloc);
	gntsim_close(dev);
	gntsim_close(evtchn);
}

static void gntalloc_limit_can_change(void)
{
	struct gntsim_file *alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	gntsim_gref ref;
	uint64_t index;

	gntsim_domain_set_gntalloc_limit(fx.dom1, 1);
	EXPECT_EQ(gntsim_gntalloc_alloc(alloc, 2, 1, 1, &index, &ref), 0);
	EXPECT_EQ(gntsim_gntalloc_alloc(alloc, 2, 1, 1, &index, &ref), -ENOSPC);
	gntsim_domain_set_gntalloc_limit(fx.dom1, 2);
	EXPECT_EQ(gntsim_gntalloc_alloc(alloc, 2, 1, 1, &index, &ref), 0);
	gntsim_domain_set_gntalloc_limit(fx.dom1, 0);
	EXPECT_EQ(gntsim_gntalloc_alloc(alloc, 2, 1, 1, &index, &ref), -ENOSPC);
	gntsim_close(alloc);
}

/* No driver in a destroyed domain gets to run: no byte is cleared, no event sent. */
static void destroyed_granter_sends_nothing(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);

	fx_poke(s.granter, VA + 5, 0x77);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(s.alloc, s.index + 5, CLEAR_BYTE | SEND_EVENT,
						   c.port_here),
		  0);
	gntsim_domain_destroy(fx.dom1);
	EXPECT_EQ(fx_peek(s.mapper, VA + 5), 0x77);
	EXPECT_EQ(fx_events(c.there), 0);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	fx_share_close(&s);
	fx_channel_close(&c);
}

/* Nor does the mapper's: the granter sees neither byte nor event, but gets its page back. */
static void destroyed_mapper_sends_nothing(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct fx_channel c = fx_channel(fx.dom2, fx.dom1);

	fx_poke(s.granter, VA + 9, 0x77);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(s.dev, s.map_index + 9, CLEAR_BYTE | SEND_EVENT,
						 c.port_here),
		  0);
	EXPECT_EQ(fx_totals().maptrack, 1);
	gntsim_domain_destroy(fx.dom2);
	EXPECT_EQ(fx_totals().maptrack, 0);
	EXPECT_EQ(fx_peek(s.granter, VA + 9), 0x77);
	EXPECT_EQ(fx_events(c.there), 0);
	EXPECT_EQ(fx_totals().zombies, 0);
	fx_share_close(&s);
	fx_channel_close(&c);
	EXPECT_EQ(fx_totals().frames, 0);
}

/* A dying mapper's pins are dropped, so the granter's deferred frees complete. */
static void destroyed_mapper_lets_deferred_pages_go(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);

	gntsim_mm_destroy(s.granter);
	gntsim_close(s.alloc);
	s.granter = NULL;
	s.alloc = NULL;
	gntsim_machine_advance(fx.m, 5 * SECOND);
	EXPECT_EQ(fx_totals().deferred, 1);
	gntsim_domain_destroy(fx.dom2);
	EXPECT_EQ(fx_totals().deferred, 1);
	gntsim_machine_advance(fx.m, SECOND);
	EXPECT_EQ(fx_totals().deferred, 0);
	EXPECT_EQ(fx_totals().frames, 0);
	fx_share_close(&s);
}

/* The raw hypercall's mappings end with the domain, too, and clear the entry's bits. */
static void destroyed_mapper_clears_reading_and_writing(void)
{
	gntsim_frame frame;
	int ref;
	struct gntsim_map_grant_ref op = {.flags = GNTSIM_GNTMAP_HOST_MAP, .host_addr = VA};
	struct gntsim_grant_entry e;

	REQUIRE_EQ(gntsim_frame_alloc(fx.dom1, &frame), 0);
	ref = gntsim_grant_access(fx.dom1, 2, frame, false);
	REQUIRE(ref >= 8);
	op.ref = (gntsim_gref)ref;
	op.domid = 1;
	gntsim_gnttab_map(fx.dom2, &op);
	EXPECT_EQ(op.status, 0);
	EXPECT(!gntsim_grant_try_end(fx.dom1, op.ref));
	gntsim_domain_destroy(fx.dom2);
	EXPECT_EQ(gntsim_grant_entry_get(fx.dom1, op.ref, &e), 0);
	EXPECT_EQ(e.flags, GNTSIM_GTF_PERMIT_ACCESS);
	EXPECT(gntsim_grant_try_end(fx.dom1, op.ref));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

/* A dead granter is a zombie while it is mapped; its id is not free until then. */
static void zombie_until_unmapped(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct gntsim_domain *dom = NULL;

	fx_poke(s.granter, VA, 0x42);
	gntsim_domain_destroy(fx.dom1);
	EXPECT(gntsim_domain_find(fx.m, 1) == NULL);
	EXPECT_EQ(fx_totals().domains, 2);
	EXPECT_EQ(fx_totals().zombies, 1);
	EXPECT_EQ(gntsim_domain_create(fx.m, 1, NULL, &dom), -EEXIST);
	EXPECT_EQ(fx_peek(s.mapper, VA), 0x42);
	fx_poke(s.mapper, VA, 0x43);
	EXPECT_EQ(fx_peek(s.mapper, VA), 0x43);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	gntsim_mm_destroy(s.mapper);
	s.mapper = NULL;
	EXPECT_EQ(fx_totals().zombies, 1);
	gntsim_close(s.dev);
	s.dev = NULL;
	EXPECT_EQ(fx_totals().zombies, 0);
	EXPECT_EQ(fx_totals().frames, 0);
	REQUIRE_EQ(gntsim_domain_create(fx.m, 1, NULL, &dom), 0);
	EXPECT_EQ(fx_totals().domains, 3);
	fx_share_close(&s);
}

/* Only the pages that are mapped elsewhere stay; the others go at once. */
static void zombie_keeps_only_mapped_pages(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	gntsim_frame frame;

	for (int i = 0; i < 5; i++)
		fx_alloc(s.alloc, 2, NULL);
	EXPECT_EQ(gntsim_frame_alloc(fx.dom1, &frame), 0);
	EXPECT_EQ(fx_totals().frames, 7);
	gntsim_domain_destroy(fx.dom1);
	EXPECT_EQ(fx_totals().frames, 1);
	fx_share_close(&s);
}

/* A dead granter gives no page that was not mapped when it died, and nothing to copy; what is still
 * pinned can be mapped again. (Measured.) */
static void what_a_zombie_gives(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	gntsim_gref other = fx_alloc(s.alloc, 2, NULL);
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	uint64_t unpinned = fx_map(dev, 1, other), pinned = fx_map(dev, 1, s.ref);
	struct gntsim_copy op = {.source = {.ref_or_frame = s.ref, .domid = 1},
				 .dest = {.domid = GNTSIM_DOMID_SELF},
				 .len = 16,
				 .flags = GNTSIM_GNTCOPY_SOURCE_GREF};

	fx_poke(s.granter, VA, 0x42);
	REQUIRE_EQ(gntsim_frame_alloc(fx.dom2, &op.dest.ref_or_frame), 0);
	gntsim_domain_destroy(fx.dom1);
	EXPECT_EQ(fx_mmap(s.mapper, dev, VA + 16 * PAGE, 1, unpinned), -EINVAL);
	EXPECT_EQ(fx_mmap(s.mapper, dev, VA + 16 * PAGE, 1, pinned), 0);
	EXPECT_EQ(fx_peek(s.mapper, VA + 16 * PAGE), 0x42);
	EXPECT_EQ(fx_totals().maptrack, 2);
	gntsim_gnttab_copy(fx.dom2, &op);
	EXPECT_EQ(op.status, GNTSIM_GNTST_BAD_DOMAIN);
	op.source.ref_or_frame = other;
	gntsim_gnttab_copy(fx.dom2, &op);
	EXPECT_EQ(op.status, GNTSIM_GNTST_BAD_PAGE);
	EXPECT_EQ(gntsim_frame_free(fx.dom2, op.dest.ref_or_frame), 0);
	gntsim_close(dev);
	fx_share_close(&s);
}

/* The mapper's driver goes on as ever: its byte is cleared in the zombie's page, its event goes nowhere.
 * (Measured.) */
static void notification_into_a_zombie(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom0);
	struct fx_channel c = fx_channel(fx.dom0, fx.dom1);
	struct gntsim_file *dev = fx_open(fx.dom0, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(fx.dom0);

	fx_poke(s.granter, VA + 5, 0x42);
	REQUIRE_EQ(fx_mmap(mm, dev, VA, 1, fx_map(dev, 1, s.ref)), 0);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(s.dev, s.map_index + 5, CLEAR_BYTE | SEND_EVENT,
						 c.port_here),
		  0);
	gntsim_domain_destroy(fx.dom1);
	EXPECT_EQ(fx_peek(mm, VA + 5), 0x42);
	EXPECT_EQ(gntsim_munmap(s.mapper, VA, PAGE), 0);
	EXPECT_EQ(fx_peek(mm, VA + 5), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(s.dev, s.map_index, 1), 0);
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(c.here, c.port_here), 0);
	EXPECT(gntsim_evtchn_bind_unbound(c.here, 1) > 0);
	EXPECT_EQ(fx_totals().zombies, 1);
	gntsim_mm_destroy(mm);
	EXPECT_EQ(fx_totals().zombies, 0);
	gntsim_close(dev);
	fx_share_close(&s);
	fx_channel_close(&c);
}

/* Mapped by a domain that died, a page is free at once at its owner's last munmap. (Measured.) */
static void dead_mapper_holds_nothing_up(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);

	EXPECT_EQ(gntsim_gntalloc_dealloc(s.alloc, s.index, 1), 0);
	gntsim_domain_destroy(fx.dom2);
	EXPECT_EQ(gntsim_munmap(s.granter, VA, PAGE), 0);
	EXPECT_EQ(fx_totals().deferred, 0);
	EXPECT_EQ(fx_alloc(s.alloc, 0, NULL), s.ref);
	fx_share_close(&s);
}

/* Nobody can bind to a zombie: it is there, but its ports are not. */
static void no_port_of_a_zombie(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct gntsim_file *here = fx_open(fx.dom2, GNTSIM_DEV_EVTCHN);
	struct gntsim_file *there = fx_open(fx.dom1, GNTSIM_DEV_EVTCHN);

	EXPECT_EQ(gntsim_evtchn_bind_unbound(there, 2), 1);
	gntsim_domain_destroy(fx.dom1);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(here, 1, 1), -EINVAL);
	fx_share_close(&s);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(here, 1, 1), -ESRCH);
	gntsim_close(here);
	gntsim_close(there);
}

/* A domain that nobody maps leaves no zombie, whatever it maps itself. */
static void no_zombie_without_foreign_mapping(void)
{
	const struct gntsim_domain_config c = {.guest = &pv};
	struct fx_config config = {.domain = {NULL, &c, NULL}};
	struct fx_share s, own;

	fx_restart(&config);
	s = fx_share(fx.dom2, fx.dom1);
	own = fx_share(fx.dom1, fx.dom1);
	gntsim_domain_destroy(fx.dom1);
	EXPECT_EQ(fx_totals().zombies, 0);
	EXPECT_EQ(fx_totals().maptrack, 0);
	EXPECT_EQ(fx_totals().frames, 1);
	fx_share_close(&own);
	fx_share_close(&s);
}

/* Peers of a destroyed domain's ports revert to unbound, without an event. */
static void peers_revert_to_unbound(void)
{
	struct fx_channel c = fx_channel(fx.dom2, fx.dom1), d = fx_channel(fx.dom1, fx.dom2);
	struct gntsim_port_status st;

	gntsim_domain_destroy(fx.dom1);
	EXPECT_EQ(gntsim_port_status(fx.dom2, c.port_here, &st), 0);
	EXPECT_EQ(st.state, GNTSIM_PORT_UNBOUND);
	EXPECT_EQ(st.remote_domid, 1);
	EXPECT_EQ(gntsim_port_status(fx.dom2, d.port_there, &st), 0);
	EXPECT_EQ(st.state, GNTSIM_PORT_UNBOUND);
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT_EQ(fx_events(c.here), 0);
	EXPECT_EQ(fx_totals().ports, 2);
	fx_channel_close(&c);
	fx_channel_close(&d);
}

/* VIRQ_DOM_EXC is raised in domain 0 when a domain is dead, and again when the last of it is freed. */
static void dom_exc_in_domain_0(void)
{
	struct gntsim_file *evtchn = fx_open(fx.dom0, GNTSIM_DEV_EVTCHN);
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	int port = gntsim_evtchn_bind_virq(evtchn, GNTSIM_VIRQ_DOM_EXC);
	gntsim_port got = 0;

	REQUIRE(port > 0);
	EXPECT_EQ(fx_events(evtchn), 0);
	gntsim_domain_destroy(fx.dom1);
	EXPECT_EQ(gntsim_evtchn_read(evtchn, 4, &got), 4);
	EXPECT_EQ(got, port);
	EXPECT_EQ(gntsim_evtchn_write(evtchn, 4, &got), 4);
	EXPECT_EQ(fx_events(evtchn), 0);
	fx_share_close(&s);
	EXPECT_EQ(fx_events(evtchn), 1);
	gntsim_domain_destroy(fx.dom2);
	EXPECT_EQ(fx_events(evtchn), 2);
	gntsim_close(evtchn);
}

static void dead_file_says_enodev(struct gntsim_file *alloc, struct gntsim_file *dev,
				  struct gntsim_file *evtchn, struct gntsim_mm *mm)
{
	struct gntsim_grant grant = {2, 8};
	gntsim_gref ref;
	gntsim_port port = 1;
	uint64_t index;
	struct gntsim_mm *child = NULL;
	uint32_t count;

	EXPECT_EQ(gntsim_gntalloc_alloc(alloc, 2, 1, 1, &index, &ref), -ENODEV);
	EXPECT_EQ(gntsim_gntalloc_dealloc(alloc, 0, 1), -ENODEV);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(alloc, 0, 0, 0), -ENODEV);
	EXPECT_EQ(gntsim_gntdev_map(dev, 1, &grant, &index), -ENODEV);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 0, 0), -ENODEV);
	EXPECT_EQ(gntsim_gntdev_get_offset_for_vaddr(dev, mm, VA, &index, &count), -ENODEV);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 0, 0, 0), -ENODEV);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(evtchn, 2), -ENODEV);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(evtchn, 2, 1), -ENODEV);
	EXPECT_EQ(gntsim_evtchn_bind_virq(evtchn, 5), -ENODEV);
	EXPECT_EQ(gntsim_evtchn_unbind(evtchn, 1), -ENODEV);
	EXPECT_EQ(gntsim_evtchn_notify(evtchn, 1), -ENODEV);
	EXPECT_EQ(gntsim_evtchn_reset(evtchn), -ENODEV);
	EXPECT_EQ(gntsim_evtchn_restrict(evtchn, 2), -ENODEV);
	EXPECT_EQ(gntsim_evtchn_read(evtchn, 4, &port), -ENODEV);
	EXPECT_EQ(gntsim_evtchn_peek(evtchn, 4, &port), -ENODEV);
	EXPECT_EQ(gntsim_evtchn_write(evtchn, 4, &port), -ENODEV);
	EXPECT_EQ(fx_mmap(mm, alloc, VA, 1, 0), -ENODEV);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 1, 0), -ENODEV);
	EXPECT_EQ(gntsim_munmap(mm, VA, PAGE), -ENODEV);
	EXPECT_EQ(gntsim_mprotect(mm, VA, PAGE, PROT_READ), -ENODEV);
	EXPECT_EQ(gntsim_mremap(mm, VA, PAGE, PAGE, 0, VA), -ENODEV);
	EXPECT_EQ(gntsim_mm_fork(mm, &child), -ENODEV);
	EXPECT(gntsim_mm_domain(mm) == NULL);
}

/* Files and address spaces of a destroyed domain are dead until their owner frees them. */
static void dead_files_and_address_spaces(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2), m = fx_share(fx.dom2, fx.dom1);
	struct gntsim_file *evtchn = fx_open(fx.dom1, GNTSIM_DEV_EVTCHN);
	int data;

	gntsim_file_set_data(evtchn, &data);
	EXPECT(gntsim_evtchn_bind_unbound(evtchn, 2) > 0);
	gntsim_domain_destroy(fx.dom1);
	EXPECT(gntsim_file_domain(evtchn) == NULL);
	EXPECT(gntsim_file_data(evtchn) == &data);
	EXPECT_EQ(gntsim_file_device(evtchn), GNTSIM_DEV_EVTCHN);
	dead_file_says_enodev(s.alloc, m.dev, evtchn, s.granter);
	EXPECT(fx_try_load(s.granter, VA) != GNTSIM_ACCESS_OK);
	EXPECT(fx_try_load(m.mapper, VA) != GNTSIM_ACCESS_OK);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	gntsim_close(evtchn);
	fx_share_close(&s);
	fx_share_close(&m);
}

static bool other_dom(void *ctx, struct gntsim_domain *dom, gntsim_port port)
{
	(void)port;
	if (dom == fx.dom1)
		*(unsigned *)ctx += 1;
	return true;
}

/* A destroyed domain's kernel ports and those that notifications hold go with it. */
static void ports_go_with_the_domain(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);
	unsigned n = 0;

	EXPECT(gntsim_port_alloc_unbound(fx.dom1, 2) > 0);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(s.alloc, s.index, SEND_EVENT, c.port_here), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(c.here, c.port_here), 0);
	gntsim_for_each_port(fx.m, other_dom, &n);
	EXPECT_EQ(n, 2);
	gntsim_domain_destroy(fx.dom1);
	EXPECT_EQ(fx_totals().ports, 1);
	fx_share_close(&s);
	fx_channel_close(&c);
}

/* A thousand domains, each sharing a page and a channel with the next. */
static void a_thousand_domains(void)
{
	enum { N = 1000 };
	static struct gntsim_domain *dom[N];
	static struct fx_share share[N];
	static struct fx_channel channel[N];

	fx_restart(&(struct fx_config){.n_frames = N, .n_domains = FX_NO_DOMAINS});
	for (unsigned i = 0; i < N; i++)
		REQUIRE_EQ(gntsim_domain_create(fx.m, (uint16_t)(i * 32), NULL, &dom[i]), 0);
	for (unsigned i = 0; i < N; i++) {
		share[i] = fx_share(dom[i], dom[(i + 1) % N]);
		channel[i] = fx_channel(dom[i], dom[(i + 1) % N]);
		fx_poke(share[i].granter, VA, (uint8_t)i);
	}
	EXPECT_EQ(fx_totals().domains, N);
	EXPECT_EQ(fx_totals().grants, N);
	EXPECT_EQ(fx_totals().ports, 2 * N);
	for (unsigned i = 0; i < N; i++) {
		EXPECT(gntsim_domain_find(fx.m, (uint16_t)(i * 32)) == dom[i]);
		EXPECT_EQ(fx_peek(share[i].mapper, VA), (uint8_t)i);
		EXPECT_EQ(gntsim_evtchn_notify(channel[i].here, channel[i].port_here), 0);
	}
	for (unsigned i = 0; i < N; i++)
		EXPECT_EQ(fx_events(channel[i].there), 1);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	for (unsigned i = 0; i < N; i += 2)
		gntsim_domain_destroy(dom[i]);
	EXPECT_EQ(fx_totals().domains, N / 2);
	EXPECT_EQ(fx_totals().zombies, N / 2);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	for (unsigned i = 0; i < N; i++) {
		fx_share_close(&share[i]);
		fx_channel_close(&channel[i]);
	}
	EXPECT_EQ(fx_totals().zombies, 0);
	for (unsigned i = 1; i < N; i += 2)
		gntsim_domain_destroy(dom[i]);
	EXPECT_EQ(fx_totals().domains, 0);
	gntsim_machine_advance(fx.m, 10 * SECOND);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"create checks the domid", create_checks_the_domid},
	    {"create checks the limits", create_checks_the_limits},
	    {"guest types", guest_types},
	    {"getters", getters},
	    {"default limits", default_limits},
	    {"configured limits", configured_limits},
	    {"gntalloc limit can change", gntalloc_limit_can_change},
	    {"destroyed granter sends nothing", destroyed_granter_sends_nothing},
	    {"destroyed mapper sends nothing", destroyed_mapper_sends_nothing},
	    {"destroyed mapper lets deferred pages go", destroyed_mapper_lets_deferred_pages_go},
	    {"destroyed mapper clears reading and writing",
	     destroyed_mapper_clears_reading_and_writing},
	    {"zombie until unmapped", zombie_until_unmapped},
	    {"zombie keeps only mapped pages", zombie_keeps_only_mapped_pages},
	    {"what a zombie gives", what_a_zombie_gives},
	    {"notification into a zombie", notification_into_a_zombie},
	    {"dead mapper holds nothing up", dead_mapper_holds_nothing_up},
	    {"no zombie without foreign mapping", no_zombie_without_foreign_mapping},
	    {"peers revert to unbound", peers_revert_to_unbound},
	    {"VIRQ_DOM_EXC in domain 0", dom_exc_in_domain_0},
	    {"dead files and address spaces", dead_files_and_address_spaces},
	    {"ports go with the domain", ports_go_with_the_domain},
	    {"a thousand domains", a_thousand_domains},
	    {"no port of a zombie", no_port_of_a_zombie},
	};

	return UNIT_MAIN("domain", tests);
}
