/* SPDX-License-Identifier: MIT */
/* System calls of what is followed: those that change its memory or its handlers, those that store, and those
 * by which it would come out of our hands. */
#define _GNU_SOURCE
#include "supervisor.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static bool overlaps(const struct space *s, uint64_t start, uint64_t len)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (s->regions[i].start < start + len && start < s->regions[i].end)
			return true;
	return false;
}

static uint64_t whole(uint64_t len)
{
	return (len + PAGE - 1) & ~(PAGE - 1);
}

/* The call gives frames, or leaves them, without the right to store. */
static void without_write(struct thread *t)
{
	struct call *c = &t->call;

	c->frames = true;
	if (!(c->args[2] & PROT_WRITE))
		return;
	c->args[2] &= ~(uint64_t)PROT_WRITE;
	set_call(t, c->nr, c->args);
	c->args[2] |= PROT_WRITE;
	c->changed = true;
}

/* Without the right to store, from the first instant. Beyond the frames nothing can be stored. */
static void begin_mmap(struct supervisor *s, struct thread *t)
{
	const struct call *c = &t->call;
	uint64_t type = c->args[3] & MAP_TYPE;

	if ((c->args[3] & MAP_ANONYMOUS) || (type != MAP_SHARED && type != MAP_SHARED_VALIDATE) ||
	    !space_is_frames(s, t, (int)c->args[4]) || c->args[5] >= s->n_frames_bytes)
		return;
	without_write(t);
}

static void begin_mprotect(struct supervisor *s, struct thread *t)
{
	const struct call *c = &t->call;
	const struct region *r = space_at(t->space, c->args[0]);

	if (!overlaps(t->space, c->args[0], whole(c->args[1])))
		return;
	if (!r || c->args[0] + whole(c->args[1]) > r->end) {
		refuse(s, t, "it changes the protection of shared and of other memory at once");
		return;
	}
	without_write(t);
}

/* Asks whether memory can be written, and writes nothing. */
static void begin_madvise(struct thread *t)
{
	struct call *c = &t->call;

	if (c->args[2] != MADV_POPULATE_WRITE || !overlaps(t->space, c->args[0], c->args[1]))
		return;
	c->args[2] = MADV_POPULATE_READ;
	set_call(t, c->nr, c->args);
	c->args[2] = MADV_POPULATE_WRITE;
	c->changed = true;
}

static void begin_filter(struct supervisor *s, struct thread *t)
{
	t->space->confined = true;
	if (!can_suspend_seccomp(t))
		refuse(s, t,
		       "it sets a seccomp filter, past which it can only be stopped with the right "
		       "CAP_SYS_ADMIN");
}

static bool is_traced_by(const struct call *c)
{
	return c->args[0] == PTRACE_TRACEME || c->args[0] == PTRACE_ATTACH ||
	       c->args[0] == PTRACE_SEIZE;
}

static void begin_others(struct supervisor *s, struct thread *t)
{
	const struct call *c = &t->call;

	switch (c->nr) {
	case SYS_ptrace:
		if (is_traced_by(c))
			refuse(s, t, "it traces another process, or asks to be traced");
		break;
	case SYS_io_uring_setup:
	case SYS_io_setup:
		refuse(s, t, "it makes asynchronous system calls, which store at any time");
		break;
	case SYS_seccomp:
		begin_filter(s, t);
		break;
	case SYS_prctl:
		if (c->args[0] == PR_SET_SECCOMP)
			begin_filter(s, t);
		break;
	case SYS_mremap:
		if (overlaps(t->space, c->args[0], c->args[1]))
			refuse(s, t, "it moves shared memory by itself");
		break;
	default:
		break;
	}
}

void call_begins(struct supervisor *s, struct thread *t)
{
	struct call *c = &t->call;

	if (watch_ends_for_call(t)) {
		call_later(t);
		return;
	}
	t->in_call = true;
	switch (c->nr) {
	case SYS_mmap:
		begin_mmap(s, t);
		break;
	case SYS_mprotect:
	case SYS_pkey_mprotect:
		begin_mprotect(s, t);
		break;
	case SYS_madvise:
		begin_madvise(t);
		break;
	case SYS_set_tid_address:
		t->clear_tid = c->args[0];
		break;
	default:
		begin_others(s, t);
		if (t->space->n > 0)
			redirect_begin(s, t);
	}
	thread_resume(t, 0);
}

void call_later(struct thread *t)
{
	t->interrupted = false;
	t->in_call = true;
	t->call.skipped = true;
	set_call(t, (uint64_t)-1, t->call.args);
	thread_resume(t, 0);
}

/* ---- the end ---- */

static void end_mmap(struct thread *t, uint64_t at)
{
	const struct call *c = &t->call;
	struct region r = {.start = at,
			   .end = at + whole(c->args[1]),
			   .offset = c->args[5],
			   .prot = (int)c->args[2]};

	if (!space_remove(t->space, r.start, r.end) || (c->frames && !space_add(t->space, r)))
		t->dying = true;
}

/* The struct is the kernel's: handler, flags, restorer, mask. */
static void end_sigaction(struct thread *t)
{
	const struct call *c = &t->call;
	unsigned char action[SIGACTION_BYTES];
	uint64_t handler;

	if ((c->args[0] != SIGSEGV && c->args[0] != SIGTRAP) || !c->args[1] ||
	    !tracee_read(t->tid, c->args[1], action, sizeof(action)))
		return;
	memcpy(&handler, action, sizeof(handler));
	if (c->args[0] == SIGSEGV) {
		t->handlers->segv.set = handler != (uint64_t)(uintptr_t)SIG_DFL;
		t->handlers->segv.ignored = handler == (uint64_t)(uintptr_t)SIG_IGN;
		memcpy(t->handlers->segv.action, action, sizeof(action));
	} else {
		t->handlers->trap.set = handler != (uint64_t)(uintptr_t)SIG_DFL;
		t->handlers->trap.ignored = handler == (uint64_t)(uintptr_t)SIG_IGN;
		memcpy(t->handlers->trap.action, action, sizeof(action));
	}
}

static void end_mask(struct thread *t)
{
	uint64_t mask = 0;

	ptrace((enum __ptrace_request)0x420a /* PTRACE_GETSIGMASK */, t->tid, sizeof(mask), &mask);
	t->segv_blocked = mask & (1ull << (SIGSEGV - 1));
}

static void end_well(struct thread *t, uint64_t result)
{
	const struct call *c = &t->call;

	switch (c->nr) {
	case SYS_mmap:
		end_mmap(t, result);
		break;
	case SYS_munmap:
		if (!space_remove(t->space, c->args[0], c->args[0] + whole(c->args[1])))
			t->dying = true;
		break;
	case SYS_mprotect:
	case SYS_pkey_mprotect:
		if (c->frames)
			space_protect(t->space, c->args[0], c->args[0] + whole(c->args[1]),
				      (int)c->args[2]);
		break;
	case SYS_rt_sigaction:
		end_sigaction(t);
		break;
	case SYS_rt_sigprocmask:
		end_mask(t);
		break;
	default:
		break;
	}
}

/* The kernel wanted to store where it may not, and we did not know that it would. */
static void look_for_missed_store(struct supervisor *s, struct thread *t)
{
	for (unsigned int i = 0; i < 6; i++) {
		const struct region *r = space_at(t->space, t->call.args[i]);

		if (r && (r->prot & PROT_WRITE)) {
			refuse(s, t,
			       "system call %llu stores to a shared page, which is not followed",
			       (unsigned long long)t->call.nr);
			return;
		}
	}
}

/* What it has mapped is known, as the call has left it. */
static void go_on(struct supervisor *s, struct thread *t)
{
	if (watch_begins(s, t))
		thread_resume(t, 0);
}

void call_ends(struct supervisor *s, struct thread *t, int64_t result)
{
	struct call *c = &t->call;

	t->in_call = false;
	if (c->nr == SYS_rt_sigreturn) {
		/* What it returns is a register of what goes on. */
		end_mask(t);
		*c = (struct call){0};
		go_on(s, t);
		return;
	}
	if (c->redirected || c->skipped) {
		if (watch_begins(s, t))
			redirect_end(s, t, result);
		return;
	}
	if (c->changed)
		set_call(t, c->nr, c->args);
	if (result == -EFAULT && t->space->n > 0)
		look_for_missed_store(s, t);
	else if (result >= 0 || result < -4095)
		end_well(t, (uint64_t)result);
	*c = (struct call){0};
	go_on(s, t);
}
