/* SPDX-License-Identifier: MIT */
/*
 * ptrace-bench GNTSIM [CONTAINED]: what the ptrace front makes of a program's calls: an ordinary read(2), bare,
 * traced, and traced with a device and with three and a mapping; and an ioctl of a device, on the socket front, on
 * this, and on this as in a default container. In turns.
 */
#include "measure.h"

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

#define ROUNDS 9
#define READS  1000000
#define IOCTLS 2000

struct way {
	const char *name, *front; /* NULL: without gntsim */
	int devices;
	int contained;
};
/* The last one needs the container. */
static const struct way ways[] = {
    {"bare", NULL, 0, 0},
    {"traced", "ptrace", 0, 0},
    {"traced, a device", "ptrace", 1, 0},
    {"traced, three devices, a mapping", "ptrace", 3, 0},
    {"socket", "socket", 3, 0},
    {"traced in a container, three devices, a mapping", "ptrace", 3, 1},
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void map_one(int gntalloc)
{
	struct ioctl_gntalloc_alloc_gref alloc = {
	    .domid = 1, .flags = GNTALLOC_FLAG_WRITABLE, .count = 1};

	measure_need(ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) == 0, "ALLOC_GREF");
	measure_need(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, gntalloc,
			  (off_t)alloc.index) != MAP_FAILED,
		     "mmap");
}

/* Prints seconds each. */
static void be_measured(int devices)
{
	static const char *const names[] = {"/dev/xen/gntalloc", "/dev/xen/gntdev",
					    "/dev/xen/evtchn"};
	struct ioctl_gntdev_unmap_grant_ref none = {.index = 77 * 4096, .count = 1};
	int zero = open("/dev/zero", O_RDONLY), fds[3] = {-1, -1, -1};
	double begin, read_each, ioctl_each = 0;
	char byte;

	measure_need(zero >= 0, "/dev/zero");
	for (int i = 0; i < devices; i++) {
		fds[i] = open(names[i], O_RDWR);
		measure_need(fds[i] >= 0, names[i]);
	}
	if (devices == 3)
		map_one(fds[0]);
	begin = measure_cpu_now();
	for (int i = 0; i < READS; i++)
		measure_need(read(zero, &byte, 1) == 1, "read");
	read_each = (measure_cpu_now() - begin) / READS;
	if (devices == 3) {
		begin = measure_now();
		for (int i = 0; i < IOCTLS; i++)
			ioctl(fds[1], IOCTL_GNTDEV_UNMAP_GRANT_REF, &none);
		ioctl_each = (measure_now() - begin) / IOCTLS;
	}
	printf("%.12f %.12f\n", read_each, ioctl_each);
}

static void measured(const struct way *w, char **argv, double *read_each, double *ioctl_each)
{
	char before[2048] = "", command[4096];
	FILE *from;
	int ok;

	if (w->front)
		snprintf(before, sizeof(before), "%s '%s' run --front %s --",
			 w->contained ? argv[2] : "", argv[1], w->front);
	snprintf(command, sizeof(command), "%s '%s' --measured %d", before, argv[0], w->devices);
	from = popen(command, "re");
	measure_need(from != NULL, command);
	ok = fscanf(from, "%lf %lf", read_each, ioctl_each) == 2;
	measure_need(pclose(from) == 0 && ok, command);
}

int main(int argc, char **argv)
{
	double reads[WAYS][ROUNDS], ioctls[WAYS][ROUNDS];

	measure_need(argc > 1, "usage: ptrace-bench GNTSIM [CONTAINED]");
	if (argc == 3 && strcmp(argv[1], "--measured") == 0) {
		be_measured(atoi(argv[2]));
		return 0;
	}
	for (int round = 0; round < ROUNDS; round++)
		for (size_t w = 0; w + (argc < 3) < WAYS; w++)
			measured(&ways[w], argv, &reads[w][round], &ioctls[w][round]);
	for (size_t w = 0; w + (argc < 3) < WAYS; w++) {
		printf("%s: read of a byte %.3f us", ways[w].name,
		       measure_median(reads[w], ROUNDS) * 1e6);
		if (ways[w].devices == 3)
			printf(", an ioctl %.2f us", measure_median(ioctls[w], ROUNDS) * 1e6);
		printf("\n");
	}
	return 0;
}
