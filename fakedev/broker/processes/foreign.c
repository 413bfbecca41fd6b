/* SPDX-License-Identifier: MIT */
/* The memory of a process that called us through the kernel: a restricted FUSE ioctl hands over the
 * argument's address only. The process waits in its ioctl meanwhile. */
#define _GNU_SOURCE
#include "foreign.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

/* Forbidden is not a bad pointer: the user should know. */
static int failed(struct foreign *f)
{
	if (errno == EPERM && !f->told) {
		f->told = true;
		fprintf(
		    stderr,
		    "gntsim: warning: the kernel lets us not read the memory of process %u (see "
		    "kernel.yama.ptrace_scope): its ioctls are EFAULT\n",
		    f->thread);
	}
	return -EFAULT;
}

static int foreign_read(void *ctx, uint64_t addr, void *dst, size_t len)
{
	struct foreign *f = ctx;
	struct iovec local = {dst, len}, remote = {(void *)(uintptr_t)addr, len};

	if (len == 0 ||
	    process_vm_readv((pid_t)f->thread, &local, 1, &remote, 1, 0) == (ssize_t)len)
		return 0;
	return failed(f);
}

static int foreign_write(void *ctx, uint64_t addr, const void *src, size_t len)
{
	struct foreign *f = ctx;
	struct iovec local = {(void *)(uintptr_t)src, len};
	struct iovec remote = {(void *)(uintptr_t)addr, len};

	if (len == 0 ||
	    process_vm_writev((pid_t)f->thread, &local, 1, &remote, 1, 0) == (ssize_t)len)
		return 0;
	return failed(f);
}

/* Writes back what is there, a byte a page. The bytes are about to be overwritten anyway. */
static int foreign_probe_write(void *ctx, uint64_t addr, size_t len)
{
	for (uint64_t at = addr; at < addr + len; at = (at | 4095) + 1) {
		unsigned char byte;

		if (foreign_read(ctx, at, &byte, 1) < 0 || foreign_write(ctx, at, &byte, 1) < 0)
			return -EFAULT;
	}
	return 0;
}

void foreign_memory(struct foreign *f, uint32_t thread, struct gntsim_user_memory *um)
{
	*f = (struct foreign){.thread = thread};
	*um = (struct gntsim_user_memory){.read = foreign_read,
					  .write = foreign_write,
					  .probe_write = foreign_probe_write,
					  .ctx = f};
}
