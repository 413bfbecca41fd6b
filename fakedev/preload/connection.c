/* SPDX-License-Identifier: MIT */
/* The control connection: one per address space, made at the first use of a device, by the parent
 * for a forked child. Its end is how the broker learns that the address space ended. */
#include "connection.h"

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
#include <time.h>
#include <unistd.h>

/* Above what programs close one by one, below what they expect descriptors to be. */
#define CONTROL_FD_WISH 1000

struct lib_connection lib = {.fd = -1,
			     .child_fd = -1,
			     .arena = {-1, -1},
			     .bell.rings = -1,
			     .lock = PTHREAD_MUTEX_INITIALIZER};

static void say(const char *text)
{
	raw_write(STDERR_FILENO, text, strlen(text));
}

/* Not strerror(): it may allocate. */
static const char *reason(int err)
{
	switch (-err) {
	case EPERM:
		return "not permitted (by a sandbox?)";
	case EACCES:
		return "permission denied";
	case ENOENT:
		return "no such file or directory";
	case EMFILE:
	case ENFILE:
		return "too many open files";
	case EINVAL:
		return "a bad value in the environment";
	case ENAMETOOLONG:
		return "the path is too long";
	default:
		return "it fails";
	}
}

int lib_unable(const char *what, int err)
{
	if (!atomic_exchange(&lib.said, true)) {
		say("gntsim: cannot reach the machine at ");
		say(lib_settings.addr.sun_path);
		say(": ");
		say(what);
		say(": ");
		say(reason(err));
		say("\n");
	}
	return err;
}

/* Who goes on calling gets nowhere any more: it need not cost a processor. */
#define CALLS_AT_FULL_SPEED 1000

void lib_slow_down(void)
{
	static _Atomic unsigned int calls;
	const struct timespec pause = {.tv_nsec = 10000000};

	if (atomic_fetch_add(&calls, 1) < CALLS_AT_FULL_SPEED)
		return;
	atomic_store(&calls, CALLS_AT_FULL_SPEED);
	if (lib_may(SYS_nanosleep))
		raw_syscall(SYS_nanosleep, (long)&pause, 0, 0, 0, 0, 0);
}

int lib_broken(void)
{
	lib_slow_down();
	lib.broken = true;
	if (!atomic_exchange(&lib.said, true))
		say("gntsim: the machine is gone (its broker ended): device calls fail with "
		    "EIO\n");
	return -EIO;
}

long lib_mask(int how, const sigset_t *set, sigset_t *old)
{
	return raw_syscall(SYS_rt_sigprocmask, how, (long)set, (long)old, 8, 0, 0);
}

bool lib_same_process(void)
{
	return !lib.same || atomic_load_explicit(lib.same, memory_order_relaxed);
}

long lib_own_pid(void)
{
	return raw_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

static void recover_from_unseen_fork(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

	if (lib_same_process())
		return;
	/* This copy of the connection is the parent's: nothing may be said on it. */
	if (lib.fd >= 0)
		raw_close(lib.fd);
	if (lib.bell.rings >= 0)
		raw_close(lib.bell.rings);
	lib.fd = -1;
	memcpy(&lib.lock, &fresh, sizeof(fresh));
	atomic_store(lib.same, 1);
	lib.pid = lib_own_pid();
	lib_reads_forget();
	lib_bell_forget();
	lib_forget();
	ranges_forked();
}

static void lock(void)
{
	if (lib_may(SYS_futex))
		pthread_mutex_lock(&lib.lock);
	else
		while (pthread_mutex_trylock(&lib.lock) != 0)
			;
}

void lib_enter(sigset_t *saved)
{
	sigset_t all;

	sigfillset(&all);
	if (lib_may(SYS_rt_sigprocmask)) {
		lib_forbidden(SYS_rt_sigprocmask, lib_mask(SIG_BLOCK, &all, saved));
	} else if (atomic_load(&lib.inside) == (uintptr_t)pthread_self()) {
		atomic_fetch_add(&lib.nested, 1);
		return;
	}
	recover_from_unseen_fork();
	lock();
	if (!lib_may(SYS_rt_sigprocmask))
		atomic_store(&lib.inside, (uintptr_t)pthread_self());
}

void lib_leave(const sigset_t *saved)
{
	if (atomic_load(&lib.nested) && atomic_load(&lib.inside) == (uintptr_t)pthread_self()) {
		atomic_fetch_sub(&lib.nested, 1);
		return;
	}
	atomic_store(&lib.inside, 0);
	pthread_mutex_unlock(&lib.lock);
	if (lib_may(SYS_rt_sigprocmask))
		lib_mask(SIG_SETMASK, saved, NULL);
}

bool lib_is_own_fd(int fd)
{
	return fd >= 0 &&
	       (fd == lib.fd || fd == lib.arena[0] || fd == lib.arena[1] || fd == lib.bell.rings);
}

int lib_own_fd_in(unsigned int first, unsigned int last)
{
	const int own[] = {lib.fd, lib.arena[0], lib.arena[1], lib.bell.rings};
	int least = -1;

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (own[i] >= 0 && (unsigned int)own[i] >= first && (unsigned int)own[i] <= last &&
		    (least < 0 || own[i] < least))
			least = own[i];
	return least;
}

int lib_arena(bool writable)
{
	return lib.arena[writable];
}

/* 0 if there is none, or if nobody tells. */
uint64_t lib_cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	long r;

	if (!lib_may(SYS_getsockopt))
		return 0;
	r = raw_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_COOKIE, (long)&cookie, (long)&len, 0);
	if (r < 0) {
		lib_forbidden(SYS_getsockopt, r);
		return 0;
	}
	return cookie;
}

/* Is the number still our connection's? */
static bool is_still(int fd, uint64_t cookie)
{
	uint64_t now = lib_cookie_of(fd);

	return now == cookie || (now == 0 && !lib_may(SYS_getsockopt));
}

bool lib_is_connected(void)
{
	return lib.fd >= 0 && is_still(lib.fd, lib.cookie);
}

bool lib_is_over(int fd)
{
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr hdr = {.msg_iov = &iov, .msg_iovlen = 1};
	long n = lib_may(SYS_recvmsg) ? raw_recvmsg(fd, &hdr, MSG_PEEK | MSG_DONTWAIT) : 1;

	return n <= 0 && n != -EAGAIN && n != -EINTR;
}

void lib_hung_up(int epoll)
{
	if (lib.broken || (lib_is_connected() && lib_is_over(lib.fd)) ||
	    lib_native_set_has_ended(epoll))
		lib_slow_down();
}

/* To a high number, out of the program's way. */
int lib_settle(int fd)
{
	struct rlimit r = {0}, lifted;
	long high, wish = CONTROL_FD_WISH;

	if (!lib_may(SYS_fcntl) || !lib_may(SYS_prlimit64))
		return fd;
	raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&r, 0, 0);
	lifted = (struct rlimit){r.rlim_max, r.rlim_max};
	if ((rlim_t)wish + 8 > r.rlim_max)
		wish = r.rlim_max > 24 ? (long)r.rlim_max - 24 : 0;
	/* None of the program's few numbers. */
	if ((rlim_t)wish + 8 > r.rlim_cur)
		raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&lifted, 0, 0, 0);
	high = raw_fcntl(fd, F_DUPFD_CLOEXEC, wish);
	if ((rlim_t)wish + 8 > r.rlim_cur)
		raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&r, 0, 0, 0);
	if (high < 0)
		return fd;
	raw_close(fd);
	return (int)high;
}

void lib_move_own(int fd)
{
	int *own = lib.fd == fd           ? &lib.fd
		   : lib.bell.rings == fd ? &lib.bell.rings
					  : &lib.arena[lib.arena[1] == fd];
	long moved;

	moved = raw_fcntl(fd, F_DUPFD_CLOEXEC, fd + 1);
	if (moved < 0)
		moved = raw_fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (moved >= 0) {
		raw_close(fd);
		*own = (int)moved;
	}
}

/* Who asks, for a broker that ends threads' processes. */
static long asking(void)
{
	long tid =
	    lib.watched && lib_may(SYS_gettid) ? raw_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0) : 0;

	return tid > 0 ? tid : 0;
}

/* By what this process may use. */
static int send_request(int fd, enum wire_op op, const struct iovec *pieces, int n)
{
	long tid = asking();
	int err = lib_may(SYS_sendmsg) ? wire_sendv(fd, (uint16_t)op, tid, pieces, n)
				       : wire_write(fd, (uint16_t)op, tid, pieces, n, lib.buffer);

	if (lib_forbidden(SYS_sendmsg, err))
		err = wire_write(fd, (uint16_t)op, tid, pieces, n, lib.buffer);
	return err;
}

static int ask(int fd, enum wire_op op, const struct iovec *pieces, int n, struct wire_in *in)
{
	int err = send_request(fd, op, pieces, n);

	memset(in, 0, sizeof(*in));
	if (err < 0)
		return err;
	err =
	    lib_may(SYS_recvmsg) ? wire_recv(fd, 0, lib.buffer, in) : wire_read(fd, lib.buffer, in);
	return lib_forbidden(SYS_recvmsg, err) ? wire_read(fd, lib.buffer, in) : err;
}

int lib_say_hello(int fd, enum wire_role role)
{
	struct wire_hello h = {.domid = lib_settings.domid,
			       .guest = lib_settings.guest,
			       .role = role,
			       .pid = (uint32_t)raw_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0)};
	struct wire_hello_reply about;
	struct wire_in in;
	int64_t result;
	struct iovec piece = {&h, sizeof(h)};
	int err = ask(fd, WIRE_HELLO, &piece, 1, &in);

	/* A machine that has no room says so before it listens. */
	if (err == -EPIPE)
		err = lib_may(SYS_recvmsg) ? wire_recv_first(fd, 0, lib.buffer, &in)
					   : wire_read(fd, lib.buffer, &in);
	if (err < 0)
		return lib_broken();
	result = in.msg.result;
	if (result == 0 && in.msg.payload >= sizeof(about)) {
		memcpy(&about, in.payload, sizeof(about));
		lib.traced = about.traced;
		lib.watched = about.watched;
	}
	wire_in_done(&in);
	return (int)result;
}

static void once_per_address_space(void)
{
	/* Kernels before 4.14 lack it: forks past the C library go unseen there. */
	if (!lib.same) {
		_Atomic uint32_t *same = lib_map_cleared();

		if (same)
			atomic_store(same, 1);
		lib.same = same;
	}
}

/* The connection is not where we left it: its end is the end of the mappings, and a new one begins
 * with none. */
static void recover_from_closing(void)
{
	/* (Or the child of a vfork had made it, and has ended.) */
	if (ranges_any())
		say("gntsim: the program closed a descriptor that it did not open: memory it had "
		    "mapped from devices counts as unmapped\n");
	lib.fd = -1;
	lib_reads_forget();
	lib_bell_forget();
	lib_forget();
	ranges_remove(0, ~0ull);
}

/* A socket, even if the program has no descriptor left: it is none of its files. */
static long any_socket(void)
{
	struct rlimit old, lifted;
	long fd = raw_syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, 0, 0, 0);

	if (fd != -EMFILE || raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&old, 0, 0) < 0)
		return fd;
	lifted = (struct rlimit){old.rlim_max, old.rlim_max};
	raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&lifted, 0, 0, 0);
	fd = raw_syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, 0, 0, 0);
	raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&old, 0, 0, 0);
	return fd;
}

static int reach(int fd)
{
	long r;

	do {
		r = raw_syscall(SYS_connect, fd, (long)&lib_settings.addr,
				sizeof(lib_settings.addr), 0, 0, 0);
	} while (r == -EINTR);
	switch (r) {
	case 0:
		return 0;
	case -EPERM:
	case -EACCES:
		return lib_unable("connect", (int)r);
	case -ENOENT:
	case -ENOTDIR:
		/* Ended, and its directory removed; or the program's root is another now. */
		lib_unable("it ended, or the program changed its root", -ENOENT);
		return -EIO;
	default:
		return lib_broken();
	}
}

int lib_connect(void)
{
	long fd;
	int err;

	if (lib.broken)
		return lib_broken();
	if (lib_settings.unusable)
		return lib_unable(lib_settings.unusable, -EINVAL);
	if (atomic_load(&lib.nested))
		return -EDEADLK;
	if (lib.fd >= 0 && is_still(lib.fd, lib.cookie))
		return 0;
	if (lib.fd >= 0)
		recover_from_closing();
	fd = any_socket();
	if (fd < 0)
		return fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM
			   ? (int)fd
			   : lib_unable("socket", (int)fd);
	err = reach((int)fd);
	if (err == 0)
		err = lib_say_hello((int)fd, WIRE_ROLE_PROCESS);
	if (err < 0) {
		raw_close((int)fd);
		return err;
	}
	once_per_address_space();
	lib.fd = lib_settle((int)fd);
	lib.cookie = lib_cookie_of(lib.fd);
	return 0;
}

/* The child of vfork has its parent's memory, but descriptors of its own. */
static bool is_vforked(void)
{
	return lib_same_process() && lib_own_pid() != lib.pid;
}

void lib_anchor(void)
{
	int kept = errno;
	sigset_t saved;

	if (!lib_active() || lib.fd >= 0 || lib.broken || is_vforked())
		return;
	lib_enter(&saved);
	lib_connect();
	lib_leave(&saved);
	errno = kept;
}

void lib_take_arena(void)
{
	int kept = errno;
	struct wire_in in;
	sigset_t saved;

	if (!lib_active() || lib.broken || is_vforked())
		return;
	lib_enter(&saved);
	if (lib.arena[0] < 0 && lib_call(WIRE_ARENA, NULL, 0, NULL, 0, &in) == 0) {
		for (int i = 0; i < 2; i++) {
			int fd = wire_in_take_fd(&in, i);

			lib.arena[i] = fd < 0 ? -1 : lib_settle(fd);
		}
		wire_in_done(&in);
	}
	lib_leave(&saved);
	errno = kept;
}

/* The reply's result if negative, else 0. */
static int conclude(int err, struct wire_in *in)
{
	if (err == -EPIPE || err == -EPROTO)
		return lib_broken();
	if (err < 0)
		return err == -EMSGSIZE ? -ENOMEM : err;
	return in->msg.result < 0 ? (int)in->msg.result : 0;
}

int lib_call(enum wire_op op, const void *payload, size_t len, const int *fds, int n_fds,
	     struct wire_in *in)
{
	const struct iovec whole = {(void *)(uintptr_t)payload, len};
	int err;

	memset(in, 0, sizeof(*in));
	if (n_fds == 0 && lib_bell_call(op, &whole, 1, -1, in, &err))
		return conclude(err, in);
	if (n_fds == LIB_ANSWERED_WITH_FDS)
		n_fds = 0;
	err = lib_connect();
	if (err < 0)
		return err;
	/* What takes descriptors, or does not fit. */
	if (n_fds || (len > WIRE_INLINE_MAX && lib_may(SYS_sendmsg) && lib_may(SYS_memfd_create))) {
		err = wire_send(lib.fd, (uint16_t)op, asking(), payload, len, fds, n_fds);
		if (err == 0)
			err = lib_may(SYS_recvmsg) ? wire_recv(lib.fd, 0, lib.buffer, in)
						   : wire_read(lib.fd, lib.buffer, in);
	} else {
		err = ask(lib.fd, op, &whole, 1, in);
	}
	lib.told = false;
	return conclude(err, in);
}

int lib_callv(enum wire_op op, const struct iovec *pieces, int n, struct wire_in *in)
{
	int err;

	memset(in, 0, sizeof(*in));
	if (lib_bell_call(op, pieces, n, 1, in, &err))
		return conclude(err, in);
	err = lib_connect();
	if (err < 0)
		return err;
	lib.told = false;
	return conclude(ask(lib.fd, op, pieces, n, in), in);
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

bool lib_watched(void)
{
	return lib.watched;
}

int64_t lib_before(uint32_t file, size_t count, bool waits)
{
	const struct wire_before b = {.file = file, .count = (uint32_t)count, .waits = waits};
	int kept = errno;
	sigset_t saved;
	int64_t result;

	lib_enter(&saved);
	result = lib_ask(WIRE_BEFORE, &b, sizeof(b));
	lib_leave(&saved);
	errno = kept;
	return result;
}

bool lib_traced(void)
{
	return lib.traced;
}

void lib_tell(enum wire_op op, const void *payload, size_t len)
{
	struct iovec piece = {(void *)(uintptr_t)payload, len};

	if (lib_connect() == 0) {
		send_request(lib.fd, op, &piece, 1);
		lib.told = true;
	}
}

static void tell_and_wait(enum wire_op op)
{
	int kept = errno;
	sigset_t saved;

	if (!lib_active() || lib.fd < 0 || lib.broken || !lib_same_process())
		return;
	lib_enter(&saved);
	lib_ask(op, NULL, 0);
	lib_leave(&saved);
	errno = kept;
}

void lib_sync(void)
{
	tell_and_wait(WIRE_SYNC);
}

void lib_executes(void)
{
	lib_one_way_end();
	tell_and_wait(WIRE_EXEC);
}

void lib_room_begin(struct lib_room *r)
{
	struct rlimit limit;
	long a, b;

	r->lifted = false;
	if (!lib_may(SYS_recvmsg) || !lib_may(SYS_fcntl) || !lib_may(SYS_prlimit64))
		return;
	a = raw_fcntl(lib.fd, F_DUPFD_CLOEXEC, 0);
	b = a < 0 ? a : raw_fcntl(lib.fd, F_DUPFD_CLOEXEC, 0);
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
