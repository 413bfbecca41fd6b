/* SPDX-License-Identifier: MIT */
/* A process that has no device is asked nothing of its descriptors. It gets one only by opening it, which
 * we see, or by a message through a Unix socket. While none of its descriptors is such a socket (devices
 * are, too), and no other process changes them, neither is any a device, however it came to be: by exec,
 * by dup, by a system call made past us.
 *
 * Not seen are a Unix socket, or a device, that it gets by a system call of its own making (socket,
 * socketpair, pidfd_getfd, io_uring) after it was looked. */
#include "preload/connection.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

/* It is looked after this many answers that some descriptor is no device, and again after twice as many. */
#define FIRST_LOOK 64u
#define RAREST     65536u

LIB_NEAR _Atomic uint32_t lib_without;
static _Atomic bool never; /* to be believed again */
static _Atomic uint32_t others, next_look = FIRST_LOOK;

/* What this process has, others with its memory need not have: the child of a vfork. */
static bool has_its_own(void)
{
	return !lib_may(SYS_getpid) || lib_own_pid() != lib.pid;
}

void lib_may_have_one(void)
{
	uint32_t now = atomic_load(&lib_without);

	if (lib_active() && has_its_own())
		atomic_store(&never, true);

	while (!atomic_compare_exchange_weak(&lib_without, &now, (now | 1) + 1))
		;
}

void lib_may_have_one_any_time(void)
{
	atomic_store(&never, true);
	lib_may_have_one();
}

/* As getdents64() gives them. */
struct entry {
	uint64_t inode;
	int64_t next;
	uint16_t len;
	uint8_t type;
	char name[];
};

static bool is_unix_socket(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);
	long r =
	    raw_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, (long)&domain, (long)&len, 0);

	return r == 0 ? domain == AF_UNIX : r != -ENOTSOCK && r != -EBADF;
}

static bool any_among(const char *entries, long n)
{
	for (long at = 0; at < n;) {
		const struct entry *e = (const struct entry *)(const void *)(entries + at);
		int fd = atoi(e->name);

		at += e->len;
		if (e->name[0] != '.' && !lib_is_own_fd(fd) && is_unix_socket(fd))
			return true;
	}
	return false;
}

/* True unless it is known that there is none. */
static bool any_unix_socket(void)
{
	long fd = raw_syscall(SYS_openat, AT_FDCWD, (long)"/proc/self/fd",
			      O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);
	_Alignas(struct entry) char entries[1024];
	bool any = false;
	long n;

	if (fd < 0)
		return true;
	do {
		n = raw_syscall(SYS_getdents64, fd, (long)entries, sizeof(entries), 0, 0, 0);
		any = n < 0 || any_among(entries, n);
	} while (n > 0 && !any);
	raw_close((int)fd);
	return any;
}

static void look(void)
{
	uint32_t before = atomic_load(&lib_without);

	if ((before & 1) || atomic_load(&never) || !lib_may(SYS_openat) ||
	    !lib_may(SYS_getdents64) || has_its_own() || !lib_same_process() || any_unix_socket())
		return;
	atomic_compare_exchange_strong(&lib_without, &before, before | 1);
}

void lib_found_other(void)
{
	uint32_t n = atomic_load_explicit(&others, memory_order_relaxed) + 1;
	uint32_t next = atomic_load_explicit(&next_look, memory_order_relaxed);

	if (n < next) {
		atomic_store_explicit(&others, n, memory_order_relaxed);
		return;
	}
	atomic_store_explicit(&others, 0, memory_order_relaxed);
	atomic_store_explicit(&next_look, next < RAREST ? 2 * next : next, memory_order_relaxed);
	look();
}
