/* SPDX-License-Identifier: MIT */
/* /dev/xen/gntdev: unmap notifications. Rules: drivers/xen/gntdev.c. */
#include "support/mapping.h"

/* SET_UNMAP_NOTIFY: action, port, index, and last clear-byte on a map mapped read-only. */
static void notify_checks_in_order(void)
{
	struct gntsim_file *alloc = granted(fx.dom2), *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct fx_channel c = fx_channel(fx.dom2, fx.dom1);
	struct gntsim_mm *mm = fx_mm(fx.dom2);
	uint64_t index = fx_mapv(dev, 1, 3, granted_refs);

	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 99 * PAGE, 4, 99), -EINVAL);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 99 * PAGE, 6, c.port_here), -EINVAL);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 99 * PAGE, SEND_EVENT, 99), -EINVAL);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 99 * PAGE, SEND_EVENT, c.port_here), -ENOENT);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 3 * PAGE, CLEAR_BYTE, 99), -ENOENT);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 3 * PAGE - 1, CLEAR_BYTE, 99), 0);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 0, 0, 99), 0);
	EXPECT_EQ(gntsim_mmap(mm, dev, VA, 3 * PAGE, PROT_READ, MAP_SHARED, index), 0);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 0, CLEAR_BYTE, 0), -EINVAL);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 99 * PAGE, CLEAR_BYTE, 0), -ENOENT);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 0, SEND_EVENT, c.port_here), 0);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 0, CLEAR_BYTE | SEND_EVENT, c.port_here),
		  -EINVAL);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, index, 3), 0);
	gntsim_mm_destroy(mm);
	EXPECT_EQ(fx_events(c.there), 1);
	gntsim_close(dev);
	fx_channel_close(&c);
	gntsim_close(alloc);
}

/* A call that fails gives back the port reference it took. */
static void failed_notify_keeps_no_port(void)
{
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct fx_channel c = fx_channel(fx.dom2, fx.dom1);

	for (unsigned i = 0; i < 3; i++)
		EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 0, SEND_EVENT, c.port_here), -ENOENT);
	EXPECT_EQ(gntsim_evtchn_unbind(c.here, c.port_here), 0);
	EXPECT_EQ(fx_totals().ports, 1);
	gntsim_close(dev);
	fx_channel_close(&c);
}

/* Legal before mmap, and the event fires even if it was never mapped; the byte stays. */
static void notification_of_a_map_never_mapped(void)
{
	struct gntsim_file *alloc = granted(fx.dom2), *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct fx_channel c = fx_channel(fx.dom2, fx.dom1);
	uint64_t index = fx_map(dev, 1, granted_refs[0]);

	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, index, CLEAR_BYTE | SEND_EVENT, c.port_here),
		  0);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, index, 1), 0);
	EXPECT_EQ(fx_events(c.there), 1);
	EXPECT_EQ(byte_of(granted_refs[0], 0), 0xFF);
	index = fx_map(dev, 1, granted_refs[0]);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, index, SEND_EVENT, c.port_here), 0);
	gntsim_close(dev);
	EXPECT_EQ(fx_events(c.there), 1);
	fx_channel_close(&c);
	gntsim_close(alloc);
}

/* One notification a map; the last call counts; action 0 removes it. */
static void notification_is_replaced(void)
{
	struct mapping m = mapping_notified_at(fx.dom2, 3, 1);
	struct fx_channel d = fx_channel(fx.dom2, fx.dom1);

	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(m.dev, m.index + 2 * PAGE + 2,
						 CLEAR_BYTE | SEND_EVENT, d.port_here),
		  0);
	EXPECT_EQ(gntsim_gntdev_unmap(m.dev, m.index, 3), 0);
	EXPECT_EQ(gntsim_munmap(m.mm, VA, 3 * PAGE), 0);
	EXPECT_EQ(fx_events(m.c.there), 0);
	EXPECT_EQ(fx_events(d.there), 1);
	EXPECT_EQ(byte_of(granted_refs[0], 1), 0xFF);
	EXPECT_EQ(byte_of(granted_refs[2], 2), 0);
	mapping_end(&m);
	m = mapping(fx.dom2);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(m.dev, m.index, 0, 0), 0);
	gntsim_mm_destroy(m.mm);
	gntsim_close(m.dev);
	m.mm = NULL;
	m.dev = NULL;
	EXPECT_EQ(fx_events(m.c.there), 0);
	EXPECT_EQ(byte_of(granted_refs[0], 5), 0xFF);
	mapping_end(&m);
	fx_channel_close(&d);
}

/* The notification's reference keeps the port open; set anew, it never drops to none. */
static void notification_holds_its_port(void)
{
	struct mapping m = mapping(fx.dom2);
	struct gntsim_port_status st;

	gntsim_close(m.c.here);
	m.c.here = NULL;
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(m.dev, m.index, SEND_EVENT, m.c.port_here), 0);
	EXPECT_EQ(gntsim_port_status(fx.dom2, m.c.port_here, &st), 0);
	EXPECT_EQ(st.state, GNTSIM_PORT_INTERDOMAIN);
	gntsim_mm_destroy(m.mm);
	m.mm = NULL;
	EXPECT_EQ(gntsim_gntdev_unmap(m.dev, m.index, 1), 0);
	EXPECT_EQ(fx_events(m.c.there), 1);
	EXPECT_EQ(gntsim_port_status(fx.dom2, m.c.port_here, &st), 0);
	EXPECT_EQ(st.state, GNTSIM_PORT_FREE);
	EXPECT_EQ(gntsim_port_status(fx.dom1, m.c.port_there, &st), 0);
	EXPECT_EQ(st.state, GNTSIM_PORT_UNBOUND);
	mapping_end(&m);
}

/* A call that fails leaves the notification that is in force. (Measured.) */
static void failed_notify_changes_nothing(void)
{
	struct mapping m = mapping(fx.dom2);

	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(m.dev, m.index, SEND_EVENT, 99), -EINVAL);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(m.dev, m.index, 4, 0), -EINVAL);
	gntsim_mm_destroy(m.mm);
	m.mm = NULL;
	EXPECT_EQ(gntsim_gntdev_unmap(m.dev, m.index, 1), 0);
	EXPECT_EQ(byte_of(granted_refs[0], 5), 0);
	EXPECT_EQ(fx_events(m.c.there), 1);
	mapping_end(&m);
}

/* A port that only notifications hold takes another one, from any file; several that fire together
 * coalesce as events do. A VIRQ's port is taken, too, and goes nowhere. (Measured.) */
static void ports_that_notifications_take(void)
{
	struct gntsim_file *a = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct gntsim_file *b = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct fx_channel c = fx_channel(fx.dom2, fx.dom1);
	int virq;

	EXPECT_EQ(mapped(a, 1), 0);
	EXPECT_EQ(mapped(b, 1), 0);
	EXPECT_EQ(mapped(b, 1), PAGE);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(a, 0, SEND_EVENT, c.port_here), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(c.here, c.port_here), 0);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(b, 0, SEND_EVENT, c.port_here), 0);
	virq = gntsim_evtchn_bind_virq(c.here, 10);
	REQUIRE(virq > 0);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(b, PAGE, SEND_EVENT, (gntsim_port)virq), 0);
	gntsim_close(b);
	gntsim_close(a);
	EXPECT_EQ(fx_events(c.there), 2);
	EXPECT_EQ(fx_events(c.here), 0);
	EXPECT_EQ(fx_totals().ports, 2);
	fx_channel_close(&c);
}

/* evtchn_get() counts in a short: a port takes 32766 notifications and no more. */
static void notifications_of_one_port_are_limited(void)
{
	struct gntsim_file *dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	struct fx_channel c = fx_channel(fx.dom2, fx.dom1);

	for (unsigned i = 0; i < 32766; i++) {
		EXPECT_EQ(mapped(dev, 1), i * PAGE);
		REQUIRE_EQ(gntsim_gntdev_set_unmap_notify(dev, i * PAGE, SEND_EVENT, c.port_here),
			   0);
	}
	EXPECT_EQ(mapped(dev, 1), 32766 * PAGE);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 32766 * PAGE, SEND_EVENT, c.port_here),
		  -EINVAL);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, 5 * PAGE, 1), 0);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, 32766 * PAGE, SEND_EVENT, c.port_here), 0);
	gntsim_close(dev);
	EXPECT(fx_events(c.there) > 0);
	fx_channel_close(&c);
}

/* PV, clear-byte on a map whose mmap fails: the error path writes to the page that is not there,
 * and the kernel dies. Where the page did map, its byte is cleared; where none did, nothing happens.
 * (Measured.) */
static void pv_clear_byte_of_a_failed_mmap(void)
{
	struct gntsim_file *alloc = granted(fx.dom0), *dev = fx_open(fx.dom0, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(fx.dom0);
	const gntsim_gref bad[] = {granted_refs[0], 400};
	uint64_t index = fx_mapv(dev, 1, 2, bad);

	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, index + 7, CLEAR_BYTE, 0), 0);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 2, index), -EINVAL);
	EXPECT_EQ(byte_of(granted_refs[0], 7), 0);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_HAZARD), 0);
	index = fx_mapv(dev, 1, 2, bad);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, index + PAGE, CLEAR_BYTE, 0), 0);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 2, index), -EINVAL);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_HAZARD), 1);
	EXPECT_EQ(pins(), 0);
	index = fx_map(dev, 1, 400);
	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, index, CLEAR_BYTE, 0), 0);
	EXPECT_EQ(fx_mmap(mm, dev, VA, 1, index), -EINVAL);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_HAZARD), 0);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
}

/* Clear-byte set before a read-only mmap: the driver will write through a read-only mapping of its
 * own. PV: the kernel's PTE is read-only and it dies; PVH: Xen discards the write, and on Arm has it
 * tried for ever. Either way the granter's byte stays. */
static void clear_byte_of_a_readonly_map(struct gntsim_domain *mapper, const char *hazard)
{
	struct gntsim_file *alloc = granted(mapper), *dev = fx_open(mapper, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(mapper);
	uint64_t index = fx_map(dev, 1, granted_refs[0]);

	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, index + 7, CLEAR_BYTE, 0), 0);
	EXPECT_EQ(gntsim_mmap(mm, dev, VA, PAGE, PROT_READ, MAP_SHARED, index), 0);
	fx_drain();
	EXPECT_EQ(gntsim_munmap(mm, VA, PAGE), 0);
	EXPECT_EQ(gntsim_gntdev_unmap(dev, index, 1), 0);
	EXPECT(fx_drain_hazard(hazard));
	EXPECT_EQ(pins(), 0);
	EXPECT_EQ(byte_of(granted_refs[0], 7), 0xFF);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
}

static void clear_byte_of_readonly_maps(void)
{
	clear_byte_of_a_readonly_map(fx.dom0, "pv-clear-byte-on-readonly-map");
	clear_byte_of_a_readonly_map(fx.dom2, NULL);
	fx_restart(&(struct fx_config){.arch = GNTSIM_ARCH_ARM64});
	clear_byte_of_a_readonly_map(fx.dom2, "arm-store-to-a-read-only-grant");
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"notify checks in order", notify_checks_in_order},
	    {"failed notify keeps no port", failed_notify_keeps_no_port},
	    {"notification of a map never mapped", notification_of_a_map_never_mapped},
	    {"notification is replaced", notification_is_replaced},
	    {"notification holds its port", notification_holds_its_port},
	    {"notifications of one port are limited", notifications_of_one_port_are_limited},
	    {"PV: clear-byte of a failed mmap", pv_clear_byte_of_a_failed_mmap},
	    {"clear-byte of readonly maps", clear_byte_of_readonly_maps},
	    {"failed notify changes nothing", failed_notify_changes_nothing},
	    {"ports that notifications take", ports_that_notifications_take},
	};

	return UNIT_MAIN("gntdev_notify", tests);
}
