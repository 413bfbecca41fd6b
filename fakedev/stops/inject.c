/* SPDX-License-Identifier: MIT */
/* What a stopped thread is made to do: a single step, a system call of ours. For x86-64. */
#define _GNU_SOURCE
#include "supervisor.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not in glibc's header. */
#define SUSPEND_SECCOMP (1 << 21)

/* What instructions themselves cause must not be blocked: blocked it would lose its handler. */
#define OWN_FAULTS                                                                                 \
	(TRACEE_BIT(SIGSEGV) | TRACEE_BIT(SIGBUS) | TRACEE_BIT(SIGTRAP) | TRACEE_BIT(SIGILL) |     \
	 TRACEE_BIT(SIGFPE))

uint64_t block_signals(const struct thread *t)
{
	return tracee_block(t->tid, ~OWN_FAULTS);
}

void unblock_signals(struct thread *t, uint64_t saved)
{
	tracee_unblock(t->pid, t->tid, saved, t->postponed);
	t->postponed = 0;
	/* The kernel says whether the process still stands: it may have been told to go on. */
	if (t->stood)
		ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
	t->stood = false;
}

static bool is_own_fault(const siginfo_t *info)
{
	return info->si_code > 0 && (OWN_FAULTS & TRACEE_BIT(info->si_signo));
}

int step(struct supervisor *s, struct thread *t, void *out)
{
	siginfo_t *info = out;
	int passed = 0;

	(void)s;
	for (;;) {
		int status = 0, signal, event;

		if (ptrace(PTRACE_SINGLESTEP, t->tid, 0, passed) < 0 && errno != ESRCH)
			return -1;
		passed = 0;
		if (waitpid(t->tid, &status, __WALL) != t->tid)
			return -1;
		signal = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
		event = status >> 16;
		if (!signal || event == PTRACE_EVENT_EXIT) {
			t->queued = true;
			t->status = status;
			return -1;
		}
		if (event) {
			/* The whole process stands; not this thread, until we are through. */
			t->stood |= event == PTRACE_EVENT_STOP && signal != SIGTRAP;
			continue;
		}
		/* It has no handler. Sent again later, it would come after a SIGCONT that ended it. */
		if (signal == SIGSTOP) {
			passed = SIGSTOP;
			continue;
		}
		if (ptrace(PTRACE_GETSIGINFO, t->tid, 0, info) == 0 && is_own_fault(info))
			return signal == SIGTRAP ? 0 : 1;
		t->postponed |= TRACEE_BIT(signal);
	}
}

/* The vDSO's, which no program unmaps. */
static uint64_t find_syscall(const struct thread *t)
{
	uint64_t entry[2] = {0, 0}, at = 0;
	unsigned char page[PAGE];
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)t->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && !at && read(fd, entry, sizeof(entry)) == sizeof(entry))
		at = entry[0] == AT_SYSINFO_EHDR ? entry[1] : 0;
	if (fd >= 0)
		close(fd);
	for (; at && tracee_read(t->tid, at, page, sizeof(page)); at += PAGE)
		for (unsigned int i = 0; i + 1 < PAGE; i++)
			if (page[i] == 0x0f && page[i + 1] == 0x05)
				return at + i;
	return 0;
}

static void put_arguments(struct user_regs_struct *regs, const uint64_t args[6])
{
	regs->rdi = args[0];
	regs->rsi = args[1];
	regs->rdx = args[2];
	regs->r10 = args[3];
	regs->r8 = args[4];
	regs->r9 = args[5];
}

bool inject(struct supervisor *s, struct thread *t, uint64_t nr, const uint64_t args[6],
	    int64_t *result)
{
	struct user_regs_struct saved, regs;
	siginfo_t info;
	int how;

	if (!t->space->syscall_at)
		t->space->syscall_at = find_syscall(t);
	if (!t->space->syscall_at) {
		refuse(s, t, "it has no vDSO that makes system calls");
		return false;
	}
	if (ptrace(PTRACE_GETREGS, t->tid, 0, &saved) < 0)
		return false;
	regs = saved;
	regs.rip = t->space->syscall_at;
	regs.rax = nr;
	regs.orig_rax = (uint64_t)-1;
	put_arguments(&regs, args);
	if (t->space->confined)
		ptrace(PTRACE_SETOPTIONS, t->tid, 0, STOPS_TRACED | SUSPEND_SECCOMP);
	ptrace(PTRACE_SETREGS, t->tid, 0, &regs);
	how = step(s, t, &info);
	if (how < 0)
		return false;
	if (how > 0)
		refuse(s, t, "it can't be made to make a system call (signal %d)", info.si_signo);
	if (t->space->confined)
		ptrace(PTRACE_SETOPTIONS, t->tid, 0, STOPS_TRACED);
	ptrace(PTRACE_GETREGS, t->tid, 0, &regs);
	ptrace(PTRACE_SETREGS, t->tid, 0, &saved);
	*result = (int64_t)regs.rax;
	return how == 0;
}

void set_call(const struct thread *t, uint64_t nr, const uint64_t args[6])
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, t->tid, 0, &regs) < 0)
		return;
	regs.orig_rax = nr;
	put_arguments(&regs, args);
	ptrace(PTRACE_SETREGS, t->tid, 0, &regs);
}

void call_again(const struct thread *t, uint64_t nr)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, t->tid, 0, &regs) < 0)
		return;
	regs.rip -= 2; /* as long as the instruction is */
	regs.rax = nr;
	ptrace(PTRACE_SETREGS, t->tid, 0, &regs);
}

uint64_t instruction_of(const struct thread *t)
{
	struct user_regs_struct regs;

	return ptrace(PTRACE_GETREGS, t->tid, 0, &regs) < 0 ? 0 : regs.rip;
}

uint64_t stack_of(const struct thread *t)
{
	struct user_regs_struct regs;

	return ptrace(PTRACE_GETREGS, t->tid, 0, &regs) < 0 ? 0 : regs.rsp;
}

bool can_suspend_seccomp(const struct thread *t)
{
	bool can = ptrace(PTRACE_SETOPTIONS, t->tid, 0, STOPS_TRACED | SUSPEND_SECCOMP) == 0;

	ptrace(PTRACE_SETOPTIONS, t->tid, 0, STOPS_TRACED);
	return can;
}
