/* SPDX-License-Identifier: MIT */
/* What a call on a device comes to by its name it comes to by its number, through syscall(3). */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int gntalloc, evtchn;

static long result(long r)
{
	return r < 0 ? -errno : r;
}

#define BOTH(expected, name, ...)                                                                  \
	do {                                                                                       \
		check_note("%s", #name);                                                           \
		CHECK_IS(result((long)name(__VA_ARGS__)), expected);                               \
		CHECK_IS(result(syscall(SYS_##name, __VA_ARGS__)), expected);                      \
	} while (0)

static void descriptors(void)
{
	int copy = dup(gntalloc);
	struct epoll_event ev = {.events = EPOLLIN};
	int set = epoll_create1(0), pair[2];

	BOTH(copy, dup3, gntalloc, copy, O_CLOEXEC);
	CHECK_IS(fcntl(copy, F_GETFD), FD_CLOEXEC);
#ifdef SYS_dup2
	BOTH(copy, dup2, gntalloc, copy);
	CHECK_IS(fcntl(copy, F_GETFD), 0);
#endif
	/* The copy is the device's. */
	CHECK_IS(gntalloc_alloc(HERE, copy, them()->id, 0, 1, NULL, NULL), 0);
	CHECK_IS(result(syscall(SYS_fcntl, gntalloc, F_GETFL)), fcntl(gntalloc, F_GETFL));
	CHECK_IS(fcntl(gntalloc, F_GETFL) & O_ACCMODE, O_RDWR);
	CHECK_IS(result(syscall(SYS_epoll_ctl, set, EPOLL_CTL_ADD, evtchn, &ev)), 0);
	CHECK_IS(epoll_ctl(set, EPOLL_CTL_DEL, evtchn, NULL), 0);
	BOTH(-ENOENT, epoll_ctl, set, EPOLL_CTL_DEL, evtchn, NULL);
	BOTH(-ESPIPE, lseek, evtchn, 0, SEEK_SET);
	CHECK_IS(close(copy), 0);
	CHECK_IS(close(set), 0);
	CHECK_IS(result(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair)), 0);
	CHECK_IS(close(pair[0]), 0);
	CHECK_IS(close(pair[1]), 0);
	pair[0] = (int)result(syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0));
	CHECK(pair[0] >= 0, "socket: %d", pair[0]);
	CHECK_IS(close(pair[0]), 0);
}

/* A device comes from another process. */
static void another_process(void)
{
#if defined(SYS_pidfd_getfd) && defined(SYS_pidfd_open)
	int process = (int)syscall(SYS_pidfd_open, getpid(), 0);
	long fd = result(syscall(SYS_pidfd_getfd, process, gntalloc, 0));

	check_note("pidfd_getfd");
	if (process < 0 || fd == -ENOSYS || fd == -EPERM)
		return;
	CHECK(fd >= 0, "%ld", fd);
	CHECK_IS(gntalloc_alloc(HERE, (int)fd, them()->id, 0, 1, NULL, NULL), 0);
	CHECK_IS(close((int)fd), 0);
	CHECK_IS(close(process), 0);
#endif
}

static void transfers(void)
{
	int port = evtchn_bind_unbound(HERE, evtchn, us()->id);
	int other = evtchn_bind_interdomain(HERE, evtchn, us()->id, (uint32_t)port);
	uint32_t got[2] = {0};
	struct iovec iov = {got, sizeof(got[0])};

	CHECK(port > 0 && other > 0, "bind: %d, %d", port, other);
	/* Which may have had an event before. */
	CHECK_IS(evtchn_take(HERE, evtchn), other);
	for (int by_number = 0; by_number < 2; by_number++) {
		check_note("readv and writev, %d", by_number);
		CHECK_IS(evtchn_notify(HERE, evtchn, (uint32_t)other), 0);
		CHECK_IS(by_number ? syscall(SYS_readv, evtchn, &iov, 1) : readv(evtchn, &iov, 1),
			 4);
		CHECK_IS(got[0], port);
		CHECK_IS(by_number ? syscall(SYS_writev, evtchn, &iov, 1) : writev(evtchn, &iov, 1),
			 4);
	}
	BOTH(-EINVAL, readv, gntalloc, &iov, 1);
	BOTH(-EINVAL, writev, gntalloc, &iov, 1);
}

static void memory(void)
{
	uint64_t index;
	long addr;

	CHECK_IS(
	    gntalloc_alloc(HERE, gntalloc, them()->id, GNTALLOC_FLAG_WRITABLE, 1, &index, NULL), 0);
	addr = device_mmap(HERE, gntalloc, index, 1, PROT_READ | PROT_WRITE);
	BOTH(0, madvise, (void *)addr, PAGE, MADV_NORMAL);
	CHECK_IS(store_byte(HERE, addr, 1), 0);
	CHECK_IS(call_munmap(HERE, addr, PAGE), 0);
}

static void names(void)
{
	static const char path[] = "/dev/xen/gntalloc", none[] = "/dev/xen/nothing";
	char buffer[PATH_MAX];
	struct stat a, b;

	check_note("stat");
	CHECK_IS(fstatat(AT_FDCWD, path, &a, 0), 0);
#ifdef SYS_newfstatat
	CHECK_IS(result(syscall(SYS_newfstatat, AT_FDCWD, path, &b, 0)), 0);
	CHECK_IS(b.st_rdev, a.st_rdev);
	CHECK_IS(result(syscall(SYS_newfstatat, AT_FDCWD, none, &b, 0)), -ENOENT);
#endif
	CHECK_IS(result(syscall(SYS_fstat, gntalloc, &b)), 0);
	CHECK_IS(b.st_rdev, a.st_rdev);
#ifdef STATX_BASIC_STATS
	struct statx x;

	CHECK_IS(result(syscall(SYS_statx, AT_FDCWD, path, 0, STATX_BASIC_STATS, &x)), 0);
	CHECK(S_ISCHR(x.stx_mode), "statx: mode %o", x.stx_mode);
	CHECK_IS(statx(gntalloc, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x), 0);
	CHECK(S_ISCHR(x.stx_mode), "statx of a descriptor: mode %o", x.stx_mode);
#endif
	CHECK_IS(result(syscall(SYS_faccessat, AT_FDCWD, path, R_OK)), 0);
	CHECK_IS(result(syscall(SYS_faccessat, AT_FDCWD, path, X_OK)), -EACCES);
	CHECK_IS(result(syscall(SYS_faccessat, AT_FDCWD, none, F_OK)), -ENOENT);
	BOTH(-EINVAL, readlinkat, AT_FDCWD, path, buffer, sizeof(buffer));
	BOTH(-ENOENT, readlinkat, AT_FDCWD, none, buffer, sizeof(buffer));
}

static void limits(void)
{
#ifdef SYS_setrlimit
	struct rlimit limit;

	check_note("setrlimit");
	CHECK_IS(getrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_IS(result(syscall(SYS_setrlimit, RLIMIT_NOFILE, &limit)), 0);
	/* The library's own descriptors make way. */
	limit.rlim_cur = 16;
	CHECK_IS(result(syscall(SYS_setrlimit, RLIMIT_NOFILE, &limit)), 0);
	CHECK_IS(gntalloc_alloc(HERE, gntalloc, them()->id, 0, 1, NULL, NULL), 0);
#endif
}

/* A child that does that: status 0 if it came to what it should. */
static void in_a_child(void (*what)(void), const char *name)
{
	pid_t pid = fork();
	int status;

	check_note("%s", name);
	CHECK(pid >= 0, "fork");
	if (!pid) {
		limit_time();
		what();
		_exit(0);
	}
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK_IS(status, 0);
}

static void unshares(void)
{
	CHECK_IS(result(syscall(SYS_unshare, CLONE_FILES)), 0);
	CHECK_IS(gntalloc_alloc(HERE, gntalloc, them()->id, 0, 1, NULL, NULL), 0);
}

static void asks_for_its_name(void)
{
	char name[16] = "";

	CHECK_IS(result(syscall(SYS_prctl, PR_SET_NAME, "by-number")), 0);
	CHECK_IS(prctl(PR_GET_NAME, name), 0);
	CHECK_IS(strcmp(name, "by-number"), 0);
}

/* A program without an environment stays in the machine: it lists the devices. */
static void executes(void)
{
	char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){"[ -c /dev/xen/gntalloc ]"}, NULL};
	char *env[] = {NULL};

	syscall(SYS_execve, "/bin/sh", argv, env);
	_exit(9);
}

static void executes_at(void)
{
	char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){"[ -c /dev/xen/gntalloc ]"}, NULL};
	char *env[] = {NULL};

	syscall(SYS_execveat, AT_FDCWD, "/bin/sh", argv, env, 0);
	_exit(9);
}

void test(void)
{
	gntalloc = device_open(HERE, "gntalloc");
	evtchn = device_open(HERE, "evtchn");
	descriptors();
	another_process();
	transfers();
	memory();
	names();
	in_a_child(limits, "a limit of descriptors");
	in_a_child(unshares, "unshare");
	in_a_child(asks_for_its_name, "prctl");
	in_a_child(executes, "execve");
	in_a_child(executes_at, "execveat");
	CHECK_IS(close(gntalloc), 0);
	CHECK_IS(close(evtchn), 0);
	MACHINE_AWAIT(files, 0);
}
