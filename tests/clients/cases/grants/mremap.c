/* SPDX-License-Identifier: MIT */
/*
 * mremap of device memory: it can shrink and move, not grow (EFAULT). Moving a grant's mapping on
 * PV ends the grant under it.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#define RW (PROT_READ | PROT_WRITE)

static struct peer *peer;

/* Somewhere to go, with nothing there. */
static long free_place(size_t pages)
{
	long addr = call_mmap(HERE, 0, pages * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(addr > 0, "mmap: %ld", addr);
	CHECK_IS(call_munmap(HERE, addr, pages * PAGE), 0);
	return addr;
}

static void gntalloc(void)
{
	struct mapped_page theirs;
	struct watch w;
	int fd = device_open(HERE, "gntalloc");
	uint32_t refs[4];
	long addr, place, moved;

	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 1, 4, NULL, refs), 0);
	addr = device_mmap(HERE, fd, 0, 4, RW);
	CHECK(addr > 0, "mmap: %ld", addr);
	theirs = map_page(peer, us(), refs[0], RW);
	w = watch_start(HERE, us(), peer, them(), theirs.addr + 2);
	CHECK_IS(gntalloc_notify(HERE, fd, 2, 3, w.port), 0);
	CHECK_IS(gntalloc_dealloc(HERE, fd, 0, 4), 0);

	CHECK_IS(call_mremap(HERE, addr, 4 * PAGE, 5 * PAGE, 0, 0), -EFAULT);
	CHECK_IS(call_mremap(HERE, addr, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE, 0), -EFAULT);
	CHECK_IS(call_mremap(HERE, addr, 4 * PAGE, 4 * PAGE, 0, 0), addr);
	CHECK_IS(call_mremap(HERE, addr + 1, PAGE, PAGE, 0, 0), -EINVAL);
	CHECK_IS(call_mremap(HERE, addr, 4 * PAGE, 3 * PAGE, 0, 0), addr);
	CHECK_IS(load_byte(HERE, addr + 3 * (long)PAGE), -SIGSEGV);
	CHECK_IS(store_byte(HERE, addr + (long)PAGE, 55), 0);
	watch_still(&w);

	place = free_place(3);
	moved = call_mremap(HERE, addr, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place);
	CHECK_IS(moved, place);
	CHECK_IS(load_byte(HERE, addr), -SIGSEGV);
	CHECK_IS(load_byte(HERE, moved + (long)PAGE), 55);
	CHECK_IS(store_byte(HERE, moved, 66), 0);
	CHECK_IS(load_byte(peer, theirs.addr), 66);
	watch_still(&w);

	/* A part moves over ordinary memory. */
	place = call_mmap(HERE, 0, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK_IS(
	    call_mremap(HERE, moved + (long)PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place),
	    place);
	CHECK_IS(load_byte(HERE, place), 55);
	CHECK_IS(load_byte(HERE, moved + (long)PAGE), -SIGSEGV);
	CHECK_IS(load_byte(HERE, moved), 66);
	CHECK_IS(call_munmap(HERE, moved, 3 * PAGE), 0);
	watch_still(&w);
	CHECK_IS(call_munmap(HERE, place, PAGE), 0);
	watch_over(&w);
	CHECK_IS(call_close(HERE, fd), 0);
	CHECK_IS(call_munmap(peer, theirs.addr, PAGE), 0);
	CHECK_IS(call_close(peer, theirs.fd), 0);
}

/* Device memory is the target: it ends. */
static void over_device(void)
{
	struct shared_page page = share_page(HERE, them(), true);
	struct mapped_page theirs = map_page(peer, us(), page.ref, RW);
	struct watch w = watch_start(HERE, us(), peer, them(), theirs.addr + 2);
	long other = call_mmap(HERE, 0, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK_IS(gntalloc_notify(HERE, page.fd, 2, 3, w.port), 0);
	CHECK_IS(call_close(HERE, page.fd), 0);
	CHECK_IS(store_byte(HERE, other, 44), 0);
	watch_still(&w);
	CHECK_IS(call_mremap(HERE, other, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, page.addr),
		 page.addr);
	watch_over(&w);
	CHECK_IS(load_byte(HERE, page.addr), 44);
	CHECK_IS(call_munmap(HERE, page.addr, PAGE), 0);
	CHECK_IS(call_munmap(peer, theirs.addr, PAGE), 0);
	CHECK_IS(call_close(peer, theirs.fd), 0);
}

static void gntdev(void)
{
	struct shared_page page = share_page(peer, us(), true);
	struct watch w = watch_start(HERE, us(), peer, them(), page.addr + 1);
	struct mapped_page map = map_page(HERE, them(), page.ref, RW);
	long place = free_place(1);

	CHECK_IS(gntdev_notify(HERE, map.fd, map.index + 1, 3, w.port), 0);
	CHECK_IS(call_mremap(HERE, map.addr, PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0), -EFAULT);
	CHECK_IS(call_mremap(HERE, map.addr, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place),
		 place);
	CHECK_IS(load_byte(HERE, map.addr), -SIGSEGV);
	if (us()->pv) {
		watch_byte_only(&w);
		CHECK_IS(load_byte(HERE, place), -SIGBUS);
		CHECK_IS(machine_totals().maptrack, 0);
	} else {
		watch_still(&w);
		CHECK_IS(store_byte(HERE, place, 8), 0);
		CHECK_IS(load_byte(peer, page.addr), 8);
	}
	CHECK_IS(gntdev_unmap(HERE, map.fd, map.index, 1), 0);
	evtchn_quiet(peer, w.channel.fd[1]);
	CHECK_IS(call_munmap(HERE, place, PAGE), 0);
	watch_over(&w);
	CHECK_IS(call_close(HERE, map.fd), 0);
	CHECK_IS(machine_totals().maptrack, 0);
}

void test(void)
{
	peer = peer_start(them());
	gntalloc();
	over_device();
	gntdev();
}
