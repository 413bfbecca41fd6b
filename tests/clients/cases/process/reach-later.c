/* SPDX-License-Identifier: MIT */
/*
 * A program that changes its root, its user, its namespaces or its limits before it first uses a device
 * finds the machine all the same.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where nothing is that leads to the machine. */
static const char nowhere[] = "/proc/self/task";

static void use_devices(void)
{
	struct shared_page page = share_page(HERE, them(), true);

	CHECK_IS(store_byte(HERE, page.addr, 61), 0);
	CHECK_IS(load_byte(HERE, page.addr), 61);
	CHECK_IS(call_munmap(HERE, page.addr, PAGE), 0);
	CHECK_IS(call_close(HERE, page.fd), 0);
}

static void elsewhere(void)
{
	CHECK_IS(chroot(nowhere), 0);
	CHECK_IS(chdir("/"), 0);
}

static void elsewhere_by_number(void)
{
	CHECK_IS(syscall(SYS_chroot, nowhere), 0);
	CHECK_IS(chdir("/"), 0);
}

/* The user may not pass through the directory that the socket is in. */
static void another_user(void)
{
	CHECK_IS(setgroups(0, NULL), 0);
	CHECK_IS(setresgid(65534, 65534, 65534), 0);
	CHECK_IS(setresuid(65534, 65534, 65534), 0);
}

static void another_user_by_number(void)
{
	CHECK_IS(syscall(SYS_setuid, 65534), 0);
}

static void no_network(void)
{
	CHECK_IS(unshare(CLONE_NEWNET), 0);
}

static void own_descriptors(void)
{
	CHECK_IS(unshare(CLONE_FILES), 0);
}

/* One descriptor is left, for the device. */
static void one_descriptor(void)
{
	struct rlimit limit;
	int last = open("/dev/null", O_RDWR);

	CHECK_IS(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)last + 1;
	CHECK_IS(close(last), 0);
	CHECK_IS(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void close_past_the_library(long fd)
{
	long r = SYS_close;

#if defined(__x86_64__)
	__asm__ volatile("syscall" : "+a"(r) : "D"(fd) : "rcx", "r11", "memory");
#endif
	(void)r;
	(void)fd;
}

/* The connection is among the descriptors that are closed past the C library. */
static void lost_connection(void)
{
	use_devices();
	for (long fd = 3; fd < 1100; fd++)
		if (fd != stage_socket())
			close_past_the_library(fd);
}

int again(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} ways[] = {{"root", elsewhere},
		    {"root by number", elsewhere_by_number},
		    {"user", another_user},
		    {"user by number", another_user_by_number},
		    {"network", no_network},
		    {"descriptors", own_descriptors},
		    {"one descriptor", one_descriptor},
		    {"connection", lost_connection}};
	size_t i = (size_t)atoi(argv[1]);

	(void)argc;
	if (i >= sizeof(ways) / sizeof(ways[0]))
		return 99;
	check_note("%s", ways[i].name);
	/* Where the kernel serves the devices, they are where the host shows them. */
	if (getenv("GNTSIM_NATIVE") &&
	    (ways[i].fn == elsewhere || ways[i].fn == elsewhere_by_number))
		return 0;
	ways[i].fn();
	use_devices();
	_exit(0); /* LeakSanitizer would look into /proc */
}

/* A process that has not used a device yet, nor has its parent for it. */
static int afresh(int way)
{
	char number[16];
	int status;
	pid_t pid;

	snprintf(number, sizeof(number), "%d", way);
	pid = fork();
	CHECK(pid >= 0, "fork");
	if (!pid) {
		execl("/proc/self/exe", "again", number, NULL);
		_exit(127);
	}
	CHECK_IS(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : status;
}

static int child_page;
static int in_shared_table(void *arg)
{
	struct shared_page *page = arg;

	limit_time();
	CHECK_IS(store_byte(HERE, page->addr, 62), 0);
	use_devices();
	child_page = 1;
	_exit(0);
}

/* A child with its parent's descriptors, but memory of its own: neither spoils the other's connection,
 * and its mappings end with it. */
static void shared_table(bool by_number)
{
	static char stack[256 * 1024] __attribute__((aligned(16)));
	struct shared_page page = share_page(HERE, them(), true);
	uint64_t before = machine_totals().mms;
	int status;
	pid_t pid;

	check_note("CLONE_FILES%s", by_number ? " by number" : "");
	if (by_number) {
		pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
		if (!pid)
			in_shared_table(&page);
	} else {
		pid = clone(in_shared_table, stack + sizeof(stack), CLONE_FILES | SIGCHLD, &page);
	}
	CHECK(pid > 0, "clone");
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK_IS(status, 0);
	CHECK_IS(child_page, 0);
	CHECK_IS(load_byte(HERE, page.addr), 62);
	use_devices();
	MACHINE_AWAIT(mms, before);
	CHECK_IS(call_munmap(HERE, page.addr, PAGE), 0);
	CHECK_IS(call_close(HERE, page.fd), 0);
}

void test(void)
{
	int status;

	for (int i = 0; (status = afresh(i)) != 99; i++)
		CHECK_IS(status, 0);
	shared_table(false);
	shared_table(true);
}
