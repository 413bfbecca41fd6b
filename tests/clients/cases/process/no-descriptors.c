/* SPDX-License-Identifier: MIT */
/*
 * When no descriptor is free an open is EMFILE, and what needs none (ioctl, mmap, fork) goes on; mmap
 * also where none can become free any more.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct rlimit none;

static int by_setrlimit(void)
{
	return setrlimit(RLIMIT_NOFILE, &none);
}

static int by_prlimit(void)
{
	return prlimit(getpid(), RLIMIT_NOFILE, &none, NULL);
}

static int by_number(void)
{
	return (int)syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &none, NULL);
}

static void with_none_for_good(const struct shared_page *page, int (*give_up)(void),
			       const char *how)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		long addr;

		if (give_up() < 0)
			_exit(2);
		addr = device_mmap(HERE, page->fd, page->index, 1, PROT_READ | PROT_WRITE);
		if (addr <= 0)
			_exit(3);
		store_byte(HERE, addr, 32);
		_exit(call_munmap(HERE, addr, PAGE) ? 4 : 0);
	}
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK(status == 0, "by %s: status %#x", how, (unsigned)status);
	CHECK_IS(load_byte(HERE, page->addr), 32);
	store_byte(HERE, page->addr, 0);
}

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
	with_none_for_good(&page, by_setrlimit, "setrlimit");
	with_none_for_good(&page, by_prlimit, "prlimit");
	with_none_for_good(&page, by_number, "number");
	CHECK_IS(close(fd), 0);
}
