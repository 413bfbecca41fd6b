/* SPDX-License-Identifier: MIT */
/* syscall(3): the same calls by their numbers. Those that concern us go through the functions
 * above; all else goes to the kernel as it is. */
#include "library.h"

#undef _FORTIFY_SOURCE
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef __s390x__ /* the other way round */
#define CLONE_FLAGS 1
#define CLONE_STACK 0
#else
#define CLONE_FLAGS 0
#define CLONE_STACK 1
#endif

static uint64_t clone_flags(long nr, const long a[6])
{
	uint64_t flags = 0;

	if (nr == SYS_clone)
		return (uint64_t)a[CLONE_FLAGS];
	if (nr == SYS_clone3 && lib_copy_in(&flags, (uint64_t)a[0], sizeof(flags)) < 0)
		return CLONE_VM;
	return flags;
}

static long fork_by_number(long nr, const long a[6])
{
	bool sharing = (clone_flags(nr, a) & CLONE_FILES) != 0;
	long r;

	if (sharing)
		lib_may_have_one_any_time();
	lib_fork_prepare();
	r = raw_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (r == 0)
		sharing ? lib_fork_child_sharing() : lib_fork_child();
	else
		sharing &&r > 0 ? lib_fork_parent_sharing() : lib_fork_parent();
	return lib_result(r);
}

static bool copies_memory(long nr, const long a[6])
{
	if (nr == SYS_clone)
		return !(a[CLONE_FLAGS] & CLONE_VM) && a[CLONE_STACK] == 0;
	if (nr == SYS_clone3)
		return !(clone_flags(nr, a) & CLONE_VM);
#ifdef SYS_fork
	return nr == SYS_fork;
#else
	return false;
#endif
}

/* A C library may have none. */
int pidfd_getfd(int pidfd, int fd, unsigned int flags);

#define PTR(i) ((void *)a[i])

/* openat2 has no function in the C library. */
static long openat2_by_number(const long a[6])
{
	struct open_how how;
	int node = lib_node((int)a[0], PTR(1));

	if (node < 0) {
		long r = raw_syscall(SYS_openat2, a[0], a[1], a[2], a[3], 0, 0);

		node = r == -ENOENT  ? lib_node_behind((int)a[0], PTR(1))
		       : r == -ENXIO ? lib_node_reopened(PTR(1))
				     : -1;
		if (node < 0)
			return r;
	}
	if (a[3] < (long)sizeof(how))
		return -EINVAL;
	if (lib_copy_in(&how, (uint64_t)a[2], sizeof(how)) < 0)
		return -EFAULT;
	return lib_open_node(node, (int)how.flags);
}

/* Neither has seccomp, which libseccomp calls. */
static long seccomp_by_number(const long a[6])
{
	bool strict = a[0] == SECCOMP_SET_MODE_STRICT && a[1] == 0;
	uint32_t soon =
	    strict || a[0] == SECCOMP_SET_MODE_FILTER ? lib_confine(strict, (uint64_t)a[2]) : 0;
	long r = raw_syscall(SYS_seccomp, a[0], a[1], a[2], 0, 0, 0);

	if (raw_is_error(r))
		lib_allow_calls(soon);
	return lib_result(r);
}

/* What may put the machine out of reach, and has no function in the C library. */
static bool moves_away(long nr)
{
	switch (nr) {
	case SYS_pivot_root:
	case SYS_landlock_restrict_self:
	case SYS_chroot:
	case SYS_setns:
	case SYS_setuid:
	case SYS_setgid:
	case SYS_setreuid:
	case SYS_setregid:
	case SYS_setresuid:
	case SYS_setresgid:
	case SYS_setgroups:
	case SYS_capset:
		return true;
	default:
		return false;
	}
}

EXPORT long syscall(long nr, ...)
{
	va_list args;
	long a[6];

	va_start(args, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (!lib_active())
		return lib_result(raw_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]));
	switch (nr) {
#ifdef SYS_open
	case SYS_open:
		return open(PTR(0), (int)a[1], (mode_t)a[2]);
#endif
	case SYS_openat:
		return openat((int)a[0], PTR(1), (int)a[2], (mode_t)a[3]);
	case SYS_openat2:
		return lib_result(openat2_by_number(a));
	case SYS_close:
		return close((int)a[0]);
	case SYS_close_range:
		return close_range((unsigned int)a[0], (unsigned int)a[1], (int)a[2]);
#ifdef SYS_dup2
	case SYS_dup2:
		return dup2((int)a[0], (int)a[1]);
#endif
	case SYS_dup3:
		return dup3((int)a[0], (int)a[1], (int)a[2]);
	case SYS_lseek:
		return lseek((int)a[0], (off_t)a[1], (int)a[2]);
	case SYS_ioctl:
		return ioctl((int)a[0], (unsigned long)a[1], a[2]);
	case SYS_read:
		return read((int)a[0], PTR(1), (size_t)a[2]);
	case SYS_write:
		return write((int)a[0], PTR(1), (size_t)a[2]);
	case SYS_readv:
		return readv((int)a[0], PTR(1), (int)a[2]);
	case SYS_writev:
		return writev((int)a[0], PTR(1), (int)a[2]);
	case SYS_mmap:
		return (long)mmap(PTR(0), (size_t)a[1], (int)a[2], (int)a[3], (int)a[4], a[5]);
	case SYS_munmap:
		return munmap(PTR(0), (size_t)a[1]);
	case SYS_mprotect:
		return mprotect(PTR(0), (size_t)a[1], (int)a[2]);
	case SYS_mremap:
		return (long)mremap(PTR(0), (size_t)a[1], (size_t)a[2], (int)a[3], a[4]);
	case SYS_madvise:
		return madvise(PTR(0), (size_t)a[1], (int)a[2]);
	case SYS_remap_file_pages:
		return remap_file_pages(PTR(0), (size_t)a[1], (int)a[2], (size_t)a[3], (int)a[4]);
#ifdef SYS_poll
	case SYS_poll:
		return poll(PTR(0), (nfds_t)a[1], (int)a[2]);
#endif
	case SYS_ppoll:
		return lib_correct_poll(
		    PTR(0), (nfds_t)a[1],
		    (int)lib_result(raw_syscall(nr, a[0], a[1], a[2], a[3], a[4], 0)));
#ifdef SYS_setrlimit
	case SYS_setrlimit:
		lib_before_limit(0, (int)a[0], (uint64_t)a[1]);
		return lib_result(raw_syscall(nr, a[0], a[1], 0, 0, 0, 0));
#endif
	case SYS_prlimit64:
		lib_before_limit(a[0], (int)a[1], (uint64_t)a[2]);
		return lib_result(raw_syscall(nr, a[0], a[1], a[2], a[3], 0, 0));
	case SYS_execve:
		return execve(PTR(0), PTR(1), PTR(2));
	case SYS_execveat:
		return execveat((int)a[0], PTR(1), PTR(2), PTR(3), (int)a[4]);
	case SYS_dup:
		return dup((int)a[0]);
	case SYS_prctl:
		return prctl((int)a[0], a[1], a[2], a[3], a[4]);
	case SYS_seccomp:
		return seccomp_by_number(a);
	case SYS_fcntl:
		return fcntl((int)a[0], (int)a[1], a[2]);
	case SYS_epoll_ctl:
		return epoll_ctl((int)a[0], (int)a[1], (int)a[2], PTR(3));
	case SYS_fstat:
		return fstat((int)a[0], PTR(1));
	case SYS_newfstatat:
		return fstatat((int)a[0], PTR(1), PTR(2), (int)a[3]);
	case SYS_statx:
		return statx((int)a[0], PTR(1), (int)a[2], (unsigned int)a[3], PTR(4));
	case SYS_faccessat:
		return faccessat((int)a[0], PTR(1), (int)a[2], 0);
#ifdef SYS_faccessat2
	case SYS_faccessat2:
		return faccessat((int)a[0], PTR(1), (int)a[2], (int)a[3]);
#endif
	case SYS_socket:
		return socket((int)a[0], (int)a[1], (int)a[2]);
	case SYS_socketpair:
		return socketpair((int)a[0], (int)a[1], (int)a[2], PTR(3));
	case SYS_pidfd_getfd:
		return pidfd_getfd((int)a[0], (int)a[1], (unsigned int)a[2]);
	case SYS_unshare:
		return unshare((int)a[0]);
	case SYS_readlinkat:
		return readlinkat((int)a[0], PTR(1), PTR(2), (size_t)a[3]);
	default:
		if (moves_away(nr))
			lib_anchor();
		if (copies_memory(nr, a))
			return fork_by_number(nr, a);
		return lib_result(raw_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]));
	}
}
