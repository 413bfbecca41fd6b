/* SPDX-License-Identifier: MIT */
/*
 * poll and select on evtchn: always ready for writing, for reading while an event is queued; a
 * wait ends when an event comes.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/select.h>
#include <time.h>

#define ALL (POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLWRNORM)

static struct channel c;

static long notify(void *arg)
{
	const struct channel *channel = arg;

	return evtchn_notify(HERE, channel->fd[1], channel->port[1]);
}

static int selected(int fd, bool *in, bool *out, int timeout_ms)
{
	struct timeval timeout = {.tv_usec = timeout_ms * 1000};
	fd_set r, w, e;
	int n;

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&e);
	FD_SET(fd, &r);
	if (out)
		FD_SET(fd, &w);
	FD_SET(fd, &e);
	n = select(fd + 1, &r, &w, &e, timeout_ms < 0 ? NULL : &timeout);
	*in = FD_ISSET(fd, &r);
	if (out)
		*out = FD_ISSET(fd, &w);
	CHECK(!FD_ISSET(fd, &e), "an exception");
	return n;
}

void test(void)
{
	struct peer *peer = peer_start(them());
	const struct timespec patience = {.tv_sec = 20};
	struct pollfd both[2];
	bool in, out;
	uint32_t port;
	int other;

	c = connect_channel(HERE, us(), peer, them());

	CHECK_IS(call_poll(HERE, c.fd[0], ALL, 0), POLLOUT | POLLWRNORM);
	CHECK_IS(call_poll(HERE, c.fd[0], POLLIN, 5), 0);
	CHECK_IS(selected(c.fd[0], &in, &out, 0), 1);
	CHECK(!in && out, "select: in %d out %d", in, out);
	CHECK_IS(selected(c.fd[0], &in, NULL, 5), 0);

	CHECK_IS(evtchn_notify(peer, c.fd[1], c.port[1]), 0);
	evtchn_settle(HERE, c.fd[0]);
	CHECK_IS(call_poll(HERE, c.fd[0], ALL, 0), POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
	CHECK_IS(selected(c.fd[0], &in, &out, -1), 2);
	CHECK(in && out, "select: in %d out %d", in, out);
	CHECK_IS(call_read(HERE, c.fd[0], &port, 4), 4);
	CHECK_IS(call_poll(HERE, c.fd[0], ALL, 0), POLLOUT | POLLWRNORM);

	/* Masked: an event does not show until the port is written back. */
	CHECK_IS(evtchn_notify(peer, c.fd[1], c.port[1]), 0);
	evtchn_settle(HERE, c.fd[0]);
	CHECK_IS(call_poll(HERE, c.fd[0], POLLIN, 0), 0);
	CHECK_IS(call_write(HERE, c.fd[0], &port, 4), 4);
	evtchn_settle(HERE, c.fd[0]);
	CHECK_IS(call_poll(HERE, c.fd[0], POLLIN, 0), POLLIN);
	CHECK_IS(evtchn_take(HERE, c.fd[0]), c.port[0]);

	/* Waits that an event ends. */
	other = device_open(HERE, "evtchn");
	for (int i = 0; i < 20; i++) {
		both[0] = (struct pollfd){.fd = other, .events = POLLIN};
		both[1] = (struct pollfd){.fd = c.fd[0], .events = POLLIN};
		peer_begin(peer, notify, &c, sizeof(c));
		if (i % 2)
			CHECK_IS(poll(both, 2, 20000), 1);
		else
			CHECK_IS(ppoll(both, 2, &patience, NULL), 1);
		CHECK_IS(both[0].revents, 0);
		CHECK_IS(both[1].revents, POLLIN);
		CHECK_IS(peer_end(peer, &c, sizeof(c)), 0);
		CHECK_IS(evtchn_take(HERE, c.fd[0]), c.port[0]);
	}
}
