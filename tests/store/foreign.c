/* SPDX-License-Identifier: MIT */
/* Pages of another domain through privcmd, as a toolstack maps them: says what each call gave.
 * usage: foreign DOMAIN FRAME */
#define _GNU_SOURCE
#include "privcmd/abi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u

static int fd;

static const char *batch(uint16_t dom, void *addr, const uint64_t *frames, int *errs, uint32_t n)
{
	struct privcmd_batch b = {.num = n,
				  .dom = dom,
				  .addr = (uintptr_t)addr,
				  .arr = (uintptr_t)frames,
				  .err = (uintptr_t)errs};

	return ioctl(fd, PRIVCMD_MMAPBATCH_V2, &b) == 0 ? "0" : strerrorname_np(errno);
}

static void *area(unsigned int pages)
{
	void *p = mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p != MAP_FAILED)
		return p;
	printf("mmap %s\n", strerrorname_np(errno));
	exit(0);
}

static const char *page_error(int err)
{
	return err ? strerrorname_np(-err) : "0";
}

int main(int argc, char **argv)
{
	uint64_t frames[2];
	int errs[2] = {1, 1};
	uint16_t dom;
	char *p, *q;
	const char *r;

	if (argc != 3)
		return 2;
	dom = (uint16_t)atoi(argv[1]);
	frames[0] = strtoull(argv[2], NULL, 10);
	frames[1] = 1u << 30;
	fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		printf("open %s\n", strerrorname_np(errno));
		return 0;
	}
	p = area(2);
	printf("part %s\n", batch(dom, p, frames, errs, 1));
	r = batch(dom, p, frames, errs, 2);
	printf("two %s %s %s\n", r, page_error(errs[0]), page_error(errs[1]));
	r = batch(dom, p, frames, errs, 1);
	printf("again %s\n", r);
	if (batch(0x7000, area(1), frames, errs, 1)[0] == '0')
		printf("nobody %s\n", page_error(errs[0]));
	printf("elsewhere %s\n", batch(dom, frames, frames, errs, 1));
	printf("none %s\n", batch(dom, p, frames, errs, 0));
	if (errs[0] == -EPERM)
		return 0;
	/* The same page, mapped twice, is the same. */
	q = area(1);
	if (batch(dom, q, frames, errs, 1)[0] != '0' || errs[0] != 0) {
		printf("not twice\n");
		return 0;
	}
	p[4095] = 42;
	printf("shared %d\n", q[4095]);
	munmap(q, PAGE);
	fflush(stdout);
	if (getenv("STAY"))
		pause();
	return 0;
}
