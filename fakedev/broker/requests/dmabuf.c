/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "dmabuf.h"
#include "uapi.h"

#include <errno.h>
#include <gntsim/dmabuf.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int dmabuf_install(struct dmabuf_call *call, struct gntsim_file *dmabuf)
{
	struct client *c = call->client;
	struct device_file *f;
	int err;

	if (call->number < 0)
		return call->number;
	err = device_open_dmabuf(c->broker, dmabuf, &f, &call->back);
	if (err < 0)
		return err;
	f->opener = c->program;
	c->broker->cause.dmabuf = f->number;
	return call->number;
}

int dmabuf_find(const struct dmabuf_call *call, struct gntsim_file **out)
{
	const struct device_file *f = NULL;
	uint64_t cookie;
	socklen_t len = sizeof(cookie);

	if (call->given < 0)
		return call->number == -EINVAL ? -EINVAL : -EBADF;
	if (getsockopt(call->given, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0)
		f = device_find(call->client->broker, cookie);
	if (!f || f->device != WIRE_DEV_DMABUF)
		return -EINVAL;
	call->client->broker->cause.dmabuf = f->number;
	*out = f->file;
	return 0;
}

/* Somebody waits: he hangs up when he does no more. */
struct waiting {
	struct endpoint endpoint; /* first */
	struct gntsim_wait *wait;
};

static void waiting_ready(struct broker *b, struct endpoint *e, uint32_t events)
{
	(void)events;
	broker_end_endpoint(b, e);
}

static void waiting_destroy(struct endpoint *e)
{
	struct waiting *w = (struct waiting *)e;

	gntsim_wait_end(w->wait);
	free(w);
}

static int begin_wait(struct broker *b, struct gntsim_file *gntdev, uint32_t fd, int *back)
{
	struct waiting *w = calloc(1, sizeof(*w));
	int pair[2], err;

	if (!w)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		err = -errno;
		free(w);
		return err;
	}
	w->endpoint = (struct endpoint){.ready = waiting_ready,
					.destroy = waiting_destroy,
					.fd = pair[0],
					.kind = ENDPOINT_OTHER};
	err = gntsim_dmabuf_wait(gntdev, fd, w, &w->wait);
	if (err == 0) {
		err = broker_add_endpoint(b, &w->endpoint, EPOLLIN | EPOLLRDHUP);
		if (err < 0)
			gntsim_wait_end(w->wait);
	}
	if (err < 0) {
		close(pair[0]);
		close(pair[1]);
		free(w);
		return err;
	}
	*back = pair[1];
	return 0;
}

long dmabuf_wait(struct dmabuf_call *call, struct device_file *gntdev, uint64_t arg,
		 const struct gntsim_user_memory *um)
{
	struct ioctl_gntdev_dmabuf_exp_wait_released op;
	int err;

	if (um->read(um->ctx, arg, &op, sizeof(op)) < 0)
		return -EFAULT;
	if (op.wait_to_ms == 0)
		return -ETIMEDOUT;
	err = begin_wait(call->client->broker, gntdev->file, op.fd, &call->back);
	return err < 0 ? err : -EINPROGRESS;
}

void request_dmabuf_released(struct gntsim_wait *wait)
{
	const struct waiting *w = gntsim_wait_data(wait);
	static const char byte;

	(void)!send(w->endpoint.fd, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}
