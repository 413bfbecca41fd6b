/* SPDX-License-Identifier: MIT */
/* Threads that are cancelled: a call is over or did not begin, and nothing is left open. */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <unistd.h>

static void in_a_thread(void *(*run)(void *), void *argument, void *result)
{
	void *returned;
	pthread_t t;

	CHECK_EQUAL(pthread_create(&t, NULL, run, argument), 0);
	CHECK_EQUAL(pthread_join(t, &returned), 0);
	CHECK(returned == result);
}

/* The lowest that is free: the same before and after what leaves none open. */
static int next_descriptor(void)
{
	int fd = dup(1);

	CHECK(fd >= 0);
	CHECK_EQUAL(close(fd), 0);
	return fd;
}

/* All calls but evtchn_wait(), in a thread whose next cancellation point is its last. */
static void *use_and_close(void *unused)
{
	struct gnttab *g;
	struct gntshr *s;
	struct evtchn *e;
	uint32_t port;

	(void)unused;
	CHECK_EQUAL(pthread_cancel(pthread_self()), 0);
	g = gnttab_open();
	s = gntshr_open();
	e = evtchn_open();
	CHECK(g && s && e);
	CHECK(gntshr_share(s, peer_domid, 1, true));
	CHECK_EQUAL(evtchn_bind_unbound(e, peer_domid, &port), 0);
	CHECK_EQUAL(evtchn_enable(e, port), 0);
	CHECK_EQUAL(gnttab_close(g), 0);
	CHECK_EQUAL(gntshr_close(s), 0);
	CHECK_EQUAL(evtchn_close(e), 0);
	pthread_testcancel();
	return NULL;
}

static void calls_of_a_thread_that_is_to_end(void)
{
	int free_one = next_descriptor();

	in_a_thread(use_and_close, NULL, PTHREAD_CANCELED);
	CHECK_EQUAL(next_descriptor(), free_one);
}

/* What each scoped call had made, to see afterwards that it is closed. */
static struct {
	struct gnttab *g;
	struct gntshr *s;
	struct gntshr_share *share;
	struct evtchn *e;
} seen;

static int leave_gnttab(struct gnttab *g, void *unused)
{
	(void)unused;
	seen.g = g;
	pthread_exit(&seen);
}

static int leave_gntshr(struct gntshr *s, void *unused)
{
	(void)unused;
	seen.s = s;
	pthread_exit(&seen);
}

static int leave_share(struct gntshr_share *share, void *unused)
{
	(void)unused;
	CHECK(share);
	seen.share = share;
	pthread_exit(&seen);
}

static int leave_evtchn(struct evtchn *e, void *unused)
{
	(void)unused;
	seen.e = e;
	pthread_exit(&seen);
}

static void *leave(void *which)
{
	switch (*(const int *)which) {
	case 0:
		gnttab_with(leave_gnttab, NULL);
		break;
	case 1:
		gntshr_with(leave_gntshr, NULL);
		break;
	case 2:
		gntshr_with_share(shr, peer_domid, 1, true, leave_share, NULL);
		break;
	default:
		evtchn_with(leave_evtchn, NULL);
	}
	return NULL;
}

static void scoped_when_the_thread_ends(void)
{
	int free_one = next_descriptor();

	for (int which = 0; which < 4; which++)
		in_a_thread(leave, &which, &seen);
	CHECK_FAILS(gnttab_close(seen.g), EBADF);
	CHECK_FAILS(gntshr_close(seen.s), EBADF);
	CHECK_FAILS(gntshr_unshare(seen.share), EBADF);
	CHECK_FAILS(evtchn_close(seen.e), EBADF);
	CHECK_EQUAL(next_descriptor(), free_one);
}

const struct test_case cancel_cases[] = {
    {"calls-of-a-thread-that-is-to-end", calls_of_a_thread_that_is_to_end},
    {"scoped-when-the-thread-ends", scoped_when_the_thread_ends},
    {0},
};
