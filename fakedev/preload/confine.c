/* SPDX-License-Identifier: MIT */
/* A program that forbids itself system calls (seccomp) forbids them to this library too. What its
 * filter says of each call that we make is found out before it is installed: by running it. From then
 * on device calls do without what is forbidden, down to read, write, ioctl, mmap and munmap. */
#include "library.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif

/* What there is another way for, or can be left out. */
static const long wanted[] = {
    SYS_getsockopt,
    SYS_getpeername,
    SYS_sendmsg,
    SYS_recvmsg,
    SYS_recvfrom,
    SYS_rt_sigprocmask,
    SYS_futex,
    SYS_fstat,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_madvise,
    SYS_fcntl,
    SYS_prlimit64,
    SYS_ioctl,
    SYS_openat,
    SYS_memfd_create,
    SYS_getpid,
    SYS_readlinkat,
    SYS_nanosleep,
};
#define N_WANTED (sizeof(wanted) / sizeof(wanted[0]))

static _Atomic uint32_t forbidden; /* a bit for each of them */

static uint32_t bit_of(long nr)
{
	for (size_t i = 0; i < N_WANTED; i++)
		if (wanted[i] == nr)
			return 1u << i;
	return 0;
}

bool lib_may(long nr)
{
	uint32_t now = atomic_load_explicit(&forbidden, memory_order_relaxed);

	return now == 0 || !(now & bit_of(nr));
}

void lib_forbid(long nr)
{
	atomic_fetch_or(&forbidden, bit_of(nr));
}

bool lib_forbidden(long nr, long result)
{
	if (result != -EPERM && result != -ENOSYS && result != -EACCES)
		return false;
	lib_forbid(nr);
	return true;
}

static uint32_t operate(uint16_t code, uint32_t a, uint32_t b)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return b ? a / b : 0;
	case BPF_OR:
		return a | b;
	case BPF_AND:
		return a & b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return b < 32 ? a << b : 0;
	case BPF_RSH:
		return b < 32 ? a >> b : 0;
	default:
		return 0u - a; /* BPF_NEG */
	}
}

static bool holds(uint16_t code, uint32_t a, uint32_t b)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	default:
		return (a & b) != 0; /* BPF_JSET */
	}
}

/* The filter's word on a call, as the kernel would find it; of the arguments it is told nothing. */
static uint32_t run(const struct sock_filter *code, size_t n, const struct seccomp_data *call)
{
	uint32_t a = 0, x = 0, mem[BPF_MEMWORDS] = {0};

	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *f = &code[pc];
		uint32_t operand = BPF_SRC(f->code) == BPF_X ? x : f->k;

		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
		case BPF_LDX: {
			uint32_t v = f->k;

			if (BPF_MODE(f->code) == BPF_ABS && f->k <= sizeof(*call) - sizeof(v))
				memcpy(&v, (const char *)call + f->k, sizeof(v));
			else if (BPF_MODE(f->code) == BPF_MEM)
				v = mem[f->k % BPF_MEMWORDS];
			else if (BPF_MODE(f->code) == BPF_LEN)
				v = sizeof(*call);
			*(BPF_CLASS(f->code) == BPF_LD ? &a : &x) = v;
			break;
		}
		case BPF_ST:
			mem[f->k % BPF_MEMWORDS] = a;
			break;
		case BPF_STX:
			mem[f->k % BPF_MEMWORDS] = x;
			break;
		case BPF_ALU:
			a = operate(f->code, a, operand);
			break;
		case BPF_JMP:
			if (BPF_OP(f->code) == BPF_JA)
				pc += f->k;
			else
				pc += holds(f->code, a, operand) ? f->jt : f->jf;
			break;
		case BPF_RET:
			return BPF_RVAL(f->code) == BPF_A ? a : f->k;
		default:
			*(BPF_MISCOP(f->code) == BPF_TAX ? &x : &a) =
			    BPF_MISCOP(f->code) == BPF_TAX ? a : x;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}

/* The calls among ours that a filter does not simply let pass. */
static uint32_t forbidden_by(const struct sock_filter *code, size_t n)
{
	uint32_t out = 0;

	for (size_t i = 0; i < N_WANTED; i++) {
		const struct seccomp_data call = {.nr = (int)wanted[i], .arch = ARCH};
		uint32_t action = run(code, n, &call) & SECCOMP_RET_ACTION_FULL;

		if (action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_LOG)
			out |= 1u << i;
	}
	return out;
}

/* Of SECCOMP_MODE_STRICT. */
static uint32_t all_of_them(void)
{
	return (uint32_t)((1ull << N_WANTED) - 1);
}

/* What a filter will forbid; its program may lie anywhere. */
static uint32_t look_ahead(uint64_t filter)
{
	struct sock_fprog prog;
	uint32_t out;
	long p;

	if (lib_copy_in(&prog, filter, sizeof(prog)) < 0 || prog.len == 0 ||
	    prog.len > BPF_MAXINSNS)
		return 0;
	p = raw_mmap(0, prog.len * sizeof(*prog.filter), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (raw_is_error(p))
		return all_of_them();
	out = lib_copy_in((void *)p, (uint64_t)(uintptr_t)prog.filter,
			  prog.len * sizeof(*prog.filter)) < 0
		  ? 0
		  : forbidden_by((const struct sock_filter *)p, prog.len);
	raw_munmap((void *)p, prog.len * sizeof(*prog.filter));
	return out;
}

/* Before a filter is there: what can only be had now. */
static void prepare(uint32_t soon)
{
	if (soon & bit_of(SYS_recvmsg))
		lib_take_arena();
	if (soon & bit_of(SYS_getsockopt))
		lib_note_all();
}

uint32_t lib_confine(bool strict, uint64_t filter)
{
	uint32_t soon;

	if (!lib_active())
		return 0;
	soon = strict ? all_of_them() : look_ahead(filter);
	if (soon) {
		lib_anchor();
		prepare(soon);
	}
	/* At once: another thread may be bound before this one hears of it. */
	return soon & ~atomic_fetch_or(&forbidden, soon);
}

void lib_not_confined(uint32_t bits)
{
	atomic_fetch_and(&forbidden, ~bits);
}

DECLARE_NEXT(prctl);
EXPORT int prctl(int option, ...)
{
	unsigned long a[4];
	uint32_t soon = 0;
	va_list args;
	int r;

	va_start(args, option);
	for (int i = 0; i < 4; i++)
		a[i] = va_arg(args, unsigned long);
	va_end(args);
	if (option == PR_SET_SECCOMP)
		soon = lib_confine(a[0] == SECCOMP_MODE_STRICT, a[1]);
	r = NEXT(prctl)(option, a[0], a[1], a[2], a[3]);
	if (r < 0)
		lib_not_confined(soon);
	return r;
}
