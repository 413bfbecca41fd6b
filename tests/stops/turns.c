/* SPDX-License-Identifier: MIT */
/*
 * Two that store to one page in turns, and make no call in between: the number in the first word is whose turn it
 * is, and each counts it up.
 *
 *   turns             a process and its child
 *   turns granter     of domain 0: grants the page to domain 1, prints "ready"
 *   turns mapper      of domain 1: maps it
 */
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

#define TURNS 20u
/* The first that a domain's gntalloc gives. */
#define FIRST_REF 8u

static void need(int holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	exit(2);
}

static volatile uint32_t *granted(uint16_t to)
{
	struct ioctl_gntalloc_alloc_gref alloc = {
	    .domid = to, .flags = GNTALLOC_FLAG_WRITABLE, .count = 1};
	int fd = open("/dev/xen/gntalloc", O_RDWR);
	void *p;

	need(fd >= 0 && ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) == 0, "gntalloc");
	need(alloc.gref_ids[0] == FIRST_REF, "the first reference");
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)alloc.index);
	need(p != MAP_FAILED, "mmap");
	return p;
}

static volatile uint32_t *mapped(void)
{
	struct ioctl_gntdev_map_grant_ref map = {.count = 1};
	int fd = open("/dev/xen/gntdev", O_RDWR);
	void *p;

	map.refs[0].ref = FIRST_REF;
	need(fd >= 0 && ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, &map) == 0, "gntdev");
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)map.index);
	need(p != MAP_FAILED, "mmap");
	return p;
}

static void take_turns(volatile uint32_t *page, uint32_t mine)
{
	for (uint32_t turn = mine; turn < TURNS; turn += 2) {
		while (page[0] != turn)
			sched_yield();
		page[0] = turn + 1;
	}
	while (page[0] != TURNS)
		sched_yield();
}

int main(int argc, char **argv)
{
	volatile uint32_t *page;
	int status;
	pid_t child;

	if (argc > 1 && strcmp(argv[1], "mapper") == 0) {
		take_turns(mapped(), 1);
		return 0;
	}
	page = granted(argc > 1);
	if (argc > 1) {
		puts("ready");
		fflush(stdout);
		take_turns(page, 0);
		return 0;
	}
	child = fork();
	if (child == 0) {
		take_turns(page, 1);
		_exit(0);
	}
	take_turns(page, 0);
	need(waitpid(child, &status, 0) == child && status == 0, "the child");
	return 0;
}
