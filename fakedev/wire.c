/* SPDX-License-Identifier: MIT */
/* Framing of the wire protocol. Used by the broker and, inside any program, by the preloaded
 * library: raw system calls only, no allocation, no library state but errno (kept). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "wire.h"

#include "raw.h"

#include <errno.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

union control {
	char bytes[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX) + CMSG_SPACE(sizeof(struct ucred))];
	struct cmsghdr align;
};

static int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		long n = raw_write(fd, p, len);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A memfd that holds a payload too large for one packet. */
static int spill(const void *payload, size_t len)
{
	long fd = raw_memfd_create("gntsim-wire", MFD_CLOEXEC);
	struct rlimit old, lifted;
	int err;

	if (fd < 0)
		return (int)fd;
	/* A file beyond the program's limit would be SIGXFSZ: this one is none of its files. */
	raw_syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, (long)&old, 0, 0);
	lifted = (struct rlimit){old.rlim_max, old.rlim_max};
	if (old.rlim_cur < len)
		raw_syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, (long)&lifted, 0, 0, 0);
	err = old.rlim_max < len ? -ENOMEM : write_all((int)fd, payload, len);
	if (old.rlim_cur < len)
		raw_syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, (long)&old, 0, 0, 0);
	if (err < 0) {
		raw_close((int)fd);
		return err;
	}
	return (int)fd;
}

int wire_send(int fd, uint16_t op, int64_t result, const void *payload, size_t len, const int *fds,
	      int n_fds)
{
	struct wire_msg msg = {.magic = WIRE_MAGIC,
			       .version = WIRE_VERSION,
			       .op = op,
			       .payload = (uint32_t)len,
			       .result = result};
	struct iovec iov[2] = {{&msg, sizeof(msg)}, {(void *)(uintptr_t)payload, len}};
	struct msghdr hdr = {.msg_iov = iov, .msg_iovlen = len ? 2 : 1};
	union control control;
	int all[WIRE_FDS_MAX];
	int n = 0, spilled = -1;
	long sent;

	if (len > WIRE_PAYLOAD_MAX || n_fds >= WIRE_FDS_MAX)
		return -EMSGSIZE;
	for (; n < n_fds; n++)
		all[n] = fds[n];
	if (len > WIRE_INLINE_MAX) {
		spilled = spill(payload, len);
		if (spilled < 0)
			return spilled;
		msg.flags |= WIRE_F_MEMFD;
		hdr.msg_iovlen = 1;
		all[n++] = spilled;
	}
	if (n > 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		hdr.msg_control = control.bytes;
		hdr.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)n);
		c = CMSG_FIRSTHDR(&hdr);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n);
		memcpy(CMSG_DATA(c), all, sizeof(int) * (size_t)n);
	}
	do {
		sent = raw_sendmsg(fd, &hdr, MSG_NOSIGNAL);
	} while (sent == -EINTR);
	if (spilled >= 0)
		raw_close(spilled);
	if (sent == -ECONNRESET || sent == -ENOTCONN)
		return -EPIPE;
	return sent < 0 ? (int)sent : 0;
}

int wire_sendv(int fd, uint16_t op, int64_t thread, const struct iovec *pieces, int n)
{
	struct wire_msg msg = {
	    .magic = WIRE_MAGIC, .version = WIRE_VERSION, .op = op, .result = thread};
	struct iovec iov[1 + WIRE_PIECES] = {{&msg, sizeof(msg)}};
	struct msghdr hdr = {.msg_iov = iov, .msg_iovlen = 1 + (size_t)n};
	long sent;

	if (n > WIRE_PIECES)
		return -EMSGSIZE;
	for (int i = 0; i < n; i++) {
		iov[1 + i] = pieces[i];
		msg.payload += (uint32_t)pieces[i].iov_len;
	}
	if (msg.payload > WIRE_INLINE_MAX)
		return -EMSGSIZE;
	do {
		sent = raw_sendmsg(fd, &hdr, MSG_NOSIGNAL);
	} while (sent == -EINTR);
	return sent == -ECONNRESET || sent == -ENOTCONN ? -EPIPE : sent < 0 ? (int)sent : 0;
}

static void take_control(struct msghdr *hdr, struct wire_in *in)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(hdr); c; c = CMSG_NXTHDR(hdr, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
			struct ucred cred;

			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
			in->pid = (uint32_t)cred.pid;
		}
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (in->n_fds < WIRE_FDS_MAX)
				in->fds[in->n_fds++] = fd;
			else
				raw_close(fd);
		}
	}
}

/* The sender may still write to its memfd or cut it short, so the payload is copied into memory of
 * our own. Only a memfd has seals: reading any other file (a FIFO, a file on a slow mount) could
 * block the broker. */
static int take_memfd(struct wire_in *in)
{
	size_t len = in->msg.payload, done = 0;
	int fd = wire_in_take_fd(in, in->n_fds - 1);
	long p;

	if (fd < 0)
		return -EPROTO;
	in->n_fds--;
	if (raw_fcntl(fd, F_GET_SEALS, 0) < 0) {
		raw_close(fd);
		return -EPROTO;
	}
	p = raw_mmap(0, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (raw_is_error(p)) {
		raw_close(fd);
		return (int)p;
	}
	in->mapped = (void *)p;
	in->payload = in->mapped;
	while (done < len) {
		long n = raw_pread(fd, (char *)p + done, len - done, (int64_t)done);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	raw_close(fd);
	return done == len ? 0 : -EPROTO;
}

/* What was received, as a message. */
static int take_message(struct wire_in *in, const void *buffer, size_t n, bool truncated)
{
	if (n >= sizeof(in->msg))
		memcpy(&in->msg, buffer, sizeof(in->msg));
	if (n < sizeof(in->msg) || truncated || in->msg.magic != WIRE_MAGIC ||
	    in->msg.version != WIRE_VERSION || in->msg.op == 0 || in->msg.op >= WIRE_OP_MAX ||
	    in->msg.payload > WIRE_PAYLOAD_MAX)
		return -EPROTO;
	if (in->msg.flags & WIRE_F_MEMFD)
		return n == sizeof(in->msg) && in->msg.payload ? take_memfd(in) : -EPROTO;
	in->payload = (const unsigned char *)buffer + sizeof(in->msg);
	return n == sizeof(in->msg) + in->msg.payload ? 0 : -EPROTO;
}

int wire_recv(int fd, int flags, void *buffer, struct wire_in *in)
{
	struct iovec iov = {buffer, WIRE_BUFFER};
	union control control;
	struct msghdr hdr = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control)};
	long n;
	int err;

	memset(in, 0, sizeof(*in));
	for (int i = 0; i < WIRE_FDS_MAX; i++)
		in->fds[i] = -1;
	do {
		n = raw_recvmsg(fd, &hdr, flags | MSG_CMSG_CLOEXEC);
	} while (n == -EINTR);
	if (n == 0 || n == -ECONNRESET)
		return -EPIPE;
	if (n < 0)
		return (int)n;
	take_control(&hdr, in);
	in->fds_lost = (hdr.msg_flags & MSG_CTRUNC) != 0;
	err = take_message(in, buffer, (size_t)n, (hdr.msg_flags & MSG_TRUNC) != 0);
	if (err < 0)
		wire_in_done(in);
	return err;
}

int wire_take(const void *message, size_t len, struct wire_in *in)
{
	memset(in, 0, sizeof(*in));
	return take_message(in, message, len, false);
}

int wire_write(int fd, uint16_t op, int64_t thread, const struct iovec *pieces, int n, void *room)
{
	struct wire_msg msg = {
	    .magic = WIRE_MAGIC, .version = WIRE_VERSION, .op = op, .result = thread};
	size_t used = sizeof(msg);
	long sent;

	for (int i = 0; i < n; i++) {
		if (pieces[i].iov_len > WIRE_BUFFER - used)
			return -ENOMEM;
		memcpy((char *)room + used, pieces[i].iov_base, pieces[i].iov_len);
		used += pieces[i].iov_len;
	}
	msg.payload = (uint32_t)(used - sizeof(msg));
	memcpy(room, &msg, sizeof(msg));
	/* Unlike a stream's, the end of a connection that keeps messages apart raises no SIGPIPE. */
	do {
		sent = raw_write(fd, room, used);
	} while (sent == -EINTR);
	return sent == -ECONNRESET || sent == -ENOTCONN ? -EPIPE : sent < 0 ? (int)sent : 0;
}

int wire_read(int fd, void *buffer, struct wire_in *in)
{
	long n;
	int err;

	memset(in, 0, sizeof(*in));
	do {
		n = raw_syscall(SYS_read, fd, (long)buffer, WIRE_BUFFER, 0, 0, 0);
	} while (n == -EINTR);
	if (n == 0 || n == -ECONNRESET)
		return -EPIPE;
	if (n < 0)
		return (int)n;
	err = take_message(in, buffer, (size_t)n, false);
	in->too_long =
	    err == -EPROTO && in->msg.magic == WIRE_MAGIC && (in->msg.flags & WIRE_F_MEMFD);
	return in->too_long ? -ENOMEM : err;
}

int wire_recv_first(int fd, int sent, void *buffer, struct wire_in *in)
{
	int err;

	memset(in, 0, sizeof(*in));
	if (sent < 0 && sent != -EPIPE)
		return sent;
	/* What was said before the end is behind the end's own error. */
	err = wire_recv(fd, 0, buffer, in);
	return err == -EPIPE ? wire_recv(fd, 0, buffer, in) : err;
}

int wire_in_take_fd(struct wire_in *in, int i)
{
	int fd;

	if (i < 0 || i >= in->n_fds)
		return -1;
	fd = in->fds[i];
	in->fds[i] = -1;
	return fd;
}

void wire_in_done(struct wire_in *in)
{
	for (int i = 0; i < in->n_fds; i++)
		if (in->fds[i] >= 0)
			raw_close(in->fds[i]);
	in->n_fds = 0;
	if (in->mapped)
		raw_munmap(in->mapped, in->msg.payload);
	in->mapped = NULL;
}
