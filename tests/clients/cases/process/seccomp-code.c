/* SPDX-License-Identifier: MIT */
/*
 * A filter is a program, and what it forbids is found as the kernel finds it, whatever instructions it has: one that goes
 * through them all, and lets everything pass if one of them came to something else.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sock_filter code[256];
static unsigned short n;

static void add(unsigned int op, uint32_t k, unsigned char yes, unsigned char no)
{
	code[n++] = (struct sock_filter){(unsigned short)op, yes, no, k};
}

/* The accumulator must be that, or all is let through. */
static void is(uint32_t expected)
{
	add(BPF_JMP | BPF_JEQ | BPF_K, expected, 1, 0);
	add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

static void operations(void)
{
	static const struct {
		unsigned int op;
		uint32_t a, b, result;
	} all[] = {
	    {BPF_ADD, 0xfffffffe, 7, 5},          {BPF_SUB, 3, 5, 0xfffffffe},
	    {BPF_MUL, 0x10001, 0x10001, 0x20001}, {BPF_DIV, 100, 7, 14},
	    {BPF_OR, 0xc0, 0x0a, 0xca},           {BPF_AND, 0xca, 0x6f, 0x4a},
	    {BPF_XOR, 0xca, 0x6f, 0xa5},          {BPF_LSH, 0x81, 25, 0x02000000},
	    {BPF_RSH, 0x81000000, 25, 0x40},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		add(BPF_LD | BPF_IMM, all[i].a, 0, 0);
		add(BPF_ALU | all[i].op | BPF_K, all[i].b, 0, 0);
		is(all[i].result);
		add(BPF_LDX | BPF_IMM, all[i].b, 0, 0);
		add(BPF_LD | BPF_IMM, all[i].a, 0, 0);
		add(BPF_ALU | all[i].op | BPF_X, 0, 0, 0);
		is(all[i].result);
	}
	add(BPF_ALU | BPF_NEG, 0, 0, 0);
	is(0xffffffc0);
	/* Of a register no more than its lower bits are a shift's. */
	add(BPF_LDX | BPF_IMM, 34, 0, 0);
	add(BPF_LD | BPF_IMM, 5, 0, 0);
	add(BPF_ALU | BPF_LSH | BPF_X, 0, 0, 0);
	is(20);
	add(BPF_ALU | BPF_RSH | BPF_X, 0, 0, 0);
	is(5);
}

static void places(void)
{
	add(BPF_LD | BPF_IMM, 11, 0, 0);
	add(BPF_ST, 3, 0, 0);
	add(BPF_LDX | BPF_IMM, 12, 0, 0);
	add(BPF_STX, 15, 0, 0);
	add(BPF_LD | BPF_MEM, 15, 0, 0);
	is(12);
	add(BPF_LDX | BPF_MEM, 3, 0, 0);
	add(BPF_MISC | BPF_TXA, 0, 0, 0);
	is(11);
	add(BPF_LD | BPF_W | BPF_LEN, 0, 0, 0);
	is(sizeof(struct seccomp_data));
	add(BPF_MISC | BPF_TAX, 0, 0, 0);
	add(BPF_LD | BPF_IMM, 0, 0, 0);
	add(BPF_LDX | BPF_W | BPF_LEN, 0, 0, 0);
	add(BPF_MISC | BPF_TXA, 0, 0, 0);
	is(sizeof(struct seccomp_data));
}

static void jumps(void)
{
	static const struct {
		unsigned int op;
		uint32_t a, b;
		bool holds;
	} all[] = {
	    {BPF_JGT, 5, 5, false}, {BPF_JGT, 6, 5, true},  {BPF_JGE, 5, 5, true},
	    {BPF_JGE, 4, 5, false}, {BPF_JSET, 6, 2, true}, {BPF_JSET, 6, 9, false},
	    {BPF_JEQ, 6, 9, false},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		add(BPF_LDX | BPF_IMM, all[i].b, 0, 0);
		add(BPF_LD | BPF_IMM, all[i].a, 0, 0);
		add(BPF_JMP | all[i].op | BPF_K, all[i].b, all[i].holds, !all[i].holds);
		add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
		add(BPF_JMP | all[i].op | BPF_X, 0, all[i].holds, !all[i].holds);
		add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	}
	add(BPF_JMP | BPF_JA, 1, 0, 0);
	add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

/* What the rest comes to: @p action, but of a division by 0, which is the end at once. */
static void rest(uint32_t action, bool divides)
{
	static const uint32_t allowed[] = {SYS_read,   SYS_write, SYS_ioctl,      SYS_mmap,
					   SYS_munmap, SYS_close, SYS_exit_group, SYS_rt_sigreturn};

	n = 0;
	operations();
	places();
	jumps();
	add(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		add(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], 0, 1);
		add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	}
	add(BPF_LDX | BPF_IMM, 0, 0, 0);
	add(BPF_LD | BPF_IMM, action, 0, 0);
	if (divides)
		add(BPF_ALU | BPF_DIV | BPF_X, 0, 0, 0);
	add(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
	add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	add(BPF_RET | BPF_A, 0, 0, 0);
}

static void use(int fd)
{
	uint64_t index;
	volatile char *page;

	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, GNTALLOC_FLAG_WRITABLE, 1, &index, NULL), 0);
	page = (volatile char *)device_mmap(HERE, fd, index, 1, PROT_READ | PROT_WRITE);
	*page = 3;
	CHECK_IS(call_munmap(HERE, (long)page, PAGE), 0);
	CHECK_IS(gntalloc_dealloc(HERE, fd, index, 1), 0);
	CHECK_IS(gntalloc_dealloc(HERE, fd, index, 1), -EINVAL);
}

static void under(uint32_t action, bool divides, const char *what)
{
	int fd = device_open(HERE, "gntalloc"), status;
	struct sock_fprog filter = {0, code};
	pid_t pid = fork();

	check_note("%s", what);
	CHECK(pid >= 0, "fork");
	if (!pid) {
		limit_time();
		rest(action, divides);
		filter.len = n;
		CHECK_IS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
		CHECK_IS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
		use(fd);
		/* It is in force: nothing came to something else in the kernel. */
		if (action == (SECCOMP_RET_ERRNO | ENOSPC))
			CHECK(syscall(SYS_getppid) == -1 && errno == ENOSPC,
			      "getppid() is let through");
		syscall(SYS_exit_group, 0);
	}
	CHECK_IS(waitpid(pid, &status, 0), pid);
	CHECK_IS(status, 0);
	CHECK_IS(call_close(HERE, fd), 0);
}

void test(void)
{
	under(SECCOMP_RET_ERRNO | ENOSPC, false, "an error");
	under(SECCOMP_RET_KILL_PROCESS, false, "the end");
	under(SECCOMP_RET_ALLOW, true, "a division by 0");
}
