/* SPDX-License-Identifier: MIT */
/* Handles: what is no handle, threads, fork(). */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void not_a_handle(void)
{
	static uintptr_t values[] = {0,         1,      2, 3, 0x1000, 0x7FFFFFFF,   ~0UL, ~0UL - 1,
				     1UL << 24, 0xDEAD, 5, 7, 9,      1UL << 25 | 1};

	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		void *p = (void *)values[i];

		CHECK_FAILS(gnttab_unmap(p), EBADF);
		CHECK_FAILS(gntshr_unshare(p), EBADF);
		CHECK_NULL(gnttab_bytes(p), EBADF);
		CHECK_FAILS(gnttab_close(p), EBADF);
		CHECK_FAILS(gntshr_close(p), EBADF);
		CHECK_FAILS(evtchn_close(p), EBADF);
	}
	/* A real address is none either, and is not looked at. */
	CHECK_FAILS(gnttab_close((struct gnttab *)(void *)values), EBADF);
	/* Nor a handle of another kind. */
	CHECK_FAILS(gnttab_close((struct gnttab *)(void *)shr), EBADF);
	CHECK_FAILS(gntshr_close((struct gntshr *)(void *)events), EBADF);
	CHECK_FAILS(gnttab_unmap((struct gnttab_mapping *)(void *)tab), EBADF);
}

/* A handle whose place in the table has been used again many times is still none. */
static void a_handle_is_never_given_twice(void)
{
	struct gnttab *old = gnttab_open(), *g;

	CHECK(old);
	CHECK_EQUAL(gnttab_close(old), 0);
	for (unsigned i = 0; i < 1000; i++) {
		g = gnttab_open();
		CHECK(g && g != old);
		CHECK_FAILS(gnttab_close(old), EBADF);
		CHECK_EQUAL(gnttab_close(g), 0);
	}
}

/* Threads that all use and end the same handles: each end succeeds once. */
#define N_THREADS 4
#define N_ROUNDS  60
static struct gnttab *raced;
static struct gnttab_mapping *raced_mapping;
static unsigned unmapped, closed;
static uint32_t raced_ref;
static pthread_barrier_t barrier;

static void *race(void *number)
{
	for (unsigned i = 0; i < N_ROUNDS; i++) {
		if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
			raced = gnttab_open();
			raced_mapping = gnttab_map(raced, peer_domid, raced_ref, true);
			CHECK(raced_mapping);
		}
		pthread_barrier_wait(&barrier);
		gnttab_map(raced, peer_domid, raced_ref, true);
		gnttab_set_notify(raced_mapping, &(struct gnttab_notify){1, 0, 0});
		gnttab_length(raced_mapping);
		if (*(int *)number % 2 == 0 && gnttab_unmap(raced_mapping) == 0)
			__atomic_add_fetch(&unmapped, 1, __ATOMIC_RELAXED);
		if (gnttab_close(raced) == 0)
			__atomic_add_fetch(&closed, 1, __ATOMIC_RELAXED);
		else
			CHECK_EQUAL(errno, EBADF);
	}
	return NULL;
}

static void threads_end_the_same_handles(void)
{
	int numbers[N_THREADS];
	pthread_t t[N_THREADS];

	raced_ref = peer_shares(1);
	unmapped = closed = 0;
	pthread_barrier_init(&barrier, NULL, N_THREADS);
	for (int i = 0; i < N_THREADS; i++) {
		numbers[i] = i;
		CHECK_EQUAL(pthread_create(&t[i], NULL, race, &numbers[i]), 0);
	}
	for (int i = 0; i < N_THREADS; i++)
		CHECK_EQUAL(pthread_join(t[i], NULL), 0);
	pthread_barrier_destroy(&barrier);
	CHECK_EQUAL(closed, N_ROUNDS);
	CHECK(unmapped <= N_ROUNDS);
	check_nothing_mapped(1, &raced_ref);
}

static void a_child_closes_for_itself(void)
{
	struct gnttab_mapping *m = gnttab_map(tab, peer_domid, peer_shares(1), true);
	unsigned char *bytes = gnttab_bytes(m);
	uint32_t theirs, port = connected_port(&theirs), got;
	int status;
	pid_t pid;

	bytes[0] = 1;
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		/* The peer is the parent's: a CHECK that failed here would tell it nothing. */
		if (gnttab_close(tab) || gntshr_close(shr) || evtchn_close(events))
			_exit(1);
		/* Not exit(): a sanitizer's look for leaks cannot be trusted in a child of threads. */
		_exit(gnttab_unmap(m) == -EBADF ? 0 : 1);
	}
	CHECK_EQUAL(waitpid(pid, &status, 0), pid);
	CHECK_EQUAL(status, 0);
	bytes[1] = 2;
	CHECK_EQUAL(peer_ask(peer, "peek 1"), 2);
	CHECK_EQUAL(peer_ask(peer, "signal %u", theirs), 0);
	CHECK_EQUAL(evtchn_wait(events, 5000, &got), 0);
	CHECK_EQUAL(got, port);
	check_no_event();
	CHECK_EQUAL(gnttab_unmap(m), 0);
}

/* PV leaves gntdev's mappings out of a fork, PVH does not: the header says so. */
static void a_child_and_the_memory(void)
{
	struct gnttab_mapping *m = gnttab_map(tab, peer_domid, peer_shares(1), true);
	int status, signal;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		signal = signal_of_store(gnttab_bytes(m));
		_exit(signal ? 1 : 0);
	}
	CHECK_EQUAL(waitpid(pid, &status, 0), pid);
	CHECK_EQUAL(WEXITSTATUS(status), pv ? 1 : 0);
	CHECK_EQUAL(gnttab_unmap(m), 0);
}

const struct test_case handle_cases[] = {
    {"not-a-handle", not_a_handle},
    {"a-handle-is-never-given-twice", a_handle_is_never_given_twice},
    {"threads-end-the-same-handles", threads_end_the_same_handles},
    {"a-child-closes-for-itself", a_child_closes_for_itself},
    {"a-child-and-the-memory", a_child_and_the_memory},
    {0},
};
