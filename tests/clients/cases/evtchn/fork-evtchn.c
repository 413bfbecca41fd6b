/* SPDX-License-Identifier: MIT */
/*
 * A forked child shares its parent's evtchn file: ports, ring and all; what one binds the other
 * can use, an event is read by one of them, and the ports close with the last of them.
 */
#include "check.h"
#include "device.h"

#include <errno.h>

void test(void)
{
	struct peer *peer = peer_start(them()), *parent = peer_start(us()), *child;
	int fd = device_open(parent, "evtchn"), theirs = device_open(peer, "evtchn");
	int before = evtchn_bind_unbound(parent, fd, them()->id), after, remote[2];
	uint32_t port;

	CHECK(before > 0, "bind: %d", before);
	child = peer_fork(parent);
	after = evtchn_bind_unbound(child, fd, them()->id);
	CHECK(after > 0, "bind: %d", after);
	remote[0] = evtchn_bind_interdomain(peer, theirs, us()->id, (uint32_t)before);
	CHECK_IS(evtchn_take(peer, theirs), remote[0]);
	remote[1] = evtchn_bind_interdomain(peer, theirs, us()->id, (uint32_t)after);
	CHECK_IS(evtchn_take(peer, theirs), remote[1]);

	CHECK_IS(evtchn_notify(parent, fd, (uint32_t)after), 0);
	CHECK_IS(evtchn_take(peer, theirs), remote[1]);
	CHECK_IS(evtchn_notify(peer, theirs, (uint32_t)remote[0]), 0);
	CHECK_IS(call_poll(parent, fd, 1, 20000), 1);
	CHECK_IS(call_poll(child, fd, 1, 0), 1);
	CHECK_IS(call_read(child, fd, &port, 4), 4);
	CHECK_IS(port, before);
	evtchn_quiet(parent, fd);
	CHECK_IS(call_write(parent, fd, &port, 4), 4);
	CHECK_IS(evtchn_notify(peer, theirs, (uint32_t)remote[0]), 0);
	CHECK_IS(evtchn_take(parent, fd), before);
	evtchn_quiet(child, fd);

	/* The ports live on with the child. */
	CHECK_IS(call_close(parent, fd), 0);
	CHECK_IS(evtchn_notify(child, fd, (uint32_t)before), 0);
	CHECK_IS(evtchn_take(peer, theirs), remote[0]);
	CHECK_IS(machine_totals().ports, 4);
	peer_stop(child);
	MACHINE_AWAIT(files, 1);
	CHECK_IS(machine_totals().ports, 2);
	evtchn_quiet(peer, theirs);
	peer_stop(parent);
}
