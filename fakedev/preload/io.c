/* SPDX-License-Identifier: MIT */
/* read and write on a device. The events of an evtchn file lie in the descriptor's own socket, so
 * reading them, blocking, O_NONBLOCK and EINTR are the kernel's; only the driver's rules about
 * lengths and overflow are added. */
#include "library.h"

#undef _FORTIFY_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

DECLARE_NEXT(read);

static void tell_read(const struct device *d, const void *buf, size_t count, long result,
		      uint32_t call)
{
	const struct wire_read told = {
	    .file = d->id, .result = (int32_t)result, .count = (uint32_t)count, .call = call};
	sigset_t saved;

	if (lib_put_read(&told, buf))
		return;
	lib_enter(&saved);
	device_tell_read(d, buf, count, result, call, lib_watched());
	if (!lib_watched())
		lib_ask_for_reads();
	lib_leave(&saved);
}

static long read_events(int fd, const struct device *d, void *buf, size_t count)
{
	ssize_t n;

	/* Of xenstored's few ports the ring has room for each. */
	if (!lib_settings.one_way && lib_may_overflow(d) && device_overflowed(fd, d))
		return -EFBIG;
	lib_reads_events(fd, d);
	n = NEXT(read)(fd, buf, count);
	return device_read_result(d, n < 0 ? -errno : n);
}

static bool would_block(int fd)
{
	long flags = lib_may(SYS_fcntl) ? raw_fcntl(fd, F_GETFL, 0) : 0;

	return device_waiting(fd) == 0 && !(flags >= 0 && (flags & O_NONBLOCK));
}

long device_read(int fd, const struct device *d, void *buf, size_t count)
{
	long usable = device_usable(d, O_WRONLY, count);
	size_t asked = count < DEVICE_MOST_BYTES ? count : DEVICE_MOST_BYTES;
	int64_t call = 0;
	long result;

	if (lib_watched() && d->device == WIRE_DEV_EVTCHN) {
		call = lib_before(d->id, asked, usable > 0 && would_block(fd));
		if (call < 0)
			return call;
	}
	result = usable > 0 ? read_events(fd, d, buf, (size_t)usable) : usable;
	if ((lib_traced() || lib_watched()) && d->device == WIRE_DEV_EVTCHN)
		tell_read(d, buf, asked, result, (uint32_t)call);
	return result;
}

EXPORT ssize_t read(int fd, void *buf, size_t count)
{
	struct device d;

	if (!lib_device(fd, &d))
		return lib_native_result(fd, NEXT(read)(fd, buf, count));
	return lib_result(device_read(fd, &d, buf, count));
}

ssize_t __read_chk(int fd, void *buf, size_t count, size_t size);
DECLARE_NEXT(__read_chk);
EXPORT ssize_t __read_chk(int fd, void *buf, size_t count, size_t size)
{
	struct device d;

	if (count > size || !lib_device(fd, &d))
		return lib_native_result(fd, NEXT(__read_chk)(fd, buf, count, size));
	return lib_result(device_read(fd, &d, buf, count));
}

DECLARE_NEXT(write);
EXPORT ssize_t write(int fd, const void *buf, size_t count)
{
	struct device d;

	if (!lib_device(fd, &d))
		return lib_native_result(fd, NEXT(write)(fd, buf, count));
	if (lib_one_way_enable(fd, &d, buf, count) ||
	    (count == DEVICE_PORT_BYTES && lib_unmask(&d, buf)))
		return (ssize_t)count;
	return lib_result(device_write(&d, buf, count));
}

/* The kernel calls the driver once for each piece, until one comes back short. */
static long each(int fd, const struct device *d, const struct iovec *iov, int n, bool writing)
{
	long total = 0;

	if (n < 0 || n > IOV_MAX)
		return -EINVAL;
	for (int i = 0; i < n; i++) {
		struct iovec v;
		long r;

		if (lib_copy_in(&v, (uint64_t)(uintptr_t)&iov[i], sizeof(v)) < 0)
			return total ? total : -EFAULT;
		r = writing ? device_write(d, v.iov_base, v.iov_len)
			    : device_read(fd, d, v.iov_base, v.iov_len);
		if (r < 0)
			return total ? total : r;
		total += r;
		if ((size_t)r != v.iov_len)
			break;
	}
	return total;
}

DECLARE_NEXT(readv);
EXPORT ssize_t readv(int fd, const struct iovec *iov, int n)
{
	struct device d;

	if (!lib_device(fd, &d))
		return lib_native_result(fd, NEXT(readv)(fd, iov, n));
	return lib_result(each(fd, &d, iov, n, false));
}

DECLARE_NEXT(writev);
EXPORT ssize_t writev(int fd, const struct iovec *iov, int n)
{
	struct device d;

	if (!lib_device(fd, &d))
		return lib_native_result(fd, NEXT(writev)(fd, iov, n));
	return lib_result(each(fd, &d, iov, n, true));
}

/* A file whose driver has no poll method cannot be watched by epoll. */
DECLARE_NEXT(epoll_ctl);
EXPORT int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	struct device d;

	if (op == EPOLL_CTL_ADD && lib_device(fd, &d) && d.device != WIRE_DEV_EVTCHN &&
	    d.device != WIRE_DEV_XENBUS && d.device != WIRE_DEV_DMABUF)
		return (int)lib_result(-EPERM);
	if (lib_active() && lib_watched() && op == EPOLL_CTL_ADD && lib_is_evtchn(fd))
		lib_note_epoll();
	return NEXT(epoll_ctl)(epfd, op, fd, event);
}

/* A device has no position: gntalloc and gntdev cannot be read at all, evtchn not at an offset (for
 * which the socket has the right error). */
static bool refuses(int fd)
{
	struct device d;

	return lib_device(fd, &d) && d.device != WIRE_DEV_EVTCHN && d.device != WIRE_DEV_XENBUS;
}

#define AT_OFFSET(name, pointer, offset_type)                                                      \
	DECLARE_NEXT(name);                                                                        \
	EXPORT ssize_t name(int fd, pointer buf, size_t count, offset_type offset)                 \
	{                                                                                          \
		if (refuses(fd))                                                                   \
			return lib_result(-EINVAL);                                                \
		return NEXT(name)(fd, buf, count, offset);                                         \
	}
AT_OFFSET(pread, void *, off_t)
AT_OFFSET(pread64, void *, off64_t)
AT_OFFSET(pwrite, const void *, off_t)
AT_OFFSET(pwrite64, const void *, off64_t)

/* The drivers have no way but read and write. */
DECLARE_NEXT(splice);
EXPORT ssize_t splice(int in, off64_t *in_at, int out, off64_t *out_at, size_t n,
		      unsigned int flags)
{
	struct device d;

	if (lib_mappable(in, &d) || lib_mappable(out, &d))
		return lib_result(-EINVAL);
	return NEXT(splice)(in, in_at, out, out_at, n, flags);
}

#define SENDFILE(name, offset_type)                                                                \
	DECLARE_NEXT(name);                                                                        \
	EXPORT ssize_t name(int out, int in, offset_type *at, size_t n)                            \
	{                                                                                          \
		struct device d;                                                                   \
		if (lib_mappable(in, &d) || lib_mappable(out, &d))                                 \
			return lib_result(-EINVAL);                                                \
		return NEXT(name)(out, in, at, n);                                                 \
	}
SENDFILE(sendfile, off_t)
SENDFILE(sendfile64, off64_t)

#define VECTOR_AT_OFFSET(name, offset_type)                                                        \
	DECLARE_NEXT(name);                                                                        \
	EXPORT ssize_t name(int fd, const struct iovec *iov, int n, offset_type offset)            \
	{                                                                                          \
		if (refuses(fd))                                                                   \
			return lib_result(-EINVAL);                                                \
		return NEXT(name)(fd, iov, n, offset);                                             \
	}
VECTOR_AT_OFFSET(preadv, off_t)
VECTOR_AT_OFFSET(preadv64, off64_t)
VECTOR_AT_OFFSET(pwritev, off_t)
VECTOR_AT_OFFSET(pwritev64, off64_t)

/* The kernel's bit, which the C library's constant leaves out on 64 bits. */
#define KERNEL_O_LARGEFILE (sizeof(long) == 8 ? 0100000 : 0)

/* The socket underneath is always open for both; the file was opened as it was. */
#define FCNTL(name)                                                                                \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(int fd, int cmd, ...)                                                      \
	{                                                                                          \
		struct device d;                                                                   \
		va_list args;                                                                      \
		void *arg;                                                                         \
		int r;                                                                             \
		va_start(args, cmd);                                                               \
		arg = va_arg(args, void *);                                                        \
		va_end(args);                                                                      \
		r = NEXT(name)(fd, cmd, arg);                                                      \
		if ((cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC) && r >= 0)                          \
			lib_note_copy(fd, r);                                                      \
		if (cmd == F_GETFL && r >= 0 && lib_device(fd, &d))                                \
			r = (r & ~O_ACCMODE) | (int)d.flags | KERNEL_O_LARGEFILE;                  \
		return r;                                                                          \
	}
FCNTL(fcntl)
FCNTL(fcntl64)
