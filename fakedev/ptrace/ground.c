/* SPDX-License-Identifier: MIT */
/* What the rules of calls (calls.h) need of a program, from beside it: a connection to the machine for
 * each address space, which ends with it, and the program's memory. */
#include "follower.h"
#include "tracee/tracee.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

bool lib_active(void)
{
	return true;
}

bool lib_native(void)
{
	return false;
}

uint32_t lib_domid(void)
{
	return follower->front->domid;
}

const char *lib_store_path(void)
{
	return follower->front->store;
}

/* There is one thread here. */
void lib_enter(sigset_t *saved)
{
	(void)saved;
}

void lib_leave(const sigset_t *saved)
{
	(void)saved;
}

/* Who traces is under no filter; what the program is made to do may be under its own. */
bool lib_may(long nr)
{
	return nr != SYS_madvise || !follower->now->process->confined;
}

bool lib_sends_in_place(void)
{
	return false;
}

struct ranges *lib_ranges(void)
{
	return &follower->now->space->ranges;
}

/* ---- the machine ---- */

static int process_fd(struct process *p, int fd)
{
	long r;

	if (p->pidfd < 0)
		p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	if (p->pidfd < 0)
		return -errno;
	r = syscall(SYS_pidfd_getfd, p->pidfd, fd, 0);
	return r < 0 ? -errno : (int)r;
}

static bool is_refusal(int err)
{
	return err == -EPERM || err == -EACCES || err == -ENOSYS;
}

int thread_fd(struct thread *t, int fd)
{
	int copy;

	if (fd < 0)
		return -EBADF;
	copy = t->process->closed ? -EPERM : process_fd(t->process, fd);
	if (!is_refusal(copy))
		return copy;
	t->process->closed = true;
	return channel_fd(t, fd);
}

/* Where it can't be had: what the path leads to. */
static int standard_error(struct thread *t)
{
	int fd = thread_fd(t, STDERR_FILENO);
	char path[40];

	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)t->tid, STDERR_FILENO);
	return open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
}

void say_to(struct thread *t, const char *format, ...)
{
	int fd = standard_error(t), n;
	char text[512] = "gntsim: ";
	const size_t skip = strlen(text);
	va_list args;

	va_start(args, format);
	n = vsnprintf(text + skip, sizeof(text) - skip - 1, format, args);
	va_end(args);
	if (fd < 0)
		return;
	n = n < (int)(sizeof(text) - skip - 1) ? n : (int)(sizeof(text) - skip - 2);
	text[skip + (size_t)n] = '\n';
	if (write(fd, text, skip + (size_t)n + 1) < 0)
		n = 0;
	close(fd);
}

/* Who goes on calling gets nowhere any more: it need not cost a processor. */
#define CALLS_AT_FULL_SPEED 1000

void lib_slow_down(void)
{
	const struct timespec pause = {.tv_nsec = 10000000};

	if (follower->calls_after < CALLS_AT_FULL_SPEED)
		follower->calls_after++;
	else
		nanosleep(&pause, NULL);
}

int lib_broken(void)
{
	follower->now->space->broken = true;
	lib_slow_down();
	if (!follower->said)
		say_to(follower->now, "the machine is gone (its broker ended): device calls fail "
				      "with EIO");
	follower->said = true;
	return -EIO;
}

static int say_hello(int fd, enum wire_role role, pid_t pid, struct wire_in *in)
{
	const struct wire_hello h = {.domid = follower->front->domid,
				     .guest = follower->front->guest,
				     .role = role,
				     .pid = (uint32_t)pid};
	int sent = wire_send(fd, WIRE_HELLO, 0, &h, sizeof(h), NULL, 0);
	int err = wire_recv_first(fd, sent, follower->buffer, in);

	return err < 0 ? err : (int)in->msg.result;
}

static void greet(struct space *s)
{
	struct wire_hello_reply about;
	struct wire_in in;
	int err = say_hello(s->fd, WIRE_ROLE_TRACED, s->pid, &in);

	if (err == 0 && in.msg.payload >= sizeof(about)) {
		memcpy(&about, in.payload, sizeof(about));
		s->traced = about.traced;
		s->watched = about.watched;
	}
	wire_in_done(&in);
	/* The domain was destroyed meanwhile: so is its process. */
	if (err == -ENODEV)
		kill(s->pid, SIGKILL);
	else if (err < 0) {
		close(s->fd);
		s->fd = -1;
	}
}

static int reach_machine(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd >= 0 &&
	    connect(fd, (const struct sockaddr *)&follower->addr, sizeof(follower->addr)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int space_connect(struct space *s)
{
	struct wire_in in;

	if (s->fd >= 0 && !s->broken)
		return 0;
	if (s->broken)
		return lib_broken();
	if (follower->machine < 0) {
		follower->machine = reach_machine();
		if (follower->machine >= 0) {
			say_hello(follower->machine, WIRE_ROLE_WATCH, getpid(), &in);
			wire_in_done(&in);
		}
	}
	s->fd = reach_machine();
	if (s->fd >= 0)
		greet(s);
	return s->fd < 0 ? lib_broken() : 0;
}

void machine_sync(void)
{
	struct wire_in in;

	if (follower->machine < 0)
		return;
	if (wire_send(follower->machine, WIRE_SYNC, 0, NULL, 0, NULL, 0) < 0 ||
	    wire_recv(follower->machine, 0, follower->buffer, &in) < 0) {
		close(follower->machine);
		follower->machine = -1;
		return;
	}
	wire_in_done(&in);
}

struct space *space_begin(pid_t pid, const struct space *forked_from, int fd)
{
	struct space *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->refs = 1;
	s->pid = pid;
	s->fd = fd;
	if (!forked_from)
		return s;
	s->broken = forked_from->broken;
	s->traced = forked_from->traced;
	s->watched = forked_from->watched;
	s->place = forked_from->place;
	s->place_end = forked_from->place_end;
	s->page = forked_from->page;
	if (fd >= 0)
		greet(s);
	return s;
}

void space_leave(struct thread *t)
{
	struct space *s = t->space;

	t->space = NULL;
	if (!s || --s->refs > 0)
		return;
	if (s->fd >= 0) {
		close(s->fd);
		machine_sync();
	}
	if (s->ranges.range != s->ranges.first && s->ranges.range)
		raw_munmap(s->ranges.range, s->ranges.room * sizeof(struct range));
	free(s);
}

/* ---- requests ---- */

/* The answer. What is asked of us meanwhile is for later. */
static int receive(struct space *s, struct wire_in *in)
{
	int err;

	while ((err = wire_recv(s->fd, 0, follower->buffer, in)) == 0 && in->msg.op == WIRE_LOOK)
		look_note(s, in);
	return err;
}

int lib_call(enum wire_op op, const void *payload, size_t len, const int *fds, int n_fds,
	     struct wire_in *in)
{
	struct space *s = follower->now->space;
	int err = space_connect(s);

	memset(in, 0, sizeof(*in));
	if (err < 0)
		return err;
	err = wire_send(s->fd, (uint16_t)op, s->watched ? follower->now->tid : 0, payload, len, fds,
			n_fds > 0 ? n_fds : 0);
	if (err == 0)
		err = receive(s, in);
	if (err == -EPIPE || err == -EPROTO)
		return lib_broken();
	if (err == 0 && in->msg.op == WIRE_END) {
		call_last(follower->now, (int)in->msg.result);
		wire_in_done(in);
		memset(in, 0, sizeof(*in));
		return -ESRCH;
	}
	if (err < 0)
		return err == -EMSGSIZE ? -ENOMEM : err;
	return in->msg.result < 0 ? (int)in->msg.result : 0;
}

int lib_callv(enum wire_op op, const struct iovec *pieces, int n, struct wire_in *in)
{
	(void)op;
	(void)pieces;
	(void)n;
	memset(in, 0, sizeof(*in));
	return -EFAULT;
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

void lib_tell(enum wire_op op, const void *payload, size_t len)
{
	struct space *s = follower->now->space;

	if (space_connect(s) == 0)
		wire_send(s->fd, (uint16_t)op, s->watched ? follower->now->tid : 0, payload, len,
			  NULL, 0);
}

/* ---- memory ---- */

/* Shorter than that it is peeked at word by word, where it can't be had as a whole. */
#define PEEKED 512u

int lib_copy_in(void *dst, uint64_t src, size_t len)
{
	struct thread *t = follower->now;

	if (tracee_read(t->tid, src, dst, len))
		return 0;
	if (!is_refusal(-errno))
		return -EFAULT;
	t->process->closed = true;
	return (len <= PEEKED && tracee_peek(t->tid, src, dst, len)) ||
		       channel_read(t, src, dst, len)
		   ? 0
		   : -EFAULT;
}

int lib_copy_out(uint64_t dst, const void *src, size_t len)
{
	struct thread *t = follower->now;

	if (tracee_write(t->tid, dst, src, len))
		return 0;
	if (!is_refusal(-errno))
		return -EFAULT;
	t->process->closed = true;
	return channel_write(t, dst, src, len) ? 0 : -EFAULT;
}

int lib_probe_write(uint64_t dst, size_t len)
{
	uint64_t from = dst & ~4095ull, to = (dst + len + 4095) & ~4095ull;
	long r;

	if (len == 0)
		return 0;
	if (to <= from)
		return -EFAULT;
	r = lib_may(SYS_madvise) ? lib_program_call(SYS_madvise, (long)from, (long)(to - from),
						    MADV_POPULATE_WRITE, 0, 0, 0)
				 : -EINVAL;
	if (r != -EINVAL)
		return r < 0 ? -EFAULT : 0;
	/* Before Linux 5.14: write back what is there, a byte a page. */
	for (uint64_t at = dst; at < dst + len; at = (at | 4095) + 1) {
		unsigned char byte;

		if (lib_copy_in(&byte, at, 1) < 0 || lib_copy_out(at, &byte, 1) < 0)
			return -EFAULT;
	}
	return 0;
}

long lib_program_call(long nr, long a, long b, long c, long d, long e, long f)
{
	const uint64_t args[6] = {(uint64_t)a, (uint64_t)b, (uint64_t)c,
				  (uint64_t)d, (uint64_t)e, (uint64_t)f};

	return call_inject(follower->now, (uint64_t)nr, args);
}

int lib_hand_over(int fd)
{
	int number = fd < 0 ? -EBADF : call_give(follower->now, fd, O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return number;
}

int lib_reserve(int fd)
{
	(void)fd; /* ours */
	return (int)lib_program_call(SYS_fcntl, (long)follower->now->call.args[0], F_DUPFD_CLOEXEC,
				     0, 0, 0, 0);
}

void lib_came(int fd)
{
	file_came(follower->now, fd);
}

int lib_borrow(int fd)
{
	int ours = thread_fd(follower->now, fd), type;
	socklen_t len = sizeof(type);

	if (ours < 0)
		return -EBADF;
	if (getsockopt(ours, SOL_SOCKET, SO_TYPE, &type, &len) == 0)
		return ours;
	close(ours);
	return -EINVAL;
}

void lib_give_back(int fd)
{
	close(fd);
}

long lib_wait(int fd, uint32_t ms)
{
	int number = lib_hand_over(fd);

	if (number < 0)
		return number;
	return wait_released(follower->now, number, ms) ? LIB_WAITS : -ENOMEM;
}

int lib_arena(bool writable)
{
	return follower->now->process->arena[writable];
}

/* They are received here, where there is room. */
void lib_room_begin(struct lib_room *r)
{
	r->lifted = false;
}

void lib_room_end(const struct lib_room *r)
{
	(void)r;
}

int lib_open_maps(void)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)follower->now->tid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* ---- paths, which begin at the program's root ---- */

static bool without_root(char *path)
{
	char link[32], root[512];
	ssize_t n;
	size_t len;

	snprintf(link, sizeof(link), "/proc/%d/root", (int)follower->now->tid);
	n = readlink(link, root, sizeof(root) - 1);
	if (n <= 1)
		return n == 1;
	root[n] = '\0';
	len = (size_t)n;
	if (strncmp(path, root, len) != 0 || (path[len] && path[len] != '/'))
		return false;
	memmove(path, path + len, strlen(path + len) + 1);
	if (!*path)
		memcpy(path, "/", 2);
	return true;
}

bool lib_base_directory(int dirfd, char *out, size_t room)
{
	char link[48];
	ssize_t n;

	if (dirfd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%d/cwd", (int)follower->now->tid);
	else
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)follower->now->tid, dirfd);
	n = readlink(link, out, room - 1);
	if (n <= 0)
		return false;
	out[n] = '\0';
	return without_root(out);
}

long lib_read_link(int dirfd, const char *path, char *out, size_t room)
{
	char full[1024];
	ssize_t n;

	if (*path == '/')
		snprintf(full, sizeof(full), "/proc/%d/root%s", (int)follower->now->tid, path);
	else if (dirfd == AT_FDCWD)
		snprintf(full, sizeof(full), "/proc/%d/cwd/%s", (int)follower->now->tid, path);
	else
		snprintf(full, sizeof(full), "/proc/%d/fd/%d/%s", (int)follower->now->tid, dirfd,
			 path);
	n = readlink(full, out, room);
	return n < 0 ? -errno : n;
}
