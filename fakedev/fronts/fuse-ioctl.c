/* SPDX-License-Identifier: MIT */
/* An ioctl on a file of a mounted tree, answered without the library: the most frequent request, and
 * the reply in one piece costs the kernel half as much as in two. */
#define _GNU_SOURCE
#include "broker/trace.h"
#include "fuse-internal.h"

#include <errno.h>
#include <linux/fuse.h>
#include <string.h>
#include <unistd.h>

struct request {
	struct fuse_in_header head;
	struct fuse_ioctl_in call;
};

struct reply {
	struct fuse_out_header head;
	struct fuse_ioctl_out result;
	struct wire_file about; /* WIRE_IOC_IDENTIFY */
};

static size_t answer(const struct request *q, struct reply *r)
{
	struct fuse_file *ff = (struct fuse_file *)(uintptr_t)q->call.fh;
	struct gntsim_user_memory um;
	struct foreign memory;

	if (q->call.flags & FUSE_IOCTL_DIR) {
		r->head.error = -ENOTTY;
		return sizeof(r->head);
	}
	if (q->call.cmd == WIRE_IOC_IDENTIFY && q->call.out_size >= sizeof(r->about)) {
		r->about = fuse_file_about(ff);
		return sizeof(*r);
	}
	if (ff->device->broker->config.deaths) {
		struct trace_call call = {
		    .kind = TRACE_IOCTL, .cmd = q->call.cmd, .addr = q->call.arg};

		r->result.result =
		    deaths_file_before(ff->device->broker, q->head.pid, ff->device, &call);
		if (r->result.result < 0)
			return offsetof(struct reply, about);
	}
	/* evtchn's ENOSYS arrives as ENOTTY all the same: Linux has come to translate both. */
	foreign_memory(&memory, q->head.pid, &um);
	r->result.result = (int32_t)fuse_file_ioctl(ff, q->head.pid, q->call.cmd, q->call.arg, &um);
	deaths_file_after(ff->device->broker);
	return offsetof(struct reply, about);
}

bool fuse_host_ioctl(struct fuse_host *h)
{
	struct reply r = {.head.len = 0};
	struct iovec whole = {.iov_base = &r};
	struct request q;

	if (h->is_cuse || h->buf.size < sizeof(q))
		return false;
	memcpy(&q, h->buf.mem, sizeof(q));
	if (q.head.opcode != FUSE_IOCTL)
		return false;
	r.head.unique = q.head.unique;
	r.head.len = (uint32_t)answer(&q, &r);
	whole.iov_len = r.head.len;
	/* If nobody waits any more, or the tree is gone, the next request tells. */
	fuse_host_send(h, fuse_session_fd(h->session), &whole, 1);
	return true;
}
