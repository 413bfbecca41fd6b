/* SPDX-License-Identifier: MIT */
/* An open /dev/xen/xenbus whose calls arrive as requests of the kernel. */
#include "broker/store.h"
#include "fuse-internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

/* More than a message. */
#define MOST_BYTES 8192u

/* A read() that waits for an answer or a watch. */
struct reader {
	struct link link;
	fuse_req_t req;
	size_t size;
};

static void finish(struct reader *r, long n, const void *bytes)
{
	link_del(&r->link);
	if (n < 0)
		fuse_reply_err(r->req, (int)-n);
	else
		fuse_reply_buf(r->req, bytes, (size_t)n);
	free(r);
}

static struct reader *first_reader(const struct fuse_file *ff)
{
	struct link *l = ff->readers.next;

	return l == &ff->readers
		   ? NULL
		   : (struct reader *)(void *)((char *)l - offsetof(struct reader, link));
}

static long take(const struct fuse_file *ff, char *bytes, size_t size)
{
	return xenbus_read(ff->device->xenbus, bytes, size < MOST_BYTES ? size : MOST_BYTES);
}

void fuse_xenbus_events(struct fuse_file *ff)
{
	struct reader *r;
	char bytes[MOST_BYTES];
	long n;

	while ((r = first_reader(ff)) && (n = take(ff, bytes, r->size)) != 0)
		finish(r, n, bytes);
}

static void interrupted(fuse_req_t req, void *ctx)
{
	(void)req;
	finish(ctx, -EINTR, NULL);
}

void fuse_xenbus_read(struct fuse_file *ff, fuse_req_t req, size_t size, bool nonblocking)
{
	struct reader *r;
	char bytes[MOST_BYTES];
	long n = take(ff, bytes, size);

	if (n > 0 || size == 0) {
		fuse_reply_buf(req, bytes, (size_t)n);
		return;
	}
	r = n < 0 || nonblocking ? NULL : malloc(sizeof(*r));
	if (!r) {
		fuse_reply_err(req, n < 0 ? (int)-n : nonblocking ? EAGAIN : ENOMEM);
		return;
	}
	*r = (struct reader){.req = req, .size = size};
	link_add(&ff->readers, &r->link);
	fuse_req_interrupt_func(req, interrupted, r);
}

static void answer_write(fuse_req_t req, long result)
{
	if (result < 0)
		fuse_reply_err(req, (int)-result);
	else
		fuse_reply_write(req, (size_t)result);
}

void fuse_xenbus_write(struct fuse_file *ff, fuse_req_t req, const char *buf, size_t size)
{
	long n = ff->writer ? -EBUSY : xenbus_write(ff->device->xenbus, buf, size);

	if (n == -EINPROGRESS)
		ff->writer = req;
	else
		answer_write(req, n);
}

void fuse_xenbus_written(struct device_file *f, long result)
{
	struct fuse_file *ff = f->front_data;
	fuse_req_t req = ff ? ff->writer : NULL;

	if (!req)
		return;
	ff->writer = NULL;
	answer_write(req, result);
}

unsigned int fuse_xenbus_poll(const struct fuse_file *ff)
{
	const struct xenbus_file *x = ff->device->xenbus;

	return xenbus_is_readable(x) ? POLLIN | POLLRDNORM : xenbus_is_dead(x) ? POLLERR : 0;
}

void fuse_xenbus_end(struct fuse_file *ff)
{
	struct reader *r;

	while ((r = first_reader(ff)))
		finish(r, -EIO, NULL);
	if (ff->writer)
		answer_write(ff->writer, -EIO);
	ff->writer = NULL;
}
