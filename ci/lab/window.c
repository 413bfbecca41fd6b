/* SPDX-License-Identifier: MIT */
/*
 * The window: memory of domain 1 that both domains of a leg have, a file there.
 *
 *     window offer FILE SIZE          in domain 1: makes the file, prints its frames
 *     window find DOMID <FRAMES       in dom0: prints those of them that the domain has, in order
 *     window fill DOMID FRAMES <DATA  in dom0: puts data into it, from byte 65536 on
 *
 * A frame is a line, "PAGE NUMBER". A PV guest knows its own numbers of its pages, not the machine's, but
 * may read Xen's table of which page a machine's frame is. That has every domain's: `offer` prints all
 * that may be meant, and only the right ones can be mapped as the domain's.
 *
 * The file must lie in a ramfs: its pages stay where they are.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "foreign.h"

#define MACHINE_TO_PHYSICAL ((const volatile uint64_t *)0xffff800000000000)
#define MAX_PAGES           65536u
#define DATA_AT             65536u

static sigjmp_buf end_of_table;

static void on_fault(int signal)
{
	siglongjmp(end_of_table, signal);
}

static int is_pv(void)
{
	char type[8] = "";
	int fd = open("/sys/hypervisor/guest_type", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, type, sizeof(type) - 1) > 0 && !strcmp(type, "PV\n");
}

/* Every page's number in the guest's own counting. */
static void find_own(const char *memory, uint64_t *own, size_t pages)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	off_t at = (off_t)((uintptr_t)memory / FRAME_SIZE * sizeof(*own));

	if (fd < 0 || pread(fd, own, pages * sizeof(*own), at) != (ssize_t)(pages * sizeof(*own)))
		err(1, "/proc/self/pagemap");
	for (size_t i = 0; i < pages; i++) {
		own[i] &= (1ull << 55) - 1;
		if (own[i] == 0)
			errx(1, "page %zu is not there", i);
	}
}

static void print_machine_frames(const uint64_t *own, size_t pages)
{
	static uint32_t page_of[1u << 20]; /* plus one, by a number of the guest's */
	const volatile uint64_t *table = MACHINE_TO_PHYSICAL;

	for (size_t i = 0; i < pages; i++) {
		if (own[i] >= sizeof(page_of) / sizeof(*page_of))
			errx(1, "page %llu is beyond 4 GB", (unsigned long long)own[i]);
		page_of[own[i]] = (uint32_t)i + 1;
	}
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	if (sigsetjmp(end_of_table, 1))
		return;
	for (uint64_t frame = 0;; frame++) {
		uint64_t n = table[frame];

		if (n < sizeof(page_of) / sizeof(*page_of) && page_of[n])
			printf("%u %llu\n", page_of[n] - 1, (unsigned long long)frame);
	}
}

static void offer(const char *file, size_t size)
{
	size_t pages = size / FRAME_SIZE;
	uint64_t *own = calloc(pages, sizeof(*own));
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char *memory;

	if (fd < 0 || ftruncate(fd, (off_t)size))
		err(1, "%s", file);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!own || memory == MAP_FAILED)
		err(1, "memory");
	memset(memory, 0, size);
	find_own(memory, own, pages);
	if (is_pv()) {
		print_machine_frames(own, pages);
		return;
	}
	for (size_t i = 0; i < pages; i++)
		printf("%zu %llu\n", i, (unsigned long long)own[i]);
}

struct frames {
	uint64_t frame[MAX_PAGES];
	uint32_t page[MAX_PAGES];
	int error[MAX_PAGES];
	unsigned int n;
};

static void read_frames(struct frames *f, FILE *from)
{
	unsigned long long frame;

	while (f->n < MAX_PAGES && fscanf(from, "%u %llu", &f->page[f->n], &frame) == 2)
		f->frame[f->n++] = frame;
	if (f->n == 0)
		errx(1, "no frames");
}

/* Those that could not be mapped have an error. */
static char *map(struct frames *f, unsigned int domain)
{
	int privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	char *memory =
	    mmap(NULL, (size_t)f->n * FRAME_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, privcmd, 0);
	struct map_foreign_frames map = {f->n, (uint16_t)domain, (uintptr_t)memory, f->frame,
					 f->error};

	if (privcmd < 0 || memory == MAP_FAILED)
		err(1, "/dev/xen/privcmd");
	if (ioctl(privcmd, MAP_FOREIGN_FRAMES, &map) < 0 && errno != ENOENT)
		err(1, "cannot map frames of domain %u", domain);
	return memory;
}

static void find(struct frames *f, unsigned int domain)
{
	static uint64_t found[MAX_PAGES];
	uint32_t pages = 0;

	map(f, domain);
	for (unsigned int i = 0; i < f->n; i++) {
		if (f->page[i] >= MAX_PAGES || f->error[i])
			continue;
		found[f->page[i]] = f->frame[i] + 1;
		if (f->page[i] >= pages)
			pages = f->page[i] + 1;
	}
	for (uint32_t i = 0; i < pages; i++) {
		if (!found[i])
			errx(1, "page %u can't be mapped", i);
		printf("%u %llu\n", i, (unsigned long long)found[i] - 1);
	}
}

static void fill(struct frames *f, unsigned int domain)
{
	char *memory = map(f, domain);
	size_t at = DATA_AT, size = (size_t)f->n * FRAME_SIZE;
	ssize_t n;

	for (unsigned int i = 0; i < f->n; i++) {
		if (f->error[i])
			errx(1, "page %u can't be mapped: %s", i, strerror(-f->error[i]));
	}
	while (at < size && (n = read(STDIN_FILENO, memory + at, size - at)) > 0)
		at += (size_t)n;
	if (at == size)
		errx(1, "the window is too small");
}

int main(int argc, char **argv)
{
	static struct frames frames;
	const char *what = argc > 2 ? argv[1] : "";
	FILE *file;

	if (!strcmp(what, "offer") && argc == 4) {
		offer(argv[2], strtoul(argv[3], NULL, 10));
	} else if (!strcmp(what, "find")) {
		read_frames(&frames, stdin);
		find(&frames, (unsigned int)strtoul(argv[2], NULL, 10));
	} else if (!strcmp(what, "fill") && argc == 4) {
		file = fopen(argv[3], "re");
		if (!file)
			err(1, "%s", argv[3]);
		read_frames(&frames, file);
		fill(&frames, (unsigned int)strtoul(argv[2], NULL, 10));
	} else {
		errx(2, "usage: window offer FILE SIZE | find DOMID | fill DOMID FRAMES");
	}
	return fflush(stdout) ? 1 : 0;
}
