/* SPDX-License-Identifier: MIT */
/*
 * MAP_FIXED puts device memory where it is asked to and other memory over device memory, which
 * ends what it covers; MAP_FIXED_NOREPLACE refuses to.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#define RW (PROT_READ | PROT_WRITE)

static struct peer *peer;

static long reserve(size_t pages)
{
	long addr = call_mmap(HERE, 0, pages * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(addr > 0, "mmap: %ld", addr);
	return addr;
}

/* A page of device memory in the middle of ordinary memory. */
static void device_over_memory(void)
{
	struct shared_page granted = share_page(peer, us(), true);
	struct ioctl_gntdev_grant_ref grant = {them()->id, granted.ref};
	int alloc = device_open(HERE, "gntalloc"), dev = device_open(HERE, "gntdev");
	long area = reserve(5), page = area + (long)PAGE, map = area + 3 * (long)PAGE;

	for (long p = area; p < area + 5 * (long)PAGE; p += (long)PAGE)
		CHECK_IS(store_byte(HERE, p, 9), 0);
	CHECK_IS(gntalloc_alloc(HERE, alloc, them()->id, 1, 1, NULL, NULL), 0);
	CHECK_IS(gntdev_map(HERE, dev, 1, &grant, NULL), 0);
	CHECK_IS(call_mmap(HERE, page, PAGE, RW, MAP_SHARED | MAP_FIXED, alloc, 0), page);
	CHECK_IS(call_mmap(HERE, map, PAGE, RW, MAP_SHARED | MAP_FIXED, dev, 0), map);
	CHECK_IS(load_byte(HERE, area), 9);
	CHECK_IS(load_byte(HERE, page), 0);
	CHECK_IS(load_byte(HERE, page + (long)PAGE), 9);
	CHECK_IS(store_byte(HERE, map, 5), 0);
	CHECK_IS(load_byte(peer, granted.addr), 5);
	CHECK_IS(load_byte(HERE, map + (long)PAGE), 9);

	/* An mmap that fails with MAP_FIXED has unmapped what was there all the same. */
	CHECK_IS(call_mmap(HERE, area, PAGE, RW, MAP_SHARED | MAP_FIXED, alloc, 8 * (long)PAGE),
		 -ENOENT);
	CHECK_IS(load_byte(HERE, area), -SIGSEGV);
	CHECK_IS(call_munmap(HERE, area, 5 * PAGE), 0);
	CHECK_IS(machine_totals().vmas, 1);
	CHECK_IS(call_close(HERE, alloc), 0);
	CHECK_IS(call_close(HERE, dev), 0);
}

/* Ordinary memory, or other device memory, over a page that is notified of. */
static void over_device(bool device)
{
	struct shared_page page = share_page(HERE, them(), true);
	struct mapped_page theirs = map_page(peer, us(), page.ref, RW);
	struct watch w = watch_start(HERE, us(), peer, them(), theirs.addr + 7);
	struct shared_page other = share_page(HERE, them(), true);
	int flags = device ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;

	CHECK_IS(gntalloc_notify(HERE, page.fd, page.index + 7, 3, w.port), 0);
	CHECK_IS(gntalloc_dealloc(HERE, page.fd, page.index, 1), 0);
	CHECK_IS(call_mmap(HERE, page.addr, PAGE, RW, flags | MAP_FIXED_NOREPLACE,
			   device ? other.fd : -1, 0),
		 -EEXIST);
	watch_still(&w);
	CHECK_IS(load_byte(HERE, page.addr + 7), 1);
	CHECK_IS(call_mmap(HERE, page.addr, PAGE, RW, flags | MAP_FIXED, device ? other.fd : -1, 0),
		 page.addr);
	watch_over(&w);
	CHECK_IS(load_byte(HERE, page.addr + 7), 0);
	CHECK_IS(store_byte(HERE, page.addr + 7, 3), 0);
	CHECK_IS(load_byte(HERE, other.addr + 7), device ? 3 : 0);
	CHECK_IS(load_byte(peer, theirs.addr + 7), 0);
	CHECK_IS(call_munmap(HERE, page.addr, PAGE), 0);
	CHECK_IS(call_munmap(HERE, other.addr, PAGE), 0);
	CHECK_IS(call_close(HERE, page.fd), 0);
	CHECK_IS(call_close(HERE, other.fd), 0);
	CHECK_IS(call_munmap(peer, theirs.addr, PAGE), 0);
	CHECK_IS(call_close(peer, theirs.fd), 0);
}

/* Where nothing is, NOREPLACE maps; a hint is only a hint. */
static void into_a_hole(void)
{
	struct shared_page page = share_page(HERE, them(), true);
	long hole = reserve(3), addr;

	CHECK_IS(call_munmap(HERE, hole, 3 * PAGE), 0);
	CHECK_IS(call_mmap(HERE, hole, PAGE, RW, MAP_SHARED | MAP_FIXED_NOREPLACE, page.fd, 0),
		 hole);
	CHECK_IS(store_byte(HERE, hole, 4), 0);
	CHECK_IS(load_byte(HERE, page.addr), 4);
	addr = call_mmap(HERE, hole, PAGE, RW, MAP_SHARED, page.fd, 0);
	CHECK(addr > 0 && addr != hole, "mmap with a hint that is taken: %lx", addr);
	CHECK_IS(load_byte(HERE, addr), 4);
	CHECK_IS(call_munmap(HERE, addr, PAGE), 0);
	CHECK_IS(call_munmap(HERE, hole, PAGE), 0);
	CHECK_IS(call_mmap(HERE, 0x1001, PAGE, RW, MAP_SHARED | MAP_FIXED, page.fd, 0), -EINVAL);
	CHECK_IS(call_munmap(HERE, page.addr, PAGE), 0);
	CHECK_IS(call_close(HERE, page.fd), 0);
}

void test(void)
{
	peer = peer_start(them());
	device_over_memory();
	over_device(false);
	over_device(true);
	into_a_hole();
}
