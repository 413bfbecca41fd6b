/* SPDX-License-Identifier: MIT */
/* A program for show-test.sh, which stops where its tables are known and goes on a line at a time.
 *
 *   granter          grants domain 1 a page and a port, maps the page; prints "ready REF PORT"
 *   mapper REF PORT  maps and binds both, wants a cleared byte and an event; prints "ready"
 *
 * then does what each line of its standard input says: "read" or "poll" waits for an event, "drop"
 * gives the grant back while it stays mapped, "churn" makes and gives back a thousand others. */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/evtchn.h>
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

static int ev, memory;
static struct ioctl_gntalloc_alloc_gref alloc;

static void need(int holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	exit(2);
}

static void grant(void)
{
	struct ioctl_evtchn_bind_unbound_port bind = {.remote_domain = 1};
	int port;

	memory = open("/dev/xen/gntalloc", O_RDWR);
	need(memory >= 0, "gntalloc");
	alloc = (struct ioctl_gntalloc_alloc_gref){.domid = 1, .flags = 1, .count = 1};
	need(ioctl(memory, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) == 0, "ALLOC_GREF");
	need(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, (off_t)alloc.index) !=
		 MAP_FAILED,
	     "mmap");
	port = ioctl(ev, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);
	need(port > 0, "BIND_UNBOUND_PORT");
	printf("ready %u %d\n", alloc.gref_ids[0], port);
}

static void map(char **argv)
{
	struct ioctl_gntdev_map_grant_ref m = {.count = 1};
	struct ioctl_evtchn_bind_interdomain bind = {.remote_port = (uint32_t)atoi(argv[3])};
	struct ioctl_gntdev_unmap_notify notify = {.action = 3};
	uint32_t port;
	int rc;

	memory = open("/dev/xen/gntdev", O_RDWR);
	need(memory >= 0, "gntdev");
	m.refs[0].ref = (uint32_t)atoi(argv[2]);
	need(ioctl(memory, IOCTL_GNTDEV_MAP_GRANT_REF, &m) == 0, "MAP_GRANT_REF");
	need(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, (off_t)m.index) !=
		 MAP_FAILED,
	     "mmap");
	rc = ioctl(ev, IOCTL_EVTCHN_BIND_INTERDOMAIN, &bind);
	need(rc > 0, "BIND_INTERDOMAIN");
	/* Its first event is due at once. */
	need(read(ev, &port, 4) == 4 && write(ev, &port, 4) == 4, "read");
	notify.index = m.index + 100;
	notify.event_channel_port = (uint32_t)rc;
	need(ioctl(memory, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &notify) == 0, "SET_UNMAP_NOTIFY");
	printf("ready\n");
}

static void churn(void)
{
	struct ioctl_gntalloc_alloc_gref other;
	struct ioctl_gntalloc_dealloc_gref dealloc = {.count = 1};

	for (int i = 0; i < 1000; i++) {
		other = (struct ioctl_gntalloc_alloc_gref){.domid = 1, .count = 1};
		need(ioctl(memory, IOCTL_GNTALLOC_ALLOC_GREF, &other) == 0, "ALLOC_GREF");
		dealloc.index = other.index;
		need(ioctl(memory, IOCTL_GNTALLOC_DEALLOC_GREF, &dealloc) == 0, "DEALLOC_GREF");
	}
}

int main(int argc, char **argv)
{
	struct ioctl_gntalloc_dealloc_gref dealloc = {.count = 1};
	struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.events = POLLIN}};
	uint32_t port;
	char line[16];

	ev = p[1].fd = open("/dev/xen/evtchn", O_RDWR);
	need(ev >= 0, "evtchn");
	if (argc == 2)
		grant();
	else if (argc == 4)
		map(argv);
	else
		return 2;
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "read\n") == 0)
			need(read(ev, &port, 4) == 4, "read");
		else if (strcmp(line, "poll\n") == 0)
			need(poll(p, 2, -1) >= 0, "poll");
		else if (strcmp(line, "churn\n") == 0)
			churn();
		else if (strcmp(line, "drop\n") == 0)
			dealloc.index = alloc.index,
			need(ioctl(memory, IOCTL_GNTALLOC_DEALLOC_GREF, &dealloc) == 0, "DEALLOC");
	}
	return 0;
}
