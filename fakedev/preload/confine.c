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
#elif defined(__s390x__)
#define ARCH AUDIT_ARCH_S390X
#elif defined(__riscv)
#define ARCH AUDIT_ARCH_RISCV64
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif

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
		return a / b;
	case BPF_OR:
		return a | b;
	case BPF_AND:
		return a & b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & 31);
	case BPF_RSH:
		return a >> (b & 31);
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
			/* Its end, with 0 for a result. */
			if (BPF_OP(f->code) == BPF_DIV && operand == 0)
				return SECCOMP_RET_KILL_THREAD;
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

struct filter {
	const struct sock_filter *code;
	size_t n;
};

static bool lets_pass(const void *ctx, long nr)
{
	const struct filter *f = ctx;
	const struct seccomp_data call = {.nr = (int)nr, .arch = ARCH};
	uint32_t action = run(f->code, f->n, &call) & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

static bool lets_nothing_pass(const void *ctx, long nr)
{
	(void)ctx;
	(void)nr;
	return false;
}

/* Of SECCOMP_MODE_STRICT. */
static uint32_t all_of_them(void)
{
	return lib_calls_not_let_pass(lets_nothing_pass, NULL);
}

/* What a filter will forbid; its program may lie anywhere. */
static uint32_t look_ahead(uint64_t filter)
{
	struct sock_fprog prog;
	struct filter f;
	uint32_t out;
	long p;

	if (lib_copy_in(&prog, filter, sizeof(prog)) < 0 || prog.len == 0 ||
	    prog.len > BPF_MAXINSNS)
		return 0;
	p = raw_mmap(0, prog.len * sizeof(*prog.filter), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (raw_is_error(p))
		return all_of_them();
	f = (struct filter){(const struct sock_filter *)p, prog.len};
	out = lib_copy_in((void *)p, (uint64_t)(uintptr_t)prog.filter,
			  prog.len * sizeof(*prog.filter)) < 0
		  ? 0
		  : lib_calls_not_let_pass(lets_pass, &f);
	raw_munmap((void *)p, prog.len * sizeof(*prog.filter));
	return out;
}

/* Where the kernel can be asked for the last time. */
static void note_all(void)
{
	struct rlimit r = {LIB_MOST_NOTES, LIB_MOST_NOTES};

	raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&r, 0, 0);
	for (int fd = 0; fd < (int)LIB_MOST_NOTES && (rlim_t)fd < r.rlim_max; fd++) {
		struct device d;

		if (lib_mappable(fd, &d))
			lib_note(fd, &d);
		else
			lib_note_closed(fd);
	}
}

/* Before a filter is there: what can only be had now. */
static void prepare(uint32_t soon)
{
	if (lib_is_among(SYS_recvmsg, soon))
		lib_take_arena();
	if (lib_is_among(SYS_getsockopt, soon))
		note_all();
}

static _Atomic bool confined;

bool lib_is_confined(void)
{
	return atomic_load(&confined);
}

uint32_t lib_confine(bool strict, uint64_t filter)
{
	uint32_t soon;

	if (!lib_active())
		return 0;
	atomic_store(&confined, true);
	soon = strict ? all_of_them() : look_ahead(filter);
	if (soon) {
		lib_anchor();
		prepare(soon);
	}
	/* At once: another thread may be bound before this one hears of it. */
	return soon & ~lib_forbid_calls(soon);
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
		lib_allow_calls(soon);
	return r;
}
