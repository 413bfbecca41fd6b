/* SPDX-License-Identifier: MIT */
/* What becomes of a call that a program is stopped at. Memory is dealt with here. */
#include "follower.h"

#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MAP_32BIT /* x86 alone has it */
#define MAP_32BIT 0
#endif
#define PAGE_BITS 4095ull

static bool overlaps(uint64_t addr, uint64_t len)
{
	return ranges_any() && ranges_overlap(addr, len ? memory_whole(len) : 1);
}

/* Where nothing else is likely to be: half a window that is free, then what follows. The kernel may still
 * choose otherwise. 0: it is to choose. */
static uint64_t place_for(struct thread *t, uint64_t len)
{
	struct space *s = t->space;
	uint64_t at;

	if (s->place + len > s->place_end) {
		long free = lib_program_call(SYS_mmap, 0, 3 * WINDOW, PROT_NONE,
					     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (raw_is_error(free))
			return 0;
		lib_program_call(SYS_munmap, free, 3 * WINDOW, 0, 0, 0, 0);
		s->place = (((uint64_t)free + WINDOW - 1) & ~(WINDOW - 1)) + LONG;
		s->place_end = s->place + LONG;
	}
	at = s->place;
	if (at + len <= s->place_end)
		s->place += memory_whole(len);
	return at + len <= s->place_end ? at : 0;
}

static void map(struct thread *t)
{
	const uint64_t *a = t->call.args;
	bool fixed = (a[3] & MAP_FIXED) && !(a[3] & MAP_FIXED_NOREPLACE);
	bool is_device;
	struct device d = {0};
	uint64_t addr = a[0], flags = a[3], fd = a[4];
	long r;

	is_device = !(flags & MAP_ANONYMOUS) && file_device(t, (int)fd, &d, NULL);
	if (is_device) {
		if (!addr && !(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_32BIT)) &&
		    a[1] < LONG)
			addr = place_for(t, a[1]);
		r = memory_map(addr, a[1], (int)a[2], (int)flags, &d, a[5]);
		if (!raw_is_error(r))
			reach_memory(t, (uint64_t)r, memory_whole(a[1]));
		if (r != -ENODEV || d.device != WIRE_DEV_PRIVCMD) {
			call_finish(t, r);
			return;
		}
		/* libxencall takes its bounce buffers from /dev/xen/hypercall: plain memory will do. */
		flags |= MAP_ANONYMOUS;
		fd = (uint64_t)-1;
	}
	if (!is_device && !(fixed && overlaps(addr, a[1]))) {
		call_pass(t, AFTER_NOTHING);
		return;
	}
	r = lib_program_call(SYS_mmap, (long)addr, (long)a[1], (long)a[2], (long)flags, (long)fd,
			     is_device ? 0 : (long)a[5]);
	/* Ordinary memory that lands on device memory ends it. */
	if (!raw_is_error(r) && fixed && overlaps(addr, a[1]))
		memory_unmapped(addr, a[1]);
	call_finish(t, r);
}

static void remap(struct thread *t)
{
	const uint64_t *a = t->call.args;
	long r;

	if (!ranges_any()) {
		call_pass(t, AFTER_NOTHING);
		return;
	}
	r = memory_remap(a[0], a[1], a[2], (int)a[3], a[4]);
	if (!raw_is_error(r) && overlaps((uint64_t)r, a[2]))
		reach_memory(t, (uint64_t)r, memory_whole(a[2]));
	call_finish(t, r);
}

/* @return false: it is no such call, or the kernel's alone */
static bool memory_call(struct thread *t)
{
	const uint64_t *a = t->call.args;

	switch (t->call.nr) {
	case SYS_mmap:
		map(t);
		return true;
	case SYS_mremap:
		remap(t);
		return true;
	case SYS_munmap:
		if (!ranges_any() || !ranges_overlap(a[0], memory_whole(a[1])))
			return false;
		call_finish(t, memory_unmap(a[0], a[1]));
		return true;
	case SYS_mprotect:
	case SYS_pkey_mprotect:
		if ((a[0] & PAGE_BITS) || !overlaps(a[0], a[1]))
			return false;
		call_finish(t, memory_change(SYS_mprotect, a[0], memory_whole(a[1]), (int)a[2]));
		return true;
	case SYS_madvise:
		if ((a[0] & PAGE_BITS) || !memory_advice_counts((int)a[2]) || !overlaps(a[0], a[1]))
			return false;
		call_finish(t, memory_change(SYS_madvise, a[0], memory_whole(a[1]), (int)a[2]));
		return true;
	/* The kernel would move the mapping's window over its file; no window of a device can be
	 * moved. */
	case SYS_remap_file_pages:
		if (!overlaps(a[0], a[1]))
			return false;
		call_finish(t, -EINVAL);
		return true;
	default:
		return false;
	}
}

/* The kernel answers by the filters that are there; the program's own comes to them. */
static void confine(struct thread *t, bool strict)
{
	reach_everything(t);
	keep_arena(t);
	t->process->confined = true;
	if (strict)
		call_finish(t, reach_strictly(t));
	else if (t->held)
		call_finish(t, call_inject(t, t->call.nr, t->call.args));
	else
		call_pass(t, AFTER_NOTHING);
}

static void execute(struct thread *t)
{
	if (t->space->fd >= 0 && !t->space->broken)
		lib_ask(WIRE_EXEC, NULL, 0);
	call_pass(t, AFTER_EXEC);
}

static bool is_forbidden(const struct thread *t)
{
	unsigned long message = 0;

	return t->process->strict && ptrace(PTRACE_GETEVENTMSG, t->tid, 0, &message) == 0 &&
	       message == FILTER_STRICT;
}

void call_stopped(struct thread *t)
{
	if (!registers_get(t->tid, &t->regs))
		return;
	t->call = registers_call(&t->regs);
	t->held = t->past = t->gone = false;
	t->standing = true;
	t->after = AFTER_NOTHING;
	follower->now = t;
	if (is_forbidden(t)) {
		kill(t->process->pid, SIGKILL);
		return;
	}
	switch (t->call.nr) {
	case SYS_fork:
	case SYS_clone:
	case SYS_clone3:
		fork_call(t);
		return;
	case SYS_execve:
	case SYS_execveat:
		execute(t);
		return;
	case SYS_seccomp:
		if (t->call.args[0] == SECCOMP_SET_MODE_STRICT ||
		    t->call.args[0] == SECCOMP_SET_MODE_FILTER) {
			confine(t, t->call.args[0] == SECCOMP_SET_MODE_STRICT);
			return;
		}
		break;
	case SYS_setrlimit:
	case SYS_prlimit64:
		keep_before_limit(t);
		return;
	case SYS_prctl:
		confine(t, t->call.args[1] == SECCOMP_MODE_STRICT);
		return;
	default:
		break;
	}
	if (!path_call(t) && !file_call(t) && !memory_call(t) && !futex_call(t))
		call_pass(t, AFTER_NOTHING);
}

void call_made(struct thread *t)
{
	long result = call_result(t);

	follower->now = t;
	t->standing = t->past = true;
	if (t->after != AFTER_EXEC) {
		file_call_made(t);
		return;
	}
	t->after = AFTER_NOTHING;
	/* What exec ends is no leak, and the machine sees only the end: it did not execute. */
	if (result < 0 && t->space && t->space->fd >= 0 && !t->space->broken)
		lib_ask(WIRE_SYNC, NULL, 0);
	call_made_go_on(t, result);
}
