/* SPDX-License-Identifier: MIT */
/*
 * A grant for reading only cannot be written through: mapped writable it is EINVAL, a store to its
 * mapping faults, and neither mprotect nor the descriptor makes it writable. Its
 * granter writes it all the time.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct shared_page page;

static void unchanged(const char *how)
{
	CHECK(load_byte(page.on, page.addr) == 5, "%s changed a page that was granted read-only",
	      how);
}

static void by_descriptor(int fd)
{
	char path[64];
	const char value = 99;
	int again;

	CHECK(pwrite(fd, &value, 1, 0) < 0, "pwrite");
	CHECK(call_write(HERE, fd, &value, 1) < 0, "write");
	CHECK(ftruncate(fd, 0), "ftruncate");
	CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (long)PAGE),
	      "fallocate");
	unchanged("a write to the descriptor");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR);
	if (again >= 0)
		CHECK_IS(device_mmap(HERE, again, 0, 1, PROT_READ | PROT_WRITE), -EINVAL);
	close(again);
}

void test(void)
{
	struct peer *peer = peer_start(them());
	struct ioctl_gntdev_grant_ref grant;
	struct mapped_page map;
	uint64_t index;
	int fd = device_open(HERE, "gntdev");

	page = share_page(peer, us(), false);
	grant = (struct ioctl_gntdev_grant_ref){them()->id, page.ref};
	CHECK_IS(store_byte(peer, page.addr, 5), 0);
	CHECK_IS(gntdev_map(HERE, fd, 1, &grant, &index), 0);
	CHECK_IS(device_mmap(HERE, fd, index, 1, PROT_READ | PROT_WRITE), -EINVAL);
	CHECK_IS(device_mmap(HERE, fd, index, 1, PROT_WRITE), -EINVAL);
	map = map_page(HERE, them(), page.ref, PROT_READ);
	CHECK_IS(load_byte(HERE, map.addr), 5);
	CHECK_IS(store_byte(HERE, map.addr, 6), -SIGSEGV);
	by_descriptor(map.fd);
	CHECK_IS(store_byte(peer, page.addr, 8), 0);
	CHECK_IS(load_byte(HERE, map.addr), 8);
	CHECK_IS(store_byte(peer, page.addr, 5), 0);

	/* The real one lets mprotect succeed; then Xen discards the store (PVH), or the grant has
	 * gone from under it (PV). */
	call_mprotect(HERE, map.addr, PAGE, PROT_READ | PROT_WRITE);
	store_byte(HERE, map.addr, 6);
	unchanged("mprotect");
}
