/* SPDX-License-Identifier: MIT */
/**
 * @file raw.h
 * System calls that nobody can interpose and that leave errno alone: each returns the kernel's
 * result, a negative errno on failure. The preloaded library needs them to call past itself, in
 * constructors, in signal handlers and in the child of vfork.
 */
#ifndef FAKEDEV_RAW_H
#define FAKEDEV_RAW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
static inline long raw_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__aarch64__)
static inline long raw_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#elif defined(__s390x__)
static inline long raw_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	/* Its mmap has all arguments in memory. cppcheck takes those that point for what they point at. */
	/* cppcheck-suppress [uninitvar, ctuuninitvar] */
	const long in_memory[6] = {a, b, c, d, e, f};
	long first = a;

	if (nr == SYS_mmap)
		first = (long)in_memory;
	register long r1 __asm__("1") = nr;
	register long r2 __asm__("2") = first;
	register long r3 __asm__("3") = b;
	register long r4 __asm__("4") = c;
	register long r5 __asm__("5") = d;
	register long r6 __asm__("6") = e;
	register long r7 __asm__("7") = f;

	__asm__ volatile("svc 0"
			 : "+d"(r2)
			 : "d"(r1), "d"(r3), "d"(r4), "d"(r5), "d"(r6), "d"(r7)
			 : "memory");
	return r2;
}
#elif defined(__riscv) && __riscv_xlen == 64
static inline long raw_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long a7 __asm__("a7") = nr;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;
	register long a5 __asm__("a5") = f;

	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
			 : "memory");
	return a0;
}
#else
#error "the system call convention of this architecture is not known"
#endif

static inline long raw_write(int fd, const void *p, size_t n)
{
	return raw_syscall(SYS_write, fd, (long)p, (long)n, 0, 0, 0);
}
static inline long raw_pread(int fd, void *p, size_t n, int64_t offset)
{
	return raw_syscall(SYS_pread64, fd, (long)p, (long)n, (long)offset, 0, 0);
}
static inline long raw_close(int fd)
{
	return raw_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
}
static inline long raw_fcntl(int fd, int cmd, long arg)
{
	return raw_syscall(SYS_fcntl, fd, cmd, arg, 0, 0, 0);
}
static inline long raw_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd, int64_t offset)
{
	return raw_syscall(SYS_mmap, (long)addr, (long)len, prot, flags, fd, (long)offset);
}
static inline long raw_munmap(void *addr, size_t len)
{
	return raw_syscall(SYS_munmap, (long)addr, (long)len, 0, 0, 0, 0);
}
static inline long raw_memfd_create(const char *name, unsigned int flags)
{
	return raw_syscall(SYS_memfd_create, (long)name, (long)flags, 0, 0, 0, 0);
}
static inline long raw_sendmsg(int fd, const struct msghdr *m, int flags)
{
	return raw_syscall(SYS_sendmsg, fd, (long)m, flags, 0, 0, 0);
}
static inline long raw_recvmsg(int fd, struct msghdr *m, int flags)
{
	return raw_syscall(SYS_recvmsg, fd, (long)m, flags, 0, 0, 0);
}

/** True for the results that mean an error. */
static inline int raw_is_error(long r)
{
	return r < 0 && r >= -4095;
}

#endif
