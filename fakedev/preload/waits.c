/* SPDX-License-Identifier: MIT */
/* Where programs are to end at a wait of theirs, each wait is first a look at what is there. If nothing
 * is, the machine is told that it begins. poll() is in poll.c. */
#include "library.h"

#undef _FORTIFY_SOURCE
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/select.h>

bool lib_is_evtchn(int fd)
{
	struct device d;

	return fd >= 0 && lib_device(fd, &d) && d.device == WIRE_DEV_EVTCHN;
}

void lib_wait_begins(void)
{
	lib_before(WIRE_NO_FILE, 0, true);
}

static bool selects_evtchn(int n, const fd_set *set)
{
	if (!lib_active() || !lib_watched() || !set)
		return false;
	for (int fd = 0; fd < n && fd < FD_SETSIZE; fd++)
		if (FD_ISSET(fd, set) && lib_is_evtchn(fd))
			return true;
	return false;
}

DECLARE_NEXT(select);

/* At copies: the sets are the real call's to change. */
static bool nothing_is_ready(int n, const fd_set *const set[3])
{
	struct timeval now = {0};
	fd_set copy[3];

	for (int i = 0; i < 3; i++)
		if (set[i])
			copy[i] = *set[i];
	return NEXT(select)(n, set[0] ? &copy[0] : NULL, set[1] ? &copy[1] : NULL,
			    set[2] ? &copy[2] : NULL, &now) == 0;
}

static void before_select(int n, const fd_set *in, const fd_set *out, const fd_set *except)
{
	if (selects_evtchn(n, in) && nothing_is_ready(n, (const fd_set *const[]){in, out, except}))
		lib_wait_begins();
}

EXPORT int select(int n, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
	lib_one_way_end();
	if (!timeout || timeout->tv_sec || timeout->tv_usec)
		before_select(n, in, out, except);
	return NEXT(select)(n, in, out, except, timeout);
}

DECLARE_NEXT(pselect);
EXPORT int pselect(int n, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout,
		   const sigset_t *mask)
{
	lib_one_way_end();
	if (!timeout || timeout->tv_sec || timeout->tv_nsec)
		before_select(n, in, out, except);
	return NEXT(pselect)(n, in, out, except, timeout, mask);
}

/* Whether any epoll set of this process has one in it: which sets those are is not kept. */
static _Atomic bool in_a_set;

void lib_note_epoll(void)
{
	atomic_store_explicit(&in_a_set, true, memory_order_relaxed);
}

static bool may_wait(int timeout)
{
	return timeout != 0 && atomic_load_explicit(&in_a_set, memory_order_relaxed) &&
	       lib_active() && lib_watched();
}

static int look_at(int epoll, const struct epoll_event *events, int ready)
{
	for (int i = 0; i < ready; i++) {
		if (!(events[i].events & (EPOLLHUP | EPOLLERR)))
			continue;
		if (lib_active())
			lib_hung_up(epoll);
		break;
	}
	return ready;
}

DECLARE_NEXT(epoll_wait);
EXPORT int epoll_wait(int epoll, struct epoll_event *events, int n, int timeout)
{
	lib_one_way_end();
	if (may_wait(timeout)) {
		int ready = NEXT(epoll_wait)(epoll, events, n, 0);

		if (ready != 0)
			return ready;
		lib_wait_begins();
	}
	return look_at(epoll, events, NEXT(epoll_wait)(epoll, events, n, timeout));
}

DECLARE_NEXT(epoll_pwait);
EXPORT int epoll_pwait(int epoll, struct epoll_event *events, int n, int timeout,
		       const sigset_t *mask)
{
	lib_one_way_end();
	if (may_wait(timeout)) {
		int ready = NEXT(epoll_pwait)(epoll, events, n, 0, mask);

		if (ready != 0)
			return ready;
		lib_wait_begins();
	}
	return look_at(epoll, events, NEXT(epoll_pwait)(epoll, events, n, timeout, mask));
}
