/* SPDX-License-Identifier: MIT */
/* Xen's event channels as a kernel calls them. Rules: xen/common/event_channel.c. */
#include "support/fixture.h"

static struct gntsim_port_status status(struct gntsim_domain *dom, gntsim_port port)
{
	struct gntsim_port_status st = {.state = GNTSIM_PORT_FREE};

	EXPECT_EQ(gntsim_port_status(dom, port, &st), 0);
	return st;
}

/* alloc_unbound takes the lowest free port; port 0 is none; a closed one is used again at once. */
static void the_lowest_free_port(void)
{
	for (int port = 1; port <= 5; port++)
		EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom1, 2), port);
	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom2, 1), 1);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 4), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 2), 0);
	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom1, 2), 2);
	EXPECT_EQ(gntsim_port_bind_virq(fx.dom1, 4), 4);
	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom1, 2), 6);
	EXPECT_EQ(fx_totals().ports, 7);
	for (gntsim_port port = 1; port <= 6; port++)
		EXPECT_EQ(gntsim_port_close(fx.dom1, port), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom2, 1), 0);
}

/* A port that evtchn has is not the kernel's to close. */
static void evtchns_ports_stay(void)
{
	struct gntsim_file *file = fx_open(fx.dom1, GNTSIM_DEV_EVTCHN);

	REQUIRE_EQ(gntsim_evtchn_bind_unbound(file, 2), 1);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), -EINVAL);
	EXPECT_EQ(status(fx.dom1, 1).state, GNTSIM_PORT_UNBOUND);
	EXPECT_EQ(gntsim_evtchn_unbind(file, 1), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), -EINVAL);
	gntsim_close(file);
}

/* An event on a kernel's port is told of if it is listened to, once, until it is taken. */
static void listening(void)
{
	int there = gntsim_port_alloc_unbound(fx.dom1, 2);
	int here = gntsim_port_bind_interdomain(fx.dom2, 1, (gntsim_port)there);
	struct gntsim_effect e;

	EXPECT_EQ(gntsim_port_send(fx.dom2, (gntsim_port)here), 0);
	EXPECT(!gntsim_next_effect(fx.m, &e));
	EXPECT_EQ(gntsim_port_listen(fx.dom1, 77), -EINVAL);
	EXPECT_EQ(gntsim_port_listen(fx.dom1, (gntsim_port)there), 0);
	EXPECT_EQ(gntsim_port_send(fx.dom2, (gntsim_port)here), 0);
	EXPECT_EQ(gntsim_port_send(fx.dom2, (gntsim_port)here), 0);
	REQUIRE(gntsim_next_effect(fx.m, &e));
	EXPECT_EQ(e.kind, GNTSIM_EFFECT_KERNEL_EVENT);
	EXPECT(e.dom == fx.dom1);
	EXPECT(!gntsim_next_effect(fx.m, &e));
	EXPECT_EQ(gntsim_port_set_masked(fx.dom1, (gntsim_port)there, true), 0);
	EXPECT_EQ(gntsim_port_send(fx.dom2, (gntsim_port)here), 0);
	EXPECT(!gntsim_next_effect(fx.m, &e));
	EXPECT_EQ(gntsim_port_close(fx.dom1, (gntsim_port)there), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom2, (gntsim_port)here), 0);
	/* The next with its number is another. */
	there = gntsim_port_alloc_unbound(fx.dom1, 2);
	here = gntsim_port_bind_interdomain(fx.dom2, 1, (gntsim_port)there);
	EXPECT_EQ(gntsim_port_send(fx.dom2, (gntsim_port)here), 0);
	EXPECT(!gntsim_next_effect(fx.m, &e));
	EXPECT_EQ(gntsim_port_close(fx.dom1, (gntsim_port)there), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom2, (gntsim_port)here), 0);
}

/* The remote domain is not validated; DOMID_SELF means the caller. */
static void unbound_for_anybody(void)
{
	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom1, 12345), 1);
	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom1, GNTSIM_DOMID_SELF), 2);
	EXPECT_EQ(status(fx.dom1, 1).state, GNTSIM_PORT_UNBOUND);
	EXPECT_EQ(status(fx.dom1, 1).remote_domid, 12345);
	EXPECT_EQ(status(fx.dom1, 2).remote_domid, 1);
	EXPECT(!status(fx.dom1, 2).pending);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 2), 0);
	EXPECT_EQ(status(fx.dom1, 1).state, GNTSIM_PORT_FREE);
}

/* bind_interdomain sets the binder's port pending, not the other. */
static void bind_interdomain(void)
{
	int there = gntsim_port_alloc_unbound(fx.dom1, 2), here;
	struct gntsim_port_status st;

	REQUIRE_EQ(there, 1);
	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom2, 1), 1);
	here = gntsim_port_bind_interdomain(fx.dom2, 1, 1);
	REQUIRE_EQ(here, 2);
	st = status(fx.dom2, 2);
	EXPECT_EQ(st.state, GNTSIM_PORT_INTERDOMAIN);
	EXPECT_EQ(st.remote_domid, 1);
	EXPECT_EQ(st.remote_port, 1);
	EXPECT(st.pending);
	st = status(fx.dom1, 1);
	EXPECT_EQ(st.state, GNTSIM_PORT_INTERDOMAIN);
	EXPECT_EQ(st.remote_domid, 2);
	EXPECT_EQ(st.remote_port, 2);
	EXPECT(!st.pending);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom2, 2), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom2, 1), 0);
}

/* In order: no such domain, no free port, then everything about the remote port. */
static void bind_interdomain_errors(void)
{
	const struct gntsim_domain_config c = {.max_ports = 3};
	struct fx_config config = {.domain = {NULL, &c, NULL}};

	fx_restart(&config);
	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom2, 0), 1);
	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom2, 1), 2);
	EXPECT_EQ(gntsim_port_bind_interdomain(fx.dom1, 99, 1), -ESRCH);
	EXPECT_EQ(gntsim_port_bind_interdomain(fx.dom1, 2, 0), -EINVAL);
	EXPECT_EQ(gntsim_port_bind_interdomain(fx.dom1, 2, 1), -EINVAL);
	EXPECT_EQ(gntsim_port_bind_interdomain(fx.dom1, 2, 3), -EINVAL);
	EXPECT_EQ(gntsim_port_bind_interdomain(fx.dom1, 2, UINT32_MAX), -EINVAL);
	EXPECT_EQ(fx_totals().ports, 2);
	EXPECT_EQ(gntsim_port_bind_interdomain(fx.dom1, 2, 2), 1);
	EXPECT_EQ(gntsim_port_bind_interdomain(fx.dom1, 2, 2), -EINVAL);
	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom1, 2), 2);
	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom1, 2), -ENOSPC);
	EXPECT_EQ(gntsim_port_bind_interdomain(fx.dom1, 99, 1), -ESRCH);
	EXPECT_EQ(gntsim_port_bind_interdomain(fx.dom1, 2, 0), -ENOSPC);
	EXPECT_EQ(gntsim_port_bind_interdomain(fx.dom1, 2, 1), -ENOSPC);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 2), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom2, 1), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom2, 2), 0);
}

/* A domain may bind to itself. */
static void loopback(void)
{
	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom1, 1), 1);
	EXPECT_EQ(gntsim_port_bind_interdomain(fx.dom1, GNTSIM_DOMID_SELF, 1), 2);
	EXPECT_EQ(gntsim_port_clear_pending(fx.dom1, 2), 0);
	EXPECT_EQ(gntsim_port_send(fx.dom1, 1), 0);
	EXPECT(status(fx.dom1, 2).pending);
	EXPECT(!status(fx.dom1, 1).pending);
	EXPECT_EQ(gntsim_port_send(fx.dom1, 2), 0);
	EXPECT(status(fx.dom1, 1).pending);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), 0);
	EXPECT_EQ(status(fx.dom1, 2).state, GNTSIM_PORT_UNBOUND);
	EXPECT_EQ(status(fx.dom1, 2).remote_domid, 1);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 2), 0);
}

static void send_sets_the_peer_pending(void)
{
	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom1, 2), 1);
	EXPECT_EQ(gntsim_port_send(fx.dom1, 1), 0);
	EXPECT_EQ(gntsim_port_bind_interdomain(fx.dom2, 1, 1), 1);
	EXPECT_EQ(gntsim_port_send(fx.dom2, 1), 0);
	EXPECT(status(fx.dom1, 1).pending);
	EXPECT_EQ(gntsim_port_clear_pending(fx.dom1, 1), 0);
	EXPECT(!status(fx.dom1, 1).pending);
	EXPECT_EQ(gntsim_port_send(fx.dom2, 1), 0);
	EXPECT_EQ(gntsim_port_send(fx.dom2, 1), 0);
	EXPECT(status(fx.dom1, 1).pending);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom2, 1), 0);
}

static void send_errors(void)
{
	const struct gntsim_domain_config c = {.max_ports = 8};
	struct fx_config config = {.domain = {NULL, &c, NULL}};

	fx_restart(&config);
	EXPECT_EQ(gntsim_port_bind_virq(fx.dom1, 5), 1);
	EXPECT_EQ(gntsim_port_send(fx.dom1, 1), -EINVAL);
	EXPECT_EQ(gntsim_port_send(fx.dom1, 0), -EINVAL);
	EXPECT_EQ(gntsim_port_send(fx.dom1, 2), -EINVAL);
	EXPECT_EQ(gntsim_port_send(fx.dom1, 8), -EINVAL);
	EXPECT_EQ(gntsim_port_send(fx.dom1, UINT32_MAX), -EINVAL);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), 0);
}

/* Closing one end: the other is unbound for the same domain again, without an event, and can be
 * bound anew. A port that comes back into use is not pending. */
static void close_and_bind_again(void)
{
	struct gntsim_port_status st;

	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom1, 2), 1);
	EXPECT_EQ(gntsim_port_bind_interdomain(fx.dom2, 1, 1), 1);
	EXPECT_EQ(gntsim_port_close(fx.dom2, 1), 0);
	st = status(fx.dom1, 1);
	EXPECT_EQ(st.state, GNTSIM_PORT_UNBOUND);
	EXPECT_EQ(st.remote_domid, 2);
	EXPECT(!st.pending);
	EXPECT_EQ(gntsim_port_bind_interdomain(fx.dom0, 1, 1), -EINVAL);
	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom2, 1), 1);
	EXPECT(!status(fx.dom2, 1).pending);
	EXPECT_EQ(gntsim_port_bind_interdomain(fx.dom2, 1, 1), 2);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), 0);
	st = status(fx.dom2, 2);
	EXPECT_EQ(st.state, GNTSIM_PORT_UNBOUND);
	EXPECT_EQ(st.remote_domid, 1);
	EXPECT(st.pending);
	EXPECT_EQ(gntsim_port_close(fx.dom2, 1), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom2, 2), 0);
}

static void close_errors(void)
{
	EXPECT_EQ(gntsim_port_close(fx.dom1, 0), -EINVAL);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), -EINVAL);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 131072), -EINVAL);
	EXPECT_EQ(gntsim_port_close(fx.dom1, UINT32_MAX), -EINVAL);
	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom1, 2), 1);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), -EINVAL);
}

static void virqs(void)
{
	struct gntsim_port_status st;

	EXPECT_EQ(gntsim_port_bind_virq(fx.dom1, 24), -EINVAL);
	EXPECT_EQ(gntsim_port_bind_virq(fx.dom1, UINT32_MAX), -EINVAL);
	EXPECT_EQ(gntsim_port_bind_virq(fx.dom1, 23), 1);
	EXPECT_EQ(gntsim_port_bind_virq(fx.dom1, 23), -EEXIST);
	EXPECT_EQ(gntsim_port_bind_virq(fx.dom2, 23), 1);
	st = status(fx.dom1, 1);
	EXPECT_EQ(st.state, GNTSIM_PORT_VIRQ);
	EXPECT_EQ(st.virq, 23);
	EXPECT(!st.pending);
	gntsim_raise_virq(fx.dom1, 22);
	gntsim_raise_virq(fx.dom1, 24);
	EXPECT(!status(fx.dom1, 1).pending);
	gntsim_raise_virq(fx.dom1, 23);
	EXPECT(status(fx.dom1, 1).pending);
	EXPECT(!status(fx.dom2, 1).pending);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), 0);
	gntsim_raise_virq(fx.dom1, 23);
	EXPECT_EQ(gntsim_port_bind_virq(fx.dom1, 23), 1);
	EXPECT(!status(fx.dom1, 1).pending);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom2, 1), 0);
}

/* bind_virq: a bad number, then one in use, then no port. */
static void bind_virq_errors_in_order(void)
{
	const struct gntsim_domain_config c = {.max_ports = 2};
	struct fx_config config = {.domain = {NULL, &c, NULL}};

	fx_restart(&config);
	EXPECT_EQ(gntsim_port_bind_virq(fx.dom1, 2), 1);
	EXPECT_EQ(gntsim_port_bind_virq(fx.dom1, 24), -EINVAL);
	EXPECT_EQ(gntsim_port_bind_virq(fx.dom1, 0), -EEXIST);
	EXPECT_EQ(gntsim_port_bind_virq(fx.dom1, 1), -ENOSPC);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), 0);
}

/* A masked port becomes pending all the same. */
static void masks(void)
{
	EXPECT_EQ(gntsim_port_bind_virq(fx.dom1, 6), 1);
	EXPECT_EQ(gntsim_port_set_masked(fx.dom1, 1, true), 0);
	EXPECT(status(fx.dom1, 1).masked);
	gntsim_raise_virq(fx.dom1, 6);
	EXPECT(status(fx.dom1, 1).pending);
	EXPECT_EQ(gntsim_port_set_masked(fx.dom1, 1, false), 0);
	EXPECT(!status(fx.dom1, 1).masked);
	EXPECT(status(fx.dom1, 1).pending);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_EVENT), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), 0);
}

static void status_of_a_bad_port(void)
{
	const struct gntsim_domain_config c = {.max_ports = 8};
	struct fx_config config = {.domain = {NULL, &c, NULL}};
	struct gntsim_port_status st;

	fx_restart(&config);
	EXPECT_EQ(gntsim_port_status(fx.dom1, 8, &st), -EINVAL);
	EXPECT_EQ(gntsim_port_status(fx.dom1, UINT32_MAX, &st), -EINVAL);
	EXPECT_EQ(gntsim_port_set_masked(fx.dom1, 8, true), -EINVAL);
	EXPECT_EQ(gntsim_port_clear_pending(fx.dom1, 8), -EINVAL);
	EXPECT_EQ(status(fx.dom1, 7).state, GNTSIM_PORT_FREE);
}

/* Kernel ports and the ports of evtchn files are numbered in one table, but no file sees the
 * kernel's. */
static void kernel_ports_are_not_the_files(void)
{
	struct gntsim_file *evtchn = fx_open(fx.dom1, GNTSIM_DEV_EVTCHN);

	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom1, 2), 1);
	EXPECT_EQ(gntsim_evtchn_bind_unbound(evtchn, 2), 2);
	EXPECT_EQ(gntsim_evtchn_notify(evtchn, 1), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_unbind(evtchn, 1), -ENOTCONN);
	EXPECT_EQ(gntsim_port_bind_interdomain(fx.dom2, 1, 1), 1);
	EXPECT_EQ(gntsim_port_send(fx.dom2, 1), 0);
	EXPECT_EQ(fx_events(evtchn), 0);
	gntsim_close(evtchn);
	EXPECT_EQ(fx_totals().ports, 2);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom2, 1), 0);
}

/* 131071 ports, then ENOSPC; the lowest freed one comes first again. */
static void a_full_table_of_ports(void)
{
	for (int port = 1; port < 131072; port++)
		REQUIRE_EQ(gntsim_port_alloc_unbound(fx.dom1, 2), port);
	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom1, 2), -ENOSPC);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 100000), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 31), 0);
	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom1, 2), 31);
	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom1, 2), 100000);
	EXPECT_EQ(gntsim_port_alloc_unbound(fx.dom1, 2), -ENOSPC);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	for (gntsim_port port = 1; port < 131072; port++)
		EXPECT_EQ(gntsim_port_close(fx.dom1, port), 0);
}

/* VIRQs that a Linux kernel has bound for itself: timer, console, PCPU state and machine check in domain
 * 0, the timer elsewhere (measured), or what the configuration says. */
static void virqs_of_the_kernel(void)
{
	const uint32_t some = 1u << 5 | 1u << 23, none = 0;
	const struct gntsim_domain_config c0 = {.kernel_virqs = &none};
	const struct gntsim_domain_config c1 = {.kernel_virqs = &some};
	struct fx_config config = {.domain = {&c0, &c1, NULL}};
	int expected = 1;

	for (uint32_t virq = 0; virq < 24; virq++) {
		bool taken = virq == 0 || virq == 2 || virq == 9 || virq == 16;

		EXPECT_EQ(gntsim_port_bind_virq(fx.dom0, virq), taken ? -EEXIST : expected);
		expected += !taken;
		EXPECT_EQ(gntsim_port_bind_virq(fx.dom1, virq), virq ? (int)virq : -EEXIST);
	}
	EXPECT_EQ(gntsim_port_bind_virq(fx.dom0, 24), -EINVAL);
	gntsim_raise_virq(fx.dom0, 0);
	for (gntsim_port port = 1; port < (gntsim_port)expected; port++)
		EXPECT_EQ(gntsim_port_close(fx.dom0, port), 0);
	for (gntsim_port port = 1; port <= 23; port++)
		EXPECT_EQ(gntsim_port_close(fx.dom1, port), 0);
	fx_restart(&config);
	EXPECT_EQ(gntsim_port_bind_virq(fx.dom0, 0), 1);
	EXPECT_EQ(gntsim_port_bind_virq(fx.dom1, 5), -EEXIST);
	EXPECT_EQ(gntsim_port_bind_virq(fx.dom1, 23), -EEXIST);
	EXPECT_EQ(gntsim_port_bind_virq(fx.dom1, 0), 1);
	EXPECT_EQ(gntsim_port_close(fx.dom0, 1), 0);
	EXPECT_EQ(gntsim_port_close(fx.dom1, 1), 0);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"the lowest free port", the_lowest_free_port},
	    {"unbound for anybody", unbound_for_anybody},
	    {"bind interdomain", bind_interdomain},
	    {"bind interdomain errors", bind_interdomain_errors},
	    {"loopback", loopback},
	    {"send sets the peer pending", send_sets_the_peer_pending},
	    {"send errors", send_errors},
	    {"listening", listening},
	    {"close and bind again", close_and_bind_again},
	    {"close errors", close_errors},
	    {"virqs", virqs},
	    {"bind virq errors in order", bind_virq_errors_in_order},
	    {"masks", masks},
	    {"status of a bad port", status_of_a_bad_port},
	    {"kernel ports are not the files'", kernel_ports_are_not_the_files},
	    {"a full table of ports", a_full_table_of_ports},
	    {"evtchn's ports stay", evtchns_ports_stay},
	    {"virqs of the kernel", virqs_of_the_kernel},
	};

	return UNIT_MAIN("event_channel", tests);
}
