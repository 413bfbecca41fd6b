/* SPDX-License-Identifier: MIT */
/* /dev/xen/evtchn. Rules: drivers/xen/evtchn.c. */
#include "support/events.h"
#include "support/fixture.h"

static void bind_unbound(void)
{
	struct gntsim_file *a = evtchn(fx.dom1), *b = evtchn(fx.dom1);
	struct gntsim_port_status st;

	EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 2), 1);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(b, 4711), 2);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 0x10002), 3);
	EXPECT_EQ(gntsim_port_status(fx.dom1, 1, &st), 0);
	EXPECT_EQ(st.state, GNTSIM_PORT_UNBOUND);
	EXPECT_EQ(st.remote_domid, 2);
	EXPECT_EQ(gntsim_port_status(fx.dom1, 3, &st), 0);
	EXPECT_EQ(st.remote_domid, 2);
	EXPECT(is_empty(a));
	EXPECT_EQ(gntsim_evtchn_notify(a, 1), 0);
	gntsim_close(a);
	EXPECT_EQ(fx_totals().ports, 1);
	gntsim_close(b);
}

/* The binder's port is pending at once, the other's is not. */
static void bind_interdomain(void)
{
	struct gntsim_file *a = evtchn(fx.dom1), *b = evtchn(fx.dom2);

	EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 2), 1);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(b, 1, 1), 1);
	EXPECT(is_empty(a));
	EXPECT_EQ(gntsim_evtchn_poll(b), IN | OUT);
	EXPECT_EQ(read_one(b), 1);
	EXPECT(is_empty(b));
	EXPECT_EQ(gntsim_evtchn_poll(b), OUT);
	gntsim_close(a);
	gntsim_close(b);
}

static void bind_interdomain_errors(void)
{
	const struct gntsim_domain_config c = {.max_ports = 3};
	struct fx_config config = {.domain = {NULL, &c, NULL}};
	struct gntsim_file *a, *b;

	fx_restart(&config);
	a = evtchn(fx.dom1);
	b = evtchn(fx.dom2);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(b, 0), 1);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(b, 1), 2);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(a, 99, 1), -ESRCH);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(a, 2, 1), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(a, 2, 77), -EINVAL);
	EXPECT_EQ(fx_totals().ports, 2);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(a, 0x30002, 2), 1);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(a, 2, 2), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 2), 2);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 2), -ENOSPC);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(a, 99, 1), -ESRCH);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(a, 2, 1), -ENOSPC);
	EXPECT_EQ(gntsim_evtchn_bind_virq(a, 5), -ENOSPC);
	gntsim_close(a);
	gntsim_close(b);
}

static void bind_virq(void)
{
	struct gntsim_file *a = evtchn(fx.dom1), *b = evtchn(fx.dom1), *c = evtchn(fx.dom2);

	EXPECT_EQ(gntsim_evtchn_bind_virq(a, 24), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_bind_virq(a, UINT32_MAX), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_bind_virq(a, 7), 1);
	EXPECT_EQ(gntsim_evtchn_bind_virq(a, 7), -EEXIST);
	EXPECT_EQ(gntsim_evtchn_bind_virq(b, 7), -EEXIST);
	EXPECT_EQ(gntsim_evtchn_bind_virq(c, 7), 1);
	gntsim_raise_virq(fx.dom1, 7);
	EXPECT_EQ(read_one(a), 1);
	EXPECT(is_empty(c));
	EXPECT_EQ(gntsim_evtchn_unbind(a, 1), 0);
	EXPECT_EQ(gntsim_evtchn_bind_virq(b, 7), 1);
	gntsim_close(a);
	gntsim_close(b);
	gntsim_close(c);
}

/* Sending on a virq's port: Xen's EINVAL is dropped by notify_remote_via_evtchn(). */
static void notify_drops_the_hypercalls_error(void)
{
	struct gntsim_file *a = evtchn(fx.dom1);

	EXPECT_EQ(gntsim_evtchn_bind_virq(a, 7), 1);
	EXPECT_EQ(gntsim_evtchn_notify(a, 1), 0);
	EXPECT(is_empty(a));
	gntsim_close(a);
}

static void notify_reaches_the_peer(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);

	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT(is_empty(c.here));
	EXPECT_EQ(read_one(c.there), c.port_there);
	EXPECT_EQ(gntsim_evtchn_notify(c.there, c.port_there), 0);
	EXPECT_EQ(read_one(c.here), c.port_here);
	fx_channel_close(&c);
}

/* A port is a file's own, whatever other file of the domain has it. */
static void ports_belong_to_their_file(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);
	struct gntsim_file *other = evtchn(fx.dom1);

	EXPECT_EQ(gntsim_evtchn_notify(other, c.port_here), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_unbind(other, c.port_here), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_notify(c.here, 0), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_notify(c.here, 131072), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_notify(c.here, UINT32_MAX), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_unbind(c.here, 0), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_unbind(c.here, UINT32_MAX), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_notify(c.there, c.port_there), 0);
	EXPECT(is_empty(other));
	EXPECT_EQ(read_one(c.here), c.port_here);
	gntsim_close(other);
	fx_channel_close(&c);
}

/* UNBIND and close: the peer reverts to unbound, without an event, and can be bound again. */
static void closing_is_silent(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);
	struct gntsim_port_status st;

	gntsim_close(c.there);
	c.there = NULL;
	EXPECT(is_empty(c.here));
	EXPECT_EQ(gntsim_port_status(fx.dom1, c.port_here, &st), 0);
	EXPECT_EQ(st.state, GNTSIM_PORT_UNBOUND);
	EXPECT_EQ(st.remote_domid, 2);
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	c.there = evtchn(fx.dom2);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(c.there, 1, c.port_here), 1);
	EXPECT_EQ(fx_events(c.there), 1);
	EXPECT_EQ(gntsim_evtchn_notify(c.there, 1), 0);
	EXPECT_EQ(fx_events(c.here), 1);
	fx_channel_close(&c);
}

/* Restricted: only interdomain binds, and only to that domain, compared in all 32 bits. */
static void restriction(void)
{
	struct gntsim_file *a = evtchn(fx.dom1), *b = evtchn(fx.dom2), *z = evtchn(fx.dom0);

	EXPECT_EQ(gntsim_evtchn_bind_unbound(b, 1), 1);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(z, 1), 1);
	EXPECT_EQ(gntsim_evtchn_restrict(a, 0), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_restrict(a, 0x7FF0), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_restrict(a, 0xFFFF), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(a, 0, 1), 1);
	EXPECT_EQ(gntsim_evtchn_restrict(a, 2), 0);
	EXPECT_EQ(gntsim_evtchn_restrict(a, 2), -EACCES);
	EXPECT_EQ(gntsim_evtchn_restrict(a, 0), -EACCES);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 2), -EACCES);
	EXPECT_EQ(gntsim_evtchn_bind_virq(a, 5), -EACCES);
	EXPECT_EQ(gntsim_evtchn_bind_virq(a, 99), -EACCES);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(a, 0, 1), -EACCES);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(a, 99, 1), -EACCES);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(a, 0x10002, 1), -EACCES);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(a, 2, 99), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(a, 2, 1), 2);
	EXPECT_EQ(gntsim_evtchn_notify(a, 1), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 1), 0);
	EXPECT_EQ(gntsim_evtchn_reset(a), 0);
	gntsim_close(a);
	gntsim_close(b);
	gntsim_close(z);
}

/* A dead file is one before it is restricted, or open for something else. */
static void a_dead_file(void)
{
	struct gntsim_file *a = evtchn(fx.dom1), *reads, *writes;
	gntsim_port port = 1;

	REQUIRE_EQ(gntsim_open(fx.dom1, GNTSIM_DEV_EVTCHN, O_RDONLY, &reads), 0);
	REQUIRE_EQ(gntsim_open(fx.dom1, GNTSIM_DEV_EVTCHN, O_WRONLY, &writes), 0);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 2), 1);
	EXPECT_EQ(gntsim_evtchn_restrict(a, 2), 0);
	gntsim_domain_destroy(fx.dom1);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 2), -ENODEV);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(a, 0, 1), -ENODEV);
	EXPECT_EQ(gntsim_evtchn_bind_virq(a, 5), -ENODEV);
	EXPECT_EQ(gntsim_evtchn_bind_static(a, 1), -ENODEV);
	EXPECT_EQ(gntsim_evtchn_restrict(a, 2), -ENODEV);
	EXPECT_EQ(gntsim_evtchn_ring_size(a), 0);
	EXPECT_EQ(gntsim_evtchn_poll(a), POLLERR);
	EXPECT_EQ(gntsim_evtchn_peek(writes, 4, &port), -ENODEV);
	EXPECT_EQ(gntsim_evtchn_write(reads, 4, &port), -ENODEV);
	gntsim_close(a);
	gntsim_close(reads);
	gntsim_close(writes);
}

static void restriction_to_the_last_domid(void)
{
	struct gntsim_file *a = evtchn(fx.dom1);

	EXPECT_EQ(gntsim_evtchn_restrict(a, 0x7FEF), 0);
	gntsim_close(a);
}

/* A port that only a notification holds: the peer's events go nowhere, and its number is not given
 * out again until the notification goes. */
static void port_held_by_a_notification(void)
{
	struct gntsim_file *alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);

	fx_alloc(alloc, 2, NULL);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(alloc, 0, SEND_EVENT, c.port_here), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(c.here, c.port_here), 0);
	EXPECT_EQ(gntsim_evtchn_notify(c.there, c.port_there), 0);
	EXPECT(is_empty(c.here));
	EXPECT_EQ(gntsim_evtchn_bind_unbound(c.here, 2), c.port_here + 1);
	gntsim_close(alloc);
	EXPECT_EQ(read_one(c.there), c.port_there);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(c.here, 2), c.port_here);
	EXPECT(is_empty(c.here));
	fx_channel_close(&c);
}

/* An unmap notification obeys the reader's enabling like any event. */
static void notification_waits_for_the_reader(void)
{
	struct gntsim_file *alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);

	fx_alloc(alloc, 2, NULL);
	EXPECT_EQ(gntsim_gntalloc_set_unmap_notify(alloc, 0, SEND_EVENT, c.port_here), 0);
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT_EQ(read_one(c.there), c.port_there);
	gntsim_close(alloc);
	EXPECT(is_empty(c.there));
	enable(c.there, c.port_there);
	EXPECT_EQ(read_one(c.there), c.port_there);
	fx_channel_close(&c);
}

/* The VIRQs that a domain's kernel has bound: EEXIST; which they are is the configuration's. (Measured.) */
static void kernel_virqs(void)
{
	const uint32_t mine = 1u << 5 | 1u << 23;
	const struct gntsim_domain_config c = {.kernel_virqs = &mine};
	struct fx_config config = {.domain = {NULL, &c, NULL}};
	struct gntsim_file *a;

	fx_restart(&config);
	a = evtchn(fx.dom0);
	for (uint32_t virq = 0; virq < GNTSIM_NR_VIRQS; virq++) {
		bool taken = virq == 0 || virq == 2 || virq == 9 || virq == 16;
		int port = gntsim_evtchn_bind_virq(a, virq);

		EXPECT_EQ(taken ? port : port > 0, taken ? -EEXIST : 1);
	}
	gntsim_raise_virq(fx.dom0, 2);
	EXPECT_EQ(fx_events(a), 0);
	gntsim_close(a);
	a = evtchn(fx.dom1);
	EXPECT_EQ(gntsim_evtchn_bind_virq(a, 5), -EEXIST);
	EXPECT_EQ(gntsim_evtchn_bind_virq(a, 23), -EEXIST);
	EXPECT_EQ(gntsim_evtchn_bind_virq(a, 24), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_bind_virq(a, 0), 1);
	gntsim_close(a);
	a = evtchn(fx.dom2);
	EXPECT_EQ(gntsim_evtchn_bind_virq(a, 0), -EEXIST);
	EXPECT_EQ(gntsim_evtchn_bind_virq(a, 2), 1);
	gntsim_close(a);
}

static void loopback(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom1);

	EXPECT(c.port_here != c.port_there);
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT_EQ(fx_events(c.there), 1);
	EXPECT_EQ(fx_events(c.here), 0);
	fx_channel_close(&c);
}

/* UNBIND: EINVAL beyond the FIFO event array, which has a page for every 1024 ports up to the highest
 * that was ever bound; below it ENOTCONN. (Measured.) */
static void unbind_knows_the_event_array(void)
{
	struct gntsim_file *a = evtchn(fx.dom1);

	EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 2), 1);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 1023), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 1024), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 131072), -EINVAL);
	for (int port = 2; port <= 1023; port++)
		REQUIRE_EQ(gntsim_evtchn_bind_unbound(a, 2), port);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 1024), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 2), 1024);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 1025), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 2047), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 2048), -EINVAL);
	gntsim_close(a);
	a = evtchn(fx.dom1);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 2047), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 2048), -EINVAL);
	gntsim_close(a);
	a = evtchn(fx.dom2);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 1023), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 1024), -EINVAL);
	gntsim_close(a);
}

/* Which remote domains and ports the binds take. (Measured.) */
static void binds_as_measured(void)
{
	struct gntsim_file *a = evtchn(fx.dom1);
	struct gntsim_port_status st;

	EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 0x7FF0), 1);
	EXPECT_EQ(gntsim_port_status(fx.dom1, 1, &st), 0);
	EXPECT_EQ(st.remote_domid, 1);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 0x7FF1), 2);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 0xFFFFFFFF), 3);
	EXPECT_EQ(gntsim_evtchn_bind_virq(a, 10), 4);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(a, 0x7FF0, 4), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(a, 0x7FF1, 1), -ESRCH);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(a, 0x7FF0, 1), 5);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(a, 1, 1), -EINVAL);
	EXPECT_EQ(fx_events(a), 1);
	EXPECT_EQ(gntsim_evtchn_notify(a, 1), 0);
	EXPECT_EQ(read_one(a), 5);
	EXPECT_EQ(gntsim_evtchn_notify(a, 5), 0);
	EXPECT_EQ(read_one(a), 1);
	gntsim_close(a);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"bind unbound", bind_unbound},
	    {"bind interdomain", bind_interdomain},
	    {"bind interdomain errors", bind_interdomain_errors},
	    {"bind virq", bind_virq},
	    {"notify drops the hypercall's error", notify_drops_the_hypercalls_error},
	    {"notify reaches the peer", notify_reaches_the_peer},
	    {"ports belong to their file", ports_belong_to_their_file},
	    {"closing is silent", closing_is_silent},
	    {"restriction", restriction},
	    {"a dead file", a_dead_file},
	    {"restriction to the last domid", restriction_to_the_last_domid},
	    {"port held by a notification", port_held_by_a_notification},
	    {"notification waits for the reader", notification_waits_for_the_reader},
	    {"loopback", loopback},
	    {"kernel virqs", kernel_virqs},
	    {"unbind knows the event array", unbind_knows_the_event_array},
	    {"binds as measured", binds_as_measured},
	};

	return UNIT_MAIN("evtchn", tests);
}
