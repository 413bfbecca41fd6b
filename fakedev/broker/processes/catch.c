/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "catch.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <time.h>
#include <unistd.h>

/* Of a stack, what is kept: frames beyond it are not found. */
#define MOST_STACK (256u * 1024u)
#define MOST_MAPS  (4u << 20)

#if defined(__x86_64__)
typedef struct user_regs_struct registers;
static const unsigned char call_instruction[] = {0x0f, 0x05}; /* syscall */
#define CALL_ALIGN 1u
#elif defined(__aarch64__)
typedef struct user_regs_struct registers;
static const unsigned char call_instruction[] = {0x01, 0x00, 0x00, 0xd4}; /* svc #0 */
#define CALL_ALIGN 4u
#else
/* Which is which is not known here: nobody is made to exit, or has a backtrace. */
#define NO_REGISTERS
typedef struct {
	unsigned char bytes[512];
} registers;
#endif

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	free(s->stack);
	free(s->maps);
	free(s);
}

/* The head, whose pointers are nobody's, then what they led to. */
void *snapshot_pack(const struct snapshot *s, size_t *len)
{
	size_t n_maps = s->maps ? strlen(s->maps) : 0;
	unsigned char *bytes;

	*len = sizeof(*s) + s->n_stack + n_maps;
	bytes = malloc(*len);
	if (!bytes)
		return NULL;
	memcpy(bytes, s, sizeof(*s));
	if (s->n_stack)
		memcpy(bytes + sizeof(*s), s->stack, s->n_stack);
	if (n_maps)
		memcpy(bytes + sizeof(*s) + s->n_stack, s->maps, n_maps);
	return bytes;
}

struct snapshot *snapshot_unpack(const void *bytes, size_t len)
{
	const unsigned char *from = bytes;
	struct snapshot *s = calloc(1, sizeof(*s));
	size_t left;

	if (!s || len < sizeof(*s)) {
		free(s);
		return NULL;
	}
	memcpy(s, from, sizeof(*s));
	left = len - sizeof(*s);
	s->stack = NULL;
	s->maps = NULL;
	if (s->n_stack <= left && s->n_registers <= sizeof(s->registers)) {
		s->stack = malloc(s->n_stack + 1);
		s->maps = strndup((const char *)from + sizeof(*s) + s->n_stack, left - s->n_stack);
	}
	if (!s->stack || !s->maps) {
		snapshot_free(s);
		return NULL;
	}
	memcpy(s->stack, from + sizeof(*s), s->n_stack);
	return s;
}

int catch_begin(uint32_t tid)
{
	if (ptrace(PTRACE_SEIZE, (pid_t)tid, NULL, NULL) < 0 ||
	    ptrace(PTRACE_INTERRUPT, (pid_t)tid, NULL, NULL) < 0)
		return errno == ESRCH ? -ESRCH : -EPERM;
	return 0;
}

#ifndef NO_REGISTERS
static char *read_maps(uint32_t pid)
{
	char path[32], *text = malloc(MOST_MAPS);
	size_t used = 0;
	ssize_t n = 1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	fd = text ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	while (fd >= 0 && n > 0 && used < MOST_MAPS - 1) {
		n = read(fd, text + used, MOST_MAPS - 1 - used);
		used += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	if (text)
		text[used] = '\0';
	return text;
}

/* The range that an address is in, and what stands for it; false: none. */
static bool find_range(const char *maps, uint64_t addr, const char *name, uint64_t *start,
		       uint64_t *end)
{
	unsigned long long from, to;

	for (const char *line = maps; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%llx-%llx", &from, &to) != 2)
			continue;
		*start = from;
		*end = to;
		if (name ? strncmp(line + strcspn(line, "[\n"), name, strlen(name)) == 0
			 : addr >= from && addr < to)
			return true;
	}
	return false;
}

static size_t peek(uint32_t pid, uint64_t addr, void *out, size_t len)
{
	struct iovec local = {out, len}, remote = {(void *)(uintptr_t)addr, len};
	ssize_t n = process_vm_readv((pid_t)pid, &local, 1, &remote, 1, 0);

	return n > 0 ? (size_t)n : 0;
}

#endif

static bool get_registers(uint32_t tid, registers *r)
{
	struct iovec v = {r, sizeof(*r)};

	return ptrace(PTRACE_GETREGSET, (pid_t)tid, (void *)NT_PRSTATUS, &v) == 0;
}

/* Its registers can be read when it has stopped. Nobody waits for it with wait(2): that is its parent's,
 * which may be us, to do at its end. */
int catch_await(uint32_t tid, unsigned int ms)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	char path[32];
	registers r = {0};

	snprintf(path, sizeof(path), "/proc/%u", tid);
	while (!get_registers(tid, &r)) {
		if (ms-- == 0 || access(path, F_OK) < 0)
			return -ESRCH;
		nanosleep(&moment, NULL);
	}
	return 0;
}

#ifdef NO_REGISTERS
struct snapshot *catch_look(uint32_t pid, uint32_t tid)
{
	(void)pid;
	(void)tid;
	return NULL;
}

int catch_exit(uint32_t tid)
{
	(void)tid;
	return -ENOTSUP;
}
#else
static uint64_t stack_pointer(const registers *r)
{
#if defined(__x86_64__)
	return r->rsp;
#else
	return r->sp;
#endif
}

struct snapshot *catch_look(uint32_t pid, uint32_t tid)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	uint64_t start, end;
	registers r = {0};

	_Static_assert(sizeof(r) <= sizeof(s->registers), "room for the registers");
	if (!s || !get_registers(tid, &r)) {
		free(s);
		return NULL;
	}
	s->pid = pid;
	s->tid = tid;
	memcpy(s->registers, &r, sizeof(r));
	s->n_registers = sizeof(r);
	s->sp = stack_pointer(&r);
	s->maps = read_maps(pid);
	if (s->maps && find_range(s->maps, s->sp, NULL, &start, &end)) {
		size_t len = end - s->sp < MOST_STACK ? (size_t)(end - s->sp) : MOST_STACK;

		s->stack = malloc(len);
		s->n_stack = s->stack ? peek(pid, s->sp, s->stack, len) : 0;
	}
	return s;
}

/* An instruction that makes a system call: the kernel's own page has one. */
static uint64_t find_call(uint32_t tid)
{
	char *maps = read_maps(tid);
	unsigned char code[16384];
	uint64_t start, end, found = 0;
	size_t n = 0;

	if (maps && find_range(maps, 0, "[vdso]", &start, &end))
		n = peek(tid, start, code,
			 end - start < sizeof(code) ? (size_t)(end - start) : sizeof(code));
	for (size_t i = 0; !found && i + sizeof(call_instruction) <= n; i += CALL_ALIGN)
		if (memcmp(code + i, call_instruction, sizeof(call_instruction)) == 0)
			found = start + i;
	free(maps);
	return found;
}

int catch_exit(uint32_t tid)
{
	uint64_t at = find_call(tid);
	registers r = {0};
	struct iovec v = {&r, sizeof(r)};

	if (!at || !get_registers(tid, &r))
		return -ENOTSUP;
#if defined(__x86_64__)
	/* The call that it is in is not made again. */
	r.orig_rax = (unsigned long long)-1;
	r.rax = SYS_exit_group;
	r.rdi = 0;
	r.rip = at;
#else
	const int none = -1;
	struct iovec call = {(void *)(uintptr_t)&none, sizeof(none)};

	ptrace(PTRACE_SETREGSET, (pid_t)tid, (void *)NT_ARM_SYSTEM_CALL, &call);
	r.regs[8] = SYS_exit_group;
	r.regs[0] = 0;
	r.pc = at;
#endif
	return ptrace(PTRACE_SETREGSET, (pid_t)tid, (void *)NT_PRSTATUS, &v) < 0 ? -ENOTSUP : 0;
}
#endif

void catch_unmask(uint32_t tid)
{
	const uint64_t none = 0;

	ptrace(PTRACE_SETSIGMASK, (pid_t)tid, (void *)sizeof(none), (void *)(uintptr_t)&none);
}

void catch_release(uint32_t tid)
{
	ptrace(PTRACE_DETACH, (pid_t)tid, NULL, NULL);
}
