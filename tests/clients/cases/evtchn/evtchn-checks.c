/* SPDX-License-Identifier: MIT */
/* evtchn's ioctls: what each refuses and in which order; ports are the lowest free. */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <sys/mman.h>

static int bind_virq(int fd, uint32_t virq)
{
	struct ioctl_evtchn_bind_virq op = {.virq = virq};

	return call_ioctl(HERE, fd, IOCTL_EVTCHN_BIND_VIRQ, &op, sizeof(op));
}

static int restrict_to(int fd, uint16_t domid)
{
	struct ioctl_evtchn_restrict_domid op = {.domid = domid};

	return call_ioctl(HERE, fd, IOCTL_EVTCHN_RESTRICT_DOMID, &op, sizeof(op));
}

static void ports(int fd, int other)
{
	int first = evtchn_bind_unbound(HERE, fd, them()->id);
	int second = evtchn_bind_unbound(HERE, other, 1234); /* the domid is not checked */
	int third_port = evtchn_bind_unbound(HERE, fd, them()->id);

	CHECK(first > 0 && second > first && third_port > second, "%d %d %d", first, second,
	      third_port);
	CHECK_IS(evtchn_unbind(HERE, fd, (uint32_t)second), -ENOTCONN);
	CHECK_IS(evtchn_notify(HERE, fd, (uint32_t)second), -ENOTCONN);
	CHECK_IS(evtchn_notify(HERE, fd, 131072), -ENOTCONN);
	CHECK_IS(evtchn_unbind(HERE, fd, 131072), -EINVAL);
	CHECK_IS(evtchn_unbind(HERE, fd, UINT32_MAX), -EINVAL);
	/* FIFO: the bound grows with the event array, a page of 1024 at a time. */
	CHECK_IS(evtchn_unbind(HERE, fd, 1023), -ENOTCONN);
	CHECK_IS(evtchn_unbind(HERE, fd, 1024), -EINVAL);
	CHECK_IS(evtchn_unbind(HERE, fd, 0), -ENOTCONN);
	CHECK_IS(evtchn_notify(HERE, fd, (uint32_t)first), 0); /* nobody there: dropped */
	CHECK_IS(evtchn_unbind(HERE, other, (uint32_t)second), 0);
	CHECK_IS(evtchn_bind_unbound(HERE, fd, them()->id), second);
	CHECK_IS(bind_virq(fd, 24), -EINVAL);
	CHECK_IS(bind_virq(fd, UINT32_MAX), -EINVAL);
	CHECK_IS(call_mmap(HERE, 0, PAGE, PROT_READ, MAP_SHARED, fd, 0), -ENODEV);
	evtchn_quiet(HERE, fd);
}

static void interdomain(struct peer *peer, int fd)
{
	int theirs = device_open(peer, "evtchn");
	int for_us = evtchn_bind_unbound(peer, theirs, us()->id);
	int for_third = evtchn_bind_unbound(peer, theirs, third()->id);
	int port;

	CHECK(for_us > 0 && for_third > for_us, "%d %d", for_us, for_third);
	CHECK_IS(evtchn_bind_interdomain(HERE, fd, 1234, (uint32_t)for_us), -ESRCH);
	CHECK_IS(evtchn_bind_interdomain(HERE, fd, them()->id, (uint32_t)for_third), -EINVAL);
	CHECK_IS(evtchn_bind_interdomain(HERE, fd, them()->id, (uint32_t)for_third + 1), -EINVAL);
	CHECK_IS(evtchn_bind_interdomain(HERE, fd, them()->id, UINT32_MAX), -EINVAL);
	CHECK_IS(evtchn_bind_interdomain(HERE, fd, them()->id, 0), -EINVAL);
	port = evtchn_bind_interdomain(HERE, fd, them()->id, (uint32_t)for_us);
	CHECK(port > 0, "bind: %d", port);
	CHECK_IS(evtchn_bind_interdomain(HERE, fd, them()->id, (uint32_t)for_us), -EINVAL);
	CHECK_IS(evtchn_take(HERE, fd), port);

	/* Our end closes: theirs is unbound again, without an event, and can be bound again. */
	CHECK_IS(evtchn_unbind(HERE, fd, (uint32_t)port), 0);
	evtchn_quiet(peer, theirs);
	CHECK_IS(evtchn_notify(peer, theirs, (uint32_t)for_us), 0);
	port = evtchn_bind_interdomain(HERE, fd, them()->id, (uint32_t)for_us);
	CHECK(port > 0, "bind again: %d", port);
	CHECK_IS(evtchn_take(HERE, fd), port);

	/* Their end closes: so is ours. */
	CHECK_IS(call_close(peer, theirs), 0);
	evtchn_quiet(HERE, fd);
	CHECK_IS(evtchn_notify(HERE, fd, (uint32_t)port), 0);
}

static void restricted(struct peer *peer)
{
	int fd = device_open(HERE, "evtchn"), theirs = device_open(peer, "evtchn");
	int for_us = evtchn_bind_unbound(peer, theirs, us()->id);
	int before = evtchn_bind_unbound(HERE, fd, them()->id);
	uint16_t to = them()->id ? them()->id : third()->id;

	CHECK(for_us > 0 && before > 0, "%d %d", for_us, before);
	CHECK_IS(restrict_to(fd, 0), -EINVAL);
	CHECK_IS(restrict_to(fd, 0x7ff0), -EINVAL);
	CHECK_IS(restrict_to(fd, 0xffff), -EINVAL);
	CHECK_IS(restrict_to(fd, to), 0);
	CHECK_IS(restrict_to(fd, to), -EACCES);
	CHECK_IS(restrict_to(fd, 0), -EACCES);
	CHECK_IS(evtchn_bind_unbound(HERE, fd, to), -EACCES);
	CHECK_IS(bind_virq(fd, 3), -EACCES);
	CHECK_IS(evtchn_bind_interdomain(HERE, fd, 1234, 1), -EACCES);
	if (to == them()->id)
		CHECK(evtchn_bind_interdomain(HERE, fd, to, (uint32_t)for_us) > 0, "bind");
	CHECK_IS(evtchn_notify(HERE, fd, (uint32_t)before), 0);
	CHECK_IS(evtchn_unbind(HERE, fd, (uint32_t)before), 0);
	CHECK_IS(call_close(HERE, fd), 0);
	CHECK_IS(call_close(peer, theirs), 0);
}

void test(void)
{
	struct peer *peer = peer_start(them());
	int fd = device_open(HERE, "evtchn");

	ports(fd, device_open(HERE, "evtchn"));
	interdomain(peer, fd);
	restricted(peer);
}
