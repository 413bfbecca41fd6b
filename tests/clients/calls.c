/* SPDX-License-Identifier: MIT */
#include "calls.h"

#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	MAX_BYTES = 32768,
};

/* The arguments of a call and room for the memory it points to. Only the part of the memory that
 * is used goes over the wire. */
struct args {
	long a[6];
	char bytes[MAX_BYTES];
};
#define ARGS_SIZE(n) (offsetof(struct args, bytes) + (n))

static long or_errno(long result)
{
	return result < 0 ? -errno : result;
}

static long do_open(void *arg)
{
	struct args *x = arg;

	return or_errno(open(x->bytes, (int)x->a[0]));
}

static long do_close(void *arg)
{
	struct args *x = arg;

	return or_errno(close((int)x->a[0]));
}

static long do_ioctl(void *arg)
{
	struct args *x = arg;

	return or_errno(ioctl((int)x->a[0], (unsigned long)x->a[1], x->bytes));
}

static long do_mmap(void *arg)
{
	struct args *x = arg;
	void *addr = mmap((void *)x->a[0], (size_t)x->a[1], (int)x->a[2], (int)x->a[3],
			  (int)x->a[4], x->a[5]);

	return addr == MAP_FAILED ? -errno : (long)addr;
}

static long do_munmap(void *arg)
{
	struct args *x = arg;

	return or_errno(munmap((void *)x->a[0], (size_t)x->a[1]));
}

static long do_mremap(void *arg)
{
	struct args *x = arg;
	void *addr = mremap((void *)x->a[0], (size_t)x->a[1], (size_t)x->a[2], (int)x->a[3],
			    (void *)x->a[4]);

	return addr == MAP_FAILED ? -errno : (long)addr;
}

static long do_mprotect(void *arg)
{
	struct args *x = arg;

	return or_errno(mprotect((void *)x->a[0], (size_t)x->a[1], (int)x->a[2]));
}

static long do_read(void *arg)
{
	struct args *x = arg;

	return or_errno(read((int)x->a[0], x->bytes, (size_t)x->a[1]));
}

static long do_write(void *arg)
{
	struct args *x = arg;

	return or_errno(write((int)x->a[0], x->bytes, (size_t)x->a[1]));
}

static long do_poll(void *arg)
{
	struct args *x = arg;
	struct pollfd p = {.fd = (int)x->a[0], .events = (short)x->a[1]};
	int n = poll(&p, 1, (int)x->a[2]);

	return n < 0 ? -errno : n ? p.revents : 0;
}

static __thread sigjmp_buf *volatile fault;

static void signal_default(int signal)
{
	struct sigaction standard = {.sa_handler = SIG_DFL};

	sigaction(signal, &standard, NULL);
}

static void on_fault(int signal)
{
	if (fault)
		siglongjmp(*fault, signal);
	signal_default(signal);
}

/* Copies, byte by byte, and returns 0 or the signal it raised. */
static int copy_guarded(volatile char *to, const volatile char *from, size_t len)
{
	struct sigaction catch = {.sa_handler = on_fault}, segv, bus;
	sigjmp_buf here;
	int signal;

	sigaction(SIGSEGV, &catch, &segv);
	sigaction(SIGBUS, &catch, &bus);
	signal = sigsetjmp(here, 1);
	if (!signal) {
		fault = &here;
		for (size_t i = 0; i < len; i++)
			to[i] = from[i];
	}
	fault = NULL;
	sigaction(SIGSEGV, &segv, NULL);
	sigaction(SIGBUS, &bus, NULL);
	return signal;
}

static long do_load(void *arg)
{
	struct args *x = arg;

	return copy_guarded(x->bytes, (const char *)x->a[0], (size_t)x->a[1]);
}

static long do_store(void *arg)
{
	struct args *x = arg;

	return copy_guarded((char *)x->a[0], x->bytes, (size_t)x->a[1]);
}

/* Runs fn with these bytes, and copies them back. */
static long with_bytes(struct peer *on, peer_fn *fn, const long a[6], void *out, const void *in,
		       size_t size)
{
	static __thread struct args x;
	long result;

	CHECK(size <= MAX_BYTES, "%zu bytes", size);
	memcpy(x.a, a, sizeof(x.a));
	if (in)
		memcpy(x.bytes, in, size);
	result = peer_call(on, fn, &x, ARGS_SIZE(size));
	if (out)
		memcpy(out, x.bytes, size);
	return result;
}

int call_open(struct peer *on, const char *path, int flags)
{
	return (int)with_bytes(on, do_open, (long[6]){flags}, NULL, path, strlen(path) + 1);
}

int call_close(struct peer *on, int fd)
{
	return (int)with_bytes(on, do_close, (long[6]){fd}, NULL, NULL, 0);
}

int call_ioctl(struct peer *on, int fd, unsigned long number, void *arg, size_t size)
{
	if (!on)
		return (int)or_errno(ioctl(fd, number, arg));
	return (int)with_bytes(on, do_ioctl, (long[6]){fd, (long)number}, arg, arg, size);
}

long call_mmap(struct peer *on, long addr, size_t len, int prot, int flags, int fd, long offset)
{
	return with_bytes(on, do_mmap, (long[6]){addr, (long)len, prot, flags, fd, offset}, NULL,
			  NULL, 0);
}

int call_munmap(struct peer *on, long addr, size_t len)
{
	return (int)with_bytes(on, do_munmap, (long[6]){addr, (long)len}, NULL, NULL, 0);
}

long call_mremap(struct peer *on, long addr, size_t old_len, size_t new_len, int flags,
		 long new_addr)
{
	return with_bytes(on, do_mremap,
			  (long[6]){addr, (long)old_len, (long)new_len, flags, new_addr}, NULL,
			  NULL, 0);
}

int call_mprotect(struct peer *on, long addr, size_t len, int prot)
{
	return (int)with_bytes(on, do_mprotect, (long[6]){addr, (long)len, prot}, NULL, NULL, 0);
}

long call_read(struct peer *on, int fd, void *buf, size_t count)
{
	if (!on)
		return or_errno(read(fd, buf, count));
	return with_bytes(on, do_read, (long[6]){fd, (long)count}, buf, NULL, count);
}

long call_write(struct peer *on, int fd, const void *buf, size_t count)
{
	if (!on)
		return or_errno(write(fd, buf, count));
	return with_bytes(on, do_write, (long[6]){fd, (long)count}, NULL, buf, count);
}

int call_poll(struct peer *on, int fd, short events, int timeout_ms)
{
	return (int)with_bytes(on, do_poll, (long[6]){fd, events, timeout_ms}, NULL, NULL, 0);
}

int load(struct peer *on, long addr, void *to, size_t len)
{
	return (int)with_bytes(on, do_load, (long[6]){addr, (long)len}, to, NULL, len);
}

int store(struct peer *on, long addr, const void *from, size_t len)
{
	return (int)with_bytes(on, do_store, (long[6]){addr, (long)len}, NULL, from, len);
}

int load_byte(struct peer *on, long addr)
{
	unsigned char byte = 0;
	int signal = load(on, addr, &byte, 1);

	return signal ? -signal : byte;
}

int store_byte(struct peer *on, long addr, int value)
{
	unsigned char byte = (unsigned char)value;

	return -store(on, addr, &byte, 1);
}
