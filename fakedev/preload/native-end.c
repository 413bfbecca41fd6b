/* SPDX-License-Identifier: MIT */
/* Device files whose machine has ended: the kernel fails each call on them at once, and has each wait end. Who goes
 * on all the same is slowed down, as on the socket front. */
#include "library.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

static bool says_gone(long r)
{
	return r == -ENOTCONN || r == -ECONNABORTED;
}

/* Of FUSE's files the machine alone can tell what they are; of CUSE's the kernel knows that. What fails of a xenbus
 * is for good too: xenstored has ended. */
static bool is_gone(int fd)
{
	struct wire_file f;
	struct stat st;
	long r = lib_may(SYS_fstat) ? raw_syscall(SYS_fstat, fd, (long)&st, 0, 0, 0, 0) : -EPERM;

	if (r < 0)
		return says_gone(r);
	if (!lib_looks_native(&st) || !lib_may(SYS_ioctl))
		return false;
	r = raw_syscall(SYS_ioctl, fd, WIRE_IOC_IDENTIFY, (long)&f, 0, 0, 0);
	return says_gone(r) || (r == 0 && f.device == WIRE_DEV_XENBUS);
}

void lib_native_failed(int fd)
{
	int err = errno;

	if ((says_gone(-err) || err == EIO) && lib_native() && is_gone(fd))
		lib_slow_down();
	errno = err;
}

int lib_native_polled(const struct pollfd *fds, unsigned long n, int ready)
{
	if (ready <= 0 || !lib_native())
		return ready;
	for (unsigned long i = 0; i < n; i++)
		if ((fds[i].revents & (POLLERR | POLLHUP)) && is_gone(fds[i].fd)) {
			lib_slow_down();
			break;
		}
	return ready;
}

/* What the kernel says of an epoll set: a line for each descriptor in it. */
static bool any_is_gone(char *lines)
{
	static const char before[] = "tfd:";
	char *line, *rest;

	for (line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, before, strlen(before)) == 0 &&
		    is_gone(atoi(line + strlen(before))))
			return true;
	}
	return false;
}

bool lib_native_set_has_ended(int epoll)
{
	char path[32], lines[4096];
	long fd, n;

	if (!lib_native() || !lib_may(SYS_openat))
		return false;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", epoll);
	fd = raw_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		return false;
	n = raw_syscall(SYS_read, fd, (long)lines, sizeof(lines) - 1, 0, 0, 0);
	raw_close((int)fd);
	lines[n > 0 ? n : 0] = '\0';
	return any_is_gone(lines);
}
