/* SPDX-License-Identifier: MIT */
/* A FUSE session as an endpoint of the broker's loop. */
#define _GNU_SOURCE
#include "fuse-memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

/* Of one session, before somebody is told that what he closed has ended. */
#define MOST_REQUESTS 1000
/* Of an answer that the kernel does not take. */
#define MOST_TRIES 10

static struct fuse_file *file_of(struct link *l)
{
	return (struct fuse_file *)(void *)((char *)l - offsetof(struct fuse_file, of_host));
}

/* Whoever asked would wait for ever: the session ends, which fails all that it owes. By the broker's loop, which
 * we may be far from, or another thread than: such a descriptor can always be written. */
static void give_up(struct fuse_host *h, int err)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT, .data.ptr = &h->endpoint};

	if (atomic_exchange(&h->mute, true))
		return;
	fprintf(stderr,
		"gntsim: the kernel takes no answer to what it asked of a device file: %s: its %s "
		"ends\n",
		strerror(err), h->is_cuse ? "device" : "mount");
	epoll_ctl(h->broker->epoll, EPOLL_CTL_MOD, h->endpoint.fd, &ev);
}

/* A notification that fails is its sender's to know of; an answer to what was interrupted is nobody's. */
ssize_t fuse_host_send(struct fuse_host *h, int fd, const struct iovec *iov, int count)
{
	const struct fuse_out_header *head = iov->iov_base;
	ssize_t n = -1;

	for (int i = 0; i < MOST_TRIES && !h->mute; i++) {
		n = writev(fd, iov, count);
		if (n >= 0 || head->unique == 0 || errno == ENOENT)
			return n;
		/* It has ended: the next request will tell. */
		if (errno == ENODEV)
			return head->len;
	}
	give_up(h, errno);
	return head->len;
}

static ssize_t send_reply(int fd, struct iovec *iov, int count, void *userdata)
{
	return fuse_host_send(userdata, fd, iov, count);
}

static ssize_t read_request(int fd, void *buf, size_t len, void *userdata)
{
	ssize_t n = read(fd, buf, len);

	(void)userdata;
	/* Aborted is as good an end as unmounted; the library would complain of it on stderr. */
	if (n < 0 && errno == ECONNABORTED)
		errno = ENODEV;
	return n;
}

static const struct fuse_custom_io device_io = {.writev = send_reply, .read = read_request};

/* The bytes of a request; 0 or less at the session's end. */
static int receive(struct fuse_host *h)
{
	int n;

	if (!h->pager)
		return fuse_session_receive_buf(h->session, &h->buf);
	free(h->buf.mem);
	h->buf.mem = NULL;
	n = pager_next(h->pager, &h->buf);
	return n == 0 ? -EAGAIN : n;
}

/* One request; returns false if none waits. */
static bool serve_one(struct fuse_host *h)
{
	int n = receive(h);

	if (n == -EAGAIN || n == -EINTR)
		return false;
	if (n > 0 && !fuse_host_ioctl(h))
		fuse_session_process_buf(h->session, &h->buf);
	/* Unmounted, or the connection was aborted. */
	if (n <= 0 || fuse_session_exited(h->session))
		fuse_host_end(h);
	broker_effects(h->broker);
	if (h->broker->config.deaths)
		deaths_finish(h->broker);
	return n > 0;
}

static void host_ready(struct broker *b, struct endpoint *e, uint32_t events)
{
	(void)b;
	/* Aborted: the library would complain of it on stderr. */
	if (events & EPOLLERR || ((struct fuse_host *)e)->mute)
		fuse_host_end((struct fuse_host *)e);
	else
		serve_one((struct fuse_host *)e);
}

static struct fuse_host *host_of(struct link *l)
{
	return (struct fuse_host *)(void *)((char *)l - offsetof(struct fuse_host, of_broker));
}

void fuse_hosts_drain(struct broker *b)
{
	for (struct link *l = b->hosts.next, *next; l != &b->hosts; l = next) {
		next = l->next;
		if (host_of(l)->pager)
			pager_catch_up(host_of(l)->pager);
		for (int i = 0; i < MOST_REQUESTS && serve_one(host_of(l)); i++)
			;
	}
}

static void host_destroy(struct endpoint *e)
{
	struct fuse_host *h = (struct fuse_host *)e;

	fuse_session_destroy(h->session);
	memory_free(h->memory);
	free(h->buf.mem);
	free(h);
}

int fuse_host_start(struct fuse_host *h, struct broker *b, int fd)
{
	int err = 0;

	h->broker = b;
	link_init(&h->files);
	link_init(&h->of_broker);
	link_init(&h->endpoint.link);
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	/* The session closes its descriptor and the endpoint its own. */
	h->endpoint = (struct endpoint){.ready = host_ready,
					.destroy = host_destroy,
					.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
					.kind = ENDPOINT_DEVICE};
	if (h->endpoint.fd < 0)
		return -errno;
	err = fuse_session_custom_io(h->session, &device_io, fd);
	if (err != 0) {
		close(h->endpoint.fd);
		return err < 0 ? err : -ENOMEM;
	}
	/* From here on the descriptor is the session's. */
	if (h->memory) {
		close(h->endpoint.fd);
		h->endpoint.fd = -1;
		err = pager_start(h->session, &h->pager, &h->endpoint.fd);
	}
	if (err == 0)
		err = broker_add_endpoint(b, &h->endpoint, EPOLLIN);
	if (err < 0)
		link_add(&b->endpoints, &h->endpoint.link);
	link_add(&b->hosts, &h->of_broker);
	if (err < 0)
		fuse_host_end(h);
	return 0;
}

void fuse_host_end(struct fuse_host *h)
{
	/* The kernel tells nothing of the files that its mount ended with: a process' last goes first, as
	 * where it does (task_work_add()). */
	while (h->files.prev != &h->files)
		device_end(file_of(h->files.prev)->device);
	link_del(&h->of_broker);
	pager_stop(h->pager);
	h->pager = NULL;
	broker_end_endpoint(h->broker, &h->endpoint);
}

void fuse_hosts_end(struct broker *b)
{
	while (b->hosts.next != &b->hosts)
		fuse_host_end(host_of(b->hosts.next));
}
