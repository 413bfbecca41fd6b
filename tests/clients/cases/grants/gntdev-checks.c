/* SPDX-License-Identifier: MIT */
/* gntdev's ioctls: what each refuses, in which order; and that MAP checks no reference. */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <sys/mman.h>

#define CLEAR UNMAP_NOTIFY_CLEAR_BYTE
#define EVENT UNMAP_NOTIFY_SEND_EVENT

static const struct ioctl_gntdev_grant_ref nonsense[4] = {{99, 1}, {98, 2}, {97, 3}, {96, 4}};

static void map_and_unmap(int fd)
{
	uint64_t index = 1;

	CHECK_IS(gntdev_map(HERE, fd, 0, nonsense, NULL), -EINVAL);
	CHECK_IS(gntdev_map(HERE, fd, 65537, NULL, NULL), -EINVAL);
	CHECK_IS(gntdev_map(HERE, fd, UINT32_MAX, NULL, NULL), -EINVAL);
	CHECK_IS(gntdev_unmap(HERE, fd, 0, 1), -ENOENT);
	CHECK_IS(gntdev_map(HERE, fd, 2, nonsense, &index), 0);
	CHECK_IS(index, 0);
	CHECK_IS(machine_totals().maptrack, 0);
	CHECK_IS(gntdev_unmap(HERE, fd, PAGE, 1), -ENOENT);
	CHECK_IS(gntdev_unmap(HERE, fd, 0, 1), -ENOENT);
	CHECK_IS(gntdev_unmap(HERE, fd, 0, 3), -ENOENT);
	CHECK_IS(gntdev_unmap(HERE, fd, 5, 2), 0); /* low bits do not count */
	CHECK_IS(gntdev_unmap(HERE, fd, 0, 2), -ENOENT);
	CHECK_IS(gntdev_map(HERE, fd, 2, nonsense, NULL), 0);
	CHECK_IS(gntdev_unmap(HERE, fd, 0, 0), 0); /* 0 is any count */
	CHECK_IS(machine_totals().gntdev_maps, 0);
}

/* A hole is taken only if it is larger than what goes in. */
static void indices(void)
{
	int fd = device_open(HERE, "gntdev");
	uint64_t index;

	for (uint64_t i = 0; i < 3; i++) {
		CHECK_IS(gntdev_map(HERE, fd, 1, nonsense, &index), 0);
		CHECK_IS(index, i * PAGE);
	}
	CHECK_IS(gntdev_unmap(HERE, fd, 0, 1), 0);
	CHECK_IS(gntdev_map(HERE, fd, 1, nonsense, &index), 0);
	CHECK_IS(index, 3 * PAGE);
	CHECK_IS(gntdev_unmap(HERE, fd, PAGE, 1), 0);
	CHECK_IS(gntdev_map(HERE, fd, 1, nonsense, &index), 0);
	CHECK_IS(index, 0);
	CHECK_IS(gntdev_map(HERE, fd, 4, nonsense, &index), 0);
	CHECK_IS(index, 4 * PAGE);
	CHECK_IS(call_close(HERE, fd), 0);
	CHECK_IS(machine_totals().gntdev_maps, 0);
}

static void notify(struct peer *peer)
{
	struct shared_page page = share_page(peer, us(), true);
	struct mapped_page readable = map_page(HERE, them(), page.ref, PROT_READ);
	int events = device_open(HERE, "evtchn");
	int port = evtchn_bind_unbound(HERE, events, them()->id);
	int fd = readable.fd;

	CHECK(port > 0, "bind: %d", port);
	/* Another order than gntalloc's: the action, the port, the index, the map. */
	CHECK_IS(gntdev_notify(HERE, fd, 100 * PAGE, 4, 9999), -EINVAL);
	CHECK_IS(gntdev_notify(HERE, fd, 100 * PAGE, EVENT, 9999), -EINVAL);
	CHECK_IS(gntdev_notify(HERE, fd, 100 * PAGE, EVENT, (uint32_t)port), -ENOENT);
	CHECK_IS(gntdev_notify(HERE, fd, PAGE, CLEAR, 0), -ENOENT);
	CHECK_IS(gntdev_notify(HERE, fd, 0, CLEAR, 0), -EINVAL);
	CHECK_IS(gntdev_notify(HERE, fd, 0, CLEAR | EVENT, (uint32_t)port), -EINVAL);
	CHECK_IS(gntdev_notify(HERE, fd, 4095, EVENT, (uint32_t)port), 0);
	CHECK_IS(gntdev_notify(HERE, fd, 0, 0, 9999), 0);
	CHECK_IS(call_munmap(HERE, readable.addr, PAGE), 0);
	CHECK_IS(call_close(HERE, fd), 0);
	CHECK_IS(call_close(HERE, events), 0);
}

void test(void)
{
	map_and_unmap(device_open(HERE, "gntdev"));
	indices();
	notify(peer_start(them()));
}
