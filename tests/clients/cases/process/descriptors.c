/* SPDX-License-Identifier: MIT */
/*
 * Device descriptors are numbered as any: open and dup give the lowest free number, also 0, and
 * nothing of the library's is in the way.
 */
#include "check.h"
#include "device.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static void lowest(void)
{
	int null = open("/dev/null", O_RDWR), fds[3];

	CHECK_IS(close(null), 0);
	for (int i = 0; i < 3; i++) {
		fds[i] = device_open(HERE, i ? "gntdev" : "evtchn");
		CHECK_IS(fds[i], null + i);
	}
	CHECK_IS(close(fds[1]), 0);
	CHECK_IS(dup(fds[0]), null + 1);
	CHECK_IS(close(fds[0]), 0);
	CHECK_IS(device_open(HERE, "gntalloc"), null);
	for (int i = 0; i < 3; i++)
		CHECK_IS(close(null + i), 0);
	null = open("/dev/null", O_RDWR);
	CHECK_IS(null, fds[0]);
	CHECK_IS(close(null), 0);
}

/* In place of the standard ones. */
static void standard(void)
{
	int copy = dup(STDIN_FILENO), fd;
	uint64_t index = 1;

	CHECK_IS(close(STDIN_FILENO), 0);
	fd = open("/dev/xen/gntalloc", O_RDWR);
	CHECK_IS(fd, STDIN_FILENO);
	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 1, 1, &index, NULL), 0);
	CHECK(device_mmap(HERE, fd, index, 1, PROT_READ) > 0, "mmap");
	CHECK_IS(dup2(copy, STDIN_FILENO), STDIN_FILENO);
	CHECK_IS(close(copy), 0);
}

void test(void)
{
	lowest();
	standard();
}
