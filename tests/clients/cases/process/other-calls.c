/* SPDX-License-Identifier: MIT */
/*
 * Calls that the drivers do not have: unknown ioctl numbers (ENOTTY; evtchn ENOSYS), also each
 * other's; read, write and lseek where there is none; the descriptor is no terminal.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

static int fds[3];

static void unknown(unsigned long number)
{
	char room[128] = {0};

	CHECK_IS(call_ioctl(HERE, fds[0], number, room, sizeof(room)), -ENOTTY);
	CHECK_IS(call_ioctl(HERE, fds[1], number, room, sizeof(room)), -ENOTTY);
	CHECK_IS(call_ioctl(HERE, fds[2], number, room, sizeof(room)), -ENOSYS);
}

static void ioctls(void)
{
	char room[128] = {0};

	unknown(0);
	unknown(~0u);
	unknown(_IOC(_IOC_NONE, 'G', 4, 16));
	unknown(_IOC(_IOC_NONE, 'G', 200, 0));
	unknown(_IOC(_IOC_NONE, 'E', 100, 4));
	unknown(_IOC(_IOC_READ | _IOC_WRITE, 'G', 0, sizeof(struct ioctl_gntdev_map_grant_ref)));
	unknown(IOCTL_GNTDEV_MAP_GRANT_REF + (1 << _IOC_SIZESHIFT));
	unknown(TCGETS);
	unknown(FIONREAD);
	unknown(IOCTL_GNTDEV_SET_MAX_GRANTS);

	CHECK_IS(call_ioctl(HERE, fds[0], IOCTL_GNTDEV_MAP_GRANT_REF, room, 0), -ENOTTY);
	CHECK_IS(call_ioctl(HERE, fds[0], IOCTL_EVTCHN_RESET, room, 0), -ENOTTY);
	CHECK_IS(call_ioctl(HERE, fds[1], IOCTL_GNTALLOC_ALLOC_GREF, room, 0), -ENOTTY);
	CHECK_IS(call_ioctl(HERE, fds[1], IOCTL_GNTALLOC_DEALLOC_GREF, room, 0), -ENOTTY);
	CHECK_IS(call_ioctl(HERE, fds[2], IOCTL_GNTDEV_MAP_GRANT_REF, room, 0), -ENOSYS);
	/* gntalloc's and gntdev's share one number, and differ in what they answer. */
	CHECK_IS(IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, IOCTL_GNTDEV_SET_UNMAP_NOTIFY);
	CHECK_IS(gntalloc_notify(HERE, fds[0], 0, 4, 0), -ENOENT);
	CHECK_IS(gntdev_notify(HERE, fds[1], 0, 4, 0), -EINVAL);
	CHECK_IS(isatty(fds[1]), 0);
}

static void files(void)
{
	struct pollfd p[2] = {{.fd = fds[0], .events = POLLIN | POLLOUT},
			      {.fd = fds[1], .events = POLLIN | POLLOUT}};
	char byte = 0;
	int on = 1;

	for (int i = 0; i < 2; i++) {
		CHECK_IS(call_read(HERE, fds[i], &byte, 1), -EINVAL);
		CHECK_IS(call_write(HERE, fds[i], &byte, 1), -EINVAL);
	}
	/* No poll of their own: always ready. */
	CHECK_IS(poll(p, 2, 0), 2);
	CHECK_IS(p[0].revents, POLLIN | POLLOUT);
	CHECK_IS(p[1].revents, POLLIN | POLLOUT);
	for (int i = 0; i < 3; i++) {
		CHECK_IS(lseek(fds[i], 0, SEEK_SET), -1);
		CHECK_IS(errno, ESPIPE);
		CHECK_IS(ftruncate(fds[i], 0), -1);
		CHECK_IS(errno, EINVAL);
		CHECK_IS(fsync(fds[i]), -1);
		CHECK_IS(errno, EINVAL);
	}
	CHECK_IS(call_ioctl(HERE, fds[2], FIONBIO, &on, 0), 0);
	CHECK_IS(fcntl(fds[2], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	CHECK_IS(call_read(HERE, fds[2], &byte, 4), -EAGAIN);
}

static void vectors(void)
{
	uint32_t ports[2] = {1, 2};
	struct iovec iov[2] = {{&ports[0], 4}, {&ports[1], 4}};

	CHECK_IS(writev(fds[2], iov, 2), 8);
	CHECK_IS(readv(fds[2], iov, 2), -1);
	CHECK_IS(errno, EAGAIN);
}

void test(void)
{
	fds[0] = device_open(HERE, "gntalloc");
	fds[1] = device_open(HERE, "gntdev");
	fds[2] = device_open(HERE, "evtchn");
	ioctls();
	files();
	vectors();
	/* None of it did them any harm. */
	CHECK_IS(gntalloc_alloc(HERE, fds[0], them()->id, 0, 1, NULL, NULL), 0);
	CHECK(evtchn_bind_unbound(HERE, fds[2], them()->id) > 0, "bind");
}
