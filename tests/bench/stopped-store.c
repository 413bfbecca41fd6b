/* SPDX-License-Identifier: MIT */
/* stopped-store GNTSIM: what a store to a shared page, and a system call, take a program that is stopped at its
 * stores, and one that is not; in turns. */
#include "measure.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/gntalloc.h>

#define ROUNDS 7
#define STOPS  2000
#define FULL   2000000

/* What is measured, as the child prints it: seconds each. */
struct figures {
	double store, call;
};

static void be_measured(const char *how_many)
{
	struct ioctl_gntalloc_alloc_gref alloc = {
	    .domid = 1, .flags = GNTALLOC_FLAG_WRITABLE, .count = 1};
	int fd = open("/dev/xen/gntalloc", O_RDWR), n = atoi(how_many);
	volatile uint32_t *page;
	double begin, middle;

	measure_need(fd >= 0 && ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) == 0, "gntalloc");
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)alloc.index);
	measure_need((void *)(uintptr_t)page != MAP_FAILED, "mmap");
	page[0] = 1;
	begin = measure_now();
	for (int i = 0; i < n; i++)
		page[i % 1024] = (uint32_t)i;
	middle = measure_now();
	for (int i = 0; i < n; i++)
		syscall(SYS_getppid);
	printf("%.12f %.12f\n", (middle - begin) / n, (measure_now() - middle) / n);
}

static struct figures measured(const char *gntsim, const char *self, int stopped)
{
	struct figures f = {0};
	char command[4096];
	FILE *from;
	int ok;

	snprintf(command, sizeof(command), "'%s' run %s -- '%s' --measured %d", gntsim,
		 stopped ? "--points /dev/null --count-stores" : "", self, stopped ? STOPS : FULL);
	from = popen(command, "re");
	measure_need(from != NULL, "gntsim run");
	ok = fscanf(from, "%lf %lf", &f.store, &f.call) == 2;
	measure_need(pclose(from) == 0 && ok, "gntsim run");
	return f;
}

int main(int argc, char **argv)
{
	double store[2][ROUNDS], call[2][ROUNDS];

	measure_need(argc > 1, "usage: stopped-store GNTSIM");
	if (argc == 3 && strcmp(argv[1], "--measured") == 0) {
		be_measured(argv[2]);
		return 0;
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int stopped = 0; stopped < 2; stopped++) {
			struct figures f = measured(argv[1], argv[0], stopped);

			store[stopped][round] = f.store;
			call[stopped][round] = f.call;
		}
	}
	printf("a store to a shared page: %.2f us stopped, %.4f us else\n",
	       measure_median(store[1], ROUNDS) * 1e6, measure_median(store[0], ROUNDS) * 1e6);
	printf("a system call (getppid): %.2f us stopped at its stores, %.3f us else\n",
	       measure_median(call[1], ROUNDS) * 1e6, measure_median(call[0], ROUNDS) * 1e6);
	return 0;
}
