/* SPDX-License-Identifier: MIT */
/* Memory that a program pointed at: the kernel does the access, so that a bad pointer is an
 * error and not a fault of ours. */
#include "library.h"

#include <string.h>
#include <sys/uio.h>

#define PAGE 4096ull

static long self(void)
{
	return raw_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

static long vm(long nr, void *here, uint64_t there, size_t len)
{
	struct iovec local = {here, len}, remote = {(void *)(uintptr_t)there, len};

	return raw_syscall(nr, self(), (long)&local, 1, (long)&remote, 1, 0);
}

/* Where process_vm_* is forbidden (old container profiles): through a pipe. */
static int pipe_copy(uint64_t dst, uint64_t src, size_t len)
{
	int fds[2], err = 0;

	if (raw_syscall(SYS_pipe2, (long)fds, 0, 0, 0, 0, 0) < 0)
		return -EFAULT;
	while (len > 0 && err == 0) {
		size_t n = len < 4096 ? len : 4096;

		if (raw_syscall(SYS_write, fds[1], (long)src, (long)n, 0, 0, 0) != (long)n ||
		    raw_syscall(SYS_read, fds[0], (long)dst, (long)n, 0, 0, 0) != (long)n)
			err = -EFAULT;
		dst += n;
		src += n;
		len -= n;
	}
	raw_close(fds[0]);
	raw_close(fds[1]);
	return err;
}

static bool forbidden(long r)
{
	return r == -EPERM || r == -ENOSYS || r == -EACCES;
}

/* Where a filter lets us not ask the kernel, a bad pointer is the program's own fault (SIGSEGV). */
static bool unaided(void)
{
	return !lib_may(SYS_process_vm_readv) || !lib_may(SYS_process_vm_writev) ||
	       !lib_may(SYS_getpid);
}

/* Our own frame is there, and with it the page that it lies in: what a caller has on its stack often
 * begins and ends there. */
static inline bool is_here(uint64_t at, size_t len, uint64_t frame)
{
	return len <= PAGE && at / PAGE == frame / PAGE && (at + len - 1) / PAGE == frame / PAGE;
}

/* Not memcpy(): a sanitizer's judges what of an object is read, and we may read on to the end of a page. */
static void copy(void *dst, uint64_t src, size_t len)
{
#if defined(__x86_64__)
	__asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(len) : : "memory");
#else
	const unsigned char *from = (const unsigned char *)(uintptr_t)src;
	unsigned char *to = dst;

	while (len-- > 0) {
		*to++ = *from++;
		__asm__ volatile("" ::: "memory");
	}
#endif
}

/* No way to change the mask: the kernel reads the set, and then finds that out. */
#define NO_WAY 1000

/* The cheapest call that has the kernel read memory: a set of signals, and all of a page can be read or
 * nothing. */
static bool is_readable(uint64_t at, size_t len)
{
	for (uint64_t page = at & ~(PAGE - 1); page < at + len; page += PAGE) {
		uint64_t from = page < at ? at : page, last = page + PAGE - sizeof(uint64_t);

		if (raw_syscall(SYS_rt_sigprocmask, NO_WAY, (long)(from < last ? from : last), 0,
				sizeof(uint64_t), 0, 0) != -EINVAL)
			return false;
	}
	return true;
}

/* Valgrind has a mask of its own, and says so of such a call. */
static bool can_be_probed(uint64_t at, size_t len)
{
	return len <= PAGE && at + len > at && !lib_under_valgrind() && lib_may(SYS_rt_sigprocmask);
}

int lib_copy_in(void *dst, uint64_t src, size_t len)
{
	long r;

	if (unaided() || is_here(src, len, (uintptr_t)__builtin_frame_address(0)) ||
	    lib_is_there(src, len) || (can_be_probed(src, len) && is_readable(src, len))) {
		copy(dst, src, len);
		return 0;
	}
	r = len ? vm(SYS_process_vm_readv, dst, src, len) : 0;

	if (forbidden(r))
		return pipe_copy((uint64_t)(uintptr_t)dst, src, len);
	return r == (long)len ? 0 : -EFAULT;
}

int lib_copy_out(uint64_t dst, const void *src, size_t len)
{
	long r;

	if (unaided()) {
		memcpy((void *)(uintptr_t)dst, src, len);
		return 0;
	}
	r = len ? vm(SYS_process_vm_writev, (void *)(uintptr_t)src, dst, len) : 0;

	if (forbidden(r))
		return pipe_copy(dst, (uint64_t)(uintptr_t)src, len);
	if (r != (long)len)
		return -EFAULT;
	/* Once more, as the program itself would: Valgrind then knows that the bytes are defined. */
	memcpy((void *)(uintptr_t)dst, src, len);
	return 0;
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

int lib_probe_write(uint64_t dst, size_t len)
{
	uint64_t from = dst & ~4095ull, to = (dst + len + 4095) & ~4095ull;
	long r;

	if (len == 0)
		return 0;
	if (to <= from)
		return -EFAULT;
	if (unaided() || !lib_may(SYS_madvise))
		return 0;
	r = raw_syscall(SYS_madvise, (long)from, (long)(to - from), MADV_POPULATE_WRITE, 0, 0, 0);
	if (r != -EINVAL)
		return r < 0 ? -EFAULT : 0;
	/* Before Linux 5.14: write back what is there, a byte a page. */
	for (uint64_t at = dst; at < dst + len; at = (at | 4095) + 1) {
		unsigned char byte;

		if (lib_copy_in(&byte, at, 1) < 0 || lib_copy_out(at, &byte, 1) < 0)
			return -EFAULT;
	}
	return 0;
}
