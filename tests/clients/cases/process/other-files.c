/* SPDX-License-Identifier: MIT */
/*
 * Calls on files that are no devices cost a process without a device nothing: each is the system call that it
 * is, and no other. A device that comes later is one all the same, whichever way it comes: opened, or in a
 * message, received and put onto a number that has been another file's by system calls of the program's own.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../../fakedev/raw.h"

enum {
	WARM_UPS = 500, /* more than it takes to find out that there is no device */
	CALLS = 10,
	AT = 7, /* a descriptor's number */
	PARTS = 8,
};

/* Of a file that is there wherever this runs. (No literal: of what is not sure to be readable the kernel is asked.) */
static char path[PAGE];

static void part_ends(void)
{
	raw_syscall(SYS_getuid, 0, 0, 0, 0, 0, 0);
}

static void read_some(int n)
{
	char byte;

	for (int i = 0; i < n; i++)
		CHECK_IS(read(AT, &byte, 1), 1);
}

/* Without a device, or a socket that one could come through. */
static void be_without(void)
{
	int zero;

	limit_time();
	syscall(SYS_close_range, 3, ~0u, 0);
	zero = open("/dev/zero", O_RDONLY);
	CHECK(zero >= 0, "/dev/zero: %s", strerror(errno));
	/* (Where the tests are started from they may be sockets.) */
	for (int fd = 0; fd < 3; fd++)
		dup2(zero, fd);
	CHECK_IS(dup2(zero, AT), AT);
	if (zero != AT)
		close(zero);
}

static void counted(void)
{
	int null, pair[2];
	struct pollfd p = {.fd = AT, .events = POLLIN};
	struct stat st;

	be_without();
	null = open("/dev/null", O_WRONLY);
	read_some(WARM_UPS);
	stat(path, &st);
	part_ends();
	read_some(CALLS);
	part_ends();
	for (int i = 0; i < CALLS; i++)
		if (write(null, "", 1) != 1)
			_exit(3);
	part_ends();
	for (int i = 0; i < CALLS; i++)
		if (poll(&p, 1, 0) != 1)
			_exit(3);
	part_ends();
	for (int i = 0; i < CALLS; i++)
		if (stat(path, &st) < 0)
			_exit(3);
	part_ends();
	for (int i = 0; i < CALLS; i++)
		if (close(open(path, O_RDONLY)) < 0)
			_exit(3);
	part_ends();
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	part_ends();
	read_some(CALLS);
	part_ends();
	_exit(0);
}

/* The system calls of each part. */
static void count(pid_t pid, unsigned calls[PARTS])
{
	unsigned part = 0;
	int status;

	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK(WIFSTOPPED(status), "status %#x", (unsigned)status);
	CHECK_IS(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), 0);
	for (int signal = 0;; signal = 0) {
		struct __ptrace_syscall_info info;

		CHECK_IS(ptrace(PTRACE_SYSCALL, pid, 0, signal), 0);
		CHECK_IS(waitpid(pid, &status, 0), pid);
		if (!WIFSTOPPED(status))
			break;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		CHECK(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0, "%s",
		      strerror(errno));
		if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
			continue;
		if (info.entry.nr == SYS_getuid)
			part++;
		else if (part < PARTS)
			calls[part]++;
	}
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", (unsigned)status);
	CHECK_IS(part, PARTS);
}

static void costs_nothing(void)
{
	unsigned calls[PARTS] = {0};
	pid_t pid = fork();

	CHECK(pid >= 0, "fork: %s", strerror(errno));
	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			_exit(STAGE_SKIP);
		raise(SIGSTOP);
		counted();
	}
	count(pid, calls);
	CHECK_IS(calls[1], CALLS);
	CHECK_IS(calls[2], CALLS);
	CHECK_IS(calls[3], CALLS);
	CHECK_IS(calls[4], CALLS);
	CHECK_IS(calls[5], 2 * CALLS);
	/* From here on each is asked. */
	CHECK_IS(calls[7], 2 * CALLS);
}

/* What an evtchn and no other file answers. */
static bool is_evtchn(int fd)
{
	char byte;

	return read(fd, &byte, 1) == 0;
}

static void opened(void)
{
	int fd;

	be_without();
	read_some(WARM_UPS);
	fd = open("/dev/xen/evtchn", O_RDWR | O_NONBLOCK);
	if (fd < 0)
		_exit(3);
	if (!is_evtchn(fd))
		_exit(4);
	raw_syscall(SYS_dup3, fd, AT, 0, 0, 0, 0);
	if (!is_evtchn(AT))
		_exit(5);
	_exit(0);
}

/* A path in memory that the program has taken away: an error, and no fault of the library's. */
static char page[2 * PAGE] __attribute__((aligned(4096)));

static void bad_path(void)
{
	struct stat st;

	limit_time();
	strcpy(page, path);
	if (stat(page, &st) < 0)
		_exit(3);
	if (mprotect(page, PAGE, PROT_NONE) < 0)
		_exit(4);
	if (stat(page, &st) == 0 || errno != EFAULT || open(page, O_RDONLY) >= 0 || errno != EFAULT)
		_exit(5);
	_exit(0);
}

static struct sockaddr_un meeting = {.sun_family = AF_UNIX};
static socklen_t meeting_len = sizeof(meeting);

static void received(void)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr hdr = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	int fd, got;

	be_without();
	read_some(WARM_UPS);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&meeting, meeting_len) < 0)
		_exit(3);
	if (raw_recvmsg(fd, &hdr, 0) != 1 || !CMSG_FIRSTHDR(&hdr))
		_exit(4);
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&hdr)), sizeof(got));
	raw_syscall(SYS_dup3, got, AT, 0, 0, 0, 0);
	_exit(is_evtchn(AT) ? 0 : 5);
}

static void send_device(int listener, int device)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.head = {.cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS,
			      .cmsg_len = CMSG_LEN(sizeof(int))}};
	struct iovec iov = {(char[]){'d'}, 1};
	struct msghdr hdr = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	int fd = accept(listener, NULL, NULL);

	memcpy(CMSG_DATA(&control.head), &device, sizeof(device));
	CHECK(fd >= 0, "accept: %s", strerror(errno));
	CHECK_IS(sendmsg(fd, &hdr, 0), 1);
	close(fd);
}

static void ended_well(pid_t pid)
{
	int status;

	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", (unsigned)status);
}

static pid_t start(void (*fn)(void))
{
	pid_t pid = fork();

	CHECK(pid >= 0, "fork: %s", strerror(errno));
	if (!pid)
		fn();
	return pid;
}

void test(void)
{
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), device;
	pid_t pid;

	CHECK(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0, "%s", strerror(errno));
	CHECK_IS(bind(listener, (struct sockaddr *)&meeting, sizeof(sa_family_t)), 0);
	CHECK_IS(listen(listener, 1), 0);
	CHECK_IS(getsockname(listener, (struct sockaddr *)&meeting, &meeting_len), 0);
	costs_nothing();
	ended_well(start(bad_path));
	ended_well(start(opened));
	device = call_open(HERE, "/dev/xen/evtchn", O_RDWR | O_NONBLOCK);
	CHECK(device >= 0, "open: %d", device);
	pid = start(received);
	send_device(listener, device);
	ended_well(pid);
	CHECK_IS(call_close(HERE, device), 0);
}
