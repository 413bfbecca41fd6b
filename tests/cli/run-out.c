/* SPDX-License-Identifier: MIT */
/* A program that runs out of what a domain has, and says on stdout after how much and with what error:
 *
 *   pages          of gntalloc, one a call
 *   table          the same, 504 in one call first
 *   grants N       N + 1 in one call of gntdev, then N
 *   ports          of evtchn
 *   share N REFS FIFO   grants N pages to domain 0, writes their references to a file, prints
 *                  "shared", and goes when somebody has opened and closed the FIFO
 *   map N M REFS FIFO   maps N pages of domain 1, then M more (which are the same ones) */
#include <errno.h>
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
#include <xen/evtchn.h>
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

#define MOST 1000

static int device(const char *path)
{
	int fd = open(path, O_RDWR);

	if (fd >= 0)
		return fd;
	perror(path);
	exit(2);
}

static int say(int n)
{
	printf("%d, then %s\n", n, strerrorname_np(errno));
	return 0;
}

static struct ioctl_gntalloc_alloc_gref *allocate(int fd, uint32_t count)
{
	struct ioctl_gntalloc_alloc_gref *a = calloc(1, sizeof(*a) + 4ul * count);

	*a = (struct ioctl_gntalloc_alloc_gref){.domid = 0, .flags = 1, .count = count};
	if (ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, a) == 0)
		return a;
	free(a);
	return NULL;
}

static int pages(uint32_t first)
{
	int fd = device("/dev/xen/gntalloc"), n = 0;

	if (first && allocate(fd, first))
		n = (int)first;
	while (n < MOST && allocate(fd, 1))
		n++;
	return say(n);
}

static struct ioctl_gntdev_map_grant_ref *map_refs(int fd, const uint32_t *refs, uint32_t count)
{
	struct ioctl_gntdev_map_grant_ref *m = calloc(1, sizeof(*m) + sizeof(m->refs[0]) * count);

	m->count = count;
	for (uint32_t i = 0; i < count; i++) {
		m->refs[i].domid = 1;
		m->refs[i].ref = refs ? refs[i] : 8;
	}
	if (ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, m) == 0)
		return m;
	free(m);
	return NULL;
}

static int grants(uint32_t n)
{
	int fd = device("/dev/xen/gntdev");

	if (map_refs(fd, NULL, n + 1))
		return 1;
	say((int)n);
	return !map_refs(fd, NULL, n);
}

static int ports(void)
{
	int fd = device("/dev/xen/evtchn"), n = 0;
	struct ioctl_evtchn_bind_unbound_port bind = {.remote_domain = 0};

	while (n < MOST && ioctl(fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind) > 0)
		n++;
	return say(n);
}

static int share(uint32_t n, const char *file, const char *fifo)
{
	int fd = device("/dev/xen/gntalloc"), waiting;
	struct ioctl_gntalloc_alloc_gref *a = allocate(fd, n);
	FILE *f = fopen(file, "w");
	char byte;

	if (!a || !f)
		return 1;
	for (uint32_t i = 0; i < n; i++)
		fprintf(f, "%u\n", a->gref_ids[i]);
	fclose(f);
	puts("shared");
	fflush(stdout);
	waiting = open(fifo, O_RDONLY);
	return waiting < 0 || read(waiting, &byte, 1) < 0;
}

static int map(uint32_t n, uint32_t m, const char *file, const char *fifo)
{
	int fd = device("/dev/xen/gntdev"), status;
	FILE *f = fopen(file, "r");
	uint32_t refs[MOST];
	struct ioctl_gntdev_map_grant_ref *a, *b;
	unsigned char *first;

	for (uint32_t i = 0; i < n || i < m; i++)
		if (!f || fscanf(f, "%u", &refs[i]) != 1)
			return 1;
	a = map_refs(fd, refs, n);
	b = map_refs(fd, refs, m);
	if (!a || !b)
		return 1;
	first = mmap(NULL, 4096ul * n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)a->index);
	if (first == MAP_FAILED)
		return 1;
	if (mmap(NULL, 4096ul * m, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)b->index) !=
	    MAP_FAILED)
		puts("both mapped");
	else
		say((int)n);
	/* What was mapped before stays. */
	first[0] = 1;
	status = open(fifo, O_WRONLY);
	return status < 0 || close(status) < 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	alarm(60);
	if (strcmp(what, "pages") == 0)
		return pages(0);
	if (strcmp(what, "table") == 0)
		return pages(504);
	if (strcmp(what, "ports") == 0)
		return ports();
	if (strcmp(what, "grants") == 0 && argc == 3)
		return grants((uint32_t)atoi(argv[2]));
	if (strcmp(what, "share") == 0 && argc == 5)
		return share((uint32_t)atoi(argv[2]), argv[3], argv[4]);
	if (strcmp(what, "map") == 0 && argc == 6)
		return map((uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]), argv[4], argv[5]);
	return 2;
}
