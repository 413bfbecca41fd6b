/* SPDX-License-Identifier: MIT */
/* privcmd: prints what opening privcmd, its version hypercall and IOCTL_PRIVCMD_RESTRICT come to, and what
 * xenbus_backend says: a word for each, in the order of the code. */
#define _GNU_SOURCE
#include "privcmd/abi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *word(long r)
{
	static char room[8][24];
	static unsigned int next;
	char *out = room[next++ % 8];

	snprintf(out, sizeof(room[0]), "%ld", r);
	return r < 0 ? strerrorname_np(errno) : out;
}

static const char *version(int fd)
{
	struct privcmd_call call = {.op = HYPERCALL_XEN_VERSION, .arg = {XENVER_VERSION}};

	return word(ioctl(fd, PRIVCMD_HYPERCALL, &call));
}

static const char *restrict_to(int fd, uint16_t domid)
{
	return word(ioctl(fd, PRIVCMD_RESTRICT, &domid));
}

static const char *batch(int fd, uint16_t domid)
{
	uint64_t frame = 0;
	int err = 0;
	struct privcmd_batch b = {.num = 1,
				  .dom = domid,
				  .addr = 4096,
				  .arr = (uint64_t)(uintptr_t)&frame,
				  .err = (uint64_t)(uintptr_t)&err};

	return word(ioctl(fd, PRIVCMD_MMAPBATCH_V2, &b));
}

int main(void)
{
	int fd = open("/dev/xen/privcmd", O_RDWR), backend;

	printf("open %s\n", fd < 0 ? strerrorname_np(errno) : "0");
	if (fd >= 0) {
		printf("version %s", version(fd));
		printf(" bad %s\n", word(ioctl(fd, PRIVCMD_RESTRICT, 1)));
		printf("restrict %s", restrict_to(fd, 5));
		printf(" %s", restrict_to(fd, 6));
		printf(" %s", restrict_to(fd, 5));
		printf(" version %s\n", version(fd));
		printf("batch %s", batch(fd, 6));
		printf(" %s\n", batch(fd, 5));
	}
	backend = open("/dev/xen/xenbus_backend", O_RDWR);
	printf("backend %s\n", backend < 0 ? strerrorname_np(errno) : "0");
	if (backend >= 0)
		printf("port %s setup %s other %s\n",
		       ioctl(backend, XENBUS_BACKEND_EVTCHN, 0) > 0 ? "yes" : "no",
		       word(ioctl(backend, XENBUS_BACKEND_SETUP, 3)),
		       word(ioctl(backend, 0x4202, 0)));
	return 0;
}
