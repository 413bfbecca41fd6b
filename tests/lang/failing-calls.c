/* SPDX-License-Identifier: MIT */
#include "failing-calls.h"
#include "failing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct failing *failing;
const char failing_what[] = "call";

static enum failing_how how;
static pid_t us;

void failing_calls_begin(void)
{
	failing =
	    mmap(NULL, sizeof(*failing), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (failing == MAP_FAILED)
		abort();
	failing_calls_here();
}

void failing_calls_here(void)
{
	us = getpid();
}

void failing_calls_nowhere(void)
{
	us = 0;
}

bool failing_is_harmless(void)
{
	return how != FAILING_ERRORS;
}

void failing_calls(enum failing_how how_)
{
	how = how_;
}

/* Open descriptors. */
unsigned int failing_held(void)
{
	DIR *fds = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (fds && readdir(fds))
		n++;
	if (fds)
		closedir(fds);
	return n;
}

/* A scenario's processes make calls that are the subject; only their messages are ours. */
static bool is_ours(void)
{
	return getpid() == us;
}

static bool fails(int err)
{
	if (!is_ours() || how != FAILING_ERRORS || !failing_now())
		return false;
	errno = err;
	return true;
}

/* Of each kind of call not twice in a row: *last is whether its last one was. */
static bool is_interrupted(bool *last)
{
	*last = how == FAILING_INTERRUPTED && !*last && failing_now();
	if (*last)
		errno = EINTR;
	return *last;
}

static bool is_short(size_t size)
{
	return how == FAILING_SHORT && size > 1 && failing_now();
}

/* As the linker leads here, under both of their names. */
#define WRAP(type, name, parameters)                                                               \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters

#define FAILS(type, name, parameters, arguments, err, failed)                                      \
	WRAP(type, name, parameters)                                                               \
	{                                                                                          \
		return fails(err) ? (failed) : __real_##name arguments;                            \
	}

FAILS(FILE *, fopen64, (const char *path, const char *mode), (path, mode), EMFILE, NULL)
FAILS(FILE *, fdopen, (int fd, const char *mode), (fd, mode), ENOMEM, NULL)
FAILS(FILE *, tmpfile64, (void), (), ENOSPC, NULL)
FAILS(int, pipe, (int fds[2]), (fds), EMFILE, -1)
FAILS(int, pipe2, (int fds[2], int flags), (fds, flags), EMFILE, -1)
FAILS(int, socketpair, (int domain, int type, int protocol, int fds[2]),
      (domain, type, protocol, fds), EMFILE, -1)
FAILS(pid_t, fork, (void), (), EAGAIN, -1)
FAILS(char *, mkdtemp, (char *path), (path), ENOSPC, NULL)
FAILS(int, mkdir, (const char *path, mode_t mode), (path, mode), ENOSPC, -1)
FAILS(int, symlink, (const char *to, const char *path), (to, path), ENOSPC, -1)
FAILS(char *, realpath, (const char *path, char *room), (path, room), EACCES, NULL)
FAILS(ssize_t, readlink, (const char *path, char *room, size_t size), (path, room, size), EACCES,
      -1)

WRAP(int, open64, (const char *path, int flags, ...))
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return fails(EMFILE) ? -1 : __real_open64(path, flags, mode);
}

WRAP(int, poll, (struct pollfd * p, nfds_t n, int ms))
{
	static bool last;

	return is_ours() && (fails(ENOMEM) || is_interrupted(&last)) ? -1 : __real_poll(p, n, ms);
}

WRAP(pid_t, waitpid, (pid_t pid, int *status, int options))
{
	static bool last;

	return is_ours() && is_interrupted(&last) ? -1 : __real_waitpid(pid, status, options);
}

WRAP(ssize_t, read, (int fd, void *data, size_t size))
{
	static bool last;

	if (!is_ours())
		return __real_read(fd, data, size);
	if (fails(EIO) || is_interrupted(&last))
		return -1;
	return __real_read(fd, data, is_short(size) ? 1 : size);
}

WRAP(ssize_t, write, (int fd, const void *data, size_t size))
{
	static bool last;

	if (!is_ours())
		return __real_write(fd, data, size);
	if (fails(EPIPE) || is_interrupted(&last))
		return -1;
	return __real_write(fd, data, is_short(size) ? 1 : size);
}

WRAP(ssize_t, recvmsg, (int fd, struct msghdr *msg, int flags))
{
	static bool last;
	size_t size = msg->msg_iov->iov_len;
	ssize_t n;

	if (fails(ECONNRESET) || is_interrupted(&last))
		return -1;
	if (is_short(size))
		msg->msg_iov->iov_len = 1;
	n = __real_recvmsg(fd, msg, flags);
	msg->msg_iov->iov_len = size;
	return n;
}

WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *msg, int flags))
{
	static bool last;
	struct msghdr little = *msg;
	struct iovec byte = {msg->msg_iov->iov_base, 1};

	if (fails(EPIPE) || is_interrupted(&last))
		return -1;
	little.msg_iov = &byte;
	little.msg_iovlen = 1;
	return __real_sendmsg(fd, is_short(msg->msg_iov->iov_len) ? &little : msg, flags);
}
