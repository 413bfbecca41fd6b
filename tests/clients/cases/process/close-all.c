/* SPDX-License-Identifier: MIT */
/*
 * A program that closes every descriptor above 2, as daemons do, by whatever call, keeps its
 * mappings and can open the devices again; so can one that puts other files on all the numbers.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void with_closefrom(void)
{
	closefrom(3);
}

static void with_close_range(void)
{
	CHECK_IS(close_range(3, ~0u, 0), 0);
}

static void with_raw_close_range(void)
{
	CHECK_IS(syscall(SYS_close_range, 3, ~0u, 0), 0);
}

static void with_unshare(void)
{
	CHECK_IS(close_range(3, ~0u, CLOSE_RANGE_UNSHARE), 0);
}

static void with_close(void)
{
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
}

static void with_raw_close(void)
{
	for (int fd = 3; fd < 1024; fd++)
		syscall(SYS_close, fd);
}

static void with_dup2(void)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 3; fd < 256; fd++)
		if (fd != null)
			CHECK_IS(dup2(null, fd), fd);
	closefrom(3);
}

static int daemon_life(void (*close_all)(void))
{
	struct shared_page before = share_page(HERE, them(), true), after;
	uint64_t index;
	long more;

	CHECK_IS(store_byte(HERE, before.addr, 21), 0);
	close_all();
	CHECK_IS(gntalloc_alloc(HERE, before.fd, them()->id, 0, 1, &index, NULL), -EBADF);
	CHECK_IS(load_byte(HERE, before.addr), 21);
	after = share_page(HERE, them(), true);
	CHECK_IS(after.index, 0);
	CHECK(after.ref != before.ref, "a reference that is in use");
	CHECK_IS(store_byte(HERE, after.addr, 22), 0);
	CHECK_IS(load_byte(HERE, before.addr), 21);
	more = device_mmap(HERE, after.fd, 0, 1, PROT_READ);
	CHECK(more > 0, "mmap: %ld", more);
	CHECK_IS(load_byte(HERE, more), 22);
	CHECK(evtchn_bind_unbound(HERE, device_open(HERE, "evtchn"), them()->id) > 0, "bind");
	CHECK_IS(call_munmap(HERE, before.addr, PAGE), 0);
	CHECK_IS(load_byte(HERE, before.addr), -SIGSEGV);
	close_all();
	return 0;
}

static void in_a_child(void (*close_all)(void))
{
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0, "fork");
	if (!pid) {
		limit_time();
		_exit(daemon_life(close_all));
	}
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK_IS(status, 0);
	MACHINE_AWAIT(files, 0);
	MACHINE_AWAIT(grants, 0);
}

/* daemon(3): its double fork leaves a process that nobody waits for. */
static void daemonised(void)
{
	int pipes[2];
	char byte = 0;
	pid_t pid;

	CHECK_IS(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	CHECK(pid >= 0, "fork");
	if (!pid) {
		struct shared_page page;

		limit_time();
		CHECK_IS(daemon(0, 0), 0);
		limit_time();
		page = share_page(HERE, them(), true);
		CHECK_IS(store_byte(HERE, page.addr, 21), 0);
		CHECK_IS(write(pipes[1], "x", 1), 1);
		_exit(0);
	}
	close(pipes[1]);
	CHECK_IS(waitpid(pid, NULL, 0), pid);
	CHECK_IS(read(pipes[0], &byte, 1), 1);
	CHECK_IS(read(pipes[0], &byte, 1), 0);
	close(pipes[0]);
	MACHINE_AWAIT(files, 0);
}

void test(void)
{
	in_a_child(with_closefrom);
	in_a_child(with_close_range);
	in_a_child(with_raw_close_range);
	in_a_child(with_unshare);
	in_a_child(with_close);
	in_a_child(with_raw_close);
	in_a_child(with_dup2);
	daemonised();
}
