/* SPDX-License-Identifier: MIT */
/*
 * Two that write to one list without a lock: each reads how many entries there are, stores its own behind them, and
 * stores how many there are now. What is lost says in which order they stored.
 *
 *   in-turns granter FIFO [read]   of domain 0: grants the page to domain 1, prints "ready"
 *   in-turns mapper FIFO [read]    of domain 1: maps it
 *
 * They begin when both are there, which the FIFO tells them.
 * With `read`, it is read(2) that stores. At its end each prints the list.
 */
#include <fcntl.h>
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

#define ENTRIES   4
#define FIRST_REF 8u

static void need(int holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	exit(2);
}

static unsigned char *granted(void)
{
	struct ioctl_gntalloc_alloc_gref alloc = {
	    .domid = 1, .flags = GNTALLOC_FLAG_WRITABLE, .count = 1};
	int fd = open("/dev/xen/gntalloc", O_RDWR);
	void *p;

	need(fd >= 0 && ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) == 0, "gntalloc");
	need(alloc.gref_ids[0] == FIRST_REF, "the first reference");
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)alloc.index);
	need(p != MAP_FAILED, "mmap");
	return p;
}

static unsigned char *mapped(void)
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

static int fd_of_numbers(void)
{
	char name[] = "/tmp/in-turns-XXXXXX";
	int fd = mkstemp(name);

	need(fd >= 0 && unlink(name) == 0, "a file");
	for (unsigned char i = 0; i < 32; i++)
		need(write(fd, &i, 1) == 1, "write");
	return fd;
}

int main(int argc, char **argv)
{
	int is_granter = argc > 1 && strcmp(argv[1], "granter") == 0;
	int numbers = argc > 3 ? fd_of_numbers() : -1;
	unsigned char *page = is_granter ? granted() : mapped();
	char text[64];
	int n;

	if (is_granter) {
		puts("ready");
		fflush(stdout);
	}
	need(argc > 2 && open(argv[2], is_granter ? O_RDONLY : O_WRONLY) >= 0, "the FIFO");
	for (int i = 0; i < ENTRIES; i++) {
		unsigned char at = __atomic_load_n(page, __ATOMIC_SEQ_CST);

		__atomic_store_n(page + 1 + at, is_granter ? 'g' : 'm', __ATOMIC_RELEASE);
		if (numbers < 0)
			__atomic_store_n(page, (unsigned char)(at + 1), __ATOMIC_RELEASE);
		else
			need(pread(numbers, page, 1, at + 1) == 1, "pread");
	}
	n = snprintf(text, sizeof(text), "%s %s\n", argv[1], (char *)page + 1);
	return write(STDOUT_FILENO, text, (size_t)n) == n ? 0 : 2;
}
