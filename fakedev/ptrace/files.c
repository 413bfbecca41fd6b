/* SPDX-License-Identifier: MIT */
/* Calls on descriptors. Whether one is a device is asked of the kernel at each call: its socket's cookie
 * tells. */
#include "follower.h"
#include "tracee/tracee.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel's bit, which the C library's constant leaves out on 64 bits. */
#define KERNEL_O_LARGEFILE 0100000

/* ---- what a descriptor is ---- */

/* Device descriptors are made by socketpair: Unix stream sockets whose peer has no name. */
static bool may_be_device(int copy)
{
	struct sockaddr_un peer;
	socklen_t len = sizeof(peer), int_len = sizeof(int);
	int type = 0;

	return getpeername(copy, (struct sockaddr *)&peer, &len) == 0 &&
	       len == sizeof(sa_family_t) && peer.sun_family == AF_UNIX &&
	       getsockopt(copy, SOL_SOCKET, SO_TYPE, &type, &int_len) == 0 && type == SOCK_STREAM;
}

static bool recall(const struct space *s, uint64_t cookie, struct device *out)
{
	if (s->known[cookie % KNOWN].cookie != cookie)
		return false;
	*out = s->known[cookie % KNOWN].device;
	return true;
}

void file_remember(struct space *s, uint64_t cookie, const struct device *d)
{
	s->known[cookie % KNOWN] = (struct known){cookie, *d};
	follower->former[cookie % KNOWN] = s->known[cookie % KNOWN];
}

/* The machine is gone: what was a device of it is one still, and its calls fail. */
static bool recall_former(uint64_t cookie, struct device *out)
{
	*out = follower->former[cookie % KNOWN].device;
	return follower->former[cookie % KNOWN].cookie == cookie;
}

/* Shows it to the machine: that proves that the process holds it. */
static bool attach(struct space *s, int copy, uint64_t cookie, struct device *out)
{
	struct wire_file f;
	struct wire_in in;
	int err = lib_call(WIRE_ATTACH, NULL, 0, &copy, 1, &in);
	bool is = err == 0 && in.msg.payload == sizeof(f);

	if (is) {
		memcpy(&f, in.payload, sizeof(f));
		*out = (struct device){.id = f.id,
				       .device = f.device,
				       .flags = f.flags,
				       .minor = f.minor,
				       .is_socket = true};
		file_remember(s, cookie, out);
	} else if (err == -ENOENT) {
		s->others[cookie % KNOWN] = cookie;
	}
	wire_in_done(&in);
	return is;
}

static bool identify(struct space *s, int copy, struct device *out)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (getsockopt(copy, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		return false;
	if (recall(s, cookie, out))
		return true;
	if (s->others[cookie % KNOWN] == cookie || !may_be_device(copy))
		return false;
	return attach(s, copy, cookie, out) || (s->broken && recall_former(cookie, out));
}

bool file_device(struct thread *t, int fd, struct device *out, int *copy)
{
	int ours = thread_fd(t, fd);
	bool is = ours >= 0 && identify(t->space, ours, out);

	if (copy)
		*copy = is ? ours : -1;
	if (ours >= 0 && (!is || !copy))
		close(ours);
	return is;
}

/* ---- reading and writing ---- */

static void tell_read(struct thread *t, const struct device *d, uint64_t buf, size_t count,
		      long result)
{
	unsigned char ports[DEVICE_MOST_BYTES];

	if (!(t->space->traced || t->space->watched) || d->device != WIRE_DEV_EVTCHN ||
	    (result > 0 && lib_copy_in(ports, buf, (size_t)result) < 0))
		return;
	device_tell_read(d, ports, count < sizeof(ports) ? count : sizeof(ports), result, t->number,
			 t->space->watched);
}

static bool would_block(int copy)
{
	int flags = fcntl(copy, F_GETFL);

	return device_waiting(copy) == 0 && !(flags >= 0 && (flags & O_NONBLOCK));
}

/* One that was interrupted, and is made again by itself, is the same. @return what it fails with, or 0 */
static long announce_read(struct thread *t, int copy, size_t count, bool reads)
{
	bool same = t->interrupted && t->interrupted == registers_stack(&t->regs);
	int64_t number;

	t->interrupted = 0;
	if (!t->space->watched || t->device.device != WIRE_DEV_EVTCHN || same)
		return 0;
	number = wait_tell(t->device.id, count < DEVICE_MOST_BYTES ? count : DEVICE_MOST_BYTES,
			   reads && would_block(copy));
	t->number = number < 0 ? 0 : (uint32_t)number;
	return number < 0 ? (long)number : 0;
}

/* The kernel reads, as much as the driver would. */
static void begin_read(struct thread *t, int copy, uint64_t buf, size_t count)
{
	long usable = device_usable(&t->device, O_WRONLY, count);
	struct call c = {SYS_read, {t->call.args[0], buf, (uint64_t)usable}};
	long err = announce_read(t, copy, count, usable > 0);

	if (err < 0) {
		call_finish(t, err);
		return;
	}
	if (usable > 0 && device_overflowed(copy, &t->device))
		usable = -EFBIG;
	if (usable > 0) {
		call_pass_as(t, &c, AFTER_READ);
		return;
	}
	tell_read(t, &t->device, buf, count, usable);
	call_finish(t, usable);
}

static bool first_piece(struct thread *t, uint64_t iov, uint64_t n, struct iovec *v)
{
	if (n > IOV_MAX)
		call_finish(t, -EINVAL);
	else if (n == 0)
		call_finish(t, 0);
	else if (lib_copy_in(v, iov, sizeof(*v)) < 0)
		call_finish(t, -EFAULT);
	else
		return true;
	return false;
}

/* The pieces behind a first that is full, as far as there is something to read. */
static long read_on(struct thread *t, long total)
{
	struct iovec v;
	int copy = thread_fd(t, (int)t->call.args[0]);

	for (uint64_t i = 1; copy >= 0 && i < t->call.args[2]; i++) {
		unsigned char ports[DEVICE_MOST_BYTES];
		long usable, n;

		if (lib_copy_in(&v, t->call.args[1] + i * sizeof(v), sizeof(v)) < 0)
			break;
		usable = device_usable(&t->device, O_WRONLY, v.iov_len);
		if (usable <= 0 || device_overflowed(copy, &t->device))
			break;
		n = recv(copy, ports, (size_t)usable, MSG_DONTWAIT);
		if (n <= 0 || lib_copy_out((uint64_t)(uintptr_t)v.iov_base, ports, (size_t)n) < 0)
			break;
		tell_read(t, &t->device, (uint64_t)(uintptr_t)v.iov_base, v.iov_len, n);
		total += n;
		if ((size_t)n != v.iov_len)
			break;
	}
	if (copy >= 0)
		close(copy);
	return total;
}

static void end_read(struct thread *t)
{
	long result = call_result(t);
	uint64_t buf = t->call.args[1];
	size_t count = t->call.args[2];
	struct iovec v;

	/* Interrupted, and made again by itself: it comes by here again. */
	if (result <= -512 && result >= -516) {
		t->interrupted = registers_stack(&t->regs);
		call_end(t, result);
		return;
	}
	if (t->call.nr != SYS_read && lib_copy_in(&v, buf, sizeof(v)) == 0) {
		buf = (uint64_t)(uintptr_t)v.iov_base;
		count = v.iov_len;
	}
	result = device_read_result(&t->device, result);
	tell_read(t, &t->device, buf, count, result);
	if (t->call.nr != SYS_read && result > 0 && (size_t)result == count)
		result = read_on(t, result);
	call_end(t, result);
}

static void write_pieces(struct thread *t, const struct device *d, uint64_t iov, uint64_t n)
{
	long total = 0, r = 0;
	struct iovec v;

	if (n > IOV_MAX)
		r = -EINVAL;
	for (uint64_t i = 0; i < n && r >= 0; i++) {
		r = lib_copy_in(&v, iov + i * sizeof(v), sizeof(v)) < 0
			? -EFAULT
			: device_write(d, v.iov_base, v.iov_len);
		total += r > 0 ? r : 0;
		if (r >= 0 && (size_t)r != v.iov_len)
			break;
	}
	call_finish(t, total ? total : r < 0 ? r : 0);
}

/* ---- closing and copying ---- */

/* What was told of the file comes before its end. */
static void close_file(struct thread *t)
{
	if (t->space->traced)
		lib_ask(WIRE_SYNC, NULL, 0);
	call_pass(t, AFTER_SYNC);
}

static void control(struct thread *t, const struct device *d)
{
	switch (t->call.args[1]) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		call_pass(t, AFTER_COPY);
		break;
	case F_GETFL:
		t->device = *d;
		call_pass(t, AFTER_GETFL);
		break;
	default:
		call_pass(t, AFTER_NOTHING);
	}
}

void file_came(struct thread *t, int fd)
{
	struct device d;

	if (file_device(t, fd, &d, NULL))
		reach_fd(t, fd, &d);
}

static void take_descriptors(struct thread *t, uint64_t message)
{
	unsigned char control[4096];
	struct msghdr m;
	struct cmsghdr *c;

	if (lib_copy_in(&m, message, sizeof(m)) < 0 || !m.msg_control ||
	    m.msg_controllen > sizeof(control) ||
	    lib_copy_in(control, (uint64_t)(uintptr_t)m.msg_control, m.msg_controllen) < 0)
		return;
	m.msg_control = control;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			file_came(t, fd);
		}
	}
}

static void begin_receive(struct thread *t)
{
	struct msghdr m;

	/* Without room for them none come. */
	if (t->call.nr == SYS_recvmsg &&
	    (lib_copy_in(&m, t->call.args[1], sizeof(m)) < 0 || !m.msg_controllen))
		call_pass(t, AFTER_NOTHING);
	else
		call_pass(t, AFTER_RECEIVE);
}

/* ---- waiting ---- */

static bool is_over(int xenbus)
{
	char byte;
	ssize_t n = recv(xenbus, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* An evtchn whose ring overflowed, or a xenbus that has ended: an error and nothing else. The socket underneath can't
 * say so. */
static void end_poll(struct thread *t)
{
	long ready = call_result(t);
	uint64_t n = t->call.args[1];

	for (uint64_t i = 0; ready > 0 && i < n; i++) {
		uint64_t at = t->call.args[0] + i * sizeof(struct pollfd);
		struct pollfd p;
		struct device d;
		int copy;

		if (lib_copy_in(&p, at, sizeof(p)) < 0)
			break;
		if (p.revents <= 0 || !file_device(t, p.fd, &d, &copy))
			continue;
		if (d.device == WIRE_DEV_XENBUS ? is_over(copy) : device_overflowed(copy, &d)) {
			p.revents = POLLERR;
			lib_copy_out(at, &p, sizeof(p));
		}
		if ((p.revents & POLLHUP) || (d.device == WIRE_DEV_XENBUS && p.revents == POLLERR))
			lib_slow_down();
		close(copy);
	}
}

/* ---- the calls ---- */

static void finish_ioctl(struct thread *t, long result)
{
	if (result != LIB_WAITS)
		call_finish(t, result);
}

/* The first argument is a device, by copy. */
static void on_device(struct thread *t, const struct device *d, int copy)
{
	const uint64_t *a = t->call.args;
	struct iovec v;

	t->device = *d;
	switch (t->call.nr) {
	case SYS_ioctl:
		if (device_ioctl_is_generic(a[1]))
			call_pass(t, AFTER_NOTHING);
		else
			finish_ioctl(t, device_ioctl(copy, d, (uint32_t)a[1], a[2]));
		break;
	case SYS_lseek:
		if (d->device == WIRE_DEV_DMABUF)
			call_finish(t, dmabuf_seek(d, (int64_t)a[1], (int)a[2]));
		else
			call_pass(t, AFTER_NOTHING);
		break;
	case SYS_read:
		begin_read(t, copy, a[1], a[2]);
		break;
	case SYS_readv:
		if (first_piece(t, a[1], a[2], &v))
			begin_read(t, copy, (uint64_t)(uintptr_t)v.iov_base, v.iov_len);
		break;
	case SYS_write:
		call_finish(t, device_write(d, (const void *)(uintptr_t)a[1], a[2]));
		break;
	case SYS_writev:
		write_pieces(t, d, a[1], a[2]);
		break;
	/* A device has no position: gntalloc and gntdev cannot be read at all, evtchn not at an
	 * offset, for which the socket has the right error. */
	case SYS_pread64:
	case SYS_pwrite64:
	case SYS_preadv:
	case SYS_pwritev:
	case SYS_preadv2:
	case SYS_pwritev2:
		if (d->device != WIRE_DEV_EVTCHN && d->device != WIRE_DEV_XENBUS)
			call_finish(t, -EINVAL);
		else
			call_pass(t, AFTER_NOTHING);
		break;
	case SYS_close:
		close_file(t);
		break;
	case SYS_dup:
	case SYS_dup2:
	case SYS_dup3:
		call_pass(t, AFTER_COPY);
		break;
	case SYS_fcntl:
		control(t, d);
		break;
	/* The drivers have no way but read and write. */
	case SYS_splice:
	case SYS_sendfile:
		call_finish(t, -EINVAL);
		break;
	/* That it is a socket underneath is our secret. */
	default:
		call_finish(t, -ENOTSOCK);
	}
}

/* The address lies in a page of ours, behind what a descriptor is sent with, and is the same for each thread. */
static void connect_other(struct thread *t)
{
	struct sockaddr_un own;
	struct call c = t->call;
	uint64_t page;

	if (!lib_store_address(c.args[1], c.args[2], &own)) {
		call_pass(t, AFTER_NOTHING);
		return;
	}
	page = channel_page(t);
	c.args[1] = page + CHANNEL_PAGE / 4;
	c.args[2] = sizeof(own);
	if (page && lib_copy_out(c.args[1], &own, sizeof(own)) == 0)
		call_pass_as(t, &c, AFTER_STORE);
	else
		call_finish(t, -ENOMEM);
}

/* Where another argument than the first is one, or none. */
static void on_other(struct thread *t)
{
	const uint64_t *a = t->call.args;
	struct device d;

	switch (t->call.nr) {
	case SYS_dup2:
	case SYS_dup3:
		call_pass(t, file_device(t, (int)a[1], &d, NULL) ? AFTER_COPY : AFTER_NOTHING);
		break;
	case SYS_epoll_ctl:
		/* A file whose driver has no poll method cannot be watched by epoll. */
		if (a[1] == EPOLL_CTL_ADD && file_device(t, (int)a[2], &d, NULL) &&
		    d.device != WIRE_DEV_EVTCHN && d.device != WIRE_DEV_XENBUS &&
		    d.device != WIRE_DEV_DMABUF) {
			call_finish(t, -EPERM);
			break;
		}
		t->space->in_a_set |= a[1] == EPOLL_CTL_ADD;
		call_pass(t, AFTER_NOTHING);
		break;
	case SYS_sendfile:
		if (file_device(t, (int)a[1], &d, NULL))
			call_finish(t, -EINVAL);
		else
			call_pass(t, AFTER_NOTHING);
		break;
	case SYS_splice:
		if (file_device(t, (int)a[2], &d, NULL))
			call_finish(t, -EINVAL);
		else
			call_pass(t, AFTER_NOTHING);
		break;
	case SYS_connect:
		connect_other(t);
		break;
	default:
		call_pass(t, AFTER_NOTHING);
	}
}

static bool first_is_descriptor(uint64_t nr)
{
	switch (nr) {
	case SYS_ioctl:
	case SYS_lseek:
	case SYS_read:
	case SYS_readv:
	case SYS_write:
	case SYS_writev:
	case SYS_pread64:
	case SYS_pwrite64:
	case SYS_preadv:
	case SYS_pwritev:
	case SYS_preadv2:
	case SYS_pwritev2:
	case SYS_close:
	case SYS_dup:
	case SYS_dup2:
	case SYS_dup3:
	case SYS_fcntl:
	case SYS_splice:
	case SYS_sendfile:
	case SYS_getsockname:
	case SYS_getpeername:
	case SYS_getsockopt:
	case SYS_setsockopt:
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_recvfrom:
	case SYS_shutdown:
	case SYS_connect:
	case SYS_bind:
	case SYS_listen:
		return true;
	default:
		return false;
	}
}

bool file_call(struct thread *t)
{
	struct device d;
	int copy;

	if (wait_call(t))
		return true;
	switch (t->call.nr) {
	case SYS_epoll_ctl:
		on_other(t);
		return true;
	case SYS_poll:
	case SYS_ppoll:
		call_pass(t, AFTER_POLL);
		return true;
	case SYS_recvmsg:
		if (file_device(t, (int)t->call.args[0], &d, NULL))
			call_finish(t, -ENOTSOCK);
		else
			begin_receive(t);
		return true;
	case SYS_recvmmsg:
		call_pass(t, AFTER_RECEIVE);
		return true;
	case SYS_pidfd_getfd:
		call_pass(t, AFTER_COPY);
		return true;
	case SYS_close_range:
		call_pass(t, AFTER_SYNC);
		if (!(t->call.args[2] & CLOSE_RANGE_CLOEXEC))
			keep_replaced(t->process, (uint32_t)t->call.args[0],
				      (uint32_t)t->call.args[1]);
		return true;
	default:
		break;
	}
	if (!first_is_descriptor(t->call.nr))
		return false;
	if (t->call.nr == SYS_close && keep_is_own(t->process, (int)t->call.args[0])) {
		call_finish(t, -EBADF);
		return true;
	}
	if (t->call.nr == SYS_dup2 || t->call.nr == SYS_dup3)
		keep_replaced(t->process, (uint32_t)t->call.args[1], (uint32_t)t->call.args[1]);
	if (file_device(t, (int)t->call.args[0], &d, &copy)) {
		on_device(t, &d, copy);
		close(copy);
	} else {
		on_other(t);
	}
	return true;
}

void file_call_made(struct thread *t)
{
	enum after after = t->after;
	long result = call_result(t);

	t->after = AFTER_NOTHING;
	switch (after) {
	case AFTER_READ:
		end_read(t);
		return;
	case AFTER_GETFL:
		/* The socket underneath is always open for both; the file was opened as it was. */
		call_end(t, result < 0 ? result
				       : (result & ~O_ACCMODE) | (long)t->device.flags |
					     KERNEL_O_LARGEFILE);
		return;
	case AFTER_COPY:
		if (result >= 0)
			file_came(t, (int)result);
		machine_sync();
		break;
	case AFTER_SYNC:
		machine_sync();
		break;
	case AFTER_RECEIVE:
		for (long i = 0; t->call.nr == SYS_recvmmsg && i < result; i++)
			take_descriptors(t, t->call.args[1] + (uint64_t)i * sizeof(struct mmsghdr));
		if (t->call.nr == SYS_recvmsg && result >= 0)
			take_descriptors(t, t->call.args[1]);
		break;
	case AFTER_POLL:
		end_poll(t);
		break;
	case AFTER_RELEASED:
		lib_program_call(SYS_close, t->number, 0, 0, 0, 0, 0);
		call_end(t, result > 0 ? 0 : -ETIMEDOUT);
		return;
	case AFTER_STORE:
		call_end(t, result);
		return;
	case AFTER_NOTHING:
	case AFTER_EXEC:
		break;
	}
	call_made_go_on(t, result);
}
