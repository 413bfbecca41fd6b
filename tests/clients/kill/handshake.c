/* SPDX-License-Identifier: MIT */
/*
 * One side of a vchan connection is killed after each of the device calls that the two sides make,
 * and, again, in the middle of each. The calls are libxenvchan's own, in its order, of a server
 * with a left and a right ring of two pages each; then one side closes and the other follows.
 *
 * What the survivor sees: the other's liveness byte cleared and the event, once, if the other had
 * set its unmap notification and had not given the page up itself; else nothing. Afterwards it can
 * still use what it has mapped; and when it ends too, the machine is empty.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define RW (PROT_READ | PROT_WRITE)

/* Each order of closing twice: more than five hundred kills, two thousand in the four placements. */
#ifndef ROUNDS
#define ROUNDS 4u
#endif

enum {
	CLI_LIVE = 20, /* offsets in the page, of struct vchan_interface */
	SRV_LIVE = 21,
	RING_PAGES = 2,
};

enum side { SERVER, CLIENT, NEITHER };
enum { LEFT, RIGHT };

struct end {
	struct peer *p;
	const struct stage_domain *domain;
	int gnt, evtchn, port; /* 0: not open */
	uint64_t index, rings_index[2];
	uint32_t ref, refs[2][RING_PAGES];
	long page, rings[2]; /* 0: not mapped */
	bool armed;          /* its notification is set and has not fired */
	bool listed;         /* the client's map: before UNMAP_GRANT_REF */
};

struct connection {
	struct end end[2];
};

static long open_gntalloc(struct connection *c)
{
	return c->end[SERVER].gnt = device_open(c->end[SERVER].p, "gntalloc");
}

static long open_gntdev(struct connection *c)
{
	return c->end[CLIENT].gnt = device_open(c->end[CLIENT].p, "gntdev");
}

static long open_evtchn(struct end *e)
{
	return e->evtchn = device_open(e->p, "evtchn");
}

static long server_open_evtchn(struct connection *c)
{
	return open_evtchn(&c->end[SERVER]);
}

static long client_open_evtchn(struct connection *c)
{
	return open_evtchn(&c->end[CLIENT]);
}

static long bind_unbound(struct connection *c)
{
	struct end *s = &c->end[SERVER];

	return s->port = evtchn_bind_unbound(s->p, s->evtchn, c->end[CLIENT].domain->id);
}

static long bind_interdomain(struct connection *c)
{
	struct end *k = &c->end[CLIENT];

	return k->port = evtchn_bind_interdomain(k->p, k->evtchn, c->end[SERVER].domain->id,
						 (uint32_t)c->end[SERVER].port);
}

static long unmask(struct end *e)
{
	return call_write(e->p, e->evtchn, &e->port, 4);
}

static long server_unmask(struct connection *c)
{
	return unmask(&c->end[SERVER]);
}

static long client_unmask(struct connection *c)
{
	return unmask(&c->end[CLIENT]);
}

static long alloc_page(struct connection *c)
{
	struct end *s = &c->end[SERVER];

	return gntalloc_alloc(s->p, s->gnt, c->end[CLIENT].domain->id, 1, 1, &s->index, &s->ref);
}

static long server_mmap_page(struct connection *c)
{
	struct end *s = &c->end[SERVER];

	return s->page = device_mmap(s->p, s->gnt, s->index, 1, RW);
}

static long server_notification(struct connection *c)
{
	struct end *s = &c->end[SERVER];
	long result = gntalloc_notify(s->p, s->gnt, s->index + SRV_LIVE, 3, (uint32_t)s->port);

	s->armed = true;
	return result;
}

static long dealloc_page(struct connection *c)
{
	struct end *s = &c->end[SERVER];
	long result = gntalloc_dealloc(s->p, s->gnt, s->index, 1);

	if (!result) {
		CHECK_IS(store_byte(s->p, s->page + CLI_LIVE, 2), 0);
		CHECK_IS(store_byte(s->p, s->page + SRV_LIVE, 1), 0);
	}
	return result;
}

static long alloc_ring(struct connection *c, int ring)
{
	struct end *s = &c->end[SERVER];

	return gntalloc_alloc(s->p, s->gnt, c->end[CLIENT].domain->id, 1, RING_PAGES,
			      &s->rings_index[ring], s->refs[ring]);
}

static long server_mmap_ring(struct connection *c, int ring)
{
	struct end *s = &c->end[SERVER];

	return s->rings[ring] = device_mmap(s->p, s->gnt, s->rings_index[ring], RING_PAGES, RW);
}

static long dealloc_ring(struct connection *c, int ring)
{
	struct end *s = &c->end[SERVER];

	return gntalloc_dealloc(s->p, s->gnt, s->rings_index[ring], RING_PAGES);
}

static long alloc_left(struct connection *c)
{
	return alloc_ring(c, LEFT);
}

static long server_mmap_left(struct connection *c)
{
	return server_mmap_ring(c, LEFT);
}

static long dealloc_left(struct connection *c)
{
	return dealloc_ring(c, LEFT);
}

static long alloc_right(struct connection *c)
{
	return alloc_ring(c, RIGHT);
}

static long server_mmap_right(struct connection *c)
{
	return server_mmap_ring(c, RIGHT);
}

static long dealloc_right(struct connection *c)
{
	return dealloc_ring(c, RIGHT);
}

static long map_refs(struct connection *c, const uint32_t *refs, uint32_t count, uint64_t *index)
{
	struct ioctl_gntdev_grant_ref grants[RING_PAGES] = {{0}};
	struct end *k = &c->end[CLIENT];

	for (uint32_t i = 0; i < count; i++)
		grants[i] = (struct ioctl_gntdev_grant_ref){c->end[SERVER].domain->id, refs[i]};
	return gntdev_map(k->p, k->gnt, count, grants, index);
}

static long map_page_ref(struct connection *c)
{
	struct end *k = &c->end[CLIENT];

	k->listed = true;
	return map_refs(c, &c->end[SERVER].ref, 1, &k->index);
}

static long client_mmap_page(struct connection *c)
{
	struct end *k = &c->end[CLIENT];

	return k->page = device_mmap(k->p, k->gnt, k->index, 1, RW);
}

static long client_notification(struct connection *c)
{
	struct end *k = &c->end[CLIENT];
	long result = gntdev_notify(k->p, k->gnt, k->index + CLI_LIVE, 3, (uint32_t)k->port);

	k->armed = true;
	return result;
}

static long map_left(struct connection *c)
{
	return map_refs(c, c->end[SERVER].refs[LEFT], RING_PAGES,
			&c->end[CLIENT].rings_index[LEFT]);
}

static long client_mmap_left(struct connection *c)
{
	struct end *k = &c->end[CLIENT];

	return k->rings[LEFT] = device_mmap(k->p, k->gnt, k->rings_index[LEFT], RING_PAGES, RW);
}

static long map_right(struct connection *c)
{
	return map_refs(c, c->end[SERVER].refs[RIGHT], RING_PAGES,
			&c->end[CLIENT].rings_index[RIGHT]);
}

static long client_mmap_right(struct connection *c)
{
	struct end *k = &c->end[CLIENT];
	long result = device_mmap(k->p, k->gnt, k->rings_index[RIGHT], RING_PAGES, PROT_READ);

	k->rings[RIGHT] = result;
	if (result > 0)
		CHECK_IS(store_byte(k->p, k->page + CLI_LIVE, 1), 0);
	return result;
}

static long notify(struct end *e)
{
	return evtchn_notify(e->p, e->evtchn, (uint32_t)e->port);
}

static long server_notify(struct connection *c)
{
	return notify(&c->end[SERVER]);
}

static long client_notify(struct connection *c)
{
	return notify(&c->end[CLIENT]);
}

/* A read that takes an event, if there is one to take. */
static long take(struct end *e)
{
	uint32_t port;

	if (call_poll(e->p, e->evtchn, 1, 0) == 0)
		return 0;
	return call_read(e->p, e->evtchn, &port, 4);
}

static long server_take(struct connection *c)
{
	return take(&c->end[SERVER]);
}

static long client_take(struct connection *c)
{
	return take(&c->end[CLIENT]);
}

static long unmap_ring(struct end *e, int ring)
{
	long addr = e->rings[ring];

	e->rings[ring] = 0;
	return call_munmap(e->p, addr, RING_PAGES * PAGE);
}

static long server_munmap_left(struct connection *c)
{
	return unmap_ring(&c->end[SERVER], LEFT);
}

static long server_munmap_right(struct connection *c)
{
	return unmap_ring(&c->end[SERVER], RIGHT);
}

static long client_munmap_left(struct connection *c)
{
	return unmap_ring(&c->end[CLIENT], LEFT);
}

static long client_munmap_right(struct connection *c)
{
	return unmap_ring(&c->end[CLIENT], RIGHT);
}

static long server_munmap_page(struct connection *c)
{
	struct end *s = &c->end[SERVER];
	long page = s->page;

	s->page = 0;
	s->armed = false;
	return call_munmap(s->p, page, PAGE);
}

static long client_offset(struct connection *c)
{
	struct end *k = &c->end[CLIENT];
	uint64_t offset;
	uint32_t count;

	return gntdev_offset(k->p, k->gnt, k->page, &offset, &count);
}

static long client_munmap_page(struct connection *c)
{
	struct end *k = &c->end[CLIENT];
	long page = k->page;

	k->page = 0;
	return call_munmap(k->p, page, PAGE);
}

static long client_unmap(struct connection *c)
{
	struct end *k = &c->end[CLIENT];

	k->listed = false;
	k->armed = false;
	return gntdev_unmap(k->p, k->gnt, k->index, 1);
}

static long close_evtchn(struct end *e)
{
	int fd = e->evtchn;

	e->evtchn = e->port = 0;
	return call_close(e->p, fd);
}

static long server_close_evtchn(struct connection *c)
{
	return close_evtchn(&c->end[SERVER]);
}

static long client_close_evtchn(struct connection *c)
{
	return close_evtchn(&c->end[CLIENT]);
}

static long close_gntalloc(struct connection *c)
{
	return call_close(c->end[SERVER].p, c->end[SERVER].gnt);
}

static long close_gntdev(struct connection *c)
{
	return call_close(c->end[CLIENT].p, c->end[CLIENT].gnt);
}

struct step {
	enum side side;
	long (*call)(struct connection *c);
	const char *name;
};

#define STEP(side, call)                                                                           \
	{                                                                                          \
		side, call, #call                                                                  \
	}

static const struct step setup[] = {
    STEP(SERVER, open_gntalloc),       STEP(SERVER, server_open_evtchn),
    STEP(SERVER, bind_unbound),        STEP(SERVER, server_unmask),
    STEP(SERVER, alloc_page),          STEP(SERVER, server_mmap_page),
    STEP(SERVER, server_notification), STEP(SERVER, dealloc_page),
    STEP(SERVER, alloc_left),          STEP(SERVER, server_mmap_left),
    STEP(SERVER, dealloc_left),        STEP(SERVER, alloc_right),
    STEP(SERVER, server_mmap_right),   STEP(SERVER, dealloc_right),
    STEP(CLIENT, open_gntdev),         STEP(CLIENT, client_open_evtchn),
    STEP(CLIENT, bind_interdomain),    STEP(CLIENT, client_unmask),
    STEP(CLIENT, map_page_ref),        STEP(CLIENT, client_mmap_page),
    STEP(CLIENT, client_notification), STEP(CLIENT, map_left),
    STEP(CLIENT, client_mmap_left),    STEP(CLIENT, map_right),
    STEP(CLIENT, client_mmap_right),   STEP(CLIENT, client_notify),
    STEP(SERVER, server_take),         STEP(SERVER, server_unmask),
    STEP(SERVER, server_notify),       STEP(CLIENT, client_take),
    STEP(CLIENT, client_unmask),       STEP(CLIENT, client_take),
    STEP(CLIENT, client_unmask),
};

static const struct step client_closes[] = {
    STEP(CLIENT, client_munmap_right), STEP(CLIENT, client_munmap_left),
    STEP(CLIENT, client_offset),       STEP(CLIENT, client_munmap_page),
    STEP(CLIENT, client_unmap),        STEP(CLIENT, client_notify),
    STEP(CLIENT, client_close_evtchn), STEP(CLIENT, close_gntdev),
};

static const struct step server_closes[] = {
    STEP(SERVER, server_munmap_left),  STEP(SERVER, server_munmap_right),
    STEP(SERVER, server_munmap_page),  STEP(SERVER, server_notify),
    STEP(SERVER, server_close_evtchn), STEP(SERVER, close_gntalloc),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
	STEPS = COUNT(setup) + COUNT(client_closes) + COUNT(server_closes),
};

static const struct step *step_at(unsigned n, bool server_first)
{
	const struct step *first = server_first ? server_closes : client_closes;
	const struct step *second = server_first ? client_closes : server_closes;
	unsigned n_first = server_first ? COUNT(server_closes) : COUNT(client_closes);

	if (n < COUNT(setup))
		return &setup[n];
	n -= (unsigned)COUNT(setup);
	return n < n_first ? &first[n] : &second[n - n_first];
}

/* Takes what events a side has and unmasks its port, so that just what comes from now on is
 * there. */
static void drain(struct end *e)
{
	uint32_t port;

	if (!e->port)
		return;
	CHECK_IS(unmask(e), 4);
	evtchn_settle(e->p, e->evtchn);
	while (call_poll(e->p, e->evtchn, 1, 0)) {
		CHECK_IS(call_read(e->p, e->evtchn, &port, 4), 4);
		CHECK_IS(call_write(e->p, e->evtchn, &port, 4), 4);
		evtchn_settle(e->p, e->evtchn);
	}
}

/* What the survivor sees, once the victim is gone. */
static void survive(struct end *survivor, const struct end *victim, enum side killed, int byte)
{
	long live = survivor->page + (killed == SERVER ? SRV_LIVE : CLI_LIVE);

	if (victim->armed && survivor->port)
		CHECK_IS(evtchn_take(survivor->p, survivor->evtchn), survivor->port);
	MACHINE_AWAIT(files, (survivor->gnt ? 1 : 0) + (survivor->evtchn ? 1 : 0));
	if (survivor->evtchn)
		evtchn_quiet(survivor->p, survivor->evtchn);
	if (survivor->page) {
		CHECK_IS(load_byte(survivor->p, live), victim->armed ? 0 : byte);
		CHECK_IS(store_byte(survivor->p, survivor->page + 100, 1), 0);
	}
}

static bool ends_file(const struct step *step)
{
	return step->call == close_gntalloc || step->call == close_gntdev;
}

/* A connection of which one side is killed after n calls. */
static void kill_after(unsigned n, enum side killed, bool server_first)
{
	struct connection c = {
	    .end = {{.p = peer_start(us()), .domain = us()},
		    {.p = peer_start(them()), .domain = them()}},
	};
	struct end *victim = &c.end[killed], *survivor = &c.end[!killed];
	int byte = 0;

	check_note("%s is killed after %u calls, the last being %s; %s closes first",
		   killed == SERVER ? "the server" : "the client", n,
		   n ? step_at(n - 1, server_first)->name : "none",
		   server_first ? "the server" : "the client");
	for (unsigned i = 0; i < n; i++) {
		const struct step *step = step_at(i, server_first);
		long result = step->call(&c);

		CHECK(result >= 0, "%s: %s", step->name, strerror((int)-result));
		if (ends_file(step))
			c.end[step->side].gnt = 0;
	}
	drain(survivor);
	if (survivor->page)
		byte = load_byte(survivor->p,
				 survivor->page + (killed == SERVER ? SRV_LIVE : CLI_LIVE));
	peer_kill(victim->p);
	survive(survivor, victim, killed, byte);
	peer_stop(survivor->p);
	MACHINE_AWAIT(files, 0);
	CHECK_IS(machine_totals().maptrack, 0);
	CHECK_IS(machine_totals().gntdev_maps, 0);
	CHECK_IS(machine_totals().vmas, 0);
	CHECK_IS(machine_totals().ports, 0);
}

/* A connection of which the side that makes call n is killed in it: events come at most once. */
static void kill_during(unsigned n, bool server_first, unsigned spin)
{
	struct connection c = {
	    .end = {{.p = peer_start(us()), .domain = us()},
		    {.p = peer_start(them()), .domain = them()}},
	};
	const struct step *last = step_at(n, server_first);
	struct end *victim = &c.end[last->side], *survivor = &c.end[!last->side];
	int events = last->call == server_notify || last->call == client_notify ? 2 : 1;

	check_note("killed in call %u, %s; %s closes first", n, last->name,
		   server_first ? "the server" : "the client");
	for (unsigned i = 0; i < n; i++) {
		const struct step *step = step_at(i, server_first);

		CHECK(step->call(&c) >= 0, "%s", step->name);
		if (ends_file(step))
			c.end[step->side].gnt = 0;
	}
	drain(survivor);
	peer_doom(victim->p, spin);
	if (strncmp(last->name, "open", 4) != 0 && !strstr(last->name, "_open"))
		last->call(&c);
	peer_kill(victim->p);
	MACHINE_AWAIT(files, (survivor->gnt ? 1 : 0) + (survivor->evtchn ? 1 : 0));
	if (survivor->evtchn) {
		evtchn_settle(survivor->p, survivor->evtchn);
		while (events-- && call_poll(survivor->p, survivor->evtchn, 1, 0)) {
			CHECK_IS(evtchn_take(survivor->p, survivor->evtchn), survivor->port);
			evtchn_settle(survivor->p, survivor->evtchn);
		}
		evtchn_quiet(survivor->p, survivor->evtchn);
	}
	peer_stop(survivor->p);
	MACHINE_AWAIT(files, 0);
	CHECK_IS(machine_totals().maptrack, 0);
	CHECK_IS(machine_totals().ports, 0);
}

void test(void)
{
	unsigned kills = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		bool server_first = round % 2;

		for (unsigned n = 0; n <= STEPS; n++) {
			kill_after(n, SERVER, server_first);
			kill_after(n, CLIENT, server_first);
			kills += 2;
		}
		for (unsigned n = 0; n < STEPS; n++, kills++)
			kill_during(n, server_first, (round * STEPS + n) * 997 % 30000);
	}
	check_note("%u kills", kills);
	CHECK(kills > 125 * ROUNDS, "too few");
}
