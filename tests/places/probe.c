/* SPDX-License-Identifier: MIT */
/* What a place is tried with: a page is granted, mapped and written, an event is sent and read. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint16_t domid_t;
typedef uint32_t evtchn_port_t;
typedef uint32_t grant_ref_t;
#include <xen/evtchn.h>
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

#define DOMID_SELF 0x7FF0
#define PAGE       4096

static int fail(const char *what)
{
	fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	return 1;
}

static int share(void)
{
	struct ioctl_gntalloc_alloc_gref alloc = {.flags = 1, .count = 1};
	struct ioctl_gntdev_map_grant_ref map = {.count = 1};
	int gntalloc = open("/dev/xen/gntalloc", O_RDWR), gntdev = open("/dev/xen/gntdev", O_RDWR);
	volatile char *mine, *theirs;
	void *p;

	if (gntalloc < 0 || gntdev < 0)
		return fail("open");
	if (ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) < 0)
		return fail("ALLOC_GREF");
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, gntalloc, (off_t)alloc.index);
	if (p == MAP_FAILED)
		return fail("mmap of gntalloc");
	mine = p;
	map.refs[0].ref = alloc.gref_ids[0];
	if (ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &map) < 0)
		return fail("MAP_GRANT_REF");
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, gntdev, (off_t)map.index);
	if (p == MAP_FAILED)
		return fail("mmap of gntdev");
	theirs = p;
	theirs[5] = 7;
	if (mine[5] != 7)
		return fail("what was written is not there");
	return munmap(p, PAGE) < 0 ? fail("munmap") : 0;
}

static int send_event(void)
{
	struct ioctl_evtchn_bind_unbound_port unbound = {.remote_domain = DOMID_SELF};
	struct ioctl_evtchn_bind_interdomain inter = {.remote_domain = DOMID_SELF};
	int evtchn = open("/dev/xen/evtchn", O_RDWR), port;
	uint32_t got;

	if (evtchn < 0)
		return fail("open of evtchn");
	port = ioctl(evtchn, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &unbound);
	inter.remote_port = (uint32_t)port;
	if (port < 0 || ioctl(evtchn, IOCTL_EVTCHN_BIND_INTERDOMAIN, &inter) < 0)
		return fail("BIND");
	if (read(evtchn, &got, sizeof(got)) != sizeof(got))
		return fail("read");
	return write(evtchn, &got, sizeof(got)) == sizeof(got) ? 0 : fail("write");
}

int main(void)
{
	return share() || send_event();
}
