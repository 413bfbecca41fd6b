/* SPDX-License-Identifier: MIT */
/* A domain's xenstore for programs that know it as a socket: what they say goes over the domain's ring. */
#define _GNU_SOURCE
#include "broker/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct connection {
	struct endpoint endpoint; /* first */
	struct broker *broker;
	struct xenbus_file *file;
	uint32_t events; /* that are waited for */
	size_t used;
	unsigned char in[4096]; /* that the bus has not taken yet */
};

static void wait_for(struct connection *c)
{
	uint32_t events = EPOLLRDHUP | (xenbus_takes(c->file) ? (uint32_t)EPOLLIN : 0u) |
			  (xenbus_is_readable(c->file) ? (uint32_t)EPOLLOUT : 0u);
	struct epoll_event ev = {.events = events, .data.ptr = &c->endpoint};

	if (events != c->events && !c->endpoint.dead)
		epoll_ctl(c->broker->epoll, EPOLL_CTL_MOD, c->endpoint.fd, &ev);
	c->events = events;
}

static void end(struct connection *c)
{
	if (c->file)
		xenbus_close(c->file);
	c->file = NULL;
	broker_end_endpoint(c->broker, &c->endpoint);
}

static void send_replies(struct connection *c)
{
	const void *bytes;
	size_t n;

	while ((n = xenbus_peek(c->file, &bytes)) > 0) {
		ssize_t sent = send(c->endpoint.fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent <= 0)
			break;
		xenbus_skip(c->file, (size_t)sent);
	}
}

/* Offers what has come. @return false: it makes no sense, or nobody is there to hear it */
static bool feed(struct connection *c)
{
	long n = xenbus_feed(c->file, c->in, c->used);

	if (n < 0)
		return false;
	c->used -= (size_t)n;
	memmove(c->in, c->in + n, c->used);
	return true;
}

static void connection_ready(struct broker *b, struct endpoint *e, uint32_t events)
{
	struct connection *c = (struct connection *)e;
	ssize_t n;

	(void)b;
	if (events & EPOLLIN && c->used < sizeof(c->in)) {
		n = recv(e->fd, c->in + c->used, sizeof(c->in) - c->used, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			end(c);
			return;
		}
		if (n > 0)
			c->used += (size_t)n;
	} else if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) {
		end(c);
		return;
	}
	if (!feed(c)) {
		end(c);
		return;
	}
	send_replies(c);
	wait_for(c);
}

static void readable(void *ctx)
{
	struct connection *c = ctx;

	if (c->endpoint.dead)
		return;
	send_replies(c);
	if (xenbus_is_dead(c->file))
		end(c);
	else
		wait_for(c);
}

static void written(void *ctx, long result)
{
	struct connection *c = ctx;

	(void)result;
	if (c->endpoint.dead)
		return;
	if (feed(c))
		wait_for(c);
	else
		end(c);
}

static void connection_destroy(struct endpoint *e)
{
	struct connection *c = (struct connection *)e;

	if (c->file)
		xenbus_close(c->file);
	free(c);
}

static void add_connection(struct broker *b, uint16_t domid, int fd)
{
	static const struct xenbus_file_ops ops = {readable, written};
	struct connection *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return;
	}
	c->broker = b;
	c->events = EPOLLIN | EPOLLRDHUP;
	c->endpoint = (struct endpoint){.ready = connection_ready,
					.destroy = connection_destroy,
					.fd = fd,
					.kind = ENDPOINT_OTHER};
	if (store_open(b, domid, &ops, c, true, &c->file) < 0) {
		close(fd);
		free(c);
	} else if (broker_add_endpoint(b, &c->endpoint, c->events) < 0) {
		xenbus_close(c->file);
		close(fd);
		free(c);
	}
}

static void take(struct broker *b, void *domid, int fd)
{
	add_connection(b, (uint16_t)(uintptr_t)domid, fd);
}

int store_listen(struct broker *b, uint16_t domid, const char *path, struct endpoint **out)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	err = fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		      listen(fd, SOMAXCONN) < 0
		  ? -errno
		  : broker_listen(b, fd, take, NULL, (void *)(uintptr_t)domid, out);
	if (err < 0 && fd >= 0)
		close(fd);
	return err;
}
