/* SPDX-License-Identifier: MIT */
/* poll on an evtchn whose ring overflowed: an error and nothing else. The socket underneath cannot
 * say so, it is readable instead. (select shows both alike; epoll's caller gets EPOLLIN, and EFBIG
 * when it reads.) */
#include "library.h"

#undef _FORTIFY_SOURCE
#include <poll.h>

static bool overflowed(int fd)
{
	struct device d;

	return lib_device(fd, &d) && d.device == WIRE_DEV_EVTCHN && device_overflowed(fd);
}

int lib_correct_poll(struct pollfd *fds, nfds_t n, int ready)
{
	if (ready <= 0 || !lib_active())
		return ready;
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].revents > 0 && overflowed(fds[i].fd))
			fds[i].revents = POLLERR;
	return ready;
}

DECLARE_NEXT(poll);
EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	return lib_correct_poll(fds, n, NEXT(poll)(fds, n, timeout));
}

DECLARE_NEXT(ppoll);
EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	return lib_correct_poll(fds, n, NEXT(ppoll)(fds, n, timeout, mask));
}

int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size);
DECLARE_NEXT(__poll_chk);
EXPORT int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size)
{
	return lib_correct_poll(fds, n, NEXT(__poll_chk)(fds, n, timeout, size));
}

int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask,
		size_t size);
DECLARE_NEXT(__ppoll_chk);
EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		       const sigset_t *mask, size_t size)
{
	return lib_correct_poll(fds, n, NEXT(__ppoll_chk)(fds, n, timeout, mask, size));
}
