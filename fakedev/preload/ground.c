/* SPDX-License-Identifier: MIT */
/* What the rules of calls (calls.h) need of a program, from inside it. */
#include "library.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

struct ranges *lib_ranges(void)
{
	static struct ranges ours;

	return &ours;
}

uint32_t lib_domid(void)
{
	return lib_settings.domid;
}

const char *lib_store_path(void)
{
	return lib_active() && lib_settings.store[0] ? lib_settings.store : NULL;
}

long lib_program_call(long nr, long a, long b, long c, long d, long e, long f)
{
	return raw_syscall(nr, a, b, c, d, e, f);
}

int lib_hand_over(int fd)
{
	return fd;
}

int lib_reserve(int fd)
{
	return (int)raw_fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

void lib_came(int fd)
{
	(void)fd; /* it is asked what it is when it is used */
}

int lib_borrow(int fd)
{
	int type;
	socklen_t len = sizeof(type);
	long err = raw_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, (long)&type, (long)&len, 0);

	return err == -EBADF ? -EBADF : err < 0 ? -EINVAL : fd;
}

void lib_give_back(int fd)
{
	(void)fd;
}

long lib_wait(int fd, uint32_t ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	const uint64_t all = UINT64_MAX;
	long n = raw_syscall(SYS_ppoll, (long)&p, 1, ms > INT32_MAX ? 0 : (long)&time, (long)&all,
			     sizeof(all), 0);

	raw_close(fd);
	return n > 0 ? 0 : -ETIMEDOUT;
}

bool lib_sends_in_place(void)
{
	return !lib_under_valgrind() && lib_may(SYS_sendmsg);
}

int lib_open_maps(void)
{
	return (int)raw_syscall(SYS_openat, AT_FDCWD, (long)"/proc/self/maps", O_CLOEXEC, 0, 0, 0);
}
