/* SPDX-License-Identifier: MIT */
/* Where programs are to end at a wait of theirs, each wait is first a look at what is there. If nothing
 * is, the machine is told that it begins. poll() is in poll.c. */
#include "connection.h"

#undef _FORTIFY_SOURCE
#include <stdatomic.h>
#include <string.h>
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

DECLARE_NEXT(pselect);

/* What select() is asked for. */
struct selecting {
	fd_set *set[3];
	fd_set copy[3];
	size_t size; /* no more of them is the program's than what the kernel looks at */
};

/* @return false: @p fd is not among what is read, or a set can't be */
static bool copy_sets(struct selecting *s, int fd, int n)
{
	if (fd >= n || n > FD_SETSIZE || !s->set[0])
		return false;
	s->size = ((size_t)n + NFDBITS - 1) / NFDBITS * sizeof(fd_mask);
	for (int i = 0; i < 3; i++)
		if (s->set[i] &&
		    lib_copy_in(&s->copy[i], (uint64_t)(uintptr_t)s->set[i], s->size) < 0)
			return false;
	return FD_ISSET(fd, &s->copy[0]);
}

/* Without an end, and at first a look for an event of @p fd. (Apart: others have no use for its frame.) */
__attribute__((noinline)) static int select_looking_out(int fd, int n, fd_set *in, fd_set *out,
							fd_set *except)
{
	struct selecting s;
	struct timeval now = {0};
	sigset_t all, saved;
	int ready;

	s.set[0] = in;
	s.set[1] = out;
	s.set[2] = except;
	if (!copy_sets(&s, fd, n))
		return NEXT(select)(n, in, out, except, NULL);
	sigfillset(&all);
	lib_mask(SIG_BLOCK, &all, &saved);
	ready = NEXT(select)(n, in, out, except, &now);
	if (ready == 0) {
		for (int i = 0; i < 3; i++)
			if (s.set[i])
				memcpy(s.set[i], &s.copy[i], s.size);
		lib_look_out();
		ready = NEXT(pselect)(n, in, out, except, NULL, &saved);
	}
	lib_mask(SIG_SETMASK, &saved, NULL);
	return ready;
}

EXPORT int select(int n, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
	int fd;

	lib_one_way_end();
	if (!timeout || timeout->tv_sec || timeout->tv_usec)
		before_select(n, in, out, except);
	if (!timeout && (fd = lib_looks_out()) >= 0)
		return select_looking_out(fd, n, in, out, except);
	return NEXT(select)(n, in, out, except, timeout);
}

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
