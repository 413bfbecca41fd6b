/* SPDX-License-Identifier: MIT */
/*
 * The ways a granted page ends, and what the mapper is told at each step: nothing until the file's
 * list and every mapping of the page are gone, then the byte and the event, once.
 */
#include "check.h"
#include "device.h"

#include <sys/mman.h>

#define RW (PROT_READ | PROT_WRITE)

static struct peer *peer;

/* Four pages; the second one is mapped by the peer, watched, and notified of. */
struct ending {
	int fd;
	long addr;
	struct mapped_page map;
	struct watch watch;
};

static struct ending begin(void)
{
	struct ending e = {.fd = device_open(HERE, "gntalloc")};
	uint32_t refs[4];

	CHECK_IS(gntalloc_alloc(HERE, e.fd, them()->id, 1, 4, NULL, refs), 0);
	e.addr = device_mmap(HERE, e.fd, 0, 4, RW);
	CHECK(e.addr > 0, "mmap: %ld", e.addr);
	e.map = map_page(peer, us(), refs[1], RW);
	e.watch = watch_start(HERE, us(), peer, them(), e.map.addr + 40);
	CHECK_IS(gntalloc_notify(HERE, e.fd, PAGE + 40, 3, e.watch.port), 0);
	watch_still(&e.watch);
	return e;
}

static void end(struct ending *e)
{
	watch_over(&e->watch);
	CHECK_IS(store_byte(peer, e->map.addr, 3), 0);
	CHECK_IS(call_close(HERE, e->watch.channel.fd[0]), 0);
	CHECK_IS(call_munmap(peer, e->map.addr, PAGE), 0);
	CHECK_IS(call_close(peer, e->map.fd), 0);
	evtchn_quiet(peer, e->watch.channel.fd[1]);
	CHECK_IS(call_close(peer, e->watch.channel.fd[1]), 0);
}

static void dealloc_then_munmap(void)
{
	struct ending e = begin();

	CHECK_IS(gntalloc_dealloc(HERE, e.fd, PAGE, 1), 0);
	watch_still(&e.watch);
	CHECK_IS(call_munmap(HERE, e.addr, 4 * PAGE), 0);
	end(&e);
	CHECK_IS(call_close(HERE, e.fd), 0);
}

static void munmap_then_dealloc(void)
{
	struct ending e = begin();

	CHECK_IS(call_munmap(HERE, e.addr, 4 * PAGE), 0);
	watch_still(&e.watch);
	CHECK_IS(gntalloc_dealloc(HERE, e.fd, 0, 4), 0);
	end(&e);
	CHECK_IS(call_close(HERE, e.fd), 0);
}

static void close_then_munmap_in_parts(void)
{
	struct ending e = begin();

	CHECK_IS(call_close(HERE, e.fd), 0);
	watch_still(&e.watch);
	/* The pieces of one mapping share their use of the pages. */
	CHECK_IS(call_munmap(HERE, e.addr + (long)PAGE, PAGE), 0);
	watch_still(&e.watch);
	CHECK_IS(call_munmap(HERE, e.addr, PAGE), 0);
	CHECK_IS(call_munmap(HERE, e.addr + 3 * (long)PAGE, PAGE), 0);
	watch_still(&e.watch);
	CHECK_IS(call_munmap(HERE, e.addr + 2 * (long)PAGE, PAGE), 0);
	end(&e);
}

static void two_mappings(void)
{
	struct ending e = begin();
	long again = device_mmap(HERE, e.fd, PAGE, 1, RW);

	CHECK(again > 0, "mmap: %ld", again);
	CHECK_IS(call_close(HERE, e.fd), 0);
	CHECK_IS(call_munmap(HERE, e.addr, 4 * PAGE), 0);
	watch_still(&e.watch);
	CHECK_IS(call_munmap(HERE, again, PAGE), 0);
	end(&e);
}

/* A second notification replaces the first; none removes it. */
static void replaced(void)
{
	struct ending e = begin();
	struct watch other = watch_start(HERE, us(), peer, them(), e.map.addr + 41);

	CHECK_IS(gntalloc_notify(HERE, e.fd, PAGE + 40, 0, 0), 0);
	CHECK_IS(gntalloc_notify(HERE, e.fd, PAGE + 41, 3, other.port), 0);
	CHECK_IS(gntalloc_notify(HERE, e.fd, PAGE + 40, 3, e.watch.port), 0);
	CHECK_IS(call_close(HERE, e.fd), 0);
	CHECK_IS(call_munmap(HERE, e.addr, 4 * PAGE), 0);
	watch_still(&other);
	end(&e);
}

void test(void)
{
	peer = peer_start(them());
	dealloc_then_munmap();
	munmap_then_dealloc();
	close_then_munmap_in_parts();
	two_mappings();
	replaced();
}
