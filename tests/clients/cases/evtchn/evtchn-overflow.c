/* SPDX-License-Identifier: MIT */
/*
 * A ring that overflows (64 entries for up to 64 ports; UNBIND leaves entries behind) answers
 * poll() with an error alone and read() with EFBIG until RESET.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int ppoll_by_number(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};
	struct timespec now = {0};

	return syscall(SYS_ppoll, &p, 1, &now, NULL, 8) == 1 ? p.revents : -errno;
}

void test(void)
{
	struct peer *peer = peer_start(them());
	int theirs = device_open(peer, "evtchn"),
	    for_us = evtchn_bind_unbound(peer, theirs, us()->id);
	int fd = call_open(HERE, "/dev/xen/evtchn", O_RDWR | O_NONBLOCK);
	uint32_t got[80];

	CHECK(for_us > 0, "bind: %d", for_us);
	for (int i = 0; i < 65; i++) {
		int port = evtchn_bind_interdomain(HERE, fd, them()->id, (uint32_t)for_us);

		CHECK(port > 0, "bind: %d", port);
		CHECK_IS(call_poll(HERE, fd, POLLIN | POLLOUT, 0),
			 i < 64 ? POLLIN | POLLOUT : POLLERR);
		CHECK_IS(ppoll_by_number(fd), i < 64 ? POLLIN | POLLOUT : POLLERR);
		CHECK_IS(evtchn_unbind(HERE, fd, (uint32_t)port), 0);
	}
	CHECK_IS(call_read(HERE, fd, got, sizeof(got)), -EFBIG);
	CHECK_IS(call_read(HERE, fd, got, 2), 0);
	CHECK_IS(call_read(HERE, fd, got, sizeof(got)), -EFBIG);
	CHECK_IS(call_ioctl(HERE, fd, IOCTL_EVTCHN_RESET, NULL, 0), 0);
	CHECK_IS(call_read(HERE, fd, got, sizeof(got)), -EAGAIN);
	CHECK_IS(call_poll(HERE, fd, POLLIN | POLLOUT, 0), POLLOUT);

	/* 64 entries fit, and read() gives them all. */
	for (int i = 0; i < 64; i++) {
		int port = evtchn_bind_interdomain(HERE, fd, them()->id, (uint32_t)for_us);

		CHECK_IS(evtchn_unbind(HERE, fd, (uint32_t)port), 0);
	}
	CHECK_IS(call_read(HERE, fd, got, 40), 40);
	CHECK_IS(call_read(HERE, fd, got, sizeof(got)), 54 * 4);
	CHECK_IS(call_read(HERE, fd, got, sizeof(got)), -EAGAIN);
}
