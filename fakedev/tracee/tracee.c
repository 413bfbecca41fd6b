/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tracee.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Not in glibc's header. */
#define GETSIGMASK 0x420a
#define SETSIGMASK 0x420b

static bool is_whole(ssize_t got, size_t n)
{
	if (got >= 0 && (size_t)got != n)
		errno = EFAULT;
	return got == (ssize_t)n;
}

bool tracee_read(pid_t tid, uint64_t addr, void *to, size_t n)
{
	/* cppcheck-suppress ctuuninitvar ; it is read into */
	struct iovec here = {to, n}, there = {(void *)(uintptr_t)addr, n};

	return n == 0 || is_whole(process_vm_readv(tid, &here, 1, &there, 1, 0), n);
}

bool tracee_write(pid_t tid, uint64_t addr, const void *from, size_t n)
{
	struct iovec here = {(void *)(uintptr_t)from, n}, there = {(void *)(uintptr_t)addr, n};

	return n == 0 || is_whole(process_vm_writev(tid, &here, 1, &there, 1, 0), n);
}

bool tracee_peek(pid_t tid, uint64_t addr, void *to, size_t n)
{
	unsigned char *at = to;

	while (n > 0) {
		uint64_t before = addr % sizeof(long);
		size_t some = sizeof(long) - before < n ? sizeof(long) - before : n;
		long word;

		errno = 0;
		word = ptrace(PTRACE_PEEKDATA, tid, addr - before, 0);
		if (errno)
			return false;
		memcpy(at, (const char *)&word + before, some);
		at += some;
		addr += some;
		n -= some;
	}
	return true;
}

uint64_t tracee_block(pid_t tid, uint64_t mask)
{
	uint64_t saved = 0;

	ptrace((enum __ptrace_request)GETSIGMASK, tid, sizeof(saved), &saved);
	ptrace((enum __ptrace_request)SETSIGMASK, tid, sizeof(mask), &mask);
	return saved;
}

void tracee_unblock(pid_t pid, pid_t tid, uint64_t saved, uint64_t postponed)
{
	ptrace((enum __ptrace_request)SETSIGMASK, tid, sizeof(saved), &saved);
	for (int signal = 1; postponed; signal++) {
		if (postponed & TRACEE_BIT(signal))
			syscall(SYS_tgkill, pid, tid, signal);
		postponed &= ~TRACEE_BIT(signal);
	}
}

uint64_t tracee_clone_flags(pid_t tid, uint64_t nr, const uint64_t args[6])
{
	uint64_t flags = 0;

	switch (nr) {
	case SYS_clone:
		return args[0];
	case SYS_clone3:
		if (!tracee_read(tid, args[0], &flags, sizeof(flags)))
			tracee_peek(tid, args[0], &flags, sizeof(flags));
		return flags;
#ifdef SYS_vfork
	case SYS_vfork:
		return CLONE_VM | CLONE_VFORK;
#endif
	default:
		return 0;
	}
}

struct tracee_status tracee_status(pid_t tid)
{
	struct tracee_status s = {0};
	char path[32], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	f = fopen(path, "re");
	while (f && !s.parent && fgets(line, sizeof(line), f))
		if (sscanf(line, "State: %c", &s.state) != 1 &&
		    sscanf(line, "Tgid: %d", &s.pid) != 1)
			sscanf(line, "PPid: %d", &s.parent);
	if (f)
		fclose(f);
	return s;
}

pid_t tracee_find_child(pid_t pid, pid_t tid, bool (*is_wanted)(void *ctx, pid_t child), void *ctx)
{
	char path[64];
	int child = 0;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)tid);
	f = fopen(path, "re");
	while (f && !found && fscanf(f, "%d", &child) == 1)
		found = is_wanted(ctx, child);
	if (f)
		fclose(f);
	return found ? child : 0;
}

bool tracee_makes_others(uint64_t nr)
{
	switch (nr) {
	case SYS_clone:
	case SYS_clone3:
#ifdef SYS_fork
	case SYS_fork:
#endif
#ifdef SYS_vfork /* arm64 has none */
	case SYS_vfork:
#endif
		return true;
	default:
		return false;
	}
}
