/* SPDX-License-Identifier: MIT */
/*
 * ptrace-bench GNTSIM [CONTAINED]: what the ptrace front makes of a program: of an ordinary read(2), of an mmap and
 * munmap that touch no device, of what only computes and of what allocates, bare, traced, and traced with a device and
 * with three and a mapping; and of an ioctl of a device, on the socket front, on this, and on this as in a default
 * container. In turns; all but the ioctl in the program's own processor time. And what is the kernel's own part of it:
 * the same under a filter that lets every call pass, and under a second one that asks for a descriptor's number.
 */
#include "measure.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

#define ROUNDS 9

struct way {
	const char *name, *front; /* NULL: without gntsim */
	int devices;
	int contained;
	int filters; /* without gntsim: of the program's own */
};
/* The last one needs the container. */
static const struct way ways[] = {
    {"bare", NULL, 0, 0, 0},
    {"bare, a filter that allows all", NULL, 0, 0, 1},
    {"bare, and one that asks for a number", NULL, 0, 0, 2},
    {"traced", "ptrace", 0, 0, 0},
    {"traced, a device", "ptrace", 1, 0, 0},
    {"traced, three devices, a mapping", "ptrace", 3, 0, 0},
    {"socket", "socket", 3, 0, 0},
    {"traced in a container, three devices, a mapping", "ptrace", 3, 1, 0},
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

enum figure { READ, UNMAP, COMPUTE, ALLOCATE, IOCTL, FIGURES };
static const struct {
	const char *what;
	int times;
} figures[FIGURES] = {
    [READ] = {"read of a byte", 300000},
    [UNMAP] = {"mmap and munmap", 40000},
    [COMPUTE] = {"computing", 20000000},
    [ALLOCATE] = {"malloc and free", 100000},
    [IOCTL] = {"ioctl", 500},
};

/* Nothing but a register is used. */
static void compute(int times)
{
	volatile uint64_t result;
	uint64_t x = 88172645463325252ull;

	for (int i = 0; i < times; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	result = x;
	(void)result;
}

/* Of many sizes, some of which come from mmap() each time: the threshold stays where it is. */
static void allocate(int times)
{
	static void *kept[512];
	uint32_t x = 2463534242u;

	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	for (int i = 0; i < times; i++) {
		void **at = &kept[x % 512];
		size_t size = x % 16 ? x % 4096 + 1 : x % (256 * 1024) + 1;

		free(*at);
		*at = malloc(size);
		measure_need(*at != NULL, "malloc");
		memset(*at, 1, size < 256 ? size : 256);
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
	}
}

static void unmap(int times)
{
	for (int i = 0; i < times; i++) {
		void *p =
		    mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		measure_need(p != MAP_FAILED && munmap(p, 65536) == 0, "mmap");
	}
}

static void do_reads(int times, int zero)
{
	char byte;

	for (int i = 0; i < times; i++)
		measure_need(read(zero, &byte, 1) == 1, "read");
}

static void do_ioctls(int times, int gntdev)
{
	struct ioctl_gntdev_unmap_grant_ref none = {.index = 77 * 4096, .count = 1};

	for (int i = 0; i < times; i++)
		ioctl(gntdev, IOCTL_GNTDEV_UNMAP_GRANT_REF, &none);
}

/* The least that a filter can be: an answer without a look, which the kernel keeps; and one that takes a look, at the
 * first argument, so that all filters are run at each call. */
static void set_filters(int n)
{
	struct sock_filter least[] = {
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1000, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog p[] = {{1, least}, {4, least + 1}};

	measure_need(n == 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	for (int i = 0; i < n; i++)
		measure_need(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p[i]) == 0, "a filter");
}

/* Prints seconds each. */
static void be_measured(int devices, int filters)
{
	static const char *const names[] = {"/dev/xen/gntalloc", "/dev/xen/gntdev",
					    "/dev/xen/evtchn"};
	int zero = open("/dev/zero", O_RDONLY), fds[3] = {-1, -1, -1};

	measure_need(zero >= 0, "/dev/zero");
	set_filters(filters);
	for (int i = 0; i < devices; i++) {
		fds[i] = open(names[i], O_RDWR);
		measure_need(fds[i] >= 0, names[i]);
	}
	if (devices == 3)
		map_one(fds[0]);
	for (int f = 0; f < FIGURES; f++) {
		int times = f == IOCTL && devices < 3 ? 0 : figures[f].times;
		double begin = f == IOCTL ? measure_now() : measure_cpu_now();

		switch ((enum figure)f) {
		case READ:
			do_reads(times, zero);
			break;
		case UNMAP:
			unmap(times);
			break;
		case COMPUTE:
			compute(times);
			break;
		case ALLOCATE:
			allocate(times);
			break;
		case IOCTL:
			do_ioctls(times, fds[1]);
			break;
		case FIGURES:
			break;
		}
		begin = (f == IOCTL ? measure_now() : measure_cpu_now()) - begin;
		printf("%.12f\n", times ? begin / times : 0);
	}
}

static void measured(const struct way *w, char **argv, double figure[FIGURES][ROUNDS], int round)
{
	char before[2048] = "", command[4096];
	FILE *from;
	int ok = 1;

	if (w->front)
		snprintf(before, sizeof(before), "%s '%s' run --front %s --",
			 w->contained ? argv[2] : "", argv[1], w->front);
	snprintf(command, sizeof(command), "%s '%s' --measured %d %d", before, argv[0], w->devices,
		 w->filters);
	from = popen(command, "re");
	measure_need(from != NULL, command);
	for (int f = 0; f < FIGURES; f++)
		ok = ok && fscanf(from, "%lf", &figure[f][round]) == 1;
	measure_need(pclose(from) == 0 && ok, command);
}

int main(int argc, char **argv)
{
	static double all[WAYS][FIGURES][ROUNDS];
	double bare[FIGURES] = {0};

	measure_need(argc > 1, "usage: ptrace-bench GNTSIM [CONTAINED]");
	if (argc == 4 && strcmp(argv[1], "--measured") == 0) {
		be_measured(atoi(argv[2]), atoi(argv[3]));
		return 0;
	}
	for (int round = 0; round < ROUNDS; round++)
		for (size_t w = 0; w + (argc < 3) < WAYS; w++)
			measured(&ways[w], argv, all[w], round);
	for (size_t w = 0; w + (argc < 3) < WAYS; w++) {
		printf("%s:\n", ways[w].name);
		for (int f = 0; f < FIGURES; f++) {
			double each = measure_median(all[w][f], ROUNDS);

			if (w == 0)
				bare[f] = each;
			if (each > 0)
				printf("  %-16s %8.4f us", figures[f].what, each * 1e6);
			if (each > 0 && bare[f] > 0)
				printf("  %.2f of bare", each / bare[f]);
			printf("%s", each > 0 ? "\n" : "");
		}
	}
	return 0;
}
