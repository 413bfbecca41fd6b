/* SPDX-License-Identifier: MIT */
#include "registers.h"

#include <elf.h>
#include <linux/audit.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#if defined(__x86_64__)

const uint32_t registers_architecture = AUDIT_ARCH_X86_64;

/* As long as the instruction is. */
#define CALL_BYTES 2

bool registers_get(pid_t tid, struct registers *r)
{
	if (ptrace(PTRACE_GETREGS, tid, 0, &r->user) < 0)
		return false;
	r->nr = r->user.orig_rax;
	return true;
}

bool registers_put(pid_t tid, const struct registers *r)
{
	struct user_regs_struct user = r->user;

	user.orig_rax = r->nr;
	return ptrace(PTRACE_SETREGS, tid, 0, &user) == 0;
}

struct call registers_call(const struct registers *r)
{
	const struct user_regs_struct *u = &r->user;

	return (struct call){r->nr, {u->rdi, u->rsi, u->rdx, u->r10, u->r8, u->r9}};
}

void registers_set_arguments(struct registers *r, const uint64_t args[6])
{
	r->user.rdi = args[0];
	r->user.rsi = args[1];
	r->user.rdx = args[2];
	r->user.r10 = args[3];
	r->user.r8 = args[4];
	r->user.r9 = args[5];
}

long registers_result(const struct registers *r)
{
	return (long)r->user.rax;
}

void registers_set_result(struct registers *r, long result)
{
	r->user.rax = (uint64_t)result;
}

uint64_t registers_stack(const struct registers *r)
{
	return r->user.rsp;
}

void registers_make_call(struct registers *r, uint64_t nr, const uint64_t args[6])
{
	registers_set_arguments(r, args);
	r->user.rip -= CALL_BYTES;
	r->user.rax = nr;
	r->nr = NO_CALL;
}

#elif defined(__aarch64__)

const uint32_t registers_architecture = AUDIT_ARCH_AARCH64;

#define CALL_BYTES 4
/* Where the instruction takes the call's number from. What the kernel makes of it is asked for by itself, and
 * first arguments to begin with again are the kernel's own: none is changed that could be interrupted. */
#define NUMBER     8

/* Of a program of 32 bits they are others. */
bool registers_get(pid_t tid, struct registers *r)
{
	int nr = -1;
	struct iovec all = {&r->user, sizeof(r->user)}, number = {&nr, sizeof(nr)};

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &all) < 0 ||
	    all.iov_len != sizeof(r->user) ||
	    ptrace(PTRACE_GETREGSET, tid, NT_ARM_SYSTEM_CALL, &number) < 0)
		return false;
	r->nr = nr < 0 ? NO_CALL : (uint64_t)nr;
	return true;
}

bool registers_put(pid_t tid, const struct registers *r)
{
	struct user_regs_struct user = r->user;
	int nr = (int)r->nr;
	struct iovec all = {&user, sizeof(user)}, number = {&nr, sizeof(nr)};

	return ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &all) == 0 &&
	       ptrace(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &number) == 0;
}

struct call registers_call(const struct registers *r)
{
	const unsigned long long *x = r->user.regs;

	return (struct call){r->nr, {x[0], x[1], x[2], x[3], x[4], x[5]}};
}

void registers_set_arguments(struct registers *r, const uint64_t args[6])
{
	for (int i = 0; i < 6; i++)
		r->user.regs[i] = args[i];
}

long registers_result(const struct registers *r)
{
	return (long)r->user.regs[0];
}

void registers_set_result(struct registers *r, long result)
{
	r->user.regs[0] = (uint64_t)result;
}

uint64_t registers_stack(const struct registers *r)
{
	return r->user.sp;
}

void registers_make_call(struct registers *r, uint64_t nr, const uint64_t args[6])
{
	registers_set_arguments(r, args);
	r->user.pc -= CALL_BYTES;
	r->user.regs[NUMBER] = nr;
	r->nr = NO_CALL;
}

#endif
