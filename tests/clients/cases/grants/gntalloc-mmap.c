/* SPDX-License-Identifier: MIT */
/*
 * mmap of gntalloc: shared only, any run of live pages, as often as wanted. A page that is off the
 * file's list cannot be mapped any more, but lives while it is mapped. Pages come zeroed.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define RW (PROT_READ | PROT_WRITE)

static void refusals(int fd)
{
	CHECK_IS(call_mmap(HERE, 0, PAGE, RW, MAP_PRIVATE, fd, 0), -EINVAL);
	CHECK_IS(call_mmap(HERE, 0, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), -EINVAL);
	CHECK_IS(call_mmap(HERE, 0, 5 * PAGE, RW, MAP_SHARED, fd, 0), -ENOENT);
	CHECK_IS(call_mmap(HERE, 0, PAGE, RW, MAP_SHARED, fd, 4 * (long)PAGE), -ENOENT);
	CHECK_IS(call_mmap(HERE, 0, PAGE, RW, MAP_SHARED, fd, 100), -EINVAL);
	CHECK_IS(call_mmap(HERE, 0, 0, RW, MAP_SHARED, fd, 0), -EINVAL);
	CHECK_IS(machine_totals().vmas, 0);
}

static void access_mode(void)
{
	int fd = call_open(HERE, "/dev/xen/gntalloc", O_RDONLY);

	CHECK(fd >= 0, "open: %d", fd);
	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 1, 1, NULL, NULL), 0);
	CHECK_IS(call_mmap(HERE, 0, PAGE, RW, MAP_SHARED, fd, 0), -EACCES);
	/* The kernel takes a mapping of a file that is open for reading only for a private one. */
	CHECK_IS(call_mmap(HERE, 0, PAGE, PROT_READ, MAP_SHARED, fd, 0), -EINVAL);
	CHECK_IS(call_close(HERE, fd), 0);
}

void test(void)
{
	int fd = device_open(HERE, "gntalloc");
	char *whole, *part, *again;
	uint64_t index;
	long addr;

	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 1, 4, &index, NULL), 0);
	refusals(fd);
	addr = device_mmap(HERE, fd, 0, 4, RW);
	CHECK(addr > 0, "mmap: %ld", addr);
	whole = (char *)addr;
	addr = device_mmap(HERE, fd, PAGE, 2, RW);
	CHECK(addr > 0, "mmap: %ld", addr);
	part = (char *)addr;
	addr = call_mmap(HERE, 0, 100, PROT_READ, MAP_SHARED, fd, 2 * (long)PAGE);
	CHECK(addr > 0, "mmap of 100 bytes: %ld", addr);
	again = (char *)addr;
	strcpy(whole + 2 * PAGE, "page two");
	CHECK(!strcmp(part + PAGE, "page two"), "%.8s", part + PAGE);
	CHECK(!strcmp(again, "page two"), "%.8s", again);

	CHECK_IS(gntalloc_dealloc(HERE, fd, PAGE, 2), 0);
	CHECK_IS(device_mmap(HERE, fd, PAGE, 1, RW), -ENOENT);
	CHECK_IS(device_mmap(HERE, fd, 0, 4, RW), -ENOENT);
	CHECK_IS(machine_totals().grants, 4);
	CHECK_IS(munmap(whole, 4 * PAGE), 0);
	CHECK_IS(munmap(part, 2 * PAGE), 0);
	CHECK_IS(machine_totals().grants, 3);
	CHECK(!strcmp(again, "page two"), "%.8s", again);
	CHECK_IS(munmap(again, PAGE), 0);
	CHECK_IS(machine_totals().grants, 2);

	/* Frames are used again; what was in them is not seen. */
	for (int i = 0; i < 20; i++) {
		CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 1, 1, &index, NULL), 0);
		addr = device_mmap(HERE, fd, index, 1, RW);
		CHECK(addr > 0, "mmap: %ld", addr);
		for (unsigned k = 0; k < PAGE; k++)
			CHECK(!((char *)addr)[k], "byte %u of a new page", k);
		memset((void *)addr, 0x5a, PAGE);
		CHECK_IS(gntalloc_dealloc(HERE, fd, index, 1), 0);
		CHECK_IS(call_munmap(HERE, addr, PAGE), 0);
	}
	access_mode();
}
