/* SPDX-License-Identifier: MIT */
/*
 * mprotect of device memory protects it as any memory; on PV it ends the grants of a gntdev
 * mapping, whose pages are SIGBUS from then on.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#define RW (PROT_READ | PROT_WRITE)

static struct peer *peer;

static void gntalloc(void)
{
	int fd = device_open(HERE, "gntalloc");
	long addr;

	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 1, 3, NULL, NULL), 0);
	addr = device_mmap(HERE, fd, 0, 3, RW);
	CHECK(addr > 0, "mmap: %ld", addr);
	CHECK_IS(store_byte(HERE, addr + (long)PAGE, 5), 0);
	CHECK_IS(call_mprotect(HERE, addr + (long)PAGE, PAGE, PROT_READ), 0);
	CHECK_IS(load_byte(HERE, addr + (long)PAGE), 5);
	CHECK_IS(store_byte(HERE, addr + (long)PAGE, 6), -SIGSEGV);
	CHECK_IS(store_byte(HERE, addr, 6), 0);
	CHECK_IS(store_byte(HERE, addr + 2 * (long)PAGE, 6), 0);
	CHECK_IS(call_mprotect(HERE, addr, 3 * PAGE, PROT_NONE), 0);
	CHECK_IS(load_byte(HERE, addr), -SIGSEGV);
	CHECK_IS(call_mprotect(HERE, addr, 3 * PAGE, RW), 0);
	CHECK_IS(load_byte(HERE, addr + (long)PAGE), 5);
	CHECK_IS(store_byte(HERE, addr + (long)PAGE, 7), 0);
	CHECK_IS(call_mprotect(HERE, addr + 1, PAGE, RW), -EINVAL);

	/* Its pieces are one mapping still. */
	CHECK_IS(call_close(HERE, fd), 0);
	CHECK_IS(call_munmap(HERE, addr, PAGE), 0);
	CHECK_IS(call_munmap(HERE, addr + 2 * (long)PAGE, PAGE), 0);
	CHECK_IS(load_byte(HERE, addr + (long)PAGE), 7);
	CHECK_IS(call_munmap(HERE, addr + (long)PAGE, PAGE), 0);
	CHECK_IS(machine_totals().frames, 0);
}

/* A mapping of a file that is open for reading only cannot become writable. */
static void open_mode(void)
{
	struct shared_page page = share_page(peer, us(), true);
	struct ioctl_gntdev_grant_ref grant = {them()->id, page.ref};
	int fd = call_open(HERE, "/dev/xen/gntdev", O_RDONLY);
	long addr;

	CHECK_IS(store_byte(peer, page.addr, 5), 0);
	CHECK_IS(gntdev_map(HERE, fd, 1, &grant, NULL), 0);
	addr = device_mmap(HERE, fd, 0, 1, PROT_READ);
	CHECK(addr > 0, "mmap: %ld", addr);
	CHECK_IS(call_mprotect(HERE, addr, PAGE, RW), -EACCES);
	CHECK_IS(load_byte(HERE, addr), 5);
	CHECK_IS(store_byte(HERE, addr, 1), -SIGSEGV);
	CHECK_IS(call_munmap(HERE, addr, PAGE), 0);
	CHECK_IS(call_close(HERE, fd), 0);
}

static void gntdev(void)
{
	struct shared_page page = share_page(peer, us(), true);
	struct watch w = watch_start(HERE, us(), peer, them(), page.addr + 1);
	struct mapped_page map = map_page(HERE, them(), page.ref, RW);

	CHECK_IS(gntdev_notify(HERE, map.fd, map.index + 1, 3, w.port), 0);
	CHECK_IS(call_mprotect(HERE, map.addr, PAGE, PROT_READ), 0);
	if (us()->pv) {
		watch_byte_only(&w);
		CHECK_IS(load_byte(HERE, map.addr), -SIGBUS);
		CHECK_IS(call_mprotect(HERE, map.addr, PAGE, RW), 0);
		CHECK_IS(store_byte(HERE, map.addr, 1), -SIGBUS);
		CHECK_IS(machine_totals().maptrack, 0);
	} else {
		watch_still(&w);
		CHECK_IS(load_byte(HERE, map.addr + 1), 1);
		CHECK_IS(store_byte(HERE, map.addr, 1), -SIGSEGV);
		CHECK_IS(call_mprotect(HERE, map.addr, PAGE, RW), 0);
		CHECK_IS(store_byte(HERE, map.addr, 9), 0);
		CHECK_IS(load_byte(peer, page.addr), 9);
	}
	CHECK_IS(call_munmap(HERE, map.addr, PAGE), 0);
	CHECK_IS(call_close(HERE, map.fd), 0);
	watch_over(&w);
}

void test(void)
{
	peer = peer_start(them());
	gntalloc();
	CHECK_IS(machine_totals().vmas, 0);
	open_mode();
	gntdev();
}
