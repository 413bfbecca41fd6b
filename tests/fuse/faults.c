/* SPDX-License-Identifier: MIT */
/*
 * faults DIR BROKER N: processes that keep the pager of a mounted tree busy: pages are touched, copied
 * into before they were touched, and hold the arguments of an ioctl, so that the broker itself waits
 * for its pager. One of them kills the broker after N pages, if N is not 0. All end when the tree
 * does.
 */
#define _GNU_SOURCE
#include "../../fakedev/uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 6, PAGES = 16, PAGE = 4096 };

static void tree_is_gone(int sig)
{
	(void)sig;
	_exit(0);
}

static int open_device(const char *tree, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/0/%s", tree, name);
	fd = open(path, O_RDWR);
	if (fd < 0)
		_exit(0);
	return fd;
}

static void copy(int fd, struct gntdev_grant_copy_segment *s)
{
	struct ioctl_gntdev_grant_copy op = {.count = 1, .segments = s};

	/* A page of zeros is a segment that copies nothing. */
	if (ioctl(fd, IOCTL_GNTDEV_GRANT_COPY, &op) < 0 && errno != EINVAL)
		_exit(0);
}

static void round_of_pages(const char *tree, int kind, pid_t broker, unsigned long *left)
{
	int a = open_device(tree, "gntalloc"), d = open_device(tree, "gntdev");
	struct {
		struct ioctl_gntalloc_alloc_gref op;
		uint32_t more[PAGES];
	} arg = {.op = {.flags = GNTALLOC_FLAG_WRITABLE, .count = PAGES}};
	struct gntdev_grant_copy_segment s = {.flags = GNTCOPY_source_gref, .len = 32};
	unsigned char *p;

	if (ioctl(a, IOCTL_GNTALLOC_ALLOC_GREF, &arg) < 0)
		_exit(0);
	p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, a, (off_t)arg.op.index);
	if (p == MAP_FAILED)
		_exit(0);
	s.source.foreign.ref = arg.op.gref_ids[0];
	for (int i = 1; i < PAGES; i++) {
		s.dest.virt = p + i * PAGE;
		/* The source's page is dirty each time: it is taken back before the copy. */
		p[0] = (unsigned char)i;
		if (kind == 0)
			p[i * PAGE] = 1;
		else
			copy(d, kind == 1 ? &s : (void *)(p + i * PAGE));
		if (*left && --*left == 0)
			kill(broker, SIGKILL);
	}
	munmap(p, PAGES * PAGE);
	close(a);
	close(d);
}

int main(int argc, char **argv)
{
	int status, bad = argc != 4;

	for (int i = 0; i < WORKERS && !bad; i++) {
		unsigned long left = i == 0 ? strtoul(argv[3], NULL, 10) : 0;

		if (fork() != 0)
			continue;
		signal(SIGBUS, tree_is_gone);
		for (;;)
			round_of_pages(argv[1], i % 3, (pid_t)strtol(argv[2], NULL, 10), &left);
	}
	while (wait(&status) > 0)
		bad |= status;
	return bad;
}
