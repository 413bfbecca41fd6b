/* SPDX-License-Identifier: MIT */
/* Events. */
#define _GNU_SOURCE
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void both_ways(void)
{
	uint32_t theirs, port = connected_port(&theirs), got = 0;

	check_no_event();
	CHECK_EQUAL(peer_ask(peer, "signal %u", theirs), 0);
	CHECK_EQUAL(evtchn_wait(events, 5000, &got), 0);
	CHECK_EQUAL(got, port);
	check_no_event();
	/* Taking it let the next come. */
	CHECK_EQUAL(peer_ask(peer, "signal %u", theirs), 0);
	CHECK_EQUAL(peer_ask(peer, "signal %u", theirs), 0);
	CHECK_EQUAL(evtchn_wait(events, -1, &got), 0);
	CHECK_EQUAL(evtchn_notify(events, port), 0);
	CHECK_EQUAL(peer_ask(peer, "await 5000"), 0);
	CHECK_EQUAL(peer_number(peer, 0), theirs);
}

static void binder_has_one_event(void)
{
	uint32_t port, got;

	CHECK_EQUAL(peer_ask(peer, "offer %u", own_domid), 0);
	CHECK_EQUAL(evtchn_bind_interdomain(events, peer_domid, peer_number(peer, 0), &port), 0);
	CHECK_EQUAL(evtchn_wait(events, 5000, &got), 0);
	CHECK_EQUAL(got, port);
	CHECK_EQUAL(peer_ask(peer, "await 0"), -ETIMEDOUT);
	/* Bound already. */
	CHECK_FAILS(evtchn_bind_interdomain(events, peer_domid, peer_number(peer, 0), &port),
		    EINVAL);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void timeout(void)
{
	int64_t start = now_ms();
	uint32_t got = 99;

	CHECK_FAILS(evtchn_wait(events, 60, &got), ETIMEDOUT);
	CHECK(now_ms() - start >= 60);
	CHECK_EQUAL(got, 99);
}

static void descriptor_for_poll(void)
{
	uint32_t theirs, got;
	struct pollfd p = {.events = POLLIN};

	connected_port(&theirs);
	p.fd = evtchn_fd(events);
	CHECK(p.fd >= 0);
	CHECK_EQUAL(poll(&p, 1, 0), 0);
	CHECK_EQUAL(peer_ask(peer, "signal %u", theirs), 0);
	CHECK_EQUAL(poll(&p, 1, 5000), 1);
	CHECK_EQUAL(p.revents, POLLIN);
	CHECK_EQUAL(evtchn_wait(events, 0, &got), 0);
	CHECK_EQUAL(poll(&p, 1, 0), 0);
}

static void mistakes(void)
{
	uint32_t port;

	CHECK_FAILS(evtchn_bind_interdomain(events, 0x7FE0, 1, &port), ESRCH);
	CHECK_FAILS(evtchn_bind_interdomain(events, peer_domid, 1000, &port), EINVAL);
	CHECK_FAILS(evtchn_notify(events, 1000), ENOTCONN);
	CHECK_FAILS(evtchn_bind_unbound(events, peer_domid, NULL), EFAULT);
	CHECK_FAILS(evtchn_bind_interdomain(events, peer_domid, 1, NULL), EFAULT);
	CHECK_FAILS(evtchn_wait(events, 0, NULL), EFAULT);
	CHECK_EQUAL(evtchn_bind_unbound(events, peer_domid, &port), 0);
	CHECK_EQUAL(evtchn_notify(events, port), 0);
	CHECK_EQUAL(evtchn_unbind(events, port), 0);
	CHECK_FAILS(evtchn_unbind(events, port), ENOTCONN);
	CHECK_FAILS(evtchn_unbind(events, 1000000), EINVAL);
	CHECK_FAILS(evtchn_notify(events, port), ENOTCONN);
}

static void after_close(void)
{
	uint32_t port;

	CHECK_EQUAL(evtchn_close(events), 0);
	CHECK_FAILS(evtchn_close(events), EBADF);
	CHECK_FAILS(evtchn_bind_unbound(events, peer_domid, &port), EBADF);
	CHECK_FAILS(evtchn_bind_interdomain(events, peer_domid, 1, &port), EBADF);
	CHECK_FAILS(evtchn_unbind(events, 1), EBADF);
	CHECK_FAILS(evtchn_notify(events, 1), EBADF);
	CHECK_FAILS(evtchn_wait(events, -1, &port), EBADF);
	CHECK_FAILS(evtchn_reset(events), EBADF);
	CHECK_FAILS(evtchn_enable(events, 1), EBADF);
	CHECK_FAILS(evtchn_fd(events), EBADF);
}

static void reset_forgets(void)
{
	uint32_t theirs, port = connected_port(&theirs), got;

	CHECK_EQUAL(peer_ask(peer, "signal %u", theirs), 0);
	CHECK_EQUAL(evtchn_reset(events), 0);
	check_no_event();
	/* The port has none until it is enabled. */
	CHECK_EQUAL(peer_ask(peer, "signal %u", theirs), 0);
	check_no_event();
	CHECK_EQUAL(evtchn_enable(events, port), 0);
	CHECK_EQUAL(evtchn_wait(events, 5000, &got), 0);
	CHECK_EQUAL(got, port);
	CHECK_EQUAL(evtchn_enable(events, 3000), 0);
}

static void lost_events(void)
{
	uint32_t offered, port;
	struct pollfd p = {.fd = evtchn_fd(events), .events = POLLIN};

	CHECK_EQUAL(peer_ask(peer, "offer %u", own_domid), 0);
	offered = peer_number(peer, 0);
	for (unsigned i = 0; i < 70; i++) {
		CHECK_EQUAL(evtchn_bind_interdomain(events, peer_domid, offered, &port), 0);
		CHECK_EQUAL(evtchn_unbind(events, port), 0);
	}
	CHECK_EQUAL(poll(&p, 1, 0), 1);
	CHECK_EQUAL(p.revents, POLLERR);
	CHECK_FAILS(evtchn_wait(events, 0, &port), EFBIG);
	CHECK_EQUAL(evtchn_reset(events), 0);
	check_no_event();
}

/* A thread that waits for an event. */
struct waiter {
	pthread_t thread;
	int timeout_ms, status;
	pid_t id; /* once it runs */
};

static sem_t taken;

static void *wait_once(void *waiter)
{
	struct waiter *w = waiter;
	uint32_t port;

	__atomic_store_n(&w->id, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	w->status = evtchn_wait(events, w->timeout_ms, &port);
	if (w->status == 0)
		sem_post(&taken);
	return NULL;
}

/* Is the thread in poll()? -1: it has ended. */
static int is_in_poll(const struct waiter *w)
{
	pid_t id = __atomic_load_n(&w->id, __ATOMIC_ACQUIRE);
	char path[64], line[32] = "";
	FILE *f;

	if (!id)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", id);
	f = fopen(path, "r");
	if (!f)
		return -1;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
#ifdef SYS_poll
	return atoi(line) == SYS_poll;
#else /* arm64: poll() is ppoll's there */
	return atoi(line) == SYS_ppoll;
#endif
}

/* Until this many of the threads are. */
static void await_in_poll(const struct waiter *w, unsigned n, unsigned n_waiting)
{
	int64_t end = now_ms() + 5000;
	unsigned found;

	do {
		CHECK(now_ms() < end);
		found = 0;
		for (unsigned i = 0; i < n; i++)
			found += is_in_poll(&w[i]) == 1;
		sched_yield();
	} while (found != n_waiting);
}

static void start_waiting(struct waiter *w, unsigned n, int timeout_ms)
{
	for (unsigned i = 0; i < n; i++) {
		w[i] = (struct waiter){.timeout_ms = timeout_ms, .status = 1};
		CHECK_EQUAL(pthread_create(&w[i].thread, NULL, wait_once, &w[i]), 0);
	}
}

static void join(struct waiter *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		CHECK_EQUAL(pthread_join(w[i].thread, NULL), 0);
}

static void close_wakes(void)
{
	struct waiter w[3];

	start_waiting(w, 3, -1);
	await_in_poll(w, 3, 3);
	CHECK_EQUAL(evtchn_close(events), 0);
	join(w, 3);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQUAL(w[i].status, -EBADF);
}

static void *close_in_its_end(void *unused)
{
	(void)unused;
	CHECK_EQUAL(pthread_cancel(pthread_self()), 0);
	CHECK_EQUAL(evtchn_close(events), 0);
	pthread_testcancel();
	return NULL;
}

/* Though the thread that closes is to be cancelled at the next occasion. */
static void a_cancelled_close_wakes(void)
{
	struct waiter w;
	void *result;
	pthread_t t;

	start_waiting(&w, 1, -1);
	await_in_poll(&w, 1, 1);
	CHECK_EQUAL(pthread_create(&t, NULL, close_in_its_end, NULL), 0);
	CHECK_EQUAL(pthread_join(t, &result), 0);
	CHECK(result == PTHREAD_CANCELED);
	join(&w, 1);
	CHECK_EQUAL(w.status, -EBADF);
}

/* A thread that is cancelled while it waits takes no event along, nor the interface. */
static void a_wait_is_cancelled(void)
{
	int fd = evtchn_fd(events);
	uint32_t theirs, port = connected_port(&theirs), got;
	struct waiter w;
	void *result;

	start_waiting(&w, 1, -1);
	await_in_poll(&w, 1, 1);
	CHECK_EQUAL(pthread_cancel(w.thread), 0);
	CHECK_EQUAL(pthread_join(w.thread, &result), 0);
	CHECK(result == PTHREAD_CANCELED);
	CHECK_EQUAL(w.status, 1);
	CHECK_EQUAL(peer_ask(peer, "signal %u", theirs), 0);
	CHECK_EQUAL(evtchn_wait(events, 5000, &got), 0);
	CHECK_EQUAL(got, port);
	CHECK_EQUAL(evtchn_close(events), 0);
	CHECK_EQUAL(fcntl(fd, F_GETFD), -1);
}

static void await_taken(void)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 5;
	CHECK_EQUAL(sem_timedwait(&taken, &end), 0);
}

/* All see it come, one takes it, and the others go on waiting... */
static void one_event_for_many_threads(void)
{
	uint32_t theirs;
	struct waiter w[4];

	connected_port(&theirs);
	CHECK_EQUAL(sem_init(&taken, 0, 0), 0);
	for (unsigned round = 0; round < 8; round++) {
		start_waiting(w, 4, -1);
		for (unsigned left = 4; left > 0; left--) {
			await_in_poll(w, 4, left);
			CHECK_EQUAL(peer_ask(peer, "signal %u", theirs), 0);
			await_taken();
			CHECK(sem_trywait(&taken) < 0);
		}
		join(w, 4);
		check_no_event();
	}
}

/* ...no longer than they said. */
static void many_threads_and_a_timeout(void)
{
	uint32_t theirs, port;
	struct waiter w[4];
	int64_t start = now_ms();
	unsigned n_taken = 0;

	connected_port(&theirs);
	CHECK_EQUAL(sem_init(&taken, 0, 0), 0);
	start_waiting(w, 4, 200);
	CHECK_EQUAL(peer_ask(peer, "signal %u", theirs), 0);
	join(w, 4);
	CHECK(now_ms() - start >= 200);
	for (unsigned i = 0; i < 4; i++) {
		n_taken += w[i].status == 0;
		CHECK(w[i].status == 0 || w[i].status == -ETIMEDOUT);
	}
	/* A slow machine may bring it after the wait. */
	if (n_taken == 0)
		n_taken += evtchn_wait(events, 5000, &port) == 0;
	CHECK_EQUAL(n_taken, 1);
	check_no_event();
}

/* The thread that waits is the parent's: the child's close is not put off for it. */
static void a_child_of_a_process_that_waits(void)
{
	int fd = evtchn_fd(events), status;
	struct waiter w;
	pid_t pid;

	start_waiting(&w, 1, -1);
	await_in_poll(&w, 1, 1);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(evtchn_close(events) || fcntl(fd, F_GETFD) != -1);
	CHECK_EQUAL(waitpid(pid, &status, 0), pid);
	CHECK_EQUAL(status, 0);
	await_in_poll(&w, 1, 1);
	CHECK_EQUAL(evtchn_close(events), 0);
	join(&w, 1);
	CHECK_EQUAL(w.status, -EBADF);
	CHECK_EQUAL(fcntl(fd, F_GETFD), -1);
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void signal_wakes(void)
{
	struct sigaction action = {.sa_handler = on_alarm};
	timer_t timer;
	/* Again and again: the first may come before the wait. */
	struct itimerspec when = {.it_value.tv_nsec = 30000000, .it_interval.tv_nsec = 30000000};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	uint32_t port;

	sigaction(SIGUSR1, &action, NULL);
	CHECK_EQUAL(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	CHECK_EQUAL(timer_settime(timer, 0, &when, NULL), 0);
	CHECK_FAILS(evtchn_wait(events, 5000, &port), EINTR);
	timer_delete(timer);
}

static int bind_and_fail(struct evtchn *e, void *seen)
{
	uint32_t port;

	*(struct evtchn **)seen = e;
	return evtchn_bind_unbound(e, peer_domid, &port) ? 0 : -EDOM;
}

static struct evtchn *scoped(void)
{
	EVTCHN_AUTO_CLOSE struct evtchn *e = evtchn_open();

	CHECK(e);
	return e;
}

static void scoped_calls(void)
{
	struct evtchn *seen;

	CHECK_EQUAL(evtchn_with(bind_and_fail, &seen), -EDOM);
	CHECK_FAILS(evtchn_close(seen), EBADF);
	CHECK_FAILS(evtchn_close(scoped()), EBADF);
	CHECK_FAILS(evtchn_try_open(NULL), EFAULT);
}

const struct test_case evtchn_cases[] = {
    {"both-ways", both_ways},
    {"binder-has-one-event", binder_has_one_event},
    {"timeout", timeout},
    {"descriptor-for-poll", descriptor_for_poll},
    {"evtchn-mistakes", mistakes},
    {"evtchn-after-close", after_close},
    {"reset-forgets", reset_forgets},
    {"lost-events", lost_events},
    {"close-wakes", close_wakes},
    {"a-cancelled-close-wakes", a_cancelled_close_wakes},
    {"a-wait-is-cancelled", a_wait_is_cancelled},
    {"one-event-for-many-threads", one_event_for_many_threads},
    {"many-threads-and-a-timeout", many_threads_and_a_timeout},
    {"a-child-of-a-process-that-waits", a_child_of_a_process_that_waits},
    {"signal-wakes", signal_wakes},
    {"evtchn-scoped-calls", scoped_calls},
    {0},
};
