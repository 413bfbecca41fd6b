/* SPDX-License-Identifier: MIT */
/* Descriptors that a program closes by the number, and the forks that pthread_atfork does not see. */
#include "library.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/types.h>
#include <unistd.h>

/* The library's descriptors are none of the program's: closing one says so. */
DECLARE_NEXT(close);
EXPORT int close(int fd)
{
	struct device d;
	bool is_device;
	int r;

	if (lib_is_own_fd(fd))
		return (int)lib_result(-EBADF);
	if (lib_has_none())
		return NEXT(close)(fd);
	is_device = lib_device(fd, &d);
	/* What was told of the file comes before its end. */
	if (is_device && lib_traced())
		lib_sync();
	r = NEXT(close)(fd);
	lib_note_closed(fd);
	/* What release() does is done when close() returns. */
	if (is_device)
		lib_sync();
	return r;
}

/* Without ours, which lie in between. */
static long close_around(unsigned int first, unsigned int last, int flags)
{
	long r = 0;

	while (r == 0 && first <= last) {
		int own = flags & (int)CLOSE_RANGE_CLOEXEC ? -1 : lib_own_fd_in(first, last);

		if (own < 0)
			return raw_syscall(SYS_close_range, first, last, flags, 0, 0, 0);
		if ((unsigned int)own > first)
			r = raw_syscall(SYS_close_range, first, own - 1, flags, 0, 0, 0);
		first = (unsigned int)own + 1;
	}
	return r;
}

EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	/* (The kernel's own error for a range that is none.) */
	long r;

	if (flags & (int)CLOSE_RANGE_UNSHARE)
		lib_may_have_one_any_time();
	r = first > last ? -EINVAL : close_around(first, last, flags);
	if (!(flags & (int)CLOSE_RANGE_CLOEXEC))
		lib_sync();
	return (int)lib_result(r);
}

DECLARE_NEXT(closefrom);
EXPORT void closefrom(int low)
{
	if (lib_own_fd_in(0, ~0u) < 0 || close_around(low < 0 ? 0 : (unsigned int)low, ~0u, 0) < 0)
		NEXT(closefrom)(low);
	lib_sync();
}

/* Before new becomes another descriptor for old: 1 if a device is closed by that, 0, or -EBADF. */
static int before_dup(int old, int new)
{
	struct device d;

	if (lib_is_own_fd(old))
		return -EBADF;
	if (lib_is_own_fd(new))
		lib_move_own(new);
	return old != new &&lib_device(new, &d);
}

static int after_dup(int old, int closed, int r)
{
	if (r >= 0)
		lib_note_copy(old, r);
	if (closed)
		lib_sync();
	return r;
}

DECLARE_NEXT(dup2);
EXPORT int dup2(int old, int new)
{
	int closed = before_dup(old, new);

	return closed < 0 ? (int)lib_result(closed) : after_dup(old, closed, NEXT(dup2)(old, new));
}

DECLARE_NEXT(dup3);
EXPORT int dup3(int old, int new, int flags)
{
	int closed = before_dup(old, new);

	return closed < 0 ? (int)lib_result(closed)
			  : after_dup(old, closed, NEXT(dup3)(old, new, flags));
}

DECLARE_NEXT(dup);
EXPORT int dup(int old)
{
	return after_dup(old, 0, NEXT(dup)(old));
}

DECLARE_NEXT(_Fork);
EXPORT pid_t _Fork(void)
{
	pid_t pid;
	int kept;

	lib_fork_prepare();
	pid = NEXT(_Fork)();
	kept = errno;
	if (pid == 0)
		lib_fork_child();
	else
		lib_fork_parent();
	errno = kept;
	return pid;
}

struct start {
	int (*fn)(void *);
	void *arg;
};

static int run_child(void *p)
{
	struct start s = *(struct start *)p;

	lib_fork_child();
	return s.fn(s.arg);
}

static int run_sharing_child(void *p)
{
	struct start s = *(struct start *)p;

	lib_fork_child_sharing();
	return s.fn(s.arg);
}

DECLARE_NEXT(clone);
EXPORT int clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
	struct start s = {fn, arg};
	va_list args;
	void *rest[3];
	int pid, kept;

	va_start(args, arg);
	for (int i = 0; i < 3; i++)
		rest[i] = va_arg(args, void *);
	va_end(args);
	/* Two with one memory and two tables of descriptors, or the other way round. */
	if (!(flags & CLONE_VM) != !(flags & CLONE_FILES))
		lib_may_have_one_any_time();
	if (flags & CLONE_VM)
		return NEXT(clone)(fn, stack, flags, arg, rest[0], rest[1], rest[2]);
	lib_fork_prepare();
	pid = NEXT(clone)(flags & CLONE_FILES ? run_sharing_child : run_child, stack, flags, &s,
			  rest[0], rest[1], rest[2]);
	kept = errno;
	if ((flags & CLONE_FILES) && pid > 0)
		lib_fork_parent_sharing();
	else
		lib_fork_parent();
	errno = kept;
	return pid;
}
