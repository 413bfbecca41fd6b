/* SPDX-License-Identifier: MIT */
/* Two processes that both can store to a page. First only one runs, then both do. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/evtchn.h>
#include <xen/gntalloc.h>

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			perror(#condition);                                                        \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

/* It waits, and will until it is told. */
static int is_asleep(pid_t pid)
{
	char path[64], state = '?';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = '?';
		fclose(f);
	}
	return state == 'S';
}

int main(void)
{
	struct ioctl_gntalloc_alloc_gref alloc = {.domid = 0, .flags = 1, .count = 1};
	struct ioctl_evtchn_notify none = {.port = 4711};
	int ga = open("/dev/xen/gntalloc", O_RDWR), ev = open("/dev/xen/evtchn", O_RDWR);
	int to[2], from[2];
	volatile char *page;
	char byte;
	pid_t child;

	CHECK(ga >= 0 && ev >= 0 && pipe(to) == 0 && pipe(from) == 0);
	CHECK(ioctl(ga, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) == 0);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ga, (off_t)alloc.index);
	CHECK(page != MAP_FAILED);
	child = fork();
	if (child == 0) {
		close(to[1]);
		/* After this it sleeps in one place only. */
		if (write(from[1], "", 1) != 1 || read(to[0], &byte, 1) != 1)
			return 1;
		page[200] = 2;
		return write(from[1], &byte, 1) != 1 || read(to[0], &byte, 1) < 0;
	}
	CHECK(read(from[0], &byte, 1) == 1);
	while (!is_asleep(child))
		;
	ioctl(ev, IOCTL_EVTCHN_NOTIFY, &none);
	page[100] = 1;
	ioctl(ev, IOCTL_EVTCHN_NOTIFY, &none);
	CHECK(write(to[1], "x", 1) == 1 && read(from[0], &byte, 1) == 1);
	page[300] = 3;
	ioctl(ev, IOCTL_EVTCHN_NOTIFY, &none);
	close(to[1]);
	CHECK(waitpid(child, NULL, 0) == child);
	return 0;
}
