/* SPDX-License-Identifier: MIT */
/*
 * The ways a mapping of a grant ends, and what the granter is told at each step, on PV (whose
 * grants go at munmap) and on PVH (whose grants go with the last use of the map).
 */
#include "check.h"
#include "device.h"

#include <sys/mman.h>

#define RW (PROT_READ | PROT_WRITE)

static struct peer *peer;

struct ending {
	struct shared_page page;
	struct watch watch;
	struct mapped_page map;
};

static struct ending begin(void)
{
	struct ending e = {.page = share_page(peer, us(), true)};

	e.watch = watch_start(HERE, us(), peer, them(), e.page.addr + 30);
	e.map = map_page(HERE, them(), e.page.ref, RW);
	CHECK_IS(gntdev_notify(HERE, e.map.fd, e.map.index + 30, 3, e.watch.port), 0);
	watch_still(&e.watch);
	return e;
}

static void end(struct ending *e)
{
	CHECK_IS(machine_totals().maptrack, 0);
	evtchn_quiet(peer, e->watch.channel.fd[1]);
	CHECK_IS(call_close(HERE, e->watch.channel.fd[0]), 0);
	CHECK_IS(call_close(peer, e->watch.channel.fd[1]), 0);
	CHECK_IS(call_close(peer, e->page.fd), 0);
	CHECK_IS(call_munmap(peer, e->page.addr, PAGE), 0);
}

static void munmap_then_unmap(void)
{
	struct ending e = begin();

	CHECK_IS(call_munmap(HERE, e.map.addr, PAGE), 0);
	CHECK_IS(machine_totals().maptrack, us()->pv ? 0 : 1);
	if (us()->pv)
		watch_byte_only(&e.watch);
	else
		watch_still(&e.watch);
	CHECK_IS(gntdev_unmap(HERE, e.map.fd, e.map.index, 1), 0);
	watch_over(&e.watch);
	CHECK_IS(call_close(HERE, e.map.fd), 0);
	end(&e);
}

static void unmap_then_munmap(void)
{
	struct ending e = begin();

	CHECK_IS(gntdev_unmap(HERE, e.map.fd, e.map.index, 1), 0);
	watch_still(&e.watch);
	CHECK_IS(load_byte(HERE, e.map.addr + 30), 1);
	CHECK_IS(call_munmap(HERE, e.map.addr, PAGE), 0);
	watch_over(&e.watch);
	CHECK_IS(call_close(HERE, e.map.fd), 0);
	end(&e);
}

static void munmap_then_close(void)
{
	struct ending e = begin();

	CHECK_IS(call_munmap(HERE, e.map.addr, PAGE), 0);
	CHECK_IS(call_close(HERE, e.map.fd), 0);
	watch_over(&e.watch);
	end(&e);
}

static void close_then_munmap(void)
{
	struct ending e = begin();

	CHECK_IS(call_close(HERE, e.map.fd), 0);
	watch_still(&e.watch);
	CHECK_IS(store_byte(HERE, e.map.addr + 31, 7), 0);
	CHECK_IS(load_byte(peer, e.page.addr + 31), 7);
	CHECK_IS(call_munmap(HERE, e.map.addr, PAGE), 0);
	watch_over(&e.watch);
	end(&e);
}

/* The notification's port outlives its unbind, and the closing of evtchn. */
static void port_closed_first(bool unbind)
{
	struct ending e = begin();

	if (unbind)
		CHECK_IS(evtchn_unbind(HERE, e.watch.channel.fd[0], e.watch.port), 0);
	else
		CHECK_IS(call_close(HERE, e.watch.channel.fd[0]), 0);
	watch_still(&e.watch);
	CHECK_IS(call_munmap(HERE, e.map.addr, PAGE), 0);
	CHECK_IS(call_close(HERE, e.map.fd), 0);
	watch_over(&e.watch);
	if (!unbind)
		e.watch.channel.fd[0] = device_open(HERE, "evtchn");
	end(&e);
}

/* The event fires without any mapping; the byte needs a live one. */
static void never_mapped(void)
{
	struct shared_page page = share_page(peer, us(), true);
	struct watch w = watch_start(HERE, us(), peer, them(), page.addr);
	struct ioctl_gntdev_grant_ref grant = {them()->id, page.ref};
	int fd = device_open(HERE, "gntdev");

	CHECK_IS(gntdev_map(HERE, fd, 1, &grant, NULL), 0);
	CHECK_IS(gntdev_notify(HERE, fd, 0, 3, w.port), 0);
	CHECK_IS(gntdev_unmap(HERE, fd, 0, 1), 0);
	watch_event_only(&w);
	CHECK_IS(call_close(HERE, fd), 0);
	evtchn_quiet(peer, w.channel.fd[1]);
}

/* Three pages, the byte in the middle one, unmapped one by one. */
static void in_parts(void)
{
	struct shared_page page = share_page(peer, us(), true);
	struct watch w = watch_start(HERE, us(), peer, them(), page.addr + 5);
	struct ioctl_gntdev_grant_ref grants[3] = {
	    {them()->id, page.ref}, {them()->id, page.ref}, {them()->id, page.ref}};
	int fd = device_open(HERE, "gntdev");
	long addr;

	CHECK_IS(gntdev_map(HERE, fd, 3, grants, NULL), 0);
	addr = device_mmap(HERE, fd, 0, 3, RW);
	CHECK(addr > 0, "mmap: %ld", addr);
	CHECK_IS(gntdev_notify(HERE, fd, PAGE + 5, 3, w.port), 0);
	CHECK_IS(call_munmap(HERE, addr, PAGE), 0);
	watch_still(&w);
	CHECK_IS(machine_totals().maptrack, us()->pv ? 4 : 3);
	CHECK_IS(call_munmap(HERE, addr + (long)PAGE, PAGE), 0);
	if (us()->pv)
		watch_byte_only(&w);
	else
		watch_still(&w);
	CHECK_IS(machine_totals().maptrack, us()->pv ? 2 : 3);
	CHECK_IS(load_byte(HERE, addr + 2 * (long)PAGE + 5), us()->pv ? 0 : 1);
	CHECK_IS(gntdev_unmap(HERE, fd, 0, 3), 0);
	evtchn_quiet(peer, w.channel.fd[1]);
	CHECK_IS(call_munmap(HERE, addr + 2 * (long)PAGE, PAGE), 0);
	watch_over(&w);
	CHECK_IS(call_close(HERE, fd), 0);
}

void test(void)
{
	peer = peer_start(them());
	munmap_then_unmap();
	unmap_then_munmap();
	munmap_then_close();
	close_then_munmap();
	port_closed_first(true);
	port_closed_first(false);
	never_mapped();
	in_parts();
}
