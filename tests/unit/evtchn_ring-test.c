/* SPDX-License-Identifier: MIT */
/* The ring of an evtchn file: what is queued, what overflows. Rules: drivers/xen/evtchn.c. */
#include "support/events.h"
#include "support/fixture.h"

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

int main(void)
{
	static const struct unit_test tests[] = {
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
	    {"overflow by binding again", overflow_by_binding_again},
	};

	return UNIT_MAIN("evtchn ring", tests);
}
