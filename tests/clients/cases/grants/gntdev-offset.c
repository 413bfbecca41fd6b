/* SPDX-License-Identifier: MIT */
/*
 * GET_OFFSET_FOR_VADDR: any address inside a mapping of a map, even one of another gntdev file,
 * gives the whole map's offset and count; after a partial munmap too. No other memory does.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <sys/mman.h>

static void found(int fd, long vaddr, uint64_t offset, uint32_t count)
{
	uint64_t o = 1;
	uint32_t c = 0;

	CHECK_IS(gntdev_offset(HERE, fd, vaddr, &o, &c), 0);
	CHECK_IS(o, offset);
	CHECK_IS(c, count);
}

void test(void)
{
	struct peer *peer = peer_start(them());
	struct shared_page page = share_page(peer, us(), true),
			   own = share_page(HERE, them(), true);
	struct ioctl_gntdev_grant_ref grants[3] = {
	    {them()->id, page.ref}, {them()->id, page.ref}, {them()->id, page.ref}};
	int fd = device_open(HERE, "gntdev"), other = device_open(HERE, "gntdev");
	int local;
	uint64_t index;
	uint32_t count;
	long area, addr;

	CHECK_IS(gntdev_map(HERE, fd, 1, grants, NULL), 0);
	CHECK_IS(gntdev_map(HERE, fd, 3, grants, &index), 0);
	CHECK_IS(index, PAGE);
	/* Ordinary memory around it, so that nothing is in a gap below. */
	area = call_mmap(HERE, 0, 5 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(area > 0, "mmap: %ld", area);
	addr = area + (long)PAGE;
	CHECK_IS(call_mmap(HERE, addr, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			   (long)index),
		 addr);
	found(fd, addr, PAGE, 3);
	found(fd, addr + 1, PAGE, 3);
	found(fd, addr + 3 * (long)PAGE - 1, PAGE, 3);
	found(other, addr, PAGE, 3);
	CHECK_IS(gntdev_offset(HERE, fd, addr - 1, &index, &count), -EINVAL);
	CHECK_IS(gntdev_offset(HERE, fd, addr + 3 * (long)PAGE, &index, &count), -EINVAL);
	CHECK_IS(gntdev_offset(HERE, fd, (long)&local, &index, &count), -EINVAL);
	CHECK_IS(gntdev_offset(HERE, fd, -1, &index, &count), -EINVAL);
	CHECK_IS(gntdev_offset(HERE, fd, own.addr, &index, &count), -EINVAL);

	CHECK_IS(call_munmap(HERE, addr, PAGE), 0);
	found(fd, addr + (long)PAGE, PAGE, 3);
	found(fd, addr + 2 * (long)PAGE, PAGE, 3);
	CHECK_IS(call_munmap(HERE, addr + (long)PAGE, 2 * PAGE), 0);
	CHECK_IS(gntdev_offset(HERE, fd, addr + (long)PAGE, &index, &count), -EINVAL);
}
