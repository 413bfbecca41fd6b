/* SPDX-License-Identifier: MIT */
/* The kernel's file system in user space: the fuse and cuse fronts. */
#include "late/late.h"

#define FUSE_USE_VERSION 314
#include <cuse_lowlevel.h>
#include <fuse_lowlevel.h>

static struct late_library library = {.name = "libfuse3.so.3"};

bool late_has_fuse(void)
{
	return late_has(&library);
}

LATE(library, struct fuse_session *, cuse_lowlevel_new,
     (struct fuse_args * args, const struct cuse_info *ci, const struct cuse_lowlevel_ops *clop,
      void *userdata),
     args, ci, clop, userdata)
LATE(library, size_t, fuse_add_direntry,
     (fuse_req_t req, char *buf, size_t bufsize, const char *name, const struct stat *stbuf,
      off_t off),
     req, buf, bufsize, name, stbuf, off)
LATE(library, int, fuse_lowlevel_notify_inval_inode,
     (struct fuse_session * se, fuse_ino_t ino, off_t off, off_t len), se, ino, off, len)
LATE(library, int, fuse_lowlevel_notify_poll, (struct fuse_pollhandle * ph), ph)
LATE(library, int, fuse_lowlevel_notify_store,
     (struct fuse_session * se, fuse_ino_t ino, off_t offset, struct fuse_bufvec *bufv,
      enum fuse_buf_copy_flags flags),
     se, ino, offset, bufv, flags)
LATE(library, void, fuse_opt_free_args, (struct fuse_args * args), args)
LATE(library, void, fuse_pollhandle_destroy, (struct fuse_pollhandle * ph), ph)
LATE(library, int, fuse_reply_attr, (fuse_req_t req, const struct stat *attr, double attr_timeout),
     req, attr, attr_timeout)
LATE(library, int, fuse_reply_buf, (fuse_req_t req, const char *buf, size_t size), req, buf, size)
LATE(library, int, fuse_reply_entry, (fuse_req_t req, const struct fuse_entry_param *e), req, e)
LATE(library, int, fuse_reply_err, (fuse_req_t req, int err), req, err)
LATE(library, int, fuse_reply_ioctl, (fuse_req_t req, int result, const void *buf, size_t size),
     req, result, buf, size)
LATE(library, int, fuse_reply_ioctl_iov,
     (fuse_req_t req, int result, const struct iovec *iov, int count), req, result, iov, count)
LATE(library, int, fuse_reply_ioctl_retry,
     (fuse_req_t req, const struct iovec *in_iov, size_t in_count, const struct iovec *out_iov,
      size_t out_count),
     req, in_iov, in_count, out_iov, out_count)
LATE(library, int, fuse_reply_poll, (fuse_req_t req, unsigned revents), req, revents)
LATE(library, int, fuse_reply_write, (fuse_req_t req, size_t count), req, count)
LATE(library, const struct fuse_ctx *, fuse_req_ctx, (fuse_req_t req), req)
LATE(library, void, fuse_req_interrupt_func,
     (fuse_req_t req, fuse_interrupt_func_t func, void *data), req, func, data)
LATE(library, void *, fuse_req_userdata, (fuse_req_t req), req)
LATE(library, int, fuse_session_custom_io,
     (struct fuse_session * se, const struct fuse_custom_io *io, int fd), se, io, fd)
LATE(library, void, fuse_session_destroy, (struct fuse_session * se), se)
LATE(library, int, fuse_session_exited, (struct fuse_session * se), se)
LATE(library, int, fuse_session_fd, (struct fuse_session * se), se)
LATE(library, struct fuse_session *, fuse_session_new,
     (struct fuse_args * args, const struct fuse_lowlevel_ops *op, size_t op_size, void *userdata),
     args, op, op_size, userdata)
LATE(library, void, fuse_session_process_buf,
     (struct fuse_session * se, const struct fuse_buf *buf), se, buf)
LATE(library, int, fuse_session_receive_buf, (struct fuse_session * se, struct fuse_buf *buf), se,
     buf)
