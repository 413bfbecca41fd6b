/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "agent.h"

/* Moves on over what was sent. */
static void skip(struct msghdr *msg, size_t sent)
{
	while (msg->msg_iovlen > 0 && sent >= msg->msg_iov->iov_len) {
		sent -= msg->msg_iov->iov_len;
		msg->msg_iov++;
		msg->msg_iovlen--;
	}
	if (msg->msg_iovlen > 0) {
		msg->msg_iov->iov_base = (char *)msg->msg_iov->iov_base + sent;
		msg->msg_iov->iov_len -= sent;
	}
}

int scn_wire_send(int sock, struct iovec *parts, size_t n, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = parts, .msg_iovlen = n};

	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.space);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	for (skip(&msg, 0); msg.msg_iovlen > 0;) {
		ssize_t sent = sendmsg(sock, &msg, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
		skip(&msg, (size_t)sent);
	}
	return 0;
}

/* More of the message, into its own bytes. */
static int receive_some(struct scn_wire_message *m)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {m->bytes, sizeof(m->bytes)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control.space)};
	const struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(m->sock, &msg, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : -EPIPE;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&m->fd, CMSG_DATA(c), sizeof(m->fd));
	m->at = 0;
	m->n = (size_t)n;
	return 0;
}

int scn_wire_take(struct scn_wire_message *m, void *data, size_t len)
{
	char *to = data;

	while (len > 0) {
		size_t n = m->n - m->at < len ? m->n - m->at : len;
		int err = n == 0 ? receive_some(m) : 0;

		if (err)
			return err;
		memcpy(to, m->bytes + m->at, n);
		m->at += n;
		to += n;
		len -= n;
	}
	return 0;
}
