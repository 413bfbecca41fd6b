/* SPDX-License-Identifier: MIT */
/* A program to be traced: grants a page to its own domain, maps it, asks for an event and a cleared byte,
 * is refused a map, and leaves. With an argument it is killed instead: by itself. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/evtchn.h>
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			perror(#condition);                                                        \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

int main(int argc, char **argv)
{
	struct ioctl_gntalloc_alloc_gref alloc = {.domid = 0, .flags = 1, .count = 1};
	struct ioctl_gntdev_map_grant_ref map = {.count = 1}, bad = {.count = 1};
	struct ioctl_evtchn_bind_unbound_port bind = {.remote_domain = 0};
	struct ioctl_gntdev_unmap_notify notify = {.action = 3};
	int ga = open("/dev/xen/gntalloc", O_RDWR), gd = open("/dev/xen/gntdev", O_RDWR);
	int ev = open("/dev/xen/evtchn", O_RDWR | O_NONBLOCK);
	void *page;
	int port;

	(void)argv;
	CHECK(ga >= 0 && gd >= 0 && ev >= 0);
	CHECK(ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) == 0);
	map.refs[0].ref = alloc.gref_ids[0];
	CHECK(ioctl(gd, IOCTL_GNTDEV_MAP_GRANT_REF, &map) == 0);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, gd, (off_t)map.index);
	CHECK(page != MAP_FAILED);
	port = ioctl(ev, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);
	CHECK(port > 0);
	notify.index = map.index + 21;
	notify.event_channel_port = (uint32_t)port;
	CHECK(ioctl(gd, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &notify) == 0);
	bad.refs[0].ref = 4711;
	CHECK(ioctl(gd, IOCTL_GNTDEV_MAP_GRANT_REF, &bad) == 0);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, gd, (off_t)bad.index) == MAP_FAILED);
	if (argc > 1)
		return raise(SIGKILL);
	CHECK(munmap(page, 4096) == 0);
	CHECK(read(ev, &port, sizeof(port)) == -1);
	CHECK(close(ev) == 0);
	return 0;
}
