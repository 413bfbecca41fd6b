/* SPDX-License-Identifier: MIT */
/* mmap, munmap, mremap and mprotect: device memory is mapped here and accounted for by the broker.
 * The two go together under one lock; the order is that of the kernel, where the old mapping ends
 * before the new one begins. */
#include "library.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#define PAGE_MASK_BITS 4095ull

static uint64_t whole_pages(uint64_t len)
{
	return (len + PAGE_MASK_BITS) & ~PAGE_MASK_BITS;
}

static int tell_unmapped(uint64_t addr, uint64_t len)
{
	struct wire_range r = {.addr = addr, .len = whole_pages(len)};

	ranges_remove(addr, r.len);
	return (int)lib_ask(WIRE_MUNMAP, &r, sizeof(r));
}

/* Maps what the broker said is at a range. Its descriptors exist only inside this function. */
static int apply(struct wire_in *in, bool *dontfork, int extra_flags)
{
	struct wire_map_reply head;
	int rw = -1, ro = -1, next = 0, err = 0;
	bool any_rw = false, any_ro = false, kept;

	if (in->msg.payload < sizeof(head))
		return -EIO;
	memcpy(&head, in->payload, sizeof(head));
	if ((in->msg.payload - sizeof(head)) / sizeof(struct wire_run) != head.n_runs)
		return -EIO;
	*dontfork = (head.flags & WIRE_M_DONTFORK) != 0;
	for (uint32_t i = 0; i < head.n_runs; i++) {
		struct wire_run run;

		memcpy(&run, in->payload + sizeof(head) + i * sizeof(run), sizeof(run));
		*(run.flags & WIRE_RUN_RW ? &any_rw : &any_ro) = true;
	}
	kept = lib_arena(true) >= 0 && lib_arena(false) >= 0;
	if (any_rw)
		rw = kept ? lib_arena(true) : wire_in_take_fd(in, next++);
	if (any_ro)
		ro = kept ? lib_arena(false) : wire_in_take_fd(in, next);
	for (uint32_t i = 0; i < head.n_runs && err == 0; i++) {
		struct wire_run run;
		long p;

		memcpy(&run, in->payload + sizeof(head) + i * sizeof(run), sizeof(run));
		p = raw_mmap(run.addr, run.len, run.prot,
			     (run.flags & WIRE_RUN_PRIVATE ? MAP_PRIVATE : MAP_SHARED) | MAP_FIXED |
				 extra_flags,
			     run.flags & WIRE_RUN_RW ? rw : ro, (int64_t)run.offset);
		if (raw_is_error(p))
			err = p == -EBADF ? -EMFILE : (int)p;
		else if (*dontfork && lib_may(SYS_madvise))
			raw_syscall(SYS_madvise, p, (long)run.len, MADV_DONTFORK, 0, 0, 0);
	}
	if (rw >= 0 && !kept)
		raw_close(rw);
	if (ro >= 0 && !kept)
		raw_close(ro);
	return err;
}

/* One request about a range whose reply says how its pages are now. */
static int ask_and_apply(enum wire_op op, const void *payload, size_t len, uint64_t addr,
			 uint64_t bytes, int extra_flags)
{
	struct lib_room room;
	struct wire_in in;
	bool dontfork = false, asked;
	int err;

	lib_room_begin(&room);
	err = lib_call(op, payload, len, NULL, 0, &in);
	asked = err == 0;
	if (asked)
		err = apply(&in, &dontfork, extra_flags);
	wire_in_done(&in);
	lib_room_end(&room);
	if (asked && err == 0 && op != WIRE_MPROTECT && op != WIRE_MADVISE)
		err = ranges_add(addr, bytes, dontfork);
	/* A reply that was too long for us came after the deed. */
	if ((asked || in.too_long) && err < 0)
		tell_unmapped(addr, bytes);
	return err;
}

/* Flags that say where. */
static const int placing = MAP_FIXED | MAP_FIXED_NOREPLACE
#ifdef MAP_32BIT /* x86 alone has it */
			   | MAP_32BIT
#endif
    ;

/* The driver's own errors come after MAP_FIXED has emptied the range. */
static bool range_was_emptied(int err)
{
	return err == -EINVAL || err == -ENOENT || err == -ENOMEM || err == -EMFILE;
}

static long map_device(uint64_t addr, uint64_t len, int prot, int flags, const struct device *d,
		       uint64_t offset)
{
	struct wire_map m = {.file = d->id, .prot = prot, .flags = flags, .offset = offset};
	bool fixed = (flags & MAP_FIXED) && !(flags & MAP_FIXED_NOREPLACE);
	int type = flags & MAP_TYPE, err;
	long at = (long)addr;

	if (len == 0 || (offset & PAGE_MASK_BITS) || (fixed && (addr & PAGE_MASK_BITS)))
		return -EINVAL;
	if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE)
		return -EINVAL;
	if (d->device > WIRE_DEV_EVTCHN)
		return -ENODEV;
	m.len = whole_pages(len);
	if (m.len < len)
		return -ENOMEM;
	/* The kernel chooses the place; nothing is there until the driver has agreed. */
	if (!fixed) {
		at = raw_mmap(addr, m.len, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (flags & placing), -1,
			      0);
		if (raw_is_error(at))
			return at;
	}
	m.addr = (uint64_t)at;
	err = ask_and_apply(WIRE_MMAP, &m, sizeof(m), m.addr, m.len,
			    flags & (MAP_POPULATE | MAP_LOCKED));
	if (err == 0)
		return at;
	if (!fixed || range_was_emptied(err)) {
		if (fixed)
			ranges_remove(m.addr, m.len);
		raw_munmap((void *)at, m.len);
	}
	return err;
}

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
	if (p != MAP_FAILED && ranges_overlap((uintptr_t)addr, whole_pages(len))) {
		int kept = errno;

		tell_unmapped((uintptr_t)addr, len);
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
	if ((flags & MAP_ANONYMOUS) || !lib_mappable(fd, &d))
		return map_over(next, addr, len, prot, flags, fd, offset);
	/* libxencall takes its bounce buffers from /dev/xen/hypercall: plain memory will do. */
	if (d.device == WIRE_DEV_PRIVCMD)
		return map_over(next, addr, len, prot, flags | MAP_ANONYMOUS, -1, 0);
	lib_enter(&saved);
	r = map_device((uintptr_t)addr, len, prot, flags, &d, (uint64_t)offset);
	lib_leave(&saved);
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
	touches = ranges_overlap((uintptr_t)addr, len ? whole_pages(len) : 1);
	lib_leave(&saved);
	return touches;
}

DECLARE_NEXT(munmap);
EXPORT int munmap(void *addr, size_t len)
{
	int (*next)(void *, size_t) = NEXT(munmap);
	sigset_t saved;
	long r;

	if (!ranges_any())
		return next ? next(addr, len) : (int)lib_result(raw_munmap(addr, len));
	lib_enter(&saved);
	if (!ranges_overlap((uintptr_t)addr, whole_pages(len))) {
		lib_leave(&saved);
		return next(addr, len);
	}
	r = raw_munmap(addr, len);
	/* The memory is gone whatever the broker says. */
	if (r == 0)
		tell_unmapped((uintptr_t)addr, len);
	lib_leave(&saved);
	return (int)lib_result(r);
}

/* mprotect or madvise of what is not device memory. */
static int change_piece(long nr, uint64_t start, uint64_t end, int how)
{
	return start < end ? (int)raw_syscall(nr, (long)start, (long)(end - start), how, 0, 0, 0)
			   : 0;
}

/* The same with a hole in it: madvise goes on behind it and says so at the end. */
static int change_gap(long nr, uint64_t start, uint64_t end, int how, bool *hole)
{
	int err = change_piece(nr, start, end, how);

	if (nr != SYS_madvise || err != -ENOMEM)
		return err;
	*hole = true;
	return 0;
}

/* In address order, as the kernel goes: what is device memory through the broker. */
static int change(long nr, uint64_t addr, uint64_t len, int how)
{
	uint64_t end = addr + len, start, stop;
	bool hole = false;
	int err = 0;

	while (err == 0 && addr < end && ranges_first(addr, end - addr, &start, &stop)) {
		struct wire_range r = {.addr = start, .len = stop - start, .prot = how};

		err = change_gap(nr, addr, start, how, &hole);
		if (err == 0)
			err = ask_and_apply(nr == SYS_mprotect ? WIRE_MPROTECT : WIRE_MADVISE, &r,
					    sizeof(r), start, r.len, 0);
		addr = stop;
	}
	if (err == 0)
		err = change_gap(nr, addr, end, how, &hole);
	return err == 0 && hole ? -ENOMEM : err;
}

DECLARE_NEXT(mprotect);
EXPORT int mprotect(void *addr, size_t len, int prot)
{
	int (*next)(void *, size_t, int) = NEXT(mprotect);
	sigset_t saved;
	int err;

	if (!ranges_any() || ((uintptr_t)addr & PAGE_MASK_BITS))
		return next(addr, len, prot);
	lib_enter(&saved);
	if (!ranges_overlap((uintptr_t)addr, whole_pages(len))) {
		lib_leave(&saved);
		return next(addr, len, prot);
	}
	err = change(SYS_mprotect, (uintptr_t)addr, whole_pages(len), prot);
	lib_leave(&saved);
	return (int)lib_result(err);
}

/* Where a moved mapping goes: the caller's place, or one of the kernel's choice. */
static long new_place(uint64_t old_addr, uint64_t old_len, uint64_t new_len, int flags,
		      uint64_t wish)
{
	if (flags & MREMAP_FIXED)
		return (wish & PAGE_MASK_BITS) || !(flags & MREMAP_MAYMOVE) ||
			       (wish < old_addr + old_len && old_addr < wish + new_len)
			   ? -EINVAL
			   : (long)wish;
	return (long)old_addr;
}

static long remap_device(uint64_t old_addr, uint64_t old_len, uint64_t new_len, int flags,
			 uint64_t wish)
{
	struct wire_remap r = {.old_addr = old_addr,
			       .old_len = whole_pages(old_len),
			       .new_len = whole_pages(new_len),
			       .flags = flags};
	long place;
	int err;

	if ((old_addr & PAGE_MASK_BITS) || r.new_len == 0)
		return -EINVAL;
	place = new_place(old_addr, r.old_len, r.new_len, flags, wish);
	if (raw_is_error(place))
		return place;
	r.new_addr = (uint64_t)place;
	err = ask_and_apply(WIRE_MREMAP, &r, sizeof(r), r.new_addr, r.new_len, 0);
	if (err < 0)
		return err;
	if (r.new_addr != old_addr) {
		raw_munmap((void *)(uintptr_t)old_addr, r.old_len);
		ranges_remove(old_addr, r.old_len);
	} else if (r.new_len < r.old_len) {
		raw_munmap((void *)(uintptr_t)(old_addr + r.new_len), r.old_len - r.new_len);
		ranges_remove(old_addr + r.new_len, r.old_len - r.new_len);
	}
	return place;
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
	if (!ranges_any())
		return NEXT(mremap)(old_addr, old_len, new_len, flags, wish);
	lib_enter(&saved);
	if (ranges_overlap((uintptr_t)old_addr, old_len ? whole_pages(old_len) : 1)) {
		r = remap_device((uintptr_t)old_addr, old_len, new_len, flags, (uintptr_t)wish);
	} else {
		r = raw_syscall(SYS_mremap, (long)old_addr, (long)old_len, (long)new_len, flags,
				(long)wish, 0);
		if (!raw_is_error(r) && (flags & MREMAP_FIXED) &&
		    ranges_overlap((uintptr_t)wish, whole_pages(new_len)))
			tell_unmapped((uintptr_t)wish, new_len);
	}
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

/* The advice that takes pages away is the driver's business; all other is only advice. */
DECLARE_NEXT(madvise);
EXPORT int madvise(void *addr, size_t len, int advice)
{
	sigset_t saved;
	int err;

	if ((advice != MADV_DONTNEED && advice != MADV_REMOVE && advice != MADV_FREE) ||
	    ((uintptr_t)addr & PAGE_MASK_BITS) || !touches_device(addr, len))
		return NEXT(madvise)(addr, len, advice);
	lib_enter(&saved);
	err = change(SYS_madvise, (uintptr_t)addr, whole_pages(len), advice);
	lib_leave(&saved);
	return (int)lib_result(err);
}
