/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* An answer's error is one of these, negative. */
#define LEAST_ERROR (-511)

int kernel_start(struct kernel *k, bool cuse)
{
	int ends[2], room = 2 * (int)KERNEL_DATA;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return -errno;
	setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	memset(k, 0, offsetof(struct kernel, data));
	k->fd = ends[0];
	k->cuse = cuse;
	return ends[1];
}

struct kernel_request *kernel_find(struct kernel *k, uint64_t unique)
{
	for (unsigned int i = 0; i < KERNEL_WAITING; i++)
		if (k->waiting[i].unique == unique)
			return &k->waiting[i];
	return NULL;
}

static bool is_answered(uint32_t opcode)
{
	return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET && opcode != FUSE_INTERRUPT;
}

uint64_t kernel_send(struct kernel *k, struct fuse_in_header head, const void *body, size_t len,
		     size_t room, struct kernel_file *file)
{
	struct iovec iov[] = {{&head, sizeof(head)}, {(void *)(uintptr_t)body, len}};
	struct kernel_request *r = kernel_find(k, 0);

	if (!r || k->ended)
		return 0;
	head.len = (uint32_t)(sizeof(head) + len);
	if (head.opcode != FUSE_INTERRUPT)
		head.unique = k->unique += 2;
	if (writev(k->fd, iov, 2) < 0) {
		k->ended = errno == ENODEV || errno == ECONNRESET;
		return 0;
	}
	if (!is_answered(head.opcode))
		return head.unique;
	*r = (struct kernel_request){
	    .unique = head.unique, .opcode = head.opcode, .room = room, .file = file};
	if (head.opcode == FUSE_IOCTL)
		memcpy(&r->call, body, sizeof(r->call));
	if (file)
		file->waiting++;
	return head.unique;
}

/* What fuse_dev_do_write() and the callers of fuse_simple_request() refuse. */
static const char *look(struct kernel *k, const struct fuse_out_header *head, size_t n,
			struct kernel_request *answered)
{
	struct kernel_request *r;

	if (n < sizeof(*head) || head->len != n)
		return "an answer's length is not its own";
	k->error = head->error;
	k->n = n - sizeof(*head);
	/* A notification: its code is its error. */
	if (head->unique == 0)
		return head->error == FUSE_NOTIFY_POLL &&
			       k->n == sizeof(struct fuse_notify_poll_wakeup_out)
			   ? NULL
			   : "a notification that nobody expects";
	/* An interruption's is its request's, and a bit. */
	if (head->unique & 1)
		return head->error == -EAGAIN || head->error == -ENOSYS
			   ? NULL
			   : "an interruption's answer";
	r = kernel_find(k, head->unique);
	if (!r)
		return "an answer to what was not asked, or a second one";
	if (head->error > 0 || head->error < LEAST_ERROR)
		return "an answer's error is none";
	if (head->error && k->n)
		return "an error with data";
	if (!head->error && k->n > r->room)
		return "more data than there is room for";
	if (r->file)
		r->file->waiting--;
	*answered = *r;
	*r = (struct kernel_request){0};
	return NULL;
}

const char *kernel_take(struct kernel *k, struct kernel_request *answered)
{
	struct fuse_out_header head = {0};
	struct iovec iov[] = {{&head, sizeof(head)}, {k->data, sizeof(k->data)}};
	ssize_t n = k->fd < 0 ? -1 : readv(k->fd, iov, 2);

	*answered = (struct kernel_request){0};
	if (n > 0)
		return look(k, &head, (size_t)n, answered);
	k->ended |= k->fd < 0 || n == 0 || errno != EAGAIN;
	k->n = 0;
	answered->opcode = UINT32_MAX;
	return NULL;
}

void kernel_end(struct kernel *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
	k->ended = true;
}
