/* SPDX-License-Identifier: MIT */
/*
 * A program that opens the devices and then gives up its privileges goes on using what it has
 * open, forks, and executes programs that inherit it.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	NOBODY = 65534,
};

int again(int argc, char **argv)
{
	uint64_t index;

	CHECK_IS(argc, 2);
	CHECK_IS(gntalloc_alloc(HERE, atoi(argv[1]), them()->id, 1, 1, &index, NULL), 0);
	CHECK(device_mmap(HERE, atoi(argv[1]), index, 1, PROT_READ) > 0, "mmap");
	return 0;
}

static void unprivileged(struct shared_page *page)
{
	struct peer *child;
	uint64_t index;
	char number[16];
	int status;
	long addr;
	pid_t pid;

	CHECK_IS(setgid(NOBODY), 0);
	CHECK_IS(setuid(NOBODY), 0);
	CHECK_IS(gntalloc_alloc(HERE, page->fd, them()->id, 1, 1, &index, NULL), 0);
	addr = device_mmap(HERE, page->fd, index, 1, PROT_READ);
	CHECK(addr > 0, "mmap: %ld", addr);
	child = peer_fork(HERE);
	CHECK_IS(store_byte(child, page->addr, 61), 0);
	CHECK_IS(load_byte(HERE, page->addr), 61);
	CHECK_IS(gntalloc_alloc(child, page->fd, them()->id, 1, 1, &index, NULL), 0);
	CHECK(device_mmap(child, page->fd, index, 1, PROT_READ) > 0, "mmap in a child");
	peer_stop(child);

	snprintf(number, sizeof(number), "%d", page->fd);
	pid = fork();
	if (!pid) {
		execl("/proc/self/exe", "again", number, NULL);
		_exit(127);
	}
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK_IS(status, 0);
}

void test(void)
{
	struct shared_page page = share_page(HERE, them(), true);
	pid_t pid = fork();
	int status;

	if (getuid())
		skip("privileges to give up are needed");
	if (!pid) {
		limit_time();
		unprivileged(&page);
		_exit(0);
	}
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK_IS(status, 0);
	CHECK_IS(load_byte(HERE, page.addr), 61);
}
