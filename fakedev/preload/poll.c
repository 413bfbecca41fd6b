/* SPDX-License-Identifier: MIT */
/* poll on an evtchn whose ring overflowed, or on a xenbus that has ended: an error and nothing else. The
 * socket underneath cannot say so, it is readable instead. (select shows both alike; epoll's caller gets
 * EPOLLIN, and the error when it reads.) */
#include "connection.h"

#undef _FORTIFY_SOURCE
#include <poll.h>

static void correct(struct pollfd *p)
{
	struct device d;

	if (!lib_device(p->fd, &d))
		return;
	if (d.device == WIRE_DEV_XENBUS ? lib_is_over(p->fd)
					: lib_may_overflow(&d) && device_overflowed(p->fd, &d))
		p->revents = POLLERR;
	if ((p->revents & POLLHUP) || (d.device == WIRE_DEV_XENBUS && p->revents == POLLERR))
		lib_slow_down();
}

int lib_correct_poll(struct pollfd *fds, nfds_t n, int ready)
{
	if (ready <= 0 || !lib_active() || lib_settings.one_way)
		return ready;
	if (lib_has_none())
		return lib_native_polled(fds, n, ready);
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].revents > 0)
			correct(&fds[i]);
	return lib_native_polled(fds, n, ready);
}

static bool polls_evtchn(struct pollfd *fds, nfds_t n)
{
	for (nfds_t i = 0; lib_active() && lib_watched() && i < n; i++)
		if ((fds[i].events & (POLLIN | POLLRDNORM)) && lib_is_evtchn(fds[i].fd))
			return true;
	return false;
}

DECLARE_NEXT(poll);
DECLARE_NEXT(ppoll);

/* More are not looked through. */
#define MOST_POLLED 16

static bool is_among(int fd, const struct pollfd *fds, nfds_t n)
{
	for (nfds_t i = 0; i < n && i < MOST_POLLED; i++)
		if (fds[i].fd == fd && (fds[i].events & (POLLIN | POLLRDNORM)))
			return true;
	return false;
}

/* Without an end, and at first a look for an event of @p fd. */
static int poll_looking_out(struct pollfd *fds, nfds_t n, int fd)
{
	sigset_t all, saved;
	int ready;

	sigfillset(&all);
	lib_mask(SIG_BLOCK, &all, &saved);
	ready = NEXT(poll)(fds, n, 0);
	if (ready == 0) {
		if (is_among(fd, fds, n))
			lib_look_out();
		ready = NEXT(ppoll)(fds, n, NULL, &saved);
	}
	lib_mask(SIG_SETMASK, &saved, NULL);
	return ready;
}

__attribute__((noinline)) static int poll_devices(struct pollfd *fds, nfds_t n, int timeout)
{
	int fd;

	lib_one_way_end();
	if (timeout != 0 && polls_evtchn(fds, n)) {
		int ready = NEXT(poll)(fds, n, 0);

		if (ready != 0)
			return lib_correct_poll(fds, n, ready);
		lib_wait_begins();
	}
	if (timeout < 0 && (fd = lib_looks_out()) >= 0)
		return lib_correct_poll(fds, n, poll_looking_out(fds, n, fd));
	return lib_correct_poll(fds, n, NEXT(poll)(fds, n, timeout));
}

EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (lib_has_none())
		return lib_native_polled(fds, n, NEXT(poll)(fds, n, timeout));
	return poll_devices(fds, n, timeout);
}

/* With another signal mask: what is pending under it counts, and is the real call's. */
static void before_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout)
{
	if ((!timeout || timeout->tv_sec || timeout->tv_nsec) && polls_evtchn(fds, n) &&
	    NEXT(poll)(fds, n, 0) == 0)
		lib_wait_begins();
}

EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	lib_one_way_end();
	before_ppoll(fds, n, timeout);
	return lib_correct_poll(fds, n, NEXT(ppoll)(fds, n, timeout, mask));
}

int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size);
DECLARE_NEXT(__poll_chk);
EXPORT int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size)
{
	/* The C library ends a program whose array is too small. */
	return size / sizeof(*fds) < n
		   ? lib_correct_poll(fds, n, NEXT(__poll_chk)(fds, n, timeout, size))
		   : poll(fds, n, timeout);
}
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask,
		size_t size);
DECLARE_NEXT(__ppoll_chk);
EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		       const sigset_t *mask, size_t size)
{
	lib_one_way_end();
	if (n <= size / sizeof(*fds))
		before_ppoll(fds, n, timeout);
	return lib_correct_poll(fds, n, NEXT(__ppoll_chk)(fds, n, timeout, mask, size));
}
