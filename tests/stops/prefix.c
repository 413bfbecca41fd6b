/* SPDX-License-Identifier: MIT */
/*
 * What is left of stores when who made them is killed in the midst.
 *
 *   prefix granter   of domain 0: grants a page to domain 1, prints "ready", waits until the mapper's mapping
 *                    ends, and prints the page's first bytes
 *   prefix mapper    of domain 1: maps the page and stores eight times
 */
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

/* The first that a domain's gntalloc gives. */
#define FIRST_REF 8u
/* The byte that the end of the mapping clears. */
#define LIVE 100

static void need(int holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	exit(2);
}

static void *mapping(int fd, uint64_t index)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)index);

	need(p != MAP_FAILED, "mmap");
	return p;
}

static void grant(void)
{
	struct ioctl_gntalloc_alloc_gref alloc = {
	    .domid = 1, .flags = GNTALLOC_FLAG_WRITABLE, .count = 1};
	int fd = open("/dev/xen/gntalloc", O_RDWR);
	volatile unsigned char *page;

	need(fd >= 0 && ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) == 0, "gntalloc");
	need(alloc.gref_ids[0] == FIRST_REF, "the first reference");
	page = mapping(fd, alloc.index);
	page[LIVE] = 1;
	puts("ready");
	fflush(stdout);
	while (page[LIVE])
		sched_yield();
	for (int i = 0; i < 24; i++)
		printf("%02x", page[i]);
	putchar('\n');
}

static void store(void)
{
	struct ioctl_gntdev_map_grant_ref map = {.count = 1};
	struct ioctl_gntdev_unmap_notify notify = {.action = UNMAP_NOTIFY_CLEAR_BYTE};
	int fd = open("/dev/xen/gntdev", O_RDWR), pipes[2];
	volatile unsigned char *page;

	map.refs[0].ref = FIRST_REF;
	need(fd >= 0 && ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, &map) == 0, "gntdev");
	page = mapping(fd, map.index);
	notify.index = map.index + LIVE;
	need(ioctl(fd, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &notify) == 0, "SET_UNMAP_NOTIFY");
	need(pipe(pipes) == 0 && write(pipes[1], "\xaa\xbb", 2) == 2, "pipe");
	for (int i = 0; i < 5; i++)
		page[i] = (unsigned char)(i + 1);
	need(read(pipes[0], (void *)(uintptr_t)(page + 5), 2) == 2, "read");
	__atomic_fetch_add((volatile uint32_t *)(volatile void *)(page + 8), 0x01020304,
			   __ATOMIC_SEQ_CST);
	*(volatile uint64_t *)(volatile void *)(page + 16) = 0x1112131415161718;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "granter") == 0)
		grant();
	else
		store();
	return 0;
}
