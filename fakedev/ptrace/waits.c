/* SPDX-License-Identifier: MIT */
/* Where programs are to end at a wait of theirs, each wait is first a look at what is there. If nothing
 * is, the machine is told that it begins. */
#include "follower.h"
#include "tracee/tracee.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>

int64_t wait_tell(uint32_t file, size_t count, bool blocks)
{
	const struct wire_before b = {.file = file, .count = (uint32_t)count, .waits = blocks};

	return lib_ask(WIRE_BEFORE, &b, sizeof(b));
}

static bool is_evtchn(struct thread *t, int fd)
{
	struct device d;

	return file_device(t, fd, &d, NULL) && d.device == WIRE_DEV_EVTCHN;
}

/*
 * A look is the program's own call without a time: it may make that one, and maybe no other of its family.
 * @return where in the program a time of nothing stands; 0: nowhere
 */
static uint64_t no_time(struct thread *t)
{
	uint64_t page = channel_page(t), at = page + CHANNEL_PAGE / 2;
	const struct timespec none = {0};

	return page && lib_copy_out(at, &none, sizeof(none)) == 0 ? at : 0;
}

/* In the page: of threads that wait at once each has its own. */
struct released {
	struct pollfd fd;
	struct timespec time;
	uint64_t mask;
};
#define RELEASED_ROOM 16u

bool wait_released(struct thread *t, int number, uint32_t ms)
{
	const struct released r = {
	    .fd = {.fd = number, .events = POLLIN},
	    .time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000},
	    .mask = UINT64_MAX};
	uint64_t page = channel_page(t);
	uint64_t at = page + CHANNEL_PAGE / 2 + sizeof(struct timespec) +
		      (uint64_t)t->tid % RELEASED_ROOM * sizeof(r);
	const struct call c = {SYS_ppoll,
			       {at + offsetof(struct released, fd), 1,
				ms > INT32_MAX ? 0 : at + offsetof(struct released, time),
				at + offsetof(struct released, mask), sizeof(r.mask)}};

	if (!page || lib_copy_out(at, &r, sizeof(r)) < 0)
		return false;
	t->number = (uint32_t)number;
	call_begin(t, &c, AFTER_RELEASED);
	return true;
}

/* A struct timespec or timeval: two numbers. 0: for ever. */
static bool is_a_while(uint64_t time)
{
	uint64_t two[2];

	return !time || (lib_copy_in(two, time, sizeof(two)) == 0 && (two[0] || two[1]));
}

/* ---- poll ---- */

static bool polls_evtchn(struct thread *t)
{
	const uint64_t *a = t->call.args;
	struct pollfd p;

	for (uint64_t i = 0; i < a[1] && lib_copy_in(&p, a[0] + i * sizeof(p), sizeof(p)) == 0; i++)
		if ((p.events & (POLLIN | POLLRDNORM)) && is_evtchn(t, p.fd))
			return true;
	return false;
}

static void before_poll(struct thread *t)
{
	const uint64_t *a = t->call.args;
	bool plain = t->call.nr == SYS_poll;
	bool waits = plain ? (int)a[2] != 0 : is_a_while(a[2]);

	if (waits && polls_evtchn(t)) {
		uint64_t at = plain ? 0 : no_time(t);

		if ((plain || at) &&
		    call_inject(t, t->call.nr, (const uint64_t[6]){a[0], a[1], at}) == 0)
			wait_tell(WIRE_NO_FILE, 0, true);
	}
	call_pass(t, AFTER_POLL);
}

/* ---- select ---- */

/* A set as the kernel takes it has whole words. */
#define SET_BYTES(n) (((uint64_t)(n) + 63) / 64 * 8)

static bool selects_evtchn(struct thread *t, int n)
{
	fd_set in;

	if (!t->call.args[1] || lib_copy_in(&in, t->call.args[1], SET_BYTES(n)) < 0)
		return false;
	for (int fd = 0; fd < n; fd++)
		if (FD_ISSET(fd, &in) && is_evtchn(t, fd))
			return true;
	return false;
}

/* At copies: the sets are the real call's to change. */
static bool nothing_is_ready(struct thread *t, int n)
{
	uint64_t at = no_time(t);
	uint64_t args[6] = {(uint64_t)n, 0, 0, 0, at};
	fd_set set;

	if (!at)
		return false;
	for (int i = 1; i <= 3; i++) {
		if (!t->call.args[i])
			continue;
		args[i] = at + (uint64_t)i * sizeof(set);
		if (lib_copy_in(&set, t->call.args[i], SET_BYTES(n)) < 0 ||
		    lib_copy_out(args[i], &set, SET_BYTES(n)) < 0)
			return false;
	}
	return call_inject(t, t->call.nr, args) == 0;
}

static void before_select(struct thread *t)
{
	int n = (int)t->call.args[0];

	if (n > 0 && n <= FD_SETSIZE && is_a_while(t->call.args[4]) && selects_evtchn(t, n) &&
	    nothing_is_ready(t, n))
		wait_tell(WIRE_NO_FILE, 0, true);
	call_pass(t, AFTER_NOTHING);
}

/* ---- epoll ---- */

/* What the look finds is taken from the set: it is the call's result. */
static void before_epoll(struct thread *t)
{
	const uint64_t *a = t->call.args;
	bool by_number = t->call.nr != SYS_epoll_pwait2;
	bool waits = by_number ? (int)a[3] != 0 : is_a_while(a[3]);
	long ready = 0;

	if (waits && t->space->in_a_set) {
		uint64_t at = by_number ? 0 : no_time(t);

		ready = by_number || at
			    ? call_inject(t, t->call.nr, (const uint64_t[6]){a[0], a[1], a[2], at})
			    : -EFAULT;
		if (ready == 0)
			wait_tell(WIRE_NO_FILE, 0, true);
	}
	if (ready > 0)
		call_finish(t, ready);
	else
		call_pass(t, AFTER_NOTHING);
}

bool wait_call(struct thread *t)
{
	if (!t->space->watched)
		return false;
	switch (t->call.nr) {
	case SYS_poll:
	case SYS_ppoll:
		before_poll(t);
		return true;
	case SYS_select:
	case SYS_pselect6:
		before_select(t);
		return true;
	case SYS_epoll_wait:
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
		before_epoll(t);
		return true;
	default:
		return false;
	}
}
