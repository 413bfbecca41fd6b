/* SPDX-License-Identifier: MIT */
/*
 * A read of an empty ring waits, or with O_NONBLOCK says EAGAIN; the flag belongs to the open file
 * and can change. An event wakes one of the readers that wait.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum {
	READERS = 3,
	ROUNDS = 30,
};

static struct peer *peer;
static struct channel c;
static atomic_int taken;

static void *reader(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t port;

		CHECK_IS(read(c.fd[0], &port, sizeof(port)), sizeof(port));
		CHECK_IS(port, c.port[0]);
		taken++;
		CHECK_IS(write(c.fd[0], &port, sizeof(port)), sizeof(port));
	}
	return NULL;
}

static void set_nonblocking(int fd, bool on)
{
	CHECK_IS(fcntl(fd, F_SETFL, on ? O_RDWR | O_NONBLOCK : O_RDWR), 0);
	CHECK_IS(fcntl(fd, F_GETFL) & (O_NONBLOCK | O_ACCMODE), on ? O_RDWR | O_NONBLOCK : O_RDWR);
}

void test(void)
{
	pthread_t threads[READERS];
	uint32_t port;
	int copy;

	peer = peer_start(them());
	c = connect_channel(HERE, us(), peer, them());
	copy = dup(c.fd[0]);
	set_nonblocking(copy, true);
	CHECK_IS(call_read(HERE, c.fd[0], &port, 4), -EAGAIN);
	CHECK_IS(evtchn_notify(peer, c.fd[1], c.port[1]), 0);
	evtchn_settle(HERE, c.fd[0]);
	CHECK_IS(call_read(HERE, c.fd[0], &port, 4), 4);
	CHECK_IS(call_write(HERE, c.fd[0], &port, 4), 4);
	CHECK_IS(call_read(HERE, copy, &port, 4), -EAGAIN);
	set_nonblocking(c.fd[0], false);

	/* Each event is taken by one reader; the next is sent when it was. */
	for (int i = 0; i < READERS; i++)
		CHECK_IS(pthread_create(&threads[i], NULL, reader, NULL), 0);
	for (int i = 0; i < READERS * ROUNDS; i++) {
		CHECK_IS(evtchn_notify(peer, c.fd[1], c.port[1]), 0);
		while (taken <= i)
			usleep(50);
		CHECK_IS(taken, i + 1);
	}
	for (int i = 0; i < READERS; i++)
		CHECK_IS(pthread_join(threads[i], NULL), 0);
	evtchn_quiet(HERE, c.fd[0]);
}
