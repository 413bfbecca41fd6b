/* SPDX-License-Identifier: MIT */
/* Rules of read and write on a device, whose descriptor is a socket: what the driver takes of them. */
#include "calls.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

long device_usable(const struct device *d, int refused_mode, size_t count)
{
	uint32_t mode = d->flags & O_ACCMODE;

	/* Who opens it with 3 can do neither. */
	if (mode == (uint32_t)refused_mode || mode == O_ACCMODE)
		return -EBADF;
	if (d->device == WIRE_DEV_XENBUS || d->device == WIRE_DEV_PARAMETER)
		return count > DEVICE_MOST_BYTES ? (long)DEVICE_MOST_BYTES : (long)count;
	if (d->device != WIRE_DEV_EVTCHN)
		return -EINVAL;
	count &= ~(size_t)(DEVICE_PORT_BYTES - 1);
	return count > DEVICE_MOST_BYTES ? (long)DEVICE_MOST_BYTES : (long)count;
}

uint32_t device_waiting(int fd)
{
	int waiting = 0;

	return lib_may(SYS_ioctl) &&
		       raw_syscall(SYS_ioctl, fd, SIOCINQ, (long)&waiting, 0, 0, 0) == 0
		   ? (uint32_t)waiting
		   : 0;
}

bool device_overflowed(int fd, const struct device *d)
{
	return d->device == WIRE_DEV_EVTCHN && device_waiting(fd) % DEVICE_PORT_BYTES;
}

long device_read_result(const struct device *d, long n)
{
	if (n < 0)
		return n == -ECONNRESET ? -EIO : n;
	if (d->device == WIRE_DEV_PARAMETER)
		return n;
	/* xenstored has ended, or the machine. */
	if (n == 0 && d->device == WIRE_DEV_XENBUS) {
		lib_slow_down();
		return -EIO;
	}
	if (d->device == WIRE_DEV_XENBUS)
		return n;
	if (n == 0)
		return lib_broken();
	return n % (long)DEVICE_PORT_BYTES ? -EFBIG : n;
}

void device_tell_read(const struct device *d, const void *buf, size_t count, long result,
		      uint32_t call, bool ask)
{
	struct {
		struct wire_read head;
		unsigned char ports[DEVICE_MOST_BYTES];
	} told;
	size_t bytes = result > 0 ? (size_t)result : 0;

	told.head = (struct wire_read){
	    .file = d->id, .result = (int32_t)result, .count = (uint32_t)count, .call = call};
	memcpy(told.ports, buf, bytes);
	if (ask)
		lib_ask(WIRE_READ, &told, sizeof(told.head) + bytes);
	else
		lib_tell(WIRE_READ, &told, sizeof(told.head) + bytes);
}

/* Longer than any message that xenbus takes. */
#define XENBUS_BYTES (DEVICE_MOST_BYTES + DEVICE_PORT_BYTES)

long device_write(const struct device *d, const void *buf, size_t count)
{
	struct {
		struct wire_write head;
		unsigned char ports[XENBUS_BYTES];
	} request;
	sigset_t saved;
	long usable, result;

	usable = device_usable(d, O_RDONLY, count);
	if (usable <= 0)
		return usable;
	if (d->device != WIRE_DEV_XENBUS)
		count = (size_t)usable;
	else if (count > XENBUS_BYTES)
		count = XENBUS_BYTES;
	if (lib_copy_in(request.ports, (uint64_t)(uintptr_t)buf, count) < 0)
		return -EFAULT;
	request.head = (struct wire_write){.file = d->id, .len = (uint32_t)count};
	lib_enter(&saved);
	result = (long)lib_ask(WIRE_WRITE, &request, sizeof(request.head) + count);
	lib_leave(&saved);
	return result;
}
