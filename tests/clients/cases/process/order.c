/* SPDX-License-Identifier: MIT */
/*
 * When a call has returned, what it did is there for everybody: the event it sent can be read, the
 * byte is cleared, the port is free, the grant ended. Nobody has to wait or to ask again.
 */
#include "check.h"
#include "device.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>

enum {
	ROUNDS = 300,
};

static struct peer *peer;

static void events(void)
{
	struct channel c = connect_channel(HERE, us(), peer, them());

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t port;

		CHECK_IS(evtchn_notify(peer, c.fd[1], c.port[1]), 0);
		CHECK_IS(call_poll(HERE, c.fd[0], POLLIN, 0), POLLIN);
		CHECK_IS(call_read(HERE, c.fd[0], &port, 4), 4);
		CHECK_IS(evtchn_notify(peer, c.fd[1], c.port[1]), 0);
		CHECK_IS(call_write(HERE, c.fd[0], &port, 4), 4);
		CHECK_IS(call_poll(HERE, c.fd[0], POLLIN, 0), POLLIN);
		CHECK_IS(call_read(HERE, c.fd[0], &port, 4), 4);
		CHECK_IS(call_write(HERE, c.fd[0], &port, 4), 4);
	}
	CHECK_IS(call_close(HERE, c.fd[0]), 0);
	CHECK_IS(call_close(peer, c.fd[1]), 0);
}

static void notifications(bool by_close)
{
	for (int i = 0; i < ROUNDS / 10; i++) {
		struct shared_page page = share_page(peer, us(), true);
		struct watch w = watch_start(HERE, us(), peer, them(), page.addr + 30);
		struct mapped_page map = map_page(HERE, them(), page.ref, PROT_READ | PROT_WRITE);

		CHECK_IS(gntdev_notify(HERE, map.fd, map.index + 30, 3, w.port), 0);
		CHECK_IS(call_munmap(HERE, map.addr, PAGE), 0);
		if (!by_close)
			CHECK_IS(gntdev_unmap(HERE, map.fd, map.index, 1), 0);
		CHECK_IS(call_close(HERE, map.fd), 0);
		CHECK_IS(call_poll(peer, w.channel.fd[1], POLLIN, 0), POLLIN);
		CHECK_IS(load_byte(peer, page.addr + 30), 0);
		CHECK_IS(call_close(HERE, w.channel.fd[0]), 0);
		CHECK_IS(call_close(peer, w.channel.fd[1]), 0);
		CHECK_IS(call_munmap(peer, page.addr, PAGE), 0);
		CHECK_IS(call_close(peer, page.fd), 0);
	}
}

/* The lowest free port is the one that was just closed. */
static void ports(void)
{
	int other = device_open(peer, "evtchn");

	for (int i = 0; i < ROUNDS / 10; i++) {
		int fd = device_open(peer, "evtchn");
		int port = evtchn_bind_unbound(peer, fd, us()->id);

		CHECK(port > 0, "bind: %d", port);
		CHECK_IS(call_close(peer, fd), 0);
		CHECK_IS(evtchn_bind_unbound(peer, other, us()->id), port);
		CHECK_IS(evtchn_unbind(peer, other, (uint32_t)port), 0);
	}
	CHECK_IS(call_close(peer, other), 0);
}

static void grants(void)
{
	for (int i = 0; i < ROUNDS / 10; i++) {
		struct shared_page page = share_page(peer, us(), true);
		struct ioctl_gntdev_grant_ref grant = {them()->id, page.ref};
		int fd = device_open(HERE, "gntdev");
		uint64_t index;

		CHECK_IS(call_munmap(peer, page.addr, PAGE), 0);
		CHECK_IS(call_close(peer, page.fd), 0);
		CHECK_IS(gntdev_map(HERE, fd, 1, &grant, &index), 0);
		CHECK_IS(device_mmap(HERE, fd, index, 1, PROT_READ), -22);
		CHECK_IS(call_close(HERE, fd), 0);
	}
}

void test(void)
{
	peer = peer_start(them());
	events();
	notifications(false);
	notifications(true);
	ports();
	grants();
}
