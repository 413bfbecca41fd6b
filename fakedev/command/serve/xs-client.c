/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "xs-client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

int xs_open(struct xs_client *c, const char *path, unsigned int patience)
{
	const struct timeval most = {.tv_sec = patience};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	*c = (struct xs_client){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	if (c->fd < 0)
		return -errno;
	if (setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most)) == 0 &&
	    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most)) == 0 &&
	    connect(c->fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return 0;
	err = -errno;
	close(c->fd);
	return err;
}

void xs_close(struct xs_client *c)
{
	close(c->fd);
}

static int take(const struct xs_client *c, void *to, size_t len)
{
	ssize_t n = len ? recv(c->fd, to, len, MSG_WAITALL) : 0;

	if (n == (ssize_t)len)
		return 0;
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? -ETIMEDOUT : -EPIPE;
}

int xs_ask(struct xs_client *c, enum xs_type type, const char *format, ...)
{
	struct xs_text m = {.head.len = 0};
	struct xs_msg head;
	va_list args;
	int n, err;

	va_start(args, format);
	n = xs_compose(&m, type, format, args);
	va_end(args);
	if (n < 0)
		return n;
	m.head.tx_id = c->tx;
	if (send(c->fd, &m, (size_t)n, MSG_NOSIGNAL) != n)
		return errno == EAGAIN ? -ETIMEDOUT : -EPIPE;
	err = take(c, &head, sizeof(head));
	if (err == 0 && head.len > XS_PAYLOAD_MAX)
		err = -EPIPE;
	if (err == 0)
		err = take(c, c->answer, head.len);
	if (err < 0)
		return err;
	c->answer[head.len] = '\0';
	return head.type == XS_ERROR ? xs_error_of(c->answer) : (int)head.len;
}
