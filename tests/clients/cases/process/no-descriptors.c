/* SPDX-License-Identifier: MIT */
/*
 * When no descriptor is free an open is EMFILE, and what needs none (ioctl, mmap, fork) goes on.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

void test(void)
{
	struct shared_page page = share_page(HERE, them(), true);
	int fd = device_open(HERE, "gntdev");
	struct rlimit limit, full;
	long addr;
	pid_t pid;
	int status, last;

	CHECK_IS(getrlimit(RLIMIT_NOFILE, &limit), 0);
	last = open("/dev/null", O_RDWR);
	full = (struct rlimit){(rlim_t)last + 1, limit.rlim_max};
	CHECK_IS(setrlimit(RLIMIT_NOFILE, &full), 0);
	CHECK_IS(open("/dev/null", O_RDWR), -1);
	CHECK_IS(errno, EMFILE);
	CHECK_IS(call_open(HERE, "/dev/xen/gntdev", O_RDWR), -EMFILE);
	CHECK_IS(gntalloc_alloc(HERE, page.fd, them()->id, 0, 1, NULL, NULL), 0);
	addr = device_mmap(HERE, page.fd, page.index, 1, PROT_READ);
	CHECK(addr > 0, "mmap without a free descriptor: %ld", addr);
	pid = fork();
	CHECK(pid >= 0, "fork without a free descriptor");
	if (!pid)
		_exit(store_byte(HERE, page.addr, 31));
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK_IS(status, 0);
	CHECK_IS(load_byte(HERE, addr), 31);
	CHECK_IS(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_IS(close(last), 0);
	CHECK_IS(close(fd), 0);
}
