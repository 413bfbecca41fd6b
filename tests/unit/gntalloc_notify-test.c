/* SPDX-License-Identifier: MIT */
/* /dev/xen/gntalloc: unmap notifications. Rules: drivers/xen/gntalloc.c. */
#include "support/grants.h"

static struct gntsim_file *alloc_file(void)
{
	return fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
}

/* SET_UNMAP_NOTIFY: first the index, then the action bits, then the port. */
static void notify_checks_in_order(void)
{
	struct gntsim_file *file = alloc_file();
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);
	uint64_t index;

	fx_alloc(file, 2, &index);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, PAGE, 4, 99), -ENOENT);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 0, 4, 99), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 0, 1u << 31, 0), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 0, SEND_EVENT | 4, c.port_here), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 0, SEND_EVENT, 0), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 0, SEND_EVENT, 99), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 0, SEND_EVENT, UINT32_MAX), -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 0, CLEAR_BYTE, 99), 0);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 4095, SEND_EVENT, c.port_here), 0);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 4095, 0, 99), 0);
	gntsim_close(file);
	fx_channel_close(&c);
}

/* The port must be bound through evtchn, by any file of this kernel; the kernel's own is not. */
static void notify_needs_a_port_of_this_kernel(void)
{
	struct gntsim_file *file = alloc_file();
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2), d = fx_channel(fx.dom1, fx.dom0);
	int kernel = gntsim_port_alloc_unbound(fx.dom1, 2);
	int kernel2 = gntsim_port_alloc_unbound(fx.dom2, 1);
	int unused;

	REQUIRE(kernel > 0 && kernel2 > 0);
	fx_alloc(file, 2, NULL);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 0, SEND_EVENT, (gntsim_port)kernel),
		  -EINVAL);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 0, SEND_EVENT, c.port_here), 0);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 0, SEND_EVENT, d.port_here), 0);
	unused = gntsim_evtchn_bind_unbound(c.here, 2);
	REQUIRE(unused > 0);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 0, SEND_EVENT, (gntsim_port)unused), 0);
	gntsim_close(file);
	fx_channel_close(&c);
	fx_channel_close(&d);
	EXPECT_EQ(gntsim_port_close(fx.dom1, (gntsim_port)kernel), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom2, (gntsim_port)kernel2), 0);
}

/* When the page is given up: the byte, then the event, once. */
static void notification_when_given_up(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);

	memset(fx_bytes(entry_of(fx.dom1, s.ref).frame), 0xFF, PAGE);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(s.alloc, s.index + 100, CLEAR_BYTE | SEND_EVENT,
						   c.port_here),
		  0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(s.alloc, s.index, 1), 0);
	EXPECT_EQ(fx_peek(s.mapper, VA + 100), 0xFF);
	EXPECT_EQ(fx_events(c.there), 0);
	EXPECT_EQ(gntsim_munmap(s.granter, VA, PAGE), 0);
	EXPECT_EQ(fx_peek(s.mapper, VA + 99), 0xFF);
	EXPECT_EQ(fx_peek(s.mapper, VA + 100), 0);
	EXPECT_EQ(fx_peek(s.mapper, VA + 101), 0xFF);
	EXPECT_EQ(fx_events(c.there), 1);
	EXPECT_EQ(fx_totals().deferred, 1);
	fx_poke(s.mapper, VA + 100, 7);
	fx_share_close(&s);
	gntsim_machine_advance(fx.m, 2 * SECOND);
	EXPECT_EQ(fx_totals().grants, 0);
	EXPECT_EQ(fx_events(c.there), 0);
	fx_channel_close(&c);
}

/* A killed granter: its address space goes first, then its files. Byte and event reach the mapper,
 * whose mapping stays usable. */
static void killed_granter(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);

	fx_poke(s.mapper, VA, 1);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(s.alloc, s.index, CLEAR_BYTE | SEND_EVENT,
						   c.port_here),
		  0);
	gntsim_mm_destroy(s.granter);
	s.granter = NULL;
	EXPECT_EQ(fx_peek(s.mapper, VA), 1);
	EXPECT_EQ(fx_events(c.there), 0);
	gntsim_close(c.here);
	c.here = NULL;
	gntsim_close(s.alloc);
	s.alloc = NULL;
	EXPECT_EQ(fx_peek(s.mapper, VA), 0);
	EXPECT_EQ(fx_events(c.there), 1);
	fx_poke(s.mapper, VA, 2);
	EXPECT_EQ(fx_peek(s.mapper, VA), 2);
	fx_share_close(&s);
	fx_channel_close(&c);
}

/* libxengntshr's way: DEALLOC right after mmap; the death of the address space notifies. */
static void killed_granter_after_dealloc(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);

	fx_poke(s.mapper, VA, 1);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(s.alloc, s.index, CLEAR_BYTE | SEND_EVENT,
						   c.port_here),
		  0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(s.alloc, s.index, 1), 0);
	EXPECT_EQ(fx_events(c.there), 0);
	gntsim_mm_destroy(s.granter);
	s.granter = NULL;
	EXPECT_EQ(fx_peek(s.mapper, VA), 0);
	EXPECT_EQ(fx_events(c.there), 1);
	fx_share_close(&s);
	fx_channel_close(&c);
}

/* One notification for each page. */
static void notifications_are_per_page(void)
{
	struct gntsim_file *file = alloc_file();
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2), d = fx_channel(fx.dom1, fx.dom2);
	gntsim_gref refs[3];
	gntsim_frame frame[3];
	uint64_t index;

	REQUIRE_EQ(gntsim_gntalloc_alloc(file, 2, 1, 3, &index, refs), 0);
	for (unsigned i = 0; i < 3; i++) {
		frame[i] = entry_of(fx.dom1, refs[i]).frame;
		memset(fx_bytes(frame[i]), 0xFF, PAGE);
	}
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 1, CLEAR_BYTE | SEND_EVENT, c.port_here),
		  0);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 2 * PAGE + 2, CLEAR_BYTE | SEND_EVENT,
						   d.port_here),
		  0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, PAGE, 1), 0);
	EXPECT_EQ(fx_events(c.there) + fx_events(d.there), 0);
	EXPECT_EQ(gntsim_gntalloc_dealloc(file, 2 * PAGE, 1), 0);
	EXPECT_EQ(fx_events(c.there), 0);
	EXPECT_EQ(fx_events(d.there), 1);
	EXPECT_EQ(fx_bytes(frame[0])[1], 0xFF);
	gntsim_close(file);
	EXPECT_EQ(fx_events(c.there), 1);
	EXPECT_EQ(fx_events(d.there), 0);
	fx_channel_close(&c);
	fx_channel_close(&d);
}

/* A second call replaces the first; action 0 removes it. */
static void notification_is_replaced(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2), d = fx_channel(fx.dom1, fx.dom2);

	memset(fx_bytes(entry_of(fx.dom1, s.ref).frame), 0xFF, PAGE);
	EXPECT_EQ(
	    gntsim_gntalloc_set_unmap_notify(s.alloc, 1, CLEAR_BYTE | SEND_EVENT, c.port_here), 0);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(s.alloc, 2, 0, 0), 0);
	EXPECT_EQ(
	    gntsim_gntalloc_set_unmap_notify(s.alloc, 3, CLEAR_BYTE | SEND_EVENT, c.port_here), 0);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(s.alloc, 4, SEND_EVENT, d.port_here), 0);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(s.alloc, 5, SEND_EVENT, 99), -EINVAL);
	gntsim_mm_destroy(s.granter);
	s.granter = NULL;
	gntsim_close(s.alloc);
	s.alloc = NULL;
	for (unsigned i = 0; i < 6; i++)
		EXPECT_EQ(fx_peek(s.mapper, VA + i), 0xFF);
	EXPECT_EQ(fx_events(c.there), 0);
	EXPECT_EQ(fx_events(d.there), 1);
	fx_share_close(&s);
	fx_channel_close(&c);
	fx_channel_close(&d);
}

/* The notification's reference keeps the port open after UNBIND and after close; the new reference
 * is taken before the old is dropped, so the port may be set again when nothing else holds it. */
static void notification_holds_its_port(void)
{
	struct gntsim_file *file = alloc_file();
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);
	struct gntsim_port_status st;

	fx_alloc(file, 2, NULL);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 0, SEND_EVENT, c.port_here), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(c.here, c.port_here), 0);
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), -ENOTCONN);
	EXPECT_EQ(gntsim_port_status(fx.dom1, c.port_here, &st), 0);
	EXPECT_EQ(st.state, GNTSIM_PORT_INTERDOMAIN);
	/* Nobody handles its events any more. */
	EXPECT(st.masked);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(c.here, 2), c.port_here + 1);
	gntsim_close(c.here);
	c.here = NULL;
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 0, CLEAR_BYTE | SEND_EVENT, c.port_here),
		  0);
	EXPECT_EQ(fx_totals().ports, 2);
	gntsim_close(file);
	EXPECT_EQ(fx_events(c.there), 1);
	EXPECT_EQ(fx_totals().ports, 1);
	EXPECT_EQ(gntsim_port_status(fx.dom2, c.port_there, &st), 0);
	EXPECT_EQ(st.state, GNTSIM_PORT_UNBOUND);
	fx_channel_close(&c);
}

/* Removing the notification drops the last reference and closes the port. */
static void removed_notification_lets_the_port_go(void)
{
	struct gntsim_file *file = alloc_file();
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);

	fx_alloc(file, 2, NULL);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 0, SEND_EVENT, c.port_here), 0);
	gntsim_close(c.here);
	c.here = NULL;
	EXPECT_EQ(fx_totals().ports, 2);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 0, CLEAR_BYTE, c.port_here), 0);
	EXPECT_EQ(fx_totals().ports, 1);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(file, 0, SEND_EVENT, c.port_here), -EINVAL);
	gntsim_close(file);
	EXPECT_EQ(fx_events(c.there), 0);
	fx_channel_close(&c);
}

/* A page with several users notifies when the last goes, not at close. */
static void close_of_a_mapped_file_notifies_at_munmap(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);

	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(s.alloc, 0, SEND_EVENT, c.port_here), 0);
	gntsim_close(s.alloc);
	s.alloc = NULL;
	EXPECT_EQ(fx_events(c.there), 0);
	gntsim_mm_destroy(s.granter);
	s.granter = NULL;
	EXPECT_EQ(fx_events(c.there), 1);
	fx_share_close(&s);
	fx_channel_close(&c);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"notify checks in order", notify_checks_in_order},
	    {"notify needs a port of this kernel", notify_needs_a_port_of_this_kernel},
	    {"notification when given up", notification_when_given_up},
	    {"killed granter", killed_granter},
	    {"killed granter after dealloc", killed_granter_after_dealloc},
	    {"notifications are per page", notifications_are_per_page},
	    {"notification is replaced", notification_is_replaced},
	    {"notification holds its port", notification_holds_its_port},
	    {"removed notification lets the port go", removed_notification_lets_the_port_go},
	    {"close of a mapped file notifies at munmap",
	     close_of_a_mapped_file_notifies_at_munmap},
	};

	return UNIT_MAIN("gntalloc_notify", tests);
}
