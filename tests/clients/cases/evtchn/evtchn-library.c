/* SPDX-License-Identifier: MIT */
/*
 * libxenevtchn: binding, notifying and taking events in both directions. An event that comes
 * while its port is masked waits, and any number of them is one.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <xenevtchn.h>

static bool pending(xenevtchn_handle *xce)
{
	struct pollfd p = {.fd = xenevtchn_fd(xce), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

void test(void)
{
	struct peer *peer = peer_start(them());
	xenevtchn_handle *xce = xenevtchn_open(NULL, 0);
	int fd = device_open(peer, "evtchn");
	int port, other, theirs;

	CHECK(xce, "open");
	port = xenevtchn_bind_unbound_port(xce, them()->id);
	CHECK(port > 0, "bind: %d", port);
	theirs = evtchn_bind_interdomain(peer, fd, us()->id, (uint32_t)port);
	CHECK(theirs > 0, "their bind: %d", theirs);
	CHECK_IS(evtchn_take(peer, fd), theirs);
	CHECK(!pending(xce), "the unbound side has an event");

	CHECK_IS(xenevtchn_notify(xce, (uint32_t)port), 0);
	CHECK_IS(evtchn_take(peer, fd), theirs);
	CHECK_IS(evtchn_notify(peer, fd, (uint32_t)theirs), 0);
	CHECK_IS(xenevtchn_pending(xce), port);

	/* Masked now: two more are one, and it comes at the unmask. */
	CHECK_IS(evtchn_notify(peer, fd, (uint32_t)theirs), 0);
	CHECK_IS(evtchn_notify(peer, fd, (uint32_t)theirs), 0);
	CHECK(!pending(xce), "a masked port has an event");
	CHECK_IS(xenevtchn_unmask(xce, (uint32_t)port), 0);
	CHECK_IS(xenevtchn_pending(xce), port);
	CHECK_IS(xenevtchn_unmask(xce, (uint32_t)port), 0);
	CHECK(!pending(xce), "two events are more than one");

	/* Our side binds: it is pending at once. */
	theirs = evtchn_bind_unbound(peer, fd, us()->id);
	CHECK(theirs > 0, "their bind: %d", theirs);
	other = xenevtchn_bind_interdomain(xce, them()->id, (uint32_t)theirs);
	CHECK(other > 0 && other != port, "bind: %d", other);
	CHECK_IS(xenevtchn_pending(xce), other);
	CHECK_IS(xenevtchn_unmask(xce, (uint32_t)other), 0);

	CHECK_IS(xenevtchn_unbind(xce, (uint32_t)port), 0);
	CHECK_IS(xenevtchn_unbind(xce, (uint32_t)port), -1);
	CHECK_IS(errno, ENOTCONN);
	CHECK_IS(xenevtchn_notify(xce, (uint32_t)port), -1);
	CHECK_IS(errno, ENOTCONN);
	CHECK_IS(xenevtchn_close(xce), 0);
	evtchn_quiet(peer, fd);
}
