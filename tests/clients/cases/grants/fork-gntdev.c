/* SPDX-License-Identifier: MIT */
/*
 * A fork copies a mapping of a grant on PVH: the child holds it until it is gone. On PV it does
 * not: an access in the child is SIGSEGV, and the parent keeps its mapping.
 */
#include "check.h"
#include "device.h"

#include <signal.h>
#include <sys/mman.h>

#define RW (PROT_READ | PROT_WRITE)

static struct peer *peer;

struct mapping {
	struct shared_page page;
	struct watch watch;
	struct mapped_page map;
	struct peer *child;
};

static struct mapping forked(void)
{
	struct mapping m = {.page = share_page(peer, us(), true)};

	m.watch = watch_start(HERE, us(), peer, them(), m.page.addr + 9);
	m.map = map_page(HERE, them(), m.page.ref, RW);
	CHECK_IS(gntdev_notify(HERE, m.map.fd, m.map.index + 9, 3, m.watch.port), 0);
	CHECK_IS(store_byte(peer, m.page.addr, 'p'), 0);
	m.child = peer_fork(HERE);
	return m;
}

/* Returns when the broker has seen it. */
static void kill_child(struct peer *child)
{
	uint64_t mms = machine_totals().mms;

	peer_kill(child);
	MACHINE_AWAIT(mms, mms - 1);
}

static void done(struct mapping *m)
{
	CHECK_IS(call_close(HERE, m->watch.channel.fd[0]), 0);
	CHECK_IS(machine_totals().maptrack, 0);
	evtchn_quiet(peer, m->watch.channel.fd[1]);
}

static void pv_child_has_nothing(void)
{
	struct mapping m = forked();

	CHECK_IS(load_byte(m.child, m.map.addr), -SIGSEGV);
	CHECK_IS(store_byte(m.child, m.map.addr, 1), -SIGSEGV);
	CHECK_IS(load_byte(HERE, m.map.addr), 'p');
	watch_still(&m.watch);
	kill_child(m.child);
	watch_still(&m.watch);
	CHECK_IS(store_byte(HERE, m.map.addr, 'q'), 0);
	CHECK_IS(load_byte(peer, m.page.addr), 'q');

	/* The child that keeps the descriptor keeps the map, but not the grant. */
	m.child = peer_fork(HERE);
	CHECK_IS(call_munmap(HERE, m.map.addr, PAGE), 0);
	CHECK_IS(call_close(HERE, m.map.fd), 0);
	watch_byte_only(&m.watch);
	peer_kill(m.child);
	watch_over(&m.watch);
	done(&m);
}

static void pvh_child_holds_it(bool killed)
{
	struct mapping m = forked();

	CHECK_IS(load_byte(m.child, m.map.addr), 'p');
	CHECK_IS(store_byte(m.child, m.map.addr, 'c'), 0);
	CHECK_IS(load_byte(peer, m.page.addr), 'c');
	CHECK_IS(machine_totals().maptrack, 1);
	CHECK_IS(call_munmap(HERE, m.map.addr, PAGE), 0);
	CHECK_IS(gntdev_unmap(HERE, m.map.fd, m.map.index, 1), 0);
	CHECK_IS(call_close(HERE, m.map.fd), 0);
	watch_still(&m.watch);
	CHECK_IS(load_byte(m.child, m.map.addr), 'c');
	if (killed)
		peer_kill(m.child);
	else
		peer_stop(m.child);
	watch_over(&m.watch);
	done(&m);
}

static void pvh_parent_last(void)
{
	struct mapping m = forked();

	CHECK_IS(gntdev_unmap(m.child, m.map.fd, m.map.index, 1), 0);
	CHECK_IS(call_munmap(m.child, m.map.addr, PAGE), 0);
	watch_still(&m.watch);
	kill_child(m.child);
	watch_still(&m.watch);
	CHECK_IS(load_byte(HERE, m.map.addr), 'p');
	CHECK_IS(call_munmap(HERE, m.map.addr, PAGE), 0);
	watch_over(&m.watch);
	CHECK_IS(call_close(HERE, m.map.fd), 0);
	done(&m);
}

/* The mapper is killed while a child of it still maps. */
static void pvh_orphan(void)
{
	struct peer *parent = peer_start(us());
	struct shared_page page = share_page(peer, us(), true);
	struct watch w = watch_start(parent, us(), peer, them(), page.addr + 9);
	struct mapped_page map = map_page(parent, them(), page.ref, RW);
	struct peer *child;

	CHECK_IS(gntdev_notify(parent, map.fd, map.index + 9, 3, w.port), 0);
	child = peer_fork(parent);
	kill_child(parent);
	watch_still(&w);
	CHECK_IS(load_byte(child, map.addr + 9), 1);
	peer_kill(child);
	watch_over(&w);
}

void test(void)
{
	peer = peer_start(them());
	if (us()->pv) {
		pv_child_has_nothing();
	} else {
		pvh_child_holds_it(true);
		pvh_child_holds_it(false);
		pvh_parent_last();
		pvh_orphan();
	}
}
