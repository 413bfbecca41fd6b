/* SPDX-License-Identifier: MIT */
/*
 * Duplicates of a descriptor are one open file: one index, one list, one set of ports; it is
 * released with the last of them. Whatever takes the number over is not the device any more.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static void one_file(void)
{
	int fd = device_open(HERE, "gntalloc");
	int copies[4] = {dup(fd), dup2(fd, 200), dup3(fd, 201, O_CLOEXEC),
			 fcntl(fd, F_DUPFD_CLOEXEC, 300)};
	uint64_t index;

	CHECK_IS(copies[1], 200);
	CHECK_IS(copies[3], 300);
	CHECK_IS(fcntl(201, F_GETFD), FD_CLOEXEC);
	CHECK_IS(fcntl(300, F_GETFD), FD_CLOEXEC);
	for (int i = 0; i < 4; i++) {
		CHECK_IS(gntalloc_alloc(HERE, copies[i], them()->id, 1, 1, &index, NULL), 0);
		CHECK_IS(index, (unsigned)i * PAGE);
	}
	CHECK_IS(machine_totals().files, 1);
	CHECK_IS(gntalloc_dealloc(HERE, fd, 0, 2), 0);
	CHECK_IS(close(fd), 0);
	CHECK(device_mmap(HERE, copies[0], 2 * PAGE, 2, PROT_READ) > 0, "mmap");
	for (int i = 0; i < 4; i++) {
		CHECK_IS(machine_totals().grants, 2);
		CHECK_IS(close(copies[i]), 0);
	}
	CHECK_IS(machine_totals().files, 1); /* the mapping */
}

static void taken_over(void)
{
	int fd = device_open(HERE, "gntdev"), null = open("/dev/null", O_RDWR);
	int files = (int)machine_totals().files;

	CHECK_IS(dup2(null, fd), fd);
	CHECK_IS(machine_totals().files, files - 1);
	CHECK_IS(gntdev_unmap(HERE, fd, 0, 1), -ENOTTY);
	CHECK_IS(call_write(HERE, fd, "x", 1), 1);
	CHECK_IS(close(fd), 0);
	CHECK_IS(gntdev_unmap(HERE, fd, 0, 1), -EBADF);
	CHECK_IS(close(fd), -1);
	CHECK_IS(errno, EBADF);

	/* The other way round: the device takes over a number. */
	fd = device_open(HERE, "gntdev");
	CHECK_IS(dup2(fd, null), null);
	CHECK_IS(gntdev_unmap(HERE, null, 0, 1), -ENOENT);
	CHECK_IS(dup2(fd, fd), fd);
	CHECK_IS(close(fd), 0);
	CHECK_IS(gntdev_unmap(HERE, null, 0, 1), -ENOENT);
	CHECK_IS(close(null), 0);
}

void test(void)
{
	one_file();
	taken_over();
}
