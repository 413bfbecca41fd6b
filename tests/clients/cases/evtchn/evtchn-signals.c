/* SPDX-License-Identifier: MIT */
/*
 * A signal that is handled interrupts a waiting read with EINTR, or, with SA_RESTART, does not;
 * no event is lost either way.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static struct peer *peer;
static struct channel c;
static atomic_int handled, returned;
static long result;
static uint32_t port;

static void on_signal(int signal)
{
	(void)signal;
	handled++;
}

static void *reader(void *arg)
{
	(void)arg;
	result = call_read(HERE, c.fd[0], &port, sizeof(port));
	returned = 1;
	return NULL;
}

/* Starts a reader and signals it until it returns, or until it has handled this many. */
static pthread_t signalled_reader(int flags, int enough)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
	pthread_t thread;

	sigaction(SIGUSR1, &action, NULL);
	handled = returned = 0;
	CHECK_IS(pthread_create(&thread, NULL, reader, NULL), 0);
	while (!returned && handled < enough) {
		CHECK_IS(pthread_kill(thread, SIGUSR1), 0);
		usleep(1000);
	}
	return thread;
}

void test(void)
{
	pthread_t thread;

	peer = peer_start(them());
	c = connect_channel(HERE, us(), peer, them());
	for (int i = 0; i < 5; i++) {
		thread = signalled_reader(0, 1000000);
		CHECK_IS(pthread_join(thread, NULL), 0);
		CHECK_IS(result, -EINTR);
		CHECK_IS(evtchn_notify(peer, c.fd[1], c.port[1]), 0);
		CHECK_IS(evtchn_take(HERE, c.fd[0]), c.port[0]);

		thread = signalled_reader(SA_RESTART, 20);
		CHECK(!returned, "the read returned %ld", result);
		CHECK_IS(evtchn_notify(peer, c.fd[1], c.port[1]), 0);
		CHECK_IS(pthread_join(thread, NULL), 0);
		CHECK_IS(result, sizeof(port));
		CHECK_IS(port, c.port[0]);
		CHECK_IS(call_write(HERE, c.fd[0], &port, sizeof(port)), sizeof(port));
	}
	evtchn_quiet(HERE, c.fd[0]);
}
