/* SPDX-License-Identifier: MIT */
/* The control connection: one per address space, made at the first use of a device, by the parent
 * for a forked child. Its end is how the broker learns that the address space ended. */
#include "library.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Above what programs close one by one, below what they expect descriptors to be. */
#define CONTROL_FD_WISH 1000

static struct {
	int fd;          /* -1: not connected */
	uint64_t cookie; /* of fd: somebody may have closed it and reused the number */
	bool broken;     /* the broker is gone; for good */
	_Atomic bool said;
	bool handlers;    /* pthread_atfork done */
	int child_fd;     /* between lib_fork_prepare() and its end */
	sigset_t at_fork; /* the signal mask to go back to */
	/* A page that fork (but not vfork) clears: 0 in a child that was forked past us. */
	_Atomic uint32_t *same;
	pthread_mutex_t lock;
	unsigned char buffer[WIRE_BUFFER];
} lib = {.fd = -1, .child_fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER};

void *lib_next(void **slot, const char *name)
{
	void *p = __atomic_load_n(slot, __ATOMIC_ACQUIRE);

	if (!p) {
		p = dlsym(RTLD_NEXT, name);
		__atomic_store_n(slot, p, __ATOMIC_RELEASE);
	}
	return p;
}

/* As the environment was at the first look: a program may change it later. */
static struct {
	_Atomic int known; /* 0 not asked yet, 1 no machine, 2 a machine */
	struct sockaddr_un addr;
	uint32_t domid, guest;
	bool valgrind;
} settings;

static void read_settings(const char *path)
{
	const char *domid = getenv("GNTSIM_DOMAIN"), *guest = getenv("GNTSIM_GUEST");

	const char *preload = getenv("LD_PRELOAD");

	settings.valgrind = preload && strstr(preload, "vgpreload");
	settings.addr.sun_family = AF_UNIX;
	if (strlen(path) < sizeof(settings.addr.sun_path))
		memcpy(settings.addr.sun_path, path, strlen(path) + 1);
	for (; domid && *domid >= '0' && *domid <= '9'; domid++)
		settings.domid = settings.domid * 10 + (uint32_t)(*domid - '0');
	settings.guest = !guest ? 0u : strcmp(guest, "pv") == 0 ? 1u : 2u;
}

bool lib_active(void)
{
	int k = atomic_load_explicit(&settings.known, memory_order_acquire);

	/* environ is not set up yet while the first constructors run: ask again. */
	if (k == 0 && environ) {
		const char *path = getenv("GNTSIM_SOCKET");

		k = path && *path ? 2 : 1;
		if (k == 2)
			read_settings(path);
		atomic_store_explicit(&settings.known, k, memory_order_release);
	}
	return k == 2;
}

bool lib_under_valgrind(void)
{
	return settings.valgrind;
}

static void say(const char *text)
{
	raw_write(STDERR_FILENO, text, strlen(text));
}

int lib_broken(void)
{
	lib.broken = true;
	if (!atomic_exchange(&lib.said, true))
		say("gntsim: the machine is gone (its broker ended): device calls fail with "
		    "EIO\n");
	return -EIO;
}

static long mask(int how, const sigset_t *set, sigset_t *old)
{
	return raw_syscall(SYS_rt_sigprocmask, how, (long)set, (long)old, 8, 0, 0);
}

bool lib_same_process(void)
{
	return !lib.same || atomic_load_explicit(lib.same, memory_order_relaxed);
}

static void recover_from_unseen_fork(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

	if (lib_same_process())
		return;
	/* This copy of the connection is the parent's: nothing may be said on it. */
	if (lib.fd >= 0)
		raw_close(lib.fd);
	lib.fd = -1;
	memcpy(&lib.lock, &fresh, sizeof(fresh));
	atomic_store(lib.same, 1);
	lib_forget();
	ranges_forked();
}

void lib_enter(sigset_t *saved)
{
	sigset_t all;

	sigfillset(&all);
	mask(SIG_BLOCK, &all, saved);
	recover_from_unseen_fork();
	pthread_mutex_lock(&lib.lock);
}

void lib_leave(const sigset_t *saved)
{
	pthread_mutex_unlock(&lib.lock);
	mask(SIG_SETMASK, saved, NULL);
}

int lib_control_fd(void)
{
	return lib.fd;
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (raw_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_COOKIE, (long)&cookie, (long)&len, 0) <
	    0)
		return 0;
	return cookie;
}

/* To a high number, out of the program's way. */
static int settle(int fd, long wish)
{
	struct rlimit r = {0};
	long high;

	raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&r, 0, 0);
	if ((rlim_t)wish + 8 > r.rlim_cur)
		wish = r.rlim_cur > 24 ? (long)r.rlim_cur - 24 : 0;
	high = raw_fcntl(fd, F_DUPFD_CLOEXEC, wish);
	if (high < 0)
		return fd;
	raw_close(fd);
	return (int)high;
}

void lib_move_control(int fd)
{
	long moved;

	if (lib.fd != fd)
		return;
	moved = raw_fcntl(fd, F_DUPFD_CLOEXEC, fd + 1);
	if (moved < 0)
		moved = raw_fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (moved >= 0) {
		raw_close(fd);
		lib.fd = (int)moved;
	}
}

static int say_hello(int fd)
{
	struct wire_hello h = {.domid = settings.domid,
			       .guest = settings.guest,
			       .role = WIRE_ROLE_PROCESS,
			       .pid = (uint32_t)raw_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0)};
	struct wire_in in;
	int64_t result;
	int sent = wire_send(fd, WIRE_HELLO, 0, &h, sizeof(h), NULL, 0);
	int err = wire_recv_first(fd, sent, lib.buffer, &in);

	if (err < 0)
		return lib_broken();
	result = in.msg.result;
	wire_in_done(&in);
	return (int)result;
}

static void once_per_address_space(void)
{
	long p;

	if (!lib.same) {
		p = raw_mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (!raw_is_error(p)) {
			lib.same = (_Atomic uint32_t *)p;
			atomic_store(lib.same, 1);
			/* Kernels before 4.14 lack it: forks past the C library go unseen there. */
			if (raw_syscall(SYS_madvise, p, 4096, MADV_WIPEONFORK, 0, 0, 0) < 0) {
				raw_munmap((void *)p, 4096);
				lib.same = NULL;
			}
		}
	}
}

int lib_connect(void)
{
	long fd, r;
	int err;

	if (lib.broken)
		return -EIO;
	if (lib.fd >= 0)
		return cookie_of(lib.fd) == lib.cookie ? 0 : lib_broken();
	fd = raw_syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, 0, 0, 0);
	if (fd < 0)
		return (int)fd;
	do {
		r = raw_syscall(SYS_connect, fd, (long)&settings.addr, sizeof(settings.addr), 0, 0,
				0);
	} while (r == -EINTR);
	if (r < 0) {
		raw_close((int)fd);
		return lib_broken();
	}
	err = say_hello((int)fd);
	if (err < 0) {
		raw_close((int)fd);
		return err;
	}
	once_per_address_space();
	lib.fd = settle((int)fd, CONTROL_FD_WISH);
	lib.cookie = cookie_of(lib.fd);
	return 0;
}

static int await_reply(int sent, struct wire_in *in)
{
	int err;

	if (sent == -EPIPE)
		return lib_broken();
	if (sent < 0)
		return sent == -EMSGSIZE ? -ENOMEM : sent;
	err = wire_recv(lib.fd, 0, lib.buffer, in);
	if (err < 0)
		return lib_broken();
	return in->msg.result < 0 ? (int)in->msg.result : 0;
}

int lib_call(enum wire_op op, const void *payload, size_t len, const int *fds, int n_fds,
	     struct wire_in *in)
{
	int err = lib_connect();

	memset(in, 0, sizeof(*in));
	if (err < 0)
		return err;
	return await_reply(wire_send(lib.fd, (uint16_t)op, 0, payload, len, fds, n_fds), in);
}

int lib_callv(enum wire_op op, const struct iovec *pieces, int n, struct wire_in *in)
{
	int err = lib_connect();

	memset(in, 0, sizeof(*in));
	if (err < 0)
		return err;
	return await_reply(wire_sendv(lib.fd, (uint16_t)op, pieces, n), in);
}

int64_t lib_ask(enum wire_op op, const void *payload, size_t len)
{
	struct wire_in in;
	int64_t result = lib_call(op, payload, len, NULL, 0, &in);

	if (result == 0)
		result = in.msg.result;
	wire_in_done(&in);
	return result;
}

void lib_sync(void)
{
	int kept = errno;
	sigset_t saved;

	if (!lib_active() || lib.fd < 0 || lib.broken || !lib_same_process())
		return;
	lib_enter(&saved);
	lib_ask(WIRE_SYNC, NULL, 0);
	lib_leave(&saved);
	errno = kept;
}

void lib_room_begin(struct lib_room *r)
{
	struct rlimit limit;
	long a = raw_fcntl(lib.fd, F_DUPFD_CLOEXEC, 0);
	long b = a < 0 ? a : raw_fcntl(lib.fd, F_DUPFD_CLOEXEC, 0);

	r->lifted = false;
	if (b == -EMFILE || a == -EMFILE) {
		raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit, 0, 0);
		r->cur = limit.rlim_cur;
		r->max = limit.rlim_max;
		limit.rlim_cur = limit.rlim_max;
		r->lifted =
		    raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&limit, 0, 0, 0) == 0;
	}
	if (a >= 0)
		raw_close((int)a);
	if (b >= 0)
		raw_close((int)b);
}

void lib_room_end(const struct lib_room *r)
{
	const struct rlimit limit = {r->cur, r->max};

	if (r->lifted)
		raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&limit, 0, 0, 0);
}

void lib_fork_prepare(void)
{
	struct lib_room room;
	struct wire_in in;
	sigset_t saved;

	if (!lib_active())
		return;
	lib_enter(&saved);
	lib.at_fork = saved;
	if (lib.fd < 0 || lib.broken)
		return;
	lib_room_begin(&room);
	if (lib_call(WIRE_FORK, NULL, 0, NULL, 0, &in) == 0)
		lib.child_fd = wire_in_take_fd(&in, 0);
	/* Out of the low numbers, where the program's own next descriptor belongs. */
	if (lib.child_fd >= 0)
		lib.child_fd = settle(lib.child_fd, CONTROL_FD_WISH);
	wire_in_done(&in);
	lib_room_end(&room);
}

void lib_fork_parent(void)
{
	sigset_t saved = lib.at_fork;

	if (!lib_active())
		return;
	if (lib.child_fd >= 0)
		raw_close(lib.child_fd);
	lib.child_fd = -1;
	lib_leave(&saved);
}

void lib_fork_child(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
	sigset_t saved = lib.at_fork;

	if (!lib_active())
		return;
	memcpy(&lib.lock, &fresh, sizeof(fresh));
	if (lib.same)
		atomic_store(lib.same, 1);
	lib_forget();
	ranges_forked();
	if (lib.fd >= 0) {
		raw_close(lib.fd);
		lib.fd = lib.child_fd;
	}
	lib.child_fd = -1;
	if (lib.fd >= 0) {
		int err;

		lib.fd = settle(lib.fd, CONTROL_FD_WISH);
		lib.cookie = cookie_of(lib.fd);
		err = say_hello(lib.fd);
		/* The domain was destroyed meanwhile: so is its process. */
		if (err == -ENODEV)
			raw_syscall(SYS_kill, raw_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0), SIGKILL, 0,
				    0, 0, 0);
	}
	mask(SIG_SETMASK, &saved, NULL);
}

/* pthread_atfork() is a part of the program in one C library (glibc), of the library in another
 * (musl): neither may be linked to. */
static void at_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	int (*glibc)(void (*)(void), void (*)(void), void (*)(void), void *) =
	    (__typeof__(glibc))dlsym(RTLD_DEFAULT, "__register_atfork");
	int (*other)(void (*)(void), void (*)(void), void (*)(void)) =
	    (__typeof__(other))dlsym(RTLD_DEFAULT, "pthread_atfork");

	if (glibc)
		glibc(prepare, parent, child, NULL);
	else if (other)
		other(prepare, parent, child);
}

/* Valgrind may run constructors twice. */
__attribute__((constructor)) static void start(void)
{
	if (lib.handlers || !lib_active())
		return;
	lib.handlers = true;
	at_fork(lib_fork_prepare, lib_fork_parent, lib_fork_child);
}
