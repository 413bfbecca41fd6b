/* SPDX-License-Identifier: MIT */
/* BIND_STATIC, Linux 6.5 on. Rules: drivers/xen/evtchn.c. */
#include "support/events.h"
#include "support/fixture.h"

static void restart_on_6_12(void)
{
	static const struct gntsim_domain_config c = {.kernel = GNTSIM_KERNEL_6_12};

	fx_restart(&(struct fx_config){.domain = {&c, &c, NULL}});
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
	EXPECT(fx_drain_hazard(NULL));
	gntsim_close(a);
	gntsim_close(b);
	EXPECT(fx_drain_hazard(NULL));
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
	EXPECT(fx_drain_hazard(forgets));
	EXPECT_EQ(fx_totals().ports, 1);
	EXPECT_EQ(gntsim_evtchn_notify(a, 1), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 1), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_notify(a, 2), -ENOTCONN);
	EXPECT_EQ(gntsim_evtchn_unbind(a, 2), -ENOTCONN);
	/* An event comes once: what is written back is nobody's. */
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(b, 1, 1), 2);
	/* Its interrupt is the first one's still. */
	EXPECT(fx_drain_hazard("evtchn-bind-static-of-a-bound-port"));
	EXPECT_EQ(gntsim_evtchn_notify(b, 2), 0);
	EXPECT_EQ(read_one(a), 1);
	EXPECT_EQ(gntsim_evtchn_write(a, 4, &port), 4);
	EXPECT_EQ(gntsim_evtchn_notify(b, 2), 0);
	EXPECT(is_empty(a));
	/* The second to go does not crash: it knows of nothing to give up. */
	EXPECT(fx_drain_hazard(NULL));
	gntsim_close(b);
	gntsim_close(a);
	EXPECT(fx_drain_hazard(NULL));
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
	EXPECT(fx_drain_hazard("evtchn-bind-static-of-a-kernels-port"));
	REQUIRE_EQ(gntsim_evtchn_bind_unbound(a, 2), 2);
	EXPECT_EQ(gntsim_evtchn_bind_static(b, 2), 0);
	EXPECT(fx_drain_hazard(shared));
	EXPECT_EQ(gntsim_evtchn_unbind(b, 2), 0);
	EXPECT(fx_drain_hazard(NULL));
	EXPECT_EQ(gntsim_evtchn_unbind(a, 2), 0);
	EXPECT(fx_drain_hazard(lost));
	/* The other way around, and with numbers that are no port yet. */
	EXPECT_EQ(gntsim_evtchn_bind_static(a, 2), 0);
	REQUIRE_EQ(gntsim_evtchn_bind_unbound(b, 2), 2);
	EXPECT(fx_drain_hazard(shared));
	gntsim_close(b);
	EXPECT(fx_drain_hazard(NULL));
	EXPECT_EQ(gntsim_evtchn_unbind(a, 2), 0);
	EXPECT(fx_drain_hazard(lost));
	b = evtchn(fx.dom1);
	EXPECT_EQ(gntsim_evtchn_bind_static(a, 999), 0);
	EXPECT_EQ(gntsim_evtchn_bind_static(b, 999), 0);
	EXPECT(fx_drain_hazard(shared));
	gntsim_close(a);
	EXPECT(fx_drain_hazard(NULL));
	gntsim_close(b);
	EXPECT(fx_drain_hazard(lost));
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
	EXPECT(fx_drain_hazard(NULL));
	gntsim_close(a);
	gntsim_close(b);
}

/* Whose interrupt is lost is looked for among the domain's files, of which not all are of this device. */
static void static_ports_and_other_files(void)
{
	struct gntsim_file *alloc, *dev, *a, *b;
	uint64_t index;

	restart_on_6_12();
	a = evtchn(fx.dom1);
	alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	dev = fx_open(fx.dom1, GNTSIM_DEV_GNTDEV);
	b = evtchn(fx.dom1);
	(void)fx_map(dev, 1, fx_alloc(alloc, 1, &index));
	EXPECT_EQ(gntsim_evtchn_bind_static(b, 999), 0);
	/* One at a time needs no more room, however many there were. */
	for (unsigned i = 0; i < 3000; i++) {
		REQUIRE_EQ(gntsim_evtchn_bind_static(a, 7), 0);
		REQUIRE_EQ(gntsim_evtchn_unbind(a, 7), 0);
	}
	EXPECT_EQ(gntsim_evtchn_bind_static(a, 7), 0);
	EXPECT_EQ(gntsim_evtchn_ring_size(a), gntsim_evtchn_ring_size(b));
	EXPECT(fx_drain_hazard(NULL));
	gntsim_close(a);
	gntsim_close(b);
	gntsim_close(dev);
	gntsim_close(alloc);
}

struct seen {
	const struct gntsim_file *files[8];
	gntsim_port ports[8];
	unsigned n, most;
};

static bool see(void *ctx, const struct gntsim_file *file, gntsim_port port)
{
	struct seen *s = ctx;

	s->files[s->n] = file;
	s->ports[s->n++] = port;
	return s->n < s->most;
}

/* Each once, and no more when nobody wants any. */
static void static_ports_are_visited(void)
{
	struct gntsim_file *other, *a, *b, *none;
	struct seen all = {.most = 8}, one = {.most = 1};

	restart_on_6_12();
	gntsim_for_each_static_port(fx.m, see, &all);
	EXPECT_EQ(all.n, 0);
	other = fx_open(fx.dom1, GNTSIM_DEV_GNTDEV);
	a = evtchn(fx.dom1);
	b = evtchn(fx.dom0);
	none = evtchn(fx.dom1);
	EXPECT_EQ(gntsim_evtchn_bind_static(a, 20), 0);
	EXPECT_EQ(gntsim_evtchn_bind_static(a, 21), 0);
	EXPECT_EQ(gntsim_evtchn_bind_static(b, 20), 0);
	gntsim_for_each_static_port(fx.m, see, &all);
	REQUIRE_EQ(all.n, 3);
	for (unsigned i = 0; i < all.n; i++)
		EXPECT(all.files[i] == (all.ports[i] == 21 ? a : i == 0 ? b : a));
	EXPECT_EQ(all.ports[0] + all.ports[1] + all.ports[2], 61);
	gntsim_for_each_static_port(fx.m, see, &one);
	EXPECT_EQ(one.n, 1);
	gntsim_close(none);
	gntsim_close(b);
	gntsim_close(a);
	gntsim_close(other);
}

/* Two evtchn files of one domain, and a gntalloc file with two pages. */
static struct notified {
	struct gntsim_file *a, *b, *alloc;
	uint64_t one, two;
} notified_pages(void)
{
	struct notified n;

	restart_on_6_12();
	n.a = evtchn(fx.dom1);
	n.b = evtchn(fx.dom1);
	n.alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	fx_alloc(n.alloc, 0, &n.one);
	fx_alloc(n.alloc, 0, &n.two);
	return n;
}

static int notify_by(struct gntsim_file *alloc, uint64_t index, gntsim_port port)
{
	int rc = gntsim_gntalloc_set_unmap_notify(alloc, index, port ? 2 : 0, port);

	EXPECT(!gntsim_machine_check(fx.m));
	return rc;
}

/* A notification holds the number of a static port, with the file and without it. */
static void static_ports_are_notified(void)
{
	struct notified n = notified_pages();

	EXPECT_EQ(notify_by(n.alloc, n.one, 999), -EINVAL);
	EXPECT_EQ(gntsim_evtchn_bind_static(n.a, 999), 0);
	EXPECT_EQ(notify_by(n.alloc, n.one, 999), 0);
	EXPECT_EQ(notify_by(n.alloc, n.one, 999), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(n.a, 999), 0);
	EXPECT(!gntsim_machine_check(fx.m));
	EXPECT_EQ(notify_by(n.alloc, n.two, 999), 0);
	EXPECT_EQ(notify_by(n.alloc, n.one, 0), 0);
	EXPECT(fx_drain_hazard(NULL));
	/* Whoever binds it meanwhile shares it, and what each holds is its own. */
	EXPECT_EQ(gntsim_evtchn_bind_static(n.b, 999), 0);
	EXPECT(fx_drain_hazard("evtchn-bind-static-of-a-bound-port"));
	EXPECT_EQ(notify_by(n.alloc, n.two, 0), 0);
	EXPECT_EQ(notify_by(n.alloc, n.one, 999), 0);
	EXPECT_EQ(notify_by(n.alloc, n.one, 0), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(n.b, 999), 0);
	EXPECT_EQ(notify_by(n.alloc, n.one, 999), -EINVAL);
	EXPECT(fx_drain_hazard(NULL));
	gntsim_close(n.a);
	gntsim_close(n.b);
	gntsim_close(n.alloc);
}

/* What a notification lets go is its own: another file's part of the number, or another number, stays. */
static void notified_numbers_of_two_files(void)
{
	struct notified n = notified_pages();

	EXPECT_EQ(gntsim_evtchn_bind_static(n.b, 999), 0);
	EXPECT_EQ(notify_by(n.alloc, n.one, 999), 0);
	EXPECT_EQ(gntsim_evtchn_bind_static(n.a, 999), 0);
	EXPECT(fx_drain_hazard("evtchn-bind-static-of-a-bound-port"));
	REQUIRE_EQ(gntsim_evtchn_bind_unbound(n.b, 2), 1);
	EXPECT_EQ(notify_by(n.alloc, n.two, 1), 0);
	EXPECT_EQ(notify_by(n.alloc, n.two, 0), 0);
	EXPECT_EQ(fx_totals().ports, 1);
	EXPECT_EQ(notify_by(n.alloc, n.one, 0), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(n.a, 999), 0);
	EXPECT_EQ(gntsim_evtchn_notify(n.b, 999), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(n.b, 999), 0);
	EXPECT_EQ(notify_by(n.alloc, n.one, 999), -EINVAL);
	EXPECT(fx_drain_hazard("evtchn-unbind-of-a-lost-port"));
	gntsim_close(n.a);
	gntsim_close(n.b);
	gntsim_close(n.alloc);
}

/* The next port that Xen gives is the number that a notification holds; each is held by its own. */
static void notified_numbers_and_ports(void)
{
	struct notified n = notified_pages();

	EXPECT_EQ(gntsim_evtchn_bind_static(n.a, 1), 0);
	EXPECT_EQ(notify_by(n.alloc, n.one, 1), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(n.a, 1), 0);
	EXPECT(fx_drain_hazard(NULL));
	EXPECT_EQ(gntsim_evtchn_bind_unbound(n.b, 2), 1);
	EXPECT(fx_drain_hazard("evtchn-bind-static-of-a-bound-port"));
	EXPECT_EQ(notify_by(n.alloc, n.two, 1), 0);
	gntsim_close(n.b);
	EXPECT_EQ(notify_by(n.alloc, n.one, 0), 0);
	EXPECT_EQ(fx_totals().ports, 1);
	EXPECT_EQ(notify_by(n.alloc, n.two, 0), 0);
	EXPECT_EQ(fx_totals().ports, 0);
	gntsim_close(n.alloc);
	gntsim_close(n.a);
}

/* What only a notification keeps goes with its domain; and what both hold. */
static void notified_numbers_of_a_dying_domain(void)
{
	struct notified n = notified_pages();

	EXPECT_EQ(gntsim_evtchn_bind_static(n.a, 998), 0);
	EXPECT_EQ(gntsim_evtchn_bind_static(n.a, 999), 0);
	EXPECT_EQ(notify_by(n.alloc, n.one, 998), 0);
	EXPECT_EQ(notify_by(n.alloc, n.two, 999), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(n.a, 999), 0);
	gntsim_domain_destroy(fx.dom1);
	EXPECT(!gntsim_machine_check(fx.m));
	gntsim_close(n.alloc);
	gntsim_close(n.b);
	gntsim_close(n.a);
	EXPECT(!gntsim_machine_check(fx.m));
}

/* Port 0 is nobody's but the kernel's that has it. */
static void static_port_0(void)
{
	struct gntsim_file *a;

	restart_on_6_12();
	a = evtchn(fx.dom1);
	EXPECT_EQ(gntsim_evtchn_bind_static(a, 0), 0);
	EXPECT(fx_drain_hazard("evtchn-bind-static-of-port-0"));
	EXPECT_EQ(gntsim_evtchn_unbind(a, 0), 0);
	gntsim_close(a);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"static ports", static_ports},
	    {"a refused port forgets the others", a_refused_port_forgets_the_others},
	    {"static ports fill the ring", static_ports_fill_the_ring},
	    {"static ports of others", static_ports_of_others},
	    {"static ports and other files", static_ports_and_other_files},
	    {"static ports are visited", static_ports_are_visited},
	    {"static ports of a dying domain", static_ports_of_a_dying_domain},
	    {"static ports are notified", static_ports_are_notified},
	    {"notified numbers of two files", notified_numbers_of_two_files},
	    {"notified numbers and ports", notified_numbers_and_ports},
	    {"notified numbers of a dying domain", notified_numbers_of_a_dying_domain},
	    {"static port 0", static_port_0},
	};

	return UNIT_MAIN("evtchn static ports", tests);
}
