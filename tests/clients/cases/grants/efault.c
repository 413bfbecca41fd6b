/* SPDX-License-Identifier: MIT */
/*
 * A bad pointer in any ioctl, read or write of the devices is EFAULT, where in its order of checks
 * the driver copies, and ends nobody.
 */
#include "check.h"
#include "device.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define RW (PROT_READ | PROT_WRITE)

static struct peer *peer;

/* The last byte of memory, nothing after it. */
static char *edge;
/* A page that can only be read. */
static char *readable;

static void *bad(unsigned i)
{
	const uintptr_t addresses[] = {
	    0, 1, 4096, 0x7ffffffff000, UINTPTR_MAX - 4095, UINTPTR_MAX, (uintptr_t)1 << 62};

	return i < sizeof(addresses) / sizeof(addresses[0]) ? (void *)addresses[i] : NULL;
}

/* Every one of these calls copies its whole structure before anything else. */
static void bad_pointers(int fd, unsigned long number)
{
	for (unsigned i = 0; i < 7; i++)
		CHECK_IS(call_ioctl(HERE, fd, number, bad(i), 0), -EFAULT);
	/* All of it is there but for the last byte. */
	memset(edge - 63, 0, 64);
	CHECK_IS(call_ioctl(HERE, fd, number, edge - (_IOC_SIZE(number) - 2), 0), -EFAULT);
}

static void copied_in(void)
{
	static const unsigned long gntalloc[] = {IOCTL_GNTALLOC_ALLOC_GREF,
						 IOCTL_GNTALLOC_DEALLOC_GREF,
						 IOCTL_GNTALLOC_SET_UNMAP_NOTIFY};
	static const unsigned long gntdev[] = {
	    IOCTL_GNTDEV_MAP_GRANT_REF, IOCTL_GNTDEV_UNMAP_GRANT_REF,
	    IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, IOCTL_GNTDEV_SET_UNMAP_NOTIFY,
	    IOCTL_GNTDEV_GRANT_COPY};
	static const unsigned long evtchn[] = {
	    IOCTL_EVTCHN_BIND_VIRQ, IOCTL_EVTCHN_BIND_INTERDOMAIN, IOCTL_EVTCHN_BIND_UNBOUND_PORT,
	    IOCTL_EVTCHN_UNBIND,    IOCTL_EVTCHN_NOTIFY,           IOCTL_EVTCHN_RESTRICT_DOMID};
	int fds[3] = {device_open(HERE, "gntalloc"), device_open(HERE, "gntdev"),
		      device_open(HERE, "evtchn")};

	for (unsigned i = 0; i < sizeof(gntalloc) / sizeof(gntalloc[0]); i++)
		bad_pointers(fds[0], gntalloc[i]);
	for (unsigned i = 0; i < sizeof(gntdev) / sizeof(gntdev[0]); i++)
		bad_pointers(fds[1], gntdev[i]);
	for (unsigned i = 0; i < sizeof(evtchn) / sizeof(evtchn[0]); i++)
		bad_pointers(fds[2], evtchn[i]);
	CHECK_IS(machine_totals().grants, 0);
	CHECK_IS(machine_totals().gntdev_maps, 0);
	CHECK_IS(machine_totals().ports, 0);
	/* RESET has no argument to be bad. */
	CHECK_IS(call_ioctl(HERE, fds[2], IOCTL_EVTCHN_RESET, (void *)1, 0), 0);
	for (int i = 0; i < 3; i++)
		CHECK_IS(call_close(HERE, fds[i]), 0);
}

/* What cannot be written back: the pages stay granted until the file is closed. */
static void alloc_written_back(void)
{
	struct ioctl_gntalloc_alloc_gref op = {.domid = them()->id, .count = 1};
	int fd = device_open(HERE, "gntalloc");
	uint64_t index;

	memcpy(readable, &op, sizeof(op));
	CHECK_IS(mprotect(readable, PAGE, PROT_READ), 0);
	CHECK_IS(call_ioctl(HERE, fd, IOCTL_GNTALLOC_ALLOC_GREF, readable, 0), -EFAULT);
	CHECK_IS(machine_totals().grants, 1);
	CHECK_IS(mprotect(readable, PAGE, RW), 0);

	/* The references of more pages than there is room for. */
	op.count = 4;
	memcpy(edge - sizeof(op) + 1, &op, sizeof(op));
	CHECK_IS(call_ioctl(HERE, fd, IOCTL_GNTALLOC_ALLOC_GREF, edge - sizeof(op) + 1, 0),
		 -EFAULT);
	CHECK_IS(machine_totals().grants, 5);
	CHECK_IS(gntalloc_alloc(HERE, fd, them()->id, 0, 1, &index, NULL), 0);
	CHECK_IS(index, 5 * PAGE);
	CHECK_IS(call_close(HERE, fd), 0);
	CHECK_IS(machine_totals().grants, 0);
}

static void map_written_back(void)
{
	struct ioctl_gntdev_map_grant_ref op = {.count = 1};
	int fd = device_open(HERE, "gntdev");

	memcpy(readable, &op, sizeof(op));
	CHECK_IS(mprotect(readable, PAGE, PROT_READ), 0);
	CHECK_IS(call_ioctl(HERE, fd, IOCTL_GNTDEV_MAP_GRANT_REF, readable, 0), -EFAULT);
	CHECK_IS(mprotect(readable, PAGE, RW), 0);

	/* More references than there is room for, and a count that is refused before. */
	op.count = 4;
	memcpy(edge - sizeof(op) + 1, &op, sizeof(op));
	CHECK_IS(call_ioctl(HERE, fd, IOCTL_GNTDEV_MAP_GRANT_REF, edge - sizeof(op) + 1, 0),
		 -EFAULT);
	op.count = 0;
	memcpy(edge - sizeof(op) + 1, &op, sizeof(op));
	CHECK_IS(call_ioctl(HERE, fd, IOCTL_GNTDEV_MAP_GRANT_REF, edge - sizeof(op) + 1, 0),
		 -EINVAL);
	op.count = 65537;
	memcpy(edge - sizeof(op) + 1, &op, sizeof(op));
	CHECK_IS(call_ioctl(HERE, fd, IOCTL_GNTDEV_MAP_GRANT_REF, edge - sizeof(op) + 1, 0),
		 -EINVAL);
	CHECK_IS(machine_totals().gntdev_maps, 0);
	CHECK_IS(call_close(HERE, fd), 0);
}

static void offset_written_back(void)
{
	struct shared_page page = share_page(peer, us(), true);
	struct mapped_page map = map_page(HERE, them(), page.ref, RW);
	struct ioctl_gntdev_get_offset_for_vaddr op = {.vaddr = (uint64_t)map.addr};

	memcpy(readable, &op, sizeof(op));
	CHECK_IS(mprotect(readable, PAGE, PROT_READ), 0);
	CHECK_IS(call_ioctl(HERE, map.fd, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, readable, 0), -EFAULT);
	CHECK_IS(mprotect(readable, PAGE, RW), 0);
	/* Nothing to write back: the error is the other one. */
	op.vaddr = 4096;
	memcpy(readable, &op, sizeof(op));
	CHECK_IS(mprotect(readable, PAGE, PROT_READ), 0);
	CHECK_IS(call_ioctl(HERE, map.fd, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, readable, 0), -EINVAL);
	CHECK_IS(mprotect(readable, PAGE, RW), 0);

	/* The structure itself in device memory is as good as any. */
	op.vaddr = (uint64_t)map.addr;
	CHECK_IS(store(HERE, map.addr, &op, sizeof(op)), 0);
	CHECK_IS(call_ioctl(HERE, map.fd, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, (void *)map.addr, 0),
		 0);
	CHECK_IS(load(HERE, map.addr, &op, sizeof(op)), 0);
	CHECK_IS(op.count, 1);
	CHECK_IS(call_munmap(HERE, map.addr, PAGE), 0);
	CHECK_IS(call_close(HERE, map.fd), 0);
}

static void copies(void)
{
	struct shared_page page = share_page(peer, us(), true);
	struct gntdev_grant_copy_segment segment = {
	    .source.foreign = {.ref = page.ref, .domid = them()->id},
	    .dest.virt = edge - 9,
	    .len = 10,
	    .flags = GNTCOPY_source_gref,
	};
	struct ioctl_gntdev_grant_copy op = {.count = 1, .segments = &segment};
	int fd = device_open(HERE, "gntdev");

	CHECK_IS(call_ioctl(HERE, fd, IOCTL_GNTDEV_GRANT_COPY, &op, 0), 0);
	segment.len = 11;
	CHECK_IS(call_ioctl(HERE, fd, IOCTL_GNTDEV_GRANT_COPY, &op, 0), -EFAULT);
	segment.dest.virt = readable + 100;
	op.segments = bad(1);
	CHECK_IS(call_ioctl(HERE, fd, IOCTL_GNTDEV_GRANT_COPY, &op, 0), -EFAULT);
	op.segments = (void *)(edge - sizeof(segment) + 1);
	memcpy(op.segments, &segment, sizeof(segment));
	CHECK_IS(call_ioctl(HERE, fd, IOCTL_GNTDEV_GRANT_COPY, &op, 0), 0);
	op.count = 2;
	CHECK_IS(call_ioctl(HERE, fd, IOCTL_GNTDEV_GRANT_COPY, &op, 0), -EFAULT);
	op.count = 1;
	/* The status cannot be written. */
	memcpy(readable, &segment, sizeof(segment));
	CHECK_IS(mprotect(readable, PAGE, PROT_READ), 0);
	op.segments = (void *)readable;
	CHECK_IS(call_ioctl(HERE, fd, IOCTL_GNTDEV_GRANT_COPY, &op, 0), -EFAULT);
	CHECK_IS(mprotect(readable, PAGE, RW), 0);
	CHECK_IS(call_close(HERE, fd), 0);
}

static void read_and_write(void)
{
	struct channel c = connect_channel(HERE, us(), peer, them());
	uint32_t port;

	/* The event stays where it was. */
	CHECK_IS(evtchn_notify(peer, c.fd[1], c.port[1]), 0);
	CHECK_IS(call_poll(HERE, c.fd[0], 1, 20000), 1);
	for (unsigned i = 0; i < 7; i++) {
		CHECK_IS(call_read(HERE, c.fd[0], bad(i), 4), -EFAULT);
		CHECK_IS(call_write(HERE, c.fd[0], bad(i), 4), -EFAULT);
	}
	CHECK_IS(call_read(HERE, c.fd[0], edge - 2, 4), -EFAULT);
	CHECK_IS(call_write(HERE, c.fd[0], edge - 2, 4), -EFAULT);
	CHECK_IS(call_read(HERE, c.fd[0], NULL, 3), 0);
	CHECK_IS(call_read(HERE, c.fd[0], &port, 4), 4);
	CHECK_IS(port, c.port[0]);
}

void test(void)
{
	char *pages = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(pages != MAP_FAILED, "mmap");
	CHECK_IS(mprotect(pages + PAGE, PAGE, PROT_NONE), 0);
	edge = pages + PAGE - 1;
	readable = pages + 2 * PAGE;
	copied_in();
	alloc_written_back();
	map_written_back();
	peer = peer_start(them());
	offset_written_back();
	copies();
	read_and_write();
}
