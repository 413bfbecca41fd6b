/* SPDX-License-Identifier: MIT */
/*
 * O_ASYNC on evtchn raises SIGIO when an event comes; a read that waits can be left by a jump out
 * of a handler or by cancelling its thread, and the file is as good as before.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static struct peer *peer;
static struct channel c;
static sigjmp_buf out;

static void notify_and_take(void)
{
	CHECK_IS(evtchn_notify(peer, c.fd[1], c.port[1]), 0);
	CHECK_IS(evtchn_take(HERE, c.fd[0]), c.port[0]);
	evtchn_quiet(HERE, c.fd[0]);
}

static void by_signal(void)
{
	struct timespec patience = {.tv_sec = 20};
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigprocmask(SIG_BLOCK, &set, NULL);
	CHECK_IS(fcntl(c.fd[0], F_SETOWN, getpid()), 0);
	CHECK_IS(fcntl(c.fd[0], F_SETFL, O_RDWR | O_ASYNC), 0);
	for (int i = 0; i < 3; i++) {
		uint32_t port;

		CHECK_IS(evtchn_notify(peer, c.fd[1], c.port[1]), 0);
		CHECK_IS(sigtimedwait(&set, &info, &patience), SIGIO);
		CHECK_IS(call_poll(HERE, c.fd[0], POLLIN, 20000), POLLIN);
		CHECK_IS(call_read(HERE, c.fd[0], &port, 4), 4);
		CHECK_IS(port, c.port[0]);
		/* What a write to the file may raise is not of interest. */
		CHECK_IS(call_write(HERE, c.fd[0], &port, 4), 4);
		while (sigtimedwait(&set, &info, &(struct timespec){0}) == SIGIO)
			;
	}
	CHECK_IS(fcntl(c.fd[0], F_SETFL, O_RDWR), 0);
}

static void on_signal(int signal)
{
	siglongjmp(out, signal);
}

static void by_jump(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	uint32_t port;

	CHECK_IS(sigaction(SIGUSR2, &action, NULL), 0);
	for (volatile int i = 0; i < 5; i++) {
		timer_t timer;
		struct sigevent how = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
		struct itimerspec when = {.it_value = {.tv_nsec = 2000000}};

		CHECK_IS(timer_create(CLOCK_MONOTONIC, &how, &timer), 0);
		if (!sigsetjmp(out, 1)) {
			CHECK_IS(timer_settime(timer, 0, &when, NULL), 0);
			read(c.fd[0], &port, sizeof(port));
			CHECK(false, "the read returned");
		}
		CHECK_IS(timer_delete(timer), 0);
		notify_and_take();
	}
}

static void *reader(void *arg)
{
	uint32_t port;

	(void)arg;
	for (;;)
		read(c.fd[0], &port, sizeof(port));
	return NULL;
}

static void by_cancelling(void)
{
	for (int i = 0; i < 5; i++) {
		pthread_t thread;
		void *result;

		CHECK_IS(pthread_create(&thread, NULL, reader, NULL), 0);
		CHECK_IS(pthread_cancel(thread), 0);
		CHECK_IS(pthread_join(thread, &result), 0);
		CHECK(result == PTHREAD_CANCELED, "the thread returned");
		notify_and_take();
	}
}

void test(void)
{
	peer = peer_start(them());
	c = connect_channel(HERE, us(), peer, them());
	by_signal();
	by_jump();
	by_cancelling();
}
