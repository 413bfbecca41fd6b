/* SPDX-License-Identifier: MIT */
/* mmap, munmap, mremap and mprotect: device memory is mapped here and accounted for by the broker.
 * The two go together under one lock; the order is that of the kernel, where the old mapping ends
 * before the new one begins. */
#include "calls.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#define PAGE_MASK_BITS 4095ull

uint64_t memory_whole(uint64_t len)
{
	return (len + PAGE_MASK_BITS) & ~PAGE_MASK_BITS;
}

static long map_there(uint64_t addr, uint64_t len, int prot, int flags, int fd, uint64_t offset)
{
	return lib_program_call(SYS_mmap, (long)addr, (long)len, prot, flags, fd, (long)offset);
}

static long unmap_there(uint64_t addr, uint64_t len)
{
	return lib_program_call(SYS_munmap, (long)addr, (long)len, 0, 0, 0, 0);
}

int memory_unmapped(uint64_t addr, uint64_t len)
{
	struct wire_range r = {.addr = addr, .len = memory_whole(len)};

	ranges_remove(addr, r.len);
	return (int)lib_ask(WIRE_MUNMAP, &r, sizeof(r));
}

/* @return where it is, or a negative errno */
static long plain(enum wire_op op, const struct wire_run *run)
{
	long r;

	if (op == WIRE_MMAP)
		return map_there(run->addr, run->len, run->prot,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	r = op == WIRE_MPROTECT ? lib_program_call(SYS_mprotect, (long)run->addr, (long)run->len,
						   run->prot, 0, 0, 0)
				: 0;
	return r < 0 ? r : (long)run->addr;
}

/* Maps what the broker said is at a range. Its descriptors exist only inside this function. */
static int apply(struct wire_in *in, enum wire_op op, bool *dontfork, int extra_flags)
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
		if (!(run.flags & WIRE_RUN_PLAIN))
			*(run.flags & WIRE_RUN_RW ? &any_rw : &any_ro) = true;
	}
	kept = lib_arena(true) >= 0 && lib_arena(false) >= 0;
	if (any_rw)
		rw = kept ? lib_arena(true) : lib_hand_over(wire_in_take_fd(in, next++));
	if (any_ro)
		ro = kept ? lib_arena(false) : lib_hand_over(wire_in_take_fd(in, next));
	for (uint32_t i = 0; i < head.n_runs && err == 0; i++) {
		struct wire_run run;
		long p;

		memcpy(&run, in->payload + sizeof(head) + i * sizeof(run), sizeof(run));
		p = run.flags & WIRE_RUN_PLAIN
			? plain(op, &run)
			: map_there(run.addr, run.len, run.prot,
				    (run.flags & WIRE_RUN_PRIVATE ? MAP_PRIVATE : MAP_SHARED) |
					MAP_FIXED | extra_flags,
				    run.flags & WIRE_RUN_RW ? rw : ro, run.offset);
		if (raw_is_error(p))
			err = p == -EBADF ? -EMFILE : (int)p;
		else if (*dontfork && lib_may(SYS_madvise))
			lib_program_call(SYS_madvise, p, (long)run.len, MADV_DONTFORK, 0, 0, 0);
	}
	if (rw >= 0 && !kept)
		lib_program_call(SYS_close, rw, 0, 0, 0, 0, 0);
	if (ro >= 0 && !kept)
		lib_program_call(SYS_close, ro, 0, 0, 0, 0, 0);
	return err;
}

/* Of a call that failed: whether it had unmapped already what was in the way. */
static bool says_emptied(const struct wire_in *in)
{
	struct wire_map_reply head;

	if (in->msg.op != WIRE_MREMAP || in->msg.payload != sizeof(head))
		return false;
	memcpy(&head, in->payload, sizeof(head));
	return head.flags & WIRE_M_EMPTIED;
}

/* One request about a range whose reply says how its pages are now; of one that fails `emptied`, which
 * may be NULL. */
static int ask_and_apply(enum wire_op op, const void *payload, size_t len, uint64_t addr,
			 uint64_t bytes, int extra_flags, bool *emptied)
{
	struct lib_room room;
	struct wire_in in;
	bool dontfork = false, asked;
	int err;

	lib_room_begin(&room);
	err = lib_call(op, payload, len, NULL, 0, &in);
	asked = err == 0;
	if (asked)
		err = apply(&in, op, &dontfork, extra_flags);
	else if (emptied)
		*emptied = says_emptied(&in);
	wire_in_done(&in);
	lib_room_end(&room);
	if (asked && err == 0 && op != WIRE_MPROTECT && op != WIRE_MADVISE && op != WIRE_PAGES)
		err = ranges_add(addr, bytes, dontfork);
	/* A reply that was too long for us came after the deed. */
	if ((asked || in.too_long) && err < 0)
		memory_unmapped(addr, bytes);
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

long memory_map(uint64_t addr, uint64_t len, int prot, int flags, const struct device *d,
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
	if (d->device > WIRE_DEV_PRIVCMD && d->device != WIRE_DEV_DMABUF)
		return -ENODEV;
	m.len = memory_whole(len);
	if (m.len < len)
		return -ENOMEM;
	/* The kernel chooses the place; nothing is there until the driver has agreed. */
	if (!fixed) {
		at = map_there(addr, m.len, PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (flags & placing), -1,
			       0);
		if (raw_is_error(at))
			return at;
	}
	m.addr = (uint64_t)at;
	err = ask_and_apply(WIRE_MMAP, &m, sizeof(m), m.addr, m.len,
			    flags & (MAP_POPULATE | MAP_LOCKED), NULL);
	if (err == 0)
		return at;
	if (!fixed || range_was_emptied(err)) {
		if (fixed)
			ranges_remove(m.addr, m.len);
		unmap_there((uint64_t)at, m.len);
	}
	return err;
}

int memory_filled(uint64_t addr, uint64_t len)
{
	struct wire_range r = {.addr = addr, .len = len};

	return ask_and_apply(WIRE_PAGES, &r, sizeof(r), addr, len, 0, NULL);
}

long memory_unmap(uint64_t addr, uint64_t len)
{
	long r = unmap_there(addr, len);

	/* The memory is gone whatever the broker says. */
	if (r == 0)
		memory_unmapped(addr, len);
	return r;
}

/* What takes pages away is the driver's business. */
bool memory_advice_counts(int advice)
{
	return advice == MADV_DONTNEED || advice == MADV_REMOVE || advice == MADV_FREE;
}

/* mprotect or madvise of what is not device memory. */
static int change_piece(long nr, uint64_t start, uint64_t end, int how)
{
	return start < end
		   ? (int)lib_program_call(nr, (long)start, (long)(end - start), how, 0, 0, 0)
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
int memory_change(long nr, uint64_t addr, uint64_t len, int how)
{
	uint64_t end = addr + len, start, stop;
	bool hole = false;
	int err = 0;

	while (err == 0 && addr < end && ranges_first(addr, end - addr, &start, &stop)) {
		struct wire_range r = {.addr = start, .len = stop - start, .prot = how};

		err = change_gap(nr, addr, start, how, &hole);
		if (err == 0)
			err = ask_and_apply(nr == SYS_mprotect ? WIRE_MPROTECT : WIRE_MADVISE, &r,
					    sizeof(r), start, r.len, 0, NULL);
		addr = stop;
	}
	if (err == 0)
		err = change_gap(nr, addr, end, how, &hole);
	return err == 0 && hole ? -ENOMEM : err;
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

/* The machine knows that it is gone. */
static void forget_there(uint64_t addr, uint64_t len)
{
	unmap_there(addr, len);
	ranges_remove(addr, len);
}

static long remap_device(uint64_t old_addr, uint64_t old_len, uint64_t new_len, int flags,
			 uint64_t wish)
{
	struct wire_remap r = {.old_addr = old_addr,
			       .old_len = memory_whole(old_len),
			       .new_len = memory_whole(new_len),
			       .flags = flags};
	bool emptied = false;
	long place;
	int err;

	if ((old_addr & PAGE_MASK_BITS) || r.new_len == 0)
		return -EINVAL;
	place = new_place(old_addr, r.old_len, r.new_len, flags, wish);
	if (raw_is_error(place))
		return place;
	r.new_addr = (uint64_t)place;
	err = ask_and_apply(WIRE_MREMAP, &r, sizeof(r), r.new_addr, r.new_len, 0, &emptied);
	if (err < 0 && !emptied)
		return err;
	if (emptied)
		forget_there(r.new_addr, r.new_len);
	if (!emptied && r.new_addr != old_addr)
		forget_there(old_addr, r.old_len);
	else if (r.new_len < r.old_len)
		forget_there(old_addr + r.new_len, r.old_len - r.new_len);
	return err < 0 ? err : place;
}

long memory_remap(uint64_t old_addr, uint64_t old_len, uint64_t new_len, int flags, uint64_t wish)
{
	long r;

	if (ranges_overlap(old_addr, old_len ? memory_whole(old_len) : 1))
		return remap_device(old_addr, old_len, new_len, flags, wish);
	r = lib_program_call(SYS_mremap, (long)old_addr, (long)old_len, (long)new_len, flags,
			     (long)wish, 0);
	if (!raw_is_error(r) && (flags & MREMAP_FIXED) &&
	    ranges_overlap(wish, memory_whole(new_len)))
		memory_unmapped(wish, new_len);
	return r;
}
