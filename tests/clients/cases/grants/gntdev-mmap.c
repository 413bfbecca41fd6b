/* SPDX-License-Identifier: MIT */
/*
 * mmap of gntdev: exactly a map's pages, shared if writable, once ever. A mapping that fails is
 * undone on PV; on PVH what did map stays mapped until UNMAP or close.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#define RW (PROT_READ | PROT_WRITE)

static struct ioctl_gntdev_grant_ref grants[3];

static void shapes(void)
{
	int fd = device_open(HERE, "gntdev");
	uint64_t index;
	long addr;

	CHECK_IS(device_mmap(HERE, fd, 0, 1, RW), -EINVAL);
	CHECK_IS(gntdev_map(HERE, fd, 3, grants, &index), 0);
	CHECK_IS(device_mmap(HERE, fd, index, 2, RW), -EINVAL);
	CHECK_IS(device_mmap(HERE, fd, index, 4, RW), -EINVAL);
	CHECK_IS(device_mmap(HERE, fd, index + PAGE, 2, RW), -EINVAL);
	CHECK_IS(call_mmap(HERE, 0, 3 * PAGE, RW, MAP_PRIVATE, fd, 0), -EINVAL);
	CHECK_IS(machine_totals().maptrack, 0);
	addr = device_mmap(HERE, fd, index, 3, RW);
	CHECK(addr > 0, "mmap: %ld", addr);
	CHECK_IS(device_mmap(HERE, fd, index, 3, RW), -EINVAL);
	CHECK_IS(call_munmap(HERE, addr, 3 * PAGE), 0);
	CHECK_IS(device_mmap(HERE, fd, index, 3, RW), -EINVAL);
	CHECK_IS(gntdev_unmap(HERE, fd, index, 3), 0);
	CHECK_IS(machine_totals().maptrack, 0);

	CHECK_IS(gntdev_map(HERE, fd, 3, grants, &index), 0);
	addr = call_mmap(HERE, 0, 3 * PAGE, PROT_READ, MAP_PRIVATE, fd, (long)index);
	CHECK(addr > 0, "private and read-only: %ld", addr);
	CHECK_IS(load_byte(HERE, addr), 'a');
	CHECK_IS(call_munmap(HERE, addr, 3 * PAGE), 0);
	CHECK_IS(call_close(HERE, fd), 0);
	CHECK_IS(machine_totals().maptrack, 0);
}

static void partial_failure(void)
{
	struct ioctl_gntdev_grant_ref some[3] = {grants[0], grants[1], grants[2]};
	unsigned pins = us()->pv ? 2 : 1;
	int fd = device_open(HERE, "gntdev");
	uint64_t index;
	long addr;

	some[1].ref = 1u << 20;
	CHECK_IS(gntdev_map(HERE, fd, 3, some, &index), 0);
	CHECK_IS(device_mmap(HERE, fd, index, 3, RW), -EINVAL);
	CHECK_IS(machine_totals().maptrack, us()->pv ? 0 : 2);
	CHECK_IS(machine_totals().gntdev_maps, 1);
	CHECK_IS(gntdev_unmap(HERE, fd, index, 3), 0);
	CHECK_IS(machine_totals().maptrack, 0);

	CHECK_IS(gntdev_map(HERE, fd, 3, grants, &index), 0);
	addr = device_mmap(HERE, fd, index, 3, RW);
	CHECK(addr > 0, "mmap: %ld", addr);
	CHECK_IS(machine_totals().maptrack, 3 * pins);
	CHECK_IS(call_munmap(HERE, addr, 3 * PAGE), 0);
	CHECK_IS(call_close(HERE, fd), 0);
}

void test(void)
{
	struct peer *peer = peer_start(them());
	int fd;

	for (int i = 0; i < 3; i++) {
		struct shared_page page = share_page(peer, us(), true);

		CHECK_IS(store_byte(peer, page.addr, 'a' + i), 0);
		grants[i].domid = them()->id | (i == 2 ? 0x10000 : 0); /* cut to 16 bits */
		grants[i].ref = page.ref;
	}
	shapes();
	partial_failure();

	fd = call_open(HERE, "/dev/xen/gntdev", O_RDONLY);
	CHECK(fd >= 0, "open: %d", fd);
	CHECK_IS(gntdev_map(HERE, fd, 3, grants, NULL), 0);
	CHECK_IS(device_mmap(HERE, fd, 0, 3, RW), -EACCES);
	CHECK(device_mmap(HERE, fd, 0, 3, PROT_READ) > 0, "read-only");
}
