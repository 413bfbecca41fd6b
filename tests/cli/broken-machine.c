/* SPDX-License-Identifier: MIT */
/* A broker that dies: every call of a program that is in the middle of things fails at once with
 * EIO, a blocked reader wakes, and one line on stderr says so.
 *
 * usage (under gntsim run): broken-machine BROKER_PID */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/evtchn.h>
#include <xen/gntalloc.h>

static int failures;

static void expect_eio(const char *what, long result)
{
	if (result != -1 || errno != EIO) {
		printf("%s: expected -1 EIO, got %ld (errno %d)\n", what, result, errno);
		failures++;
	}
}

int main(int argc, char **argv)
{
	struct ioctl_gntalloc_alloc_gref alloc = {.domid = 1, .flags = 1, .count = 1};
	struct ioctl_evtchn_notify notify = {.port = 1};
	int gntalloc = open("/dev/xen/gntalloc", O_RDWR), evtchn = open("/dev/xen/evtchn", O_RDWR);
	struct pollfd p = {.fd = evtchn, .events = POLLIN};
	unsigned char *page;
	uint32_t port = 1;

	alarm(20);
	if (argc != 2 || gntalloc < 0 || evtchn < 0 ||
	    ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) < 0)
		return 2;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, gntalloc, 0);
	if (page == MAP_FAILED)
		return 2;
	page[0] = 7;
	kill((pid_t)atoi(argv[1]), SIGKILL);
	/* Its end of the descriptor closes: no sleeping, no polling for it. */
	if (poll(&p, 1, 10000) != 1)
		return 2;
	expect_eio("read", read(evtchn, &port, 4));
	expect_eio("write", write(evtchn, &port, 4));
	expect_eio("ioctl evtchn", ioctl(evtchn, IOCTL_EVTCHN_NOTIFY, &notify));
	expect_eio("ioctl gntalloc", ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &alloc));
	expect_eio("open", open("/dev/xen/gntdev", O_RDWR));
	expect_eio("mmap",
		   mmap(NULL, 4096, PROT_READ, MAP_SHARED, gntalloc, 0) == MAP_FAILED ? -1 : 0);
	if (page[0] != 7 || munmap(page, 4096) < 0) {
		printf("memory that was mapped must stay until munmap\n");
		failures++;
	}
	return failures ? 1 : 0;
}
