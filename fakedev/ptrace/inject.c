/* SPDX-License-Identifier: MIT */
/* A thread stands at the beginning of a call of its own, or already behind one of ours: the instruction
 * that makes calls is behind it, and is gone back to. */
#include "follower.h"
#include "tracee/tracee.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_ADDFD_FLAG_SETFD
#define SECCOMP_ADDFD_FLAG_SETFD (1UL << 0)
#endif
#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)
#endif

static void hold(struct thread *t)
{
	if (t->held)
		return;
	t->mask = tracee_block(t->tid, ~0ull);
	t->held = true;
}

static void release(struct thread *t)
{
	if (!t->held)
		return;
	t->held = false;
	tracee_unblock(t->process->pid, t->tid, t->mask, t->postponed);
	t->postponed = 0;
	/* The kernel says whether the process still stands: it may have been told to go on. */
	if (t->stood)
		ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
	t->stood = false;
}

static void lose(struct thread *t)
{
	t->gone = true;
}

/* Sets the call going. */
static bool begin(struct thread *t, uint64_t nr, const uint64_t args[6])
{
	struct registers regs = t->regs;

	if (t->gone)
		return false;
	hold(t);
	if (t->past) {
		registers_make_call(&regs, nr, args);
	} else {
		registers_set_arguments(&regs, args);
		regs.nr = nr;
	}
	t->past = true;
	if (!registers_put(t->tid, &regs) || ptrace(PTRACE_SYSCALL, t->tid, 0, 0) < 0)
		lose(t);
	return !t->gone;
}

/* One stop on the way. @return true: the call has been made, *result */
static bool is_end(struct thread *t, int status, long *result)
{
	struct __ptrace_syscall_info info;
	int event = status >> 16, signal = WSTOPSIG(status), passed = 0;

	if (signal == (SIGTRAP | 0x80)) {
		if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof(info), &info) < 0) {
			lose(t);
			return true;
		}
		if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
			*result = info.exit.rval;
			return true;
		}
	} else if (event == PTRACE_EVENT_STOP) {
		/* The whole process stands; not this thread, until we are through. */
		t->stood |= signal != SIGTRAP;
	} else if (signal == SIGSTOP && !event && !look_may_be_due(t)) {
		/* It has no handler. Sent again later, it would come after a SIGCONT that ended it. */
		passed = SIGSTOP;
	} else if (!event) {
		t->postponed |= TRACEE_BIT(signal);
	}
	if (ptrace(PTRACE_SYSCALL, t->tid, 0, passed) < 0) {
		lose(t);
		return true;
	}
	return false;
}

long call_inject(struct thread *t, uint64_t nr, const uint64_t args[6])
{
	long result = -ESRCH;
	int status;

	if (!begin(t, nr, args))
		return -ESRCH;
	do {
		if (thread_wait(t, &status) < 0) {
			lose(t);
			return -ESRCH;
		}
	} while (!is_end(t, status, &result));
	return t->gone ? -ESRCH : result;
}

/* ---- descriptors ---- */

/* The thread waits for our word: it gets the descriptor. @return its number, or an error */
static int answer(int fd, int flags, int number_wanted)
{
	union {
		struct seccomp_notif notif;
		unsigned char room[512];
	} n;
	struct seccomp_notif_addfd add = {.flags = SECCOMP_ADDFD_FLAG_SEND,
					  .srcfd = (uint32_t)fd,
					  .newfd_flags = (uint32_t)(flags & O_CLOEXEC)};
	struct seccomp_notif_resp resp = {0};
	int number;

	if (number_wanted >= 0) {
		add.flags |= SECCOMP_ADDFD_FLAG_SETFD;
		add.newfd = (uint32_t)number_wanted;
	}
	memset(&n, 0, sizeof(n));
	if (ioctl(follower->listener, SECCOMP_IOCTL_NOTIF_RECV, &n) < 0)
		return -errno;
	add.id = resp.id = n.notif.id;
	number = ioctl(follower->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	if (number >= 0)
		return number;
	/* Linux has the flag since 5.14. */
	if (errno == EINVAL) {
		add.flags &= ~(uint32_t)SECCOMP_ADDFD_FLAG_SEND;
		number = ioctl(follower->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	}
	number = number < 0 ? -errno : number;
	resp.val = number < 0 ? 0 : number;
	resp.error = number < 0 ? number : 0;
	ioctl(follower->listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
	return number;
}

/* @return the call's result, which is the descriptor's number; -EAGAIN: it was interrupted before */
static long give(struct thread *t, int fd, int flags, int wanted)
{
	struct pollfd p[2] = {{.events = POLLIN}, {.fd = follower->signals, .events = POLLIN}};
	struct signalfd_siginfo info;
	long result = -EAGAIN;
	int status;

	/* It was sent, but maybe not looked at. */
	while (follower->listener < 0 && follower->control >= 0)
		hear_program();
	p[0].fd = follower->listener;
	for (;;) {
		int stopped = thread_wait(t, NULL);

		if (stopped < 0 || (stopped > 0 && thread_wait(t, &status) < 0)) {
			lose(t);
			return -ESRCH;
		}
		if (stopped > 0) {
			if (is_end(t, status, &result))
				return t->gone ? -ESRCH : result;
			continue;
		}
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents)
			while (read(follower->signals, &info, sizeof(info)) == sizeof(info))
				;
		if (p[0].revents & POLLIN)
			answer(fd, flags, wanted);
	}
}

/* Its limit of descriptors is none for what is ours. */
static bool lift(struct thread *t, struct rlimit *old)
{
	struct rlimit lifted;

	if (prlimit(t->process->pid, RLIMIT_NOFILE, NULL, old) < 0)
		return false;
	/* With the right to also beyond the hard one. */
	lifted = (struct rlimit){old->rlim_max + 4096, old->rlim_max + 4096};
	if (prlimit(t->process->pid, RLIMIT_NOFILE, &lifted, NULL) == 0)
		return true;
	lifted = (struct rlimit){old->rlim_max, old->rlim_max};
	return old->rlim_cur < old->rlim_max &&
	       prlimit(t->process->pid, RLIMIT_NOFILE, &lifted, NULL) == 0;
}

static bool opens(uint64_t nr)
{
	return nr == SYS_open || nr == SYS_openat || nr == SYS_openat2 || nr == SYS_creat;
}

static int give_at(struct thread *t, int fd, int flags, int wanted)
{
	bool opening = opens(t->call.nr), lifted = false;
	const uint64_t args[6] = {opening ? 0 : FILTER_MAGIC, 0, 0, 0, (uint64_t)-1,
				  opening ? FILTER_MAGIC : 0};
	struct rlimit old;
	long number;

	do {
		if (!begin(t, opening ? t->call.nr : SYS_mmap, args))
			return -ESRCH;
		number = give(t, fd, flags, wanted);
		/* An open may find none free: that is its result. */
		if ((number == -EMFILE || number == -EBADF) && !opening && !lifted) {
			lifted = lift(t, &old);
			number = lifted ? -EAGAIN : number;
		}
		/* -ERESTARTSYS and its like: it was interrupted before we knew of it. */
	} while (number == -EAGAIN || (number <= -512 && number >= -516));
	if (lifted)
		prlimit(t->process->pid, RLIMIT_NOFILE, &old, NULL);
	return (int)number;
}

int call_give(struct thread *t, int fd, int flags)
{
	return give_at(t, fd, flags, -1);
}

/* Above what programs close one by one, below what they expect descriptors to be. */
#define HIGH      1000
#define HIGH_ENDS 1064

int call_give_high(struct thread *t, int fd)
{
	for (int number = HIGH; number < HIGH_ENDS; number++) {
		long taken =
		    call_inject(t, SYS_fcntl, (const uint64_t[6]){(uint64_t)number, F_GETFD});

		if (taken == -EBADF)
			return give_at(t, fd, O_CLOEXEC, number);
		if (taken < 0)
			return (int)taken;
	}
	return -EMFILE;
}

/* ---- the thread's own call ---- */

void call_finish(struct thread *t, long result)
{
	struct registers regs = t->regs;

	if (t->gone)
		return;
	regs.nr = NO_CALL;
	registers_set_result(&regs, result);
	registers_put(t->tid, &regs);
	release(t);
	t->after = AFTER_NOTHING;
	ptrace(PTRACE_CONT, t->tid, 0, 0);
}

/* What it stopped for the first time it stops for again: filters are never taken away. */
bool call_reenter(struct thread *t, const struct call *c)
{
	long result = -ESRCH;
	int status = 0;

	if (!begin(t, c->nr, c->args))
		return false;
	do {
		if (thread_wait(t, &status) < 0) {
			lose(t);
			return false;
		}
		if (status >> 16 == PTRACE_EVENT_SECCOMP) {
			t->past = false;
			release(t);
			return true;
		}
	} while (!is_end(t, status, &result));
	call_finish(t, result);
	t->gone = true;
	return false;
}

static void pass(struct thread *t, enum after after)
{
	t->after = after;
	ptrace(after == AFTER_NOTHING ? PTRACE_CONT : PTRACE_SYSCALL, t->tid, 0, 0);
}

void call_pass(struct thread *t, enum after after)
{
	if (!t->gone && (!t->held || call_reenter(t, &t->call)))
		pass(t, after);
}

void call_pass_as(struct thread *t, const struct call *c, enum after after)
{
	struct registers regs = t->regs;

	if (t->held) {
		if (call_reenter(t, c))
			pass(t, after);
		return;
	}
	regs.nr = c->nr;
	registers_set_arguments(&regs, c->args);
	registers_put(t->tid, &regs);
	pass(t, after);
}

static bool is_entry(const struct thread *t, int status)
{
	struct __ptrace_syscall_info info;

	return WSTOPSIG(status) == (SIGTRAP | 0x80) &&
	       ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof(info), &info) >= 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

void call_begin(struct thread *t, const struct call *c, enum after after)
{
	long result;
	int status;

	if (!begin(t, c->nr, c->args))
		return;
	for (;;) {
		if (thread_wait(t, &status) < 0) {
			lose(t);
			return;
		}
		if (is_entry(t, status))
			break;
		if (is_end(t, status, &result))
			return;
	}
	pass(t, after);
}

/* As it came out; after calls of ours as it was to come out. */
void call_made_go_on(struct thread *t, long result)
{
	if (t->held)
		call_finish(t, result);
	else if (!t->gone)
		pass(t, AFTER_NOTHING);
}

/* Signals are its own again; it comes back to wait for ever, if a handler returns. */
static void abort_it(struct thread *t)
{
	static const uint64_t for_ever[6];
	struct registers regs = t->regs;

	registers_make_call(&regs, SYS_ppoll, for_ever);
	registers_put(t->tid, &regs);
	tracee_unblock(t->process->pid, t->tid, 0, t->postponed | TRACEE_BIT(SIGABRT));
	t->postponed = 0;
	t->held = false;
	ptrace(PTRACE_CONT, t->tid, 0, 0);
}

void call_last(struct thread *t, int how)
{
	static const uint64_t success[6];

	if (t->gone)
		return;
	t->after = AFTER_NOTHING;
	/* It may be ended when that has been told. */
	if (how & WIRE_END_LOOK)
		look_tell(t, WIRE_END);
	switch ((enum death_end)(how & ~WIRE_END_LOOK)) {
	case DEATH_BY_EXIT:
		begin(t, SYS_exit_group, success);
		break;
	case DEATH_BY_ABORT:
		abort_it(t);
		break;
	case DEATH_BY_STOP:
		call_finish(t, -EINTR);
		break;
	case DEATH_BY_KILL:
	case DEATH_BY_DESTROY:
	case DEATH_ENDS:
		break;
	}
	lose(t);
}

long call_result(const struct thread *t)
{
	struct registers regs;

	return registers_get(t->tid, &regs) ? registers_result(&regs) : -ESRCH;
}

/* With its own arguments again. To be made once more (ERESTARTSYS) it is by its own number. */
void call_end(struct thread *t, long result)
{
	struct registers regs = t->regs;

	if (t->gone)
		return;
	registers_set_result(&regs, result);
	registers_put(t->tid, &regs);
	release(t);
	ptrace(PTRACE_CONT, t->tid, 0, 0);
}
