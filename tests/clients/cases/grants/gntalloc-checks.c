/* SPDX-License-Identifier: MIT */
/* gntalloc's ioctls: what each refuses, in which order, and what a refusal leaves behind. */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <sys/mman.h>

#define CLEAR UNMAP_NOTIFY_CLEAR_BYTE
#define EVENT UNMAP_NOTIFY_SEND_EVENT

static void alloc(int fd)
{
	uint64_t index = 1, other;
	uint32_t refs[MAX_GRANTS];

	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 0, 1, &index, refs), 0);
	CHECK_IS(index, 0);
	CHECK(refs[0] >= 8, "reference %u", refs[0]);
	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 0, 0, &index, NULL), 0);
	CHECK_IS(index, PAGE);
	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 0, 3, &index, refs), 0);
	CHECK_IS(index, PAGE);

	/* The limit of 1024 pages counts all; a refusal uses up no index. */
	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 0, 1025, &index, NULL), -ENOSPC);
	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 0, 1021, &index, NULL), -ENOSPC);
	CHECK_IS(gntalloc_alloc(HERE, fd, 1234, 0xfffe, 2, &index, NULL), 0);
	CHECK_IS(index, 4 * PAGE);
	CHECK_IS(machine_totals().grants, 6);

	/* Never reused, and each open file counts for itself. */
	CHECK_IS(gntalloc_dealloc(HERE, fd, 0, 6), 0);
	CHECK_IS(machine_totals().grants, 0);
	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 0, 1, &index, NULL), 0);
	CHECK_IS(index, 6 * PAGE);
	CHECK_IS(gntalloc_dealloc(HERE, fd, index, 1), 0);
	other = 1;
	fd = device_open(HERE, "gntalloc");
	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 0, 1, &other, NULL), 0);
	CHECK_IS(other, 0);
	CHECK_IS(call_close(HERE, fd), 0);
	CHECK_IS(machine_totals().grants, 0);
}

static void dealloc(void)
{
	int fd = device_open(HERE, "gntalloc");

	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 0, 4, NULL, NULL), 0);
	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 0, 4, NULL, NULL), 0);
	CHECK_IS(gntalloc_dealloc(HERE, fd, 0, 0), -EINVAL);
	CHECK_IS(gntalloc_dealloc(HERE, fd, 1, 1), -EINVAL);
	CHECK_IS(gntalloc_dealloc(HERE, fd, 0, 9), -EINVAL);
	CHECK_IS(gntalloc_dealloc(HERE, fd, 8 * PAGE, 1), -EINVAL);
	CHECK_IS(gntalloc_dealloc(HERE, fd, 0, UINT32_MAX), -EINVAL);
	CHECK_IS(machine_totals().grants, 8);
	CHECK_IS(gntalloc_dealloc(HERE, fd, 3 * PAGE, 2), 0);
	CHECK_IS(gntalloc_dealloc(HERE, fd, 3 * PAGE, 1), -EINVAL);
	CHECK_IS(gntalloc_dealloc(HERE, fd, 2 * PAGE, 2), -EINVAL);
	CHECK_IS(gntalloc_dealloc(HERE, fd, 5 * PAGE, 3), 0);
	CHECK_IS(machine_totals().grants, 3);
	CHECK_IS(call_close(HERE, fd), 0);
}

static void notify(void)
{
	int fd = device_open(HERE, "gntalloc"), events = device_open(HERE, "evtchn");
	int port = evtchn_bind_unbound(HERE, events, them()->id);

	CHECK(port > 0, "bind: %d", port);
	/* The index is looked up before the action, the action before the port. */
	CHECK_IS(gntalloc_notify(HERE, fd, 0, 4, 9999), -ENOENT);
	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 0, 2, NULL, NULL), 0);
	CHECK_IS(gntalloc_notify(HERE, fd, 2 * PAGE, CLEAR, 0), -ENOENT);
	CHECK_IS(gntalloc_notify(HERE, fd, 0, 4, (uint32_t)port), -EINVAL);
	CHECK_IS(gntalloc_notify(HERE, fd, 0, EVENT, 9999), -EINVAL);
	CHECK_IS(gntalloc_notify(HERE, fd, 0, EVENT, UINT32_MAX), -EINVAL);
	CHECK_IS(gntalloc_notify(HERE, fd, 0, CLEAR, 9999), 0);
	CHECK_IS(gntalloc_notify(HERE, fd, 2 * PAGE - 1, CLEAR | EVENT, (uint32_t)port), 0);
	CHECK_IS(gntalloc_notify(HERE, fd, PAGE, 0, 9999), 0);
	CHECK_IS(gntalloc_dealloc(HERE, fd, 0, 1), 0);
	CHECK_IS(gntalloc_notify(HERE, fd, 0, 0, 0), -ENOENT);
	CHECK_IS(call_close(HERE, fd), 0);
	CHECK_IS(call_close(HERE, events), 0);
}

void test(void)
{
	alloc(device_open(HERE, "gntalloc"));
	dealloc();
	notify();
}
