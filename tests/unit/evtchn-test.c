/* SPDX-License-Identifier: MIT */
/* /dev/xen/evtchn. Rules: drivers/xen/evtchn.c. */
#include "support/fixture.h"

enum { IN = POLLIN | POLLRDNORM, OUT = POLLOUT | POLLWRNORM };

static struct gntsim_file *evtchn(struct gntsim_domain *dom)
{
	return fx_open(dom, GNTSIM_DEV_EVTCHN);
}

static gntsim_port read_one(struct gntsim_file *file)
{
	gntsim_port port = 0;

	EXPECT_EQ(gntsim_evtchn_read(file, 4, &port), 4);
	return port;
}

static bool is_empty(struct gntsim_file *file)
{
	gntsim_port port;

	return gntsim_evtchn_peek(file, 4, &port) == -EAGAIN;
}

static void enable(struct gntsim_file *file, gntsim_port port)
{
	EXPECT_EQ(gntsim_evtchn_write(file, 4, &port), 4);
}

/* n ports of `file` bound to ports of `peer`, each pending once. */
static void bind_pending(struct gntsim_file *peer, struct gntsim_file *file, unsigned n)
{
	uint16_t here = gntsim_domain_id(gntsim_file_domain(file));
	uint16_t there = gntsim_domain_id(gntsim_file_domain(peer));

	for (unsigned i = 0; i < n; i++) {
		int port = gntsim_evtchn_bind_unbound(peer, here);

		REQUIRE(port > 0);
		REQUIRE(gntsim_evtchn_bind_interdomain(file, there, (gntsim_port)port) > 0);
	}
}

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

/* Events coalesce: one entry until the port is written back, then at most one more. */
static void events_coalesce(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);

	for (unsigned i = 0; i < 3; i++)
		EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT_EQ(read_one(c.there), c.port_there);
	EXPECT(is_empty(c.there));
	for (unsigned i = 0; i < 3; i++)
		EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT(is_empty(c.there));
	enable(c.there, c.port_there);
	EXPECT_EQ(read_one(c.there), c.port_there);
	EXPECT(is_empty(c.there));
	enable(c.there, c.port_there);
	EXPECT(is_empty(c.there));
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT_EQ(read_one(c.there), c.port_there);
	fx_channel_close(&c);
}

/* Writing a port back before its entry is read: the next event makes a second entry. */
static void written_back_before_read(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);
	gntsim_port ports[4];

	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	enable(c.there, c.port_there);
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT_EQ(gntsim_evtchn_read(c.there, sizeof(ports), ports), 8);
	EXPECT_EQ(ports[0], c.port_there);
	EXPECT_EQ(ports[1], c.port_there);
	fx_channel_close(&c);
}

/* write: unknown ports and enabled ones are ignored; the count is rounded down, at most 4096. */
static void write_counts(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);
	gntsim_port *ports = calloc(2000, sizeof(*ports));

	REQUIRE(ports != NULL);
	EXPECT_EQ(gntsim_evtchn_write(c.there, 0, ports), 0);
	EXPECT_EQ(gntsim_evtchn_write(c.there, 3, ports), 0);
	EXPECT_EQ(gntsim_evtchn_write(c.there, 7, ports), 4);
	for (unsigned i = 0; i < 2000; i++)
		ports[i] = UINT32_MAX - i;
	ports[1024] = c.port_there;
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT_EQ(read_one(c.there), c.port_there);
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT_EQ(gntsim_evtchn_write(c.there, 8000, ports), 4096);
	EXPECT(is_empty(c.there));
	ports[1023] = c.port_there;
	EXPECT_EQ(gntsim_evtchn_write(c.there, 8000, ports), 4096);
	EXPECT_EQ(read_one(c.there), c.port_there);
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	ports[0] = c.port_there;
	EXPECT_EQ(gntsim_evtchn_write(c.there, 6, ports), 4);
	EXPECT_EQ(read_one(c.there), c.port_there);
	free(ports);
	fx_channel_close(&c);
}

/* read: the count is rounded down, at most 4096 bytes at a time, in the order of arrival. */
static void read_counts(void)
{
	struct gntsim_file *a = evtchn(fx.dom1), *b = evtchn(fx.dom2);
	gntsim_port *ports = calloc(2000, sizeof(*ports));

	REQUIRE(ports != NULL);
	EXPECT_EQ(gntsim_evtchn_read(b, 0, ports), 0);
	EXPECT_EQ(gntsim_evtchn_read(b, 3, ports), 0);
	EXPECT_EQ(gntsim_evtchn_read(b, 4, ports), -EAGAIN);
	bind_pending(a, b, 1030);
	EXPECT_EQ(gntsim_evtchn_read(b, 3, ports), 0);
	EXPECT_EQ(gntsim_evtchn_read(b, 7, ports), 4);
	EXPECT_EQ(ports[0], 1);
	EXPECT_EQ(gntsim_evtchn_read(b, 8, ports), 8);
	EXPECT_EQ(ports[0], 2);
	EXPECT_EQ(ports[1], 3);
	EXPECT_EQ(gntsim_evtchn_read(b, 8000, ports), 4096);
	for (unsigned i = 0; i < 1024; i++)
		EXPECT_EQ(ports[i], 4 + i);
	EXPECT_EQ(gntsim_evtchn_read(b, 8000, ports), 12);
	EXPECT_EQ(ports[2], 1030);
	EXPECT_EQ(gntsim_evtchn_read(b, 8000, ports), -EAGAIN);
	free(ports);
	gntsim_close(a);
	gntsim_close(b);
}

/* peek answers as read would and takes nothing. */
static void peek_takes_nothing(void)
{
	struct gntsim_file *a = evtchn(fx.dom1), *b = evtchn(fx.dom2);
	gntsim_port ports[4] = {0};

	bind_pending(a, b, 3);
	EXPECT_EQ(gntsim_evtchn_peek(b, 3, ports), 0);
	EXPECT_EQ(gntsim_evtchn_peek(b, 9, ports), 8);
	EXPECT_EQ(ports[1], 2);
	EXPECT_EQ(gntsim_evtchn_peek(b, 16, ports), 12);
	EXPECT_EQ(gntsim_evtchn_read(b, 16, ports), 12);
	EXPECT_EQ(ports[0], 1);
	EXPECT_EQ(ports[2], 3);
	EXPECT_EQ(gntsim_evtchn_peek(b, 16, ports), -EAGAIN);
	gntsim_close(a);
	gntsim_close(b);
}

/* The ring has 64 entries at first and doubles when more ports are bound than it holds; what is in
 * it stays, in order, also when it had wrapped. */
static void ring_grows(void)
{
	struct gntsim_file *a = evtchn(fx.dom1), *b = evtchn(fx.dom2);
	gntsim_port ports[200];

	EXPECT_EQ(gntsim_evtchn_ring_size(b), 0);
	bind_pending(a, b, 1);
	EXPECT_EQ(gntsim_evtchn_ring_size(b), 64);
	bind_pending(a, b, 63);
	EXPECT_EQ(gntsim_evtchn_ring_size(b), 64);
	EXPECT_EQ(gntsim_evtchn_read(b, 40 * 4, ports), 40 * 4);
	EXPECT_EQ(gntsim_evtchn_write(b, 40 * 4, ports), 40 * 4);
	for (gntsim_port port = 1; port <= 40; port++)
		EXPECT_EQ(gntsim_evtchn_notify(a, port), 0);
	bind_pending(a, b, 1);
	EXPECT_EQ(gntsim_evtchn_ring_size(b), 128);
	EXPECT_EQ(gntsim_evtchn_read(b, sizeof(ports), ports), 65 * 4);
	for (unsigned i = 0; i < 24; i++)
		EXPECT_EQ(ports[i], 41 + i);
	for (unsigned i = 0; i < 40; i++)
		EXPECT_EQ(ports[24 + i], 1 + i);
	EXPECT_EQ(ports[64], 65);
	bind_pending(a, b, 64);
	EXPECT_EQ(gntsim_evtchn_ring_size(b), 256);
	gntsim_close(a);
	gntsim_close(b);
}

/* The ring never shrinks. */
static void ring_does_not_shrink(void)
{
	struct gntsim_file *a = evtchn(fx.dom1);

	for (int i = 1; i <= 65; i++)
		EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 2), i);
	for (gntsim_port port = 1; port <= 65; port++)
		EXPECT_EQ(gntsim_evtchn_unbind(a, port), 0);
	EXPECT_EQ(gntsim_evtchn_ring_size(a), 128);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 2), 1);
	EXPECT_EQ(gntsim_evtchn_ring_size(a), 128);
	gntsim_close(a);
}

/* Entries of unbound ports stay, and so fill a ring that holds one entry for each bound port. */
static void overflowing(struct gntsim_file *a, struct gntsim_file *b)
{
	bind_pending(a, b, 64);
	EXPECT_EQ(gntsim_evtchn_unbind(b, 10), 0);
	EXPECT_EQ(gntsim_evtchn_poll(b), IN | OUT);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(b, 1, 10), 10);
	EXPECT_EQ(gntsim_evtchn_ring_size(b), 64);
}

/* Overflow: read says EFBIG, poll POLLERR alone, until RESET; less than 4 bytes is 0 even then. */
static void overflow(void)
{
	struct gntsim_file *a = evtchn(fx.dom1), *b = evtchn(fx.dom2);
	gntsim_port port = 0;

	overflowing(a, b);
	EXPECT_EQ(gntsim_evtchn_poll(b), POLLERR);
	EXPECT_EQ(gntsim_evtchn_read(b, 4, &port), -EFBIG);
	EXPECT_EQ(gntsim_evtchn_peek(b, 4, &port), -EFBIG);
	EXPECT_EQ(gntsim_evtchn_read(b, 3, &port), 0);
	EXPECT_EQ(gntsim_evtchn_read(b, 4, &port), -EFBIG);
	EXPECT_EQ(gntsim_evtchn_reset(b), 0);
	EXPECT_EQ(gntsim_evtchn_poll(b), OUT);
	EXPECT_EQ(gntsim_evtchn_read(b, 4, &port), -EAGAIN);
	gntsim_close(a);
	gntsim_close(b);
}

/* The event that did not fit is lost, and its port disabled: only a write makes it heard again. */
static void overflow_loses_the_event(void)
{
	struct gntsim_file *a = evtchn(fx.dom1), *b = evtchn(fx.dom2);

	overflowing(a, b);
	EXPECT_EQ(gntsim_evtchn_reset(b), 0);
	EXPECT_EQ(gntsim_evtchn_notify(a, 10), 0);
	EXPECT(is_empty(b));
	enable(b, 10);
	EXPECT_EQ(read_one(b), 10);
	EXPECT(is_empty(b));
	enable(b, 11);
	EXPECT(is_empty(b));
	EXPECT_EQ(gntsim_evtchn_notify(a, 11), 0);
	EXPECT_EQ(read_one(b), 11);
	gntsim_close(a);
	gntsim_close(b);
}

/* RESET empties the ring and re-enables nothing. */
static void reset_enables_nothing(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);

	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT_EQ(gntsim_evtchn_reset(c.there), 0);
	EXPECT(is_empty(c.there));
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT(is_empty(c.there));
	enable(c.there, c.port_there);
	EXPECT_EQ(read_one(c.there), c.port_there);
	EXPECT_EQ(gntsim_evtchn_reset(c.here), 0);
	fx_channel_close(&c);
}

/* An event already queued for a port stays in the ring when the port is unbound. */
static void entries_stay_after_unbind(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);

	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(c.there, c.port_there), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(c.there, c.port_there), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_poll(c.there), IN | OUT);
	EXPECT_EQ(read_one(c.there), c.port_there);
	enable(c.there, c.port_there);
	EXPECT(is_empty(c.there));
	fx_channel_close(&c);
}

/* A port number that comes back at once: the old entry and the new event are two entries. */
static void reused_port_gets_its_own_entry(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);
	gntsim_port ports[4];

	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(c.there, c.port_there), 0);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(c.there, 1, c.port_here), c.port_there);
	EXPECT_EQ(gntsim_evtchn_read(c.there, sizeof(ports), ports), 8);
	EXPECT_EQ(ports[0], c.port_there);
	EXPECT_EQ(ports[1], c.port_there);
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

/* bind and unbind in turns without reading: 64 entries fit, the 65th overflows. UNBIND and write do
 * not help, RESET does. (Measured.) */
static void overflow_by_binding_again(void)
{
	struct gntsim_file *a = evtchn(fx.dom1), *b = evtchn(fx.dom2);
	gntsim_port port = 1;

	EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 2), 1);
	for (unsigned i = 0; i < 65; i++) {
		EXPECT_EQ(gntsim_evtchn_poll(b) & POLLERR, 0);
		REQUIRE_EQ(gntsim_evtchn_bind_interdomain(b, 1, 1), 1);
		if (i < 64)
			EXPECT_EQ(gntsim_evtchn_unbind(b, 1), 0);
	}
	EXPECT_EQ(gntsim_evtchn_poll(b), POLLERR);
	EXPECT_EQ(gntsim_evtchn_write(b, 4, &port), 4);
	EXPECT_EQ(gntsim_evtchn_read(b, 4, &port), -EFBIG);
	EXPECT_EQ(gntsim_evtchn_unbind(b, 1), 0);
	EXPECT_EQ(gntsim_evtchn_read(b, 4, &port), -EFBIG);
	EXPECT_EQ(gntsim_evtchn_reset(b), 0);
	EXPECT_EQ(gntsim_evtchn_read(b, 4, &port), -EAGAIN);
	gntsim_close(a);
	gntsim_close(b);
}

static void restart_on_6_12(void)
{
	static const struct gntsim_domain_config c = {.kernel = GNTSIM_KERNEL_6_12};

	fx_restart(&(struct fx_config){.domain = {&c, &c, NULL}});
}

/* Takes the effects; the last hazard's name, or NULL. */
static const char *last_hazard(void)
{
	struct gntsim_effect effect;
	const char *name = NULL;

	while (gntsim_next_effect(fx.m, &effect))
		if (effect.kind == GNTSIM_EFFECT_HAZARD)
			name = effect.hazard;
	return name;
}

static bool had_hazard(const char *name)
{
	const char *had = last_hazard();

	return had && strcmp(had, name) == 0;
}

/* Linux 6.5 on. A number is bound without asking whose it is. */
static void static_ports(void)
{
	struct gntsim_file *old = evtchn(fx.dom1), *a, *b;

	EXPECT_EQ(gntsim_evtchn_bind_static(old, 999), -ENOSYS);
	gntsim_close(old);
	restart_on_6_12();
	a = evtchn(fx.dom1);
	b = evtchn(fx.dom1);
	REQUIRE_EQ(gntsim_evtchn_bind_unbound(a, 2), 1);
	EXPECT_EQ(gntsim_evtchn_bind_static(a, 1), -EISCONN);
	EXPECT_EQ(gntsim_evtchn_bind_static(a, 131072), -ENOMEM);
	EXPECT_EQ(gntsim_evtchn_bind_static(a, 999), 0);
	EXPECT_EQ(gntsim_evtchn_bind_static(a, 999), -EISCONN);
	EXPECT_EQ(gntsim_evtchn_notify(a, 999), 0);
	EXPECT_EQ(gntsim_evtchn_notify(b, 999), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_unbind(b, 999), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 999), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 999), -ENOTCONN);
	EXPECT_EQ(fx_totals().ports, 1);
	/* The event array grows with the number; to be restricted does not matter. */
	EXPECT_EQ(gntsim_evtchn_restrict(b, 2), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(b, 5000), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_bind_static(b, 5000), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 5000), -ENOTCONN);
	EXPECT(!last_hazard());
	gntsim_close(a);
	gntsim_close(b);
	EXPECT(!last_hazard());
}

/* Xen gives the number to the very file that has it, which then finds none of its ports. */
static void a_refused_port_forgets_the_others(void)
{
	static const char forgets[] = "evtchn-refused-port-forgets-the-others";
	struct gntsim_file *a, *b;
	gntsim_port port = 1;

	restart_on_6_12();
	a = evtchn(fx.dom1);
	b = evtchn(fx.dom1);
	REQUIRE_EQ(gntsim_evtchn_bind_unbound(a, 1), 1);
	EXPECT_EQ(gntsim_evtchn_bind_static(a, 2), 0);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 2), -EEXIST);
	EXPECT(had_hazard(forgets));
	EXPECT_EQ(fx_totals().ports, 1);
	EXPECT_EQ(gntsim_evtchn_notify(a, 1), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 1), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_notify(a, 2), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 2), -ENOTCONN);
	/* An event comes once: what is written back is nobody's. */
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(b, 1, 1), 2);
	EXPECT_EQ(gntsim_evtchn_notify(b, 2), 0);
	EXPECT_EQ(read_one(a), 1);
	EXPECT_EQ(gntsim_evtchn_write(a, 4, &port), 4);
	EXPECT_EQ(gntsim_evtchn_notify(b, 2), 0);
	EXPECT(is_empty(a));
	/* The second to go does not crash: it knows of nothing to give up. */
	EXPECT(!last_hazard());
	gntsim_close(b);
	gntsim_close(a);
	EXPECT(!last_hazard());
	EXPECT_EQ(fx_totals().ports, 0);
}

static void static_ports_fill_the_ring(void)
{
	struct gntsim_file *a;

	restart_on_6_12();
	a = evtchn(fx.dom1);
	EXPECT_EQ(gntsim_evtchn_ring_size(a), 0);
	for (gntsim_port i = 0; i < 65; i++)
		EXPECT_EQ(gntsim_evtchn_bind_static(a, 900 + i), 0);
	EXPECT_EQ(gntsim_evtchn_ring_size(a), 128);
	gntsim_close(a);
}

/* Whose port it is shows in what the kernel says: it warns, and the second to go crashes it. */
static void static_ports_of_others(void)
{
	static const char shared[] = "evtchn-bind-static-of-a-bound-port";
	static const char lost[] = "evtchn-unbind-of-a-lost-port";
	struct gntsim_file *a, *b;

	restart_on_6_12();
	a = evtchn(fx.dom1);
	b = evtchn(fx.dom1);
	REQUIRE_EQ(gntsim_port_alloc_unbound(fx.dom1, 2), 1);
	EXPECT_EQ(gntsim_evtchn_bind_static(a, 1), -EBUSY);
	EXPECT(had_hazard("evtchn-bind-static-of-a-kernels-port"));
	REQUIRE_EQ(gntsim_evtchn_bind_unbound(a, 2), 2);
	EXPECT_EQ(gntsim_evtchn_bind_static(b, 2), 0);
	EXPECT(had_hazard(shared));
	EXPECT_EQ(gntsim_evtchn_unbind(b, 2), 0);
	EXPECT(!last_hazard());
	EXPECT_EQ(gntsim_evtchn_unbind(a, 2), 0);
	EXPECT(had_hazard(lost));
	/* The other way around, and with numbers that are no port yet. */
	EXPECT_EQ(gntsim_evtchn_bind_static(a, 2), 0);
	REQUIRE_EQ(gntsim_evtchn_bind_unbound(b, 2), 2);
	EXPECT(had_hazard(shared));
	gntsim_close(b);
	EXPECT(!last_hazard());
	EXPECT_EQ(gntsim_evtchn_unbind(a, 2), 0);
	EXPECT(had_hazard(lost));
	b = evtchn(fx.dom1);
	EXPECT_EQ(gntsim_evtchn_bind_static(a, 999), 0);
	EXPECT_EQ(gntsim_evtchn_bind_static(b, 999), 0);
	EXPECT(had_hazard(shared));
	gntsim_close(a);
	EXPECT(!last_hazard());
	gntsim_close(b);
	EXPECT(had_hazard(lost));
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), 0);
}

static void static_ports_of_a_dying_domain(void)
{
	struct gntsim_file *a, *b;

	restart_on_6_12();
	a = evtchn(fx.dom1);
	b = evtchn(fx.dom1);
	REQUIRE_EQ(gntsim_evtchn_bind_unbound(a, 2), 1);
	EXPECT_EQ(gntsim_evtchn_bind_static(b, 1), 0);
	fx_drain();
	gntsim_domain_destroy(fx.dom1);
	EXPECT(!last_hazard());
	gntsim_close(a);
	gntsim_close(b);
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
	    {"events coalesce", events_coalesce},
	    {"written back before read", written_back_before_read},
	    {"write counts", write_counts},
	    {"read counts", read_counts},
	    {"peek takes nothing", peek_takes_nothing},
	    {"ring grows", ring_grows},
	    {"ring does not shrink", ring_does_not_shrink},
	    {"overflow", overflow},
	    {"overflow loses the event", overflow_loses_the_event},
	    {"reset enables nothing", reset_enables_nothing},
	    {"entries stay after unbind", entries_stay_after_unbind},
	    {"reused port gets its own entry", reused_port_gets_its_own_entry},
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
	    {"overflow by binding again", overflow_by_binding_again},
	    {"static ports", static_ports},
	    {"a refused port forgets the others", a_refused_port_forgets_the_others},
	    {"static ports fill the ring", static_ports_fill_the_ring},
	    {"static ports of others", static_ports_of_others},
	    {"static ports of a dying domain", static_ports_of_a_dying_domain},
	};

	return UNIT_MAIN("evtchn", tests);
}
