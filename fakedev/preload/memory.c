/* SPDX-License-Identifier: MIT */
/* mmap, munmap, mremap, mprotect and madvise, as the program calls them. */
#include "library.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#define PAGE_MASK_BITS 4095ull

/* Ordinary memory that lands on device memory ends it. */
static void *map_over(void *(*next)(void *, size_t, int, int, int, off_t), void *addr, size_t len,
		      int prot, int flags, int fd, off_t offset)
{
	sigset_t saved;
	void *p;

	if (!(flags & MAP_FIXED) || (flags & MAP_FIXED_NOREPLACE) || !ranges_any())
		return next(addr, len, prot, flags, fd, offset);
	lib_enter(&saved);
	p = next(addr, len, prot, flags, fd, offset);
	if (p != MAP_FAILED && ranges_overlap((uintptr_t)addr, memory_whole(len))) {
		int kept = errno;

		memory_unmapped((uintptr_t)addr, len);
		errno = kept;
	}
	lib_leave(&saved);
	return p;
}

static void *raw_next(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	return (void *)lib_result(raw_mmap((uintptr_t)addr, len, prot, flags, fd, offset));
}

static void *interposed(void *(*next)(void *, size_t, int, int, int, off_t), void *addr, size_t len,
			int prot, int flags, int fd, off_t offset)
{
	struct device d;
	sigset_t saved;
	long r;

	if (!next)
		next = raw_next;
	if (flags & MAP_FIXED)
		lib_memory_changes((uintptr_t)addr, len);
	if ((flags & MAP_ANONYMOUS) || !lib_mappable(fd, &d))
		return map_over(next, addr, len, prot, flags, fd, offset);
	lib_enter(&saved);
	r = memory_map((uintptr_t)addr, len, prot, flags, &d, (uint64_t)offset);
	lib_leave(&saved);
	/* libxencall takes its bounce buffers from /dev/xen/hypercall: plain memory will do. */
	if (r == -ENODEV && d.device == WIRE_DEV_PRIVCMD)
		return map_over(next, addr, len, prot, flags | MAP_ANONYMOUS, -1, 0);
	return (void *)lib_result(r);
}

DECLARE_NEXT(mmap);
EXPORT void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	return interposed(NEXT(mmap), addr, len, prot, flags, fd, offset);
}

DECLARE_NEXT(mmap64);
EXPORT void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t offset)
{
	return interposed(NEXT(mmap64), addr, len, prot, flags, fd, offset);
}

static bool touches_device(const void *addr, size_t len)
{
	sigset_t saved;
	bool touches;

	if (!ranges_any())
		return false;
	lib_enter(&saved);
	touches = ranges_overlap((uintptr_t)addr, len ? memory_whole(len) : 1);
	lib_leave(&saved);
	return touches;
}

DECLARE_NEXT(munmap);
EXPORT int munmap(void *addr, size_t len)
{
	int (*next)(void *, size_t) = NEXT(munmap);
	sigset_t saved;
	long r;

	lib_memory_changes((uintptr_t)addr, len);
	if (!ranges_any())
		return next ? next(addr, len) : (int)lib_result(raw_munmap(addr, len));
	lib_enter(&saved);
	if (!ranges_overlap((uintptr_t)addr, memory_whole(len))) {
		lib_leave(&saved);
		return next(addr, len);
	}
	r = memory_unmap((uintptr_t)addr, len);
	lib_leave(&saved);
	return (int)lib_result(r);
}

DECLARE_NEXT(mprotect);
EXPORT int mprotect(void *addr, size_t len, int prot)
{
	int (*next)(void *, size_t, int) = NEXT(mprotect);
	sigset_t saved;
	int err;

	if (!(prot & PROT_READ))
		lib_memory_changes((uintptr_t)addr, len);
	if (!ranges_any() || ((uintptr_t)addr & PAGE_MASK_BITS))
		return next(addr, len, prot);
	lib_enter(&saved);
	if (!ranges_overlap((uintptr_t)addr, memory_whole(len))) {
		lib_leave(&saved);
		return next(addr, len, prot);
	}
	err = memory_change(SYS_mprotect, (uintptr_t)addr, memory_whole(len), prot);
	lib_leave(&saved);
	return (int)lib_result(err);
}

DECLARE_NEXT(mremap);
EXPORT void *mremap(void *old_addr, size_t old_len, size_t new_len, int flags, ...)
{
	void *wish = NULL;
	sigset_t saved;
	va_list args;
	long r;

	if (flags & MREMAP_FIXED) {
		va_start(args, flags);
		wish = va_arg(args, void *);
		va_end(args);
	}
	lib_memory_changes((uintptr_t)old_addr, old_len);
	if (!ranges_any())
		return NEXT(mremap)(old_addr, old_len, new_len, flags, wish);
	lib_enter(&saved);
	r = memory_remap((uintptr_t)old_addr, old_len, new_len, flags, (uintptr_t)wish);
	lib_leave(&saved);
	return (void *)lib_result(r);
}

/* The kernel would move the mapping's window over its file; no window of a device can be moved. */
DECLARE_NEXT(remap_file_pages);
EXPORT int remap_file_pages(void *addr, size_t len, int prot, size_t offset, int flags)
{
	if (touches_device(addr, len))
		return (int)lib_result(-EINVAL);
	return NEXT(remap_file_pages)(addr, len, prot, offset, flags);
}

DECLARE_NEXT(madvise);
EXPORT int madvise(void *addr, size_t len, int advice)
{
	sigset_t saved;
	int err;

	if (!memory_advice_counts(advice) || ((uintptr_t)addr & PAGE_MASK_BITS) ||
	    !touches_device(addr, len))
		return NEXT(madvise)(addr, len, advice);
	lib_enter(&saved);
	err = memory_change(SYS_madvise, (uintptr_t)addr, memory_whole(len), advice);
	lib_leave(&saved);
	return (int)lib_result(err);
}
