/* SPDX-License-Identifier: MIT */
/* gntsim_machine_check(), of what few machines have: the dead, several who wait, static ports, dma-bufs. */
#include <gntsim/dmabuf.h>
#include <gntsim/pin.h>

#include "support/broken.h"
#include "support/events.h"
#include "support/mapping.h"
#include "support/user_memory.h"

/* The granter gives the page up while it is mapped. */
static struct fx_share given_up(struct gntsim_domain *granter, struct gntsim_domain *mapper)
{
	struct fx_share s = fx_share(granter, mapper);

	EXPECT_EQ(gntsim_munmap(s.granter, VA, PAGE), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(s.alloc, s.index, 1), 0);
	return s;
}

/* One domain is dead but for a page that another maps; two wait for their pages, since different times. */
static void the_dead_and_two_timers(void)
{
	struct list stray = {&stray, &stray};
	struct fx_share dead = fx_share(fx.dom0, fx.dom2), early = given_up(fx.dom1, fx.dom2), late;

	gntsim_machine_advance(fx.m, SECOND / 2);
	late = given_up(fx.dom2, fx.dom1);
	gntsim_domain_destroy(fx.dom0);
	REQUIRE(gntsim_machine_check(fx.m) == NULL);
	EXPECT_EQ(fx_totals().zombies, 1);
	EXPECT_EQ(fx_totals().deferred, 2);
	BROKEN(fx.dom0->files.next, &stray, "a zombie without cause");
	BROKEN(fx.dom0->mms.next, &stray, "a zombie without cause");
	BROKEN(fx.dom2->grants.expires, 0, "order of timers");
	BROKEN_BOTH(fx.m->timers.next, &fx.dom0->grants.timer, fx.dom0->grants.timer.next,
		    &fx.dom1->grants.timer, "order of timers");
	fx_share_close(&late);
	fx_share_close(&early);
	fx_share_close(&dead);
}

/* It has ended, but for a page that the kernel uses. */
static void a_map_that_waits(void)
{
	struct mapping m = mapping_notified_at(fx.dom2, 2, 5);
	struct gntsim_pin *pin = NULL;
	struct map *map;

	REQUIRE_EQ(gntsim_pin(m.mm, VA, &pin), 0);
	EXPECT_EQ(gntsim_munmap(m.mm, VA, 2 * PAGE), 0);
	gntsim_close(m.dev);
	m.dev = NULL;
	REQUIRE(gntsim_machine_check(fx.m) == NULL);
	REQUIRE(!list_empty(&fx.dom2->waiting));
	map = container_of(fx.dom2->waiting.next, struct map, all);
	BROKEN(map->file, m.alloc, "a gntdev map that waits");
	BROKEN(map->users, 1, "a gntdev map that waits");
	BROKEN(map->pins, 0, "a gntdev map that waits");
	BROKEN(map->live, 1, "a gntdev map that waits");
	BROKEN(map->notify.port, 5000, "the notification of a gntdev map that waits");
	BROKEN(map->notify.flags, NOTIFY_CLEAR_BYTE, "references on ports");
	gntsim_unpin(pin);
	mapping_end(&m);
}

static void static_ports(void)
{
	static const struct gntsim_domain_config c = {.kernel = GNTSIM_KERNEL_6_12};
	struct gntsim_file *a, *b, *alloc;
	struct static_port *bound, *held;

	fx_restart(&(struct fx_config){.domain = {&c, &c, &c}});
	a = evtchn(fx.dom1);
	b = evtchn(fx.dom1);
	REQUIRE_EQ(gntsim_evtchn_bind_unbound(a, 2), 1);
	REQUIRE_EQ(gntsim_evtchn_bind_static(a, 999), 0);
	REQUIRE_EQ(gntsim_evtchn_bind_static(b, 1000), 0);
	/* A number that only a notification holds. */
	alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	(void)fx_alloc(alloc, 2, NULL);
	REQUIRE_EQ(gntsim_evtchn_bind_static(b, 2000), 0);
	REQUIRE_EQ(gntsim_gntalloc_set_unmap_notify(alloc, 0, SEND_EVENT, 2000), 0);
	REQUIRE_EQ(gntsim_evtchn_unbind(b, 2000), 0);
	REQUIRE(!list_empty(&fx.dom1->kept_statics));
	held = container_of(fx.dom1->kept_statics.next, struct static_port, of_file);
	bound = container_of(a->u.evtchn.statics.next, struct static_port, of_file);
	REQUIRE(gntsim_machine_check(fx.m) == NULL);
	BROKEN(a->u.evtchn.n_ports, 1, "an evtchn file's ring");
	BROKEN(b->u.evtchn.statics.next, &b->u.evtchn.statics, "an evtchn file's ring");
	BROKEN(bound->refs, 0, "a port bound by its number");
	BROKEN(bound->refs, 2, "references on ports' numbers");
	BROKEN(held->refs, 0, "a port's number that nobody holds");
	BROKEN_BOTH(held->refs, 2, fx.dom1->static_refs, 2, "references on ports");
	gntsim_close(alloc);
	gntsim_close(b);
	gntsim_close(a);
}

/* So many that they fill a chunk of the table, and the first of the second. */
static void many_ports(void)
{
	struct gntsim_file *e = evtchn(fx.dom1);
	struct port_chunk *c;

	for (unsigned i = 0; i < PORTS_PER_CHUNK + 3; i++)
		REQUIRE(gntsim_evtchn_bind_unbound(e, 2) > 0);
	REQUIRE(gntsim_machine_check(fx.m) == NULL);
	REQUIRE_EQ(fx.dom1->ports.chunks.n_chunks, 2);
	c = table_at(&fx.dom1->ports.chunks, 0);
	BROKEN(c->ports[3].number, 4, "a port's number");
	c = table_at(&fx.dom1->ports.chunks, 1);
	BROKEN(c->ports[0].number, 4, "a port's number");
	BROKEN(c->free, 0, "a port's bit in the map of free ports");
	gntsim_close(e);
}

static struct user user;

/* Of two pages that domain 1 granted domain 2. */
static void an_export(void)
{
	struct gntsim_file *alloc, *dev, *dmabuf;
	uint32_t words[] = {0, 2, 0, 1, 0, 0};

	fx_restart(&(struct fx_config){.dmabufs = GNTSIM_DMABUFS_LINUX, .arch = GNTSIM_ARCH_ARM64});
	user_init(&user);
	alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	words[4] = fx_alloc(alloc, 2, NULL);
	words[5] = fx_alloc(alloc, 2, NULL);
	memcpy(user_ptr(&user, USER_BASE), words, sizeof(words));
	REQUIRE_EQ(gntsim_ioctl(dev, NULL, (uint32_t)IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS, USER_BASE,
				&user.ops),
		   0);
	dmabuf = user.files[0];
	REQUIRE(gntsim_machine_check(fx.m) == NULL);
	BROKEN(dmabuf->u.dmabuf.exporter, alloc, "a dma-buf and who exported it");
	BROKEN(dmabuf->u.dmabuf.map->file, alloc, "a dma-buf and who exported it");
	BROKEN(dmabuf->u.dmabuf.map->exported, false, "a dma-buf and who exported it");
	BROKEN(dmabuf->u.dmabuf.map->users, 2, "users of a gntdev map");
	BROKEN(dev->vmas, 0, "mappings of a file");
	user_close(&user, 3);
	gntsim_close(dev);
	gntsim_close(alloc);
}

/* Of domain 2's own memory, granted to domain 1. */
static void an_import(void)
{
	struct gntsim_file *dev;
	uint32_t words[] = {3, 2, 1, 0, 0, 0};
	struct slot *slot;

	fx_restart(&(struct fx_config){.dmabufs = GNTSIM_DMABUFS_LINUX});
	user_init(&user);
	dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	REQUIRE_EQ(gntsim_dmabuf_alloc(fx.dom2, 2, &user.files[0]), 0);
	memcpy(user_ptr(&user, USER_BASE), words, sizeof(words));
	REQUIRE_EQ(gntsim_ioctl(dev, NULL, (uint32_t)IOCTL_GNTDEV_DMABUF_IMP_TO_REFS, USER_BASE,
				&user.ops),
		   0);
	memcpy(words, user_ptr(&user, USER_BASE), sizeof(words));
	slot = gs_slot(fx.dom2, words[4]);
	REQUIRE(slot && slot->state == SLOT_IMPORT);
	REQUIRE(gntsim_machine_check(fx.m) == NULL);
	BROKEN(slot->gref->ref, words[5], "a dma-buf's page and its grant");
	BROKEN(slot->gref->borrowed, false, "a dma-buf's page and its grant");
	BROKEN(user.files[0]->vmas, 0, "mappings of a file");
	user_close(&user, 3);
	gntsim_close(dev);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"the dead and two timers", the_dead_and_two_timers},
	    {"a map that waits", a_map_that_waits},
	    {"static ports", static_ports},
	    {"many ports", many_ports},
	    {"an export", an_export},
	    {"an import", an_import},
	};

	return UNIT_MAIN("check_rare", tests);
}
