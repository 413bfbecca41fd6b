/* SPDX-License-Identifier: MIT */
/*
 * Several threads use the same device files at once: ioctls, mmap and munmap of each do what they
 * do alone, no two get the same index, reference, port or address, and nothing is left.
 */
#include "check.h"
#include "device.h"

#include <pthread.h>
#include <sys/mman.h>

enum {
	THREADS = 6,
	ROUNDS = 60,
};

static int gntalloc, gntdev, evtchn;
static uint32_t granted[4];

static void grant_and_map(int seed)
{
	struct ioctl_gntdev_grant_ref grants[4];
	uint64_t mine, theirs;
	uint32_t refs[2];
	long addr, map;

	CHECK_IS(gntalloc_alloc(HERE, gntalloc, them()->id, 1, 2, &mine, refs), 0);
	addr = device_mmap(HERE, gntalloc, mine, 2, PROT_READ | PROT_WRITE);
	CHECK(addr > 0, "mmap of gntalloc: %ld", addr);
	CHECK_IS(store_byte(HERE, addr + seed, seed), 0);

	for (int i = 0; i < 4; i++)
		grants[i] = (struct ioctl_gntdev_grant_ref){them()->id, granted[(seed + i) % 4]};
	CHECK_IS(gntdev_map(HERE, gntdev, 4, grants, &theirs), 0);
	map = device_mmap(HERE, gntdev, theirs, 4, PROT_READ);
	CHECK(map > 0, "mmap of gntdev: %ld", map);
	for (int i = 0; i < 4; i++)
		CHECK_IS(load_byte(HERE, map + i * (long)PAGE), 10 + (seed + i) % 4);
	CHECK_IS(call_munmap(HERE, map, 4 * PAGE), 0);
	CHECK_IS(gntdev_unmap(HERE, gntdev, theirs, 4), 0);

	CHECK_IS(load_byte(HERE, addr + seed), seed);
	CHECK_IS(gntalloc_dealloc(HERE, gntalloc, mine, 2), 0);
	CHECK_IS(call_munmap(HERE, addr, 2 * PAGE), 0);
}

static void *worker(void *arg)
{
	int seed = *(const int *)arg;

	for (int i = 0; i < ROUNDS; i++) {
		int port = evtchn_bind_unbound(HERE, evtchn, them()->id);

		CHECK(port > 0, "bind: %d", port);
		grant_and_map((seed * ROUNDS + i) % 100);
		CHECK_IS(evtchn_unbind(HERE, evtchn, (uint32_t)port), 0);
	}
	return NULL;
}

/* Each thread with files of its own, opened and closed all the time. */
static void *opener(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		int fd = device_open(HERE, i % 2 ? "gntalloc" : "evtchn");
		uint64_t index = 1;

		if (i % 2) {
			CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 0, 1, &index, NULL), 0);
			CHECK_IS(index, 0);
		} else {
			CHECK(evtchn_bind_unbound(HERE, fd, them()->id) > 0, "bind");
		}
		CHECK_IS(call_close(HERE, fd), 0);
	}
	return NULL;
}

void test(void)
{
	struct peer *peer = peer_start(them());
	pthread_t threads[THREADS + 2];
	int seeds[THREADS];

	for (int i = 0; i < 4; i++) {
		struct shared_page page = share_page(peer, us(), false);

		CHECK_IS(store_byte(peer, page.addr, 10 + i), 0);
		granted[i] = page.ref;
	}
	gntalloc = device_open(HERE, "gntalloc");
	gntdev = device_open(HERE, "gntdev");
	evtchn = device_open(HERE, "evtchn");
	for (int i = 0; i < THREADS; i++) {
		seeds[i] = i;
		CHECK_IS(pthread_create(&threads[i], NULL, worker, &seeds[i]), 0);
	}
	for (int i = THREADS; i < THREADS + 2; i++)
		CHECK_IS(pthread_create(&threads[i], NULL, opener, NULL), 0);
	for (int i = 0; i < THREADS + 2; i++)
		CHECK_IS(pthread_join(threads[i], NULL), 0);
	MACHINE_AWAIT(grants, 4);
	CHECK_IS(machine_totals().vmas, 4);
	CHECK_IS(machine_totals().maptrack, 0);
	CHECK_IS(machine_totals().gntdev_maps, 0);
	CHECK_IS(machine_totals().ports, 0);
}
