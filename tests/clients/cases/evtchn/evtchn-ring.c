/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing evtchn: whole ports, in order, each once until it is written back; UNBIND
 * leaves what is queued, RESET does not.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

enum {
	PORTS = 8,
};

static struct peer *peer;
static int fd, theirs;
static uint32_t mine[PORTS], other[PORTS];

static long take(void *buf, size_t count)
{
	evtchn_settle(HERE, fd);
	return call_read(HERE, fd, buf, count);
}

static void connect_all(void)
{
	for (unsigned i = 0; i < PORTS; i++) {
		int port = evtchn_bind_unbound(HERE, fd, them()->id);

		CHECK(port > 0, "bind: %d", port);
		mine[i] = (uint32_t)port;
		port = evtchn_bind_interdomain(peer, theirs, us()->id, mine[i]);
		CHECK(port > 0, "bind: %d", port);
		other[i] = (uint32_t)port;
		CHECK_IS(evtchn_take(peer, theirs), port);
	}
}

static void notify(unsigned i)
{
	CHECK_IS(evtchn_notify(peer, theirs, other[i]), 0);
}

static void counts(void)
{
	uint32_t got[PORTS + 1] = {0};
	char bytes[8];

	CHECK_IS(take(got, sizeof(got)), -EAGAIN);
	CHECK_IS(take(got, 3), 0);
	CHECK_IS(take(got, 0), 0);
	notify(2);
	notify(0);
	notify(1);
	notify(2);
	CHECK_IS(take(bytes, 3), 0);
	CHECK_IS(take(got, 7), 4);
	CHECK_IS(got[0], mine[2]);
	CHECK_IS(take(got, sizeof(got)), 8);
	CHECK_IS(got[0], mine[0]);
	CHECK_IS(got[1], mine[1]);
	CHECK_IS(take(got, sizeof(got)), -EAGAIN);

	/* Written back: the second event of port 2 comes now, the others had none. */
	CHECK_IS(call_write(HERE, fd, mine, 3), 0);
	CHECK_IS(call_write(HERE, fd, mine, 14), 12);
	CHECK_IS(take(got, sizeof(got)), 4);
	CHECK_IS(got[0], mine[2]);
	CHECK_IS(call_write(HERE, fd, got, 4), 4);
	CHECK_IS(call_write(HERE, fd, got, 4), 4);
	CHECK_IS(take(got, sizeof(got)), -EAGAIN);
}

static void strangers(void)
{
	static uint32_t many[1100];

	for (unsigned i = 0; i < 1100; i++)
		many[i] = 100000 + i;
	CHECK_IS(call_write(HERE, fd, many, sizeof(many)), 4096);
	notify(4);
	CHECK_IS(take(many, sizeof(many)), 4);
	CHECK_IS(many[0], mine[4]);
	CHECK_IS(call_write(HERE, fd, mine, 4), 4); /* another port than the one that came */
	notify(4);
	CHECK_IS(take(many, sizeof(many)), -EAGAIN);
	CHECK_IS(call_write(HERE, fd, &mine[4], 4), 4);
	CHECK_IS(take(many, sizeof(many)), 4);
	CHECK_IS(call_write(HERE, fd, &mine[4], 4), 4);
}

static void unbind_and_reset(void)
{
	uint32_t got[PORTS];

	notify(5);
	notify(6);
	CHECK_IS(evtchn_unbind(HERE, fd, mine[5]), 0);
	CHECK_IS(take(got, sizeof(got)), 8);
	CHECK_IS(got[0], mine[5]);
	CHECK_IS(got[1], mine[6]);
	CHECK_IS(call_write(HERE, fd, got, 8), 8);
	notify(6);
	notify(7);
	CHECK_IS(call_ioctl(HERE, fd, IOCTL_EVTCHN_RESET, NULL, 0), 0);
	CHECK_IS(take(got, sizeof(got)), -EAGAIN);
	CHECK_IS(call_poll(HERE, fd, POLLIN, 0), 0);
	CHECK_IS(call_write(HERE, fd, &mine[6], 8), 8);
	CHECK_IS(take(got, sizeof(got)), -EAGAIN);
	notify(7);
	CHECK_IS(take(got, sizeof(got)), 4);
	CHECK_IS(got[0], mine[7]);
}

static void access_mode(void)
{
	int in = call_open(HERE, "/dev/xen/evtchn", O_RDONLY | O_NONBLOCK);
	int out = call_open(HERE, "/dev/xen/evtchn", O_WRONLY);
	uint32_t port = 1;

	CHECK(in >= 0 && out >= 0, "open: %d %d", in, out);
	CHECK_IS(call_write(HERE, in, &port, 4), -EBADF);
	CHECK_IS(call_read(HERE, in, &port, 4), -EAGAIN);
	CHECK_IS(call_read(HERE, out, &port, 4), -EBADF);
	CHECK_IS(call_write(HERE, out, &port, 4), 4);
}

void test(void)
{
	peer = peer_start(them());
	theirs = device_open(peer, "evtchn");
	fd = call_open(HERE, "/dev/xen/evtchn", O_RDWR | O_NONBLOCK);
	CHECK(fd >= 0, "open: %d", fd);
	connect_all();
	counts();
	strangers();
	unbind_and_reset();
	access_mode();
}
