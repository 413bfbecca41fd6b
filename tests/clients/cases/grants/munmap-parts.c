/* SPDX-License-Identifier: MIT */
/*
 * munmap of ranges that begin and end anywhere: parts of mappings, several of them, and ordinary
 * memory between; each page goes when its own rule says.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#define RW (PROT_READ | PROT_WRITE)

enum {
	PAGES = 4, /* of each of the two mappings */
};

static struct peer *peer;
static long area;

static long page(long i)
{
	return area + i * (long)PAGE;
}

/* Eleven pages: ordinary, four of gntalloc, ordinary, four of gntdev, ordinary. */
static void lay_out(int *alloc, int *dev)
{
	struct ioctl_gntdev_grant_ref grants[PAGES];

	for (int i = 0; i < PAGES; i++) {
		struct shared_page p = share_page(peer, us(), true);

		CHECK_IS(store_byte(peer, p.addr, 60 + i), 0);
		grants[i] = (struct ioctl_gntdev_grant_ref){them()->id, p.ref};
	}
	area = call_mmap(HERE, 0, 11 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(area > 0, "mmap: %ld", area);
	*alloc = device_open(HERE, "gntalloc");
	CHECK_IS(gntalloc_alloc(HERE, *alloc, them()->id, 1, PAGES, NULL, NULL), 0);
	CHECK_IS(call_mmap(HERE, page(1), PAGES * PAGE, RW, MAP_SHARED | MAP_FIXED, *alloc, 0),
		 page(1));
	*dev = device_open(HERE, "gntdev");
	CHECK_IS(gntdev_map(HERE, *dev, PAGES, grants, NULL), 0);
	CHECK_IS(call_mmap(HERE, page(6), PAGES * PAGE, RW, MAP_SHARED | MAP_FIXED, *dev, 0),
		 page(6));
	for (int i = 0; i < 11; i++)
		CHECK_IS(store_byte(HERE, page(i) + 8, i), 0);
}

/* The pages of these numbers are there, with what was stored in them, the others are not. */
static void there(unsigned mask)
{
	for (int i = 0; i < 11; i++)
		CHECK_IS(load_byte(HERE, page(i) + 8), mask >> i & 1 ? i : -SIGSEGV);
}

void test(void)
{
	int alloc, dev;

	peer = peer_start(them());
	lay_out(&alloc, &dev);
	there(0x7ff);
	CHECK_IS(call_munmap(HERE, page(3) + 1, PAGE), -EINVAL);
	CHECK_IS(call_munmap(HERE, page(3), 0), -EINVAL);

	/* The end of the one, ordinary memory, the beginning of the other. */
	CHECK_IS(call_munmap(HERE, page(3), 4 * PAGE), 0);
	there(0x787);
	CHECK_IS(machine_totals().grants, 2 * PAGES);
	CHECK_IS(machine_totals().maptrack, us()->pv ? 2 * (PAGES - 1) : PAGES);
	/* Nothing there: success. */
	CHECK_IS(call_munmap(HERE, page(3), 4 * PAGE), 0);

	/* A hole in the middle of what is left of gntdev's; a length that is not whole. */
	CHECK_IS(call_munmap(HERE, page(8), 100), 0);
	there(0x687);
	CHECK_IS(machine_totals().maptrack, us()->pv ? 4 : PAGES);
	CHECK_IS(gntalloc_dealloc(HERE, alloc, 0, PAGES), 0);
	CHECK_IS(machine_totals().grants, 2 * PAGES);

	/* The rest of all. */
	CHECK_IS(call_munmap(HERE, page(0), 11 * PAGE), 0);
	there(0);
	CHECK_IS(machine_totals().grants, PAGES);
	CHECK_IS(machine_totals().maptrack, us()->pv ? 0 : PAGES);
	CHECK_IS(gntdev_unmap(HERE, dev, 0, PAGES), 0);
	CHECK_IS(machine_totals().maptrack, 0);
	CHECK_IS(machine_totals().vmas, PAGES); /* the peer's */
}
