/* SPDX-License-Identifier: MIT */
/* Another domain's grant table through privcmd, as a toolstack maps it: says what each call gave, and what
 * the entry of a reference is before, while and after it is mapped, and when its granter has ended.
 * usage: resource DOMAIN REFERENCE [GRANTER'S PROCESS]
 * usage: resource grant: grants a page to domain 0, prints its reference, and stays */
#define _GNU_SOURCE
#include "privcmd/abi.h"
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <gntsim/grant_table.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u

static int fd;

static const char *word(int r)
{
	return r == 0 ? "0" : strerrorname_np(errno);
}

static struct privcmd_resource resource(uint16_t dom, uint32_t id, void *addr, uint64_t num)
{
	return (struct privcmd_resource){.dom = dom,
					 .type = GNTSIM_RESOURCE_GRANT_TABLE,
					 .id = id,
					 .num = num,
					 .addr = (uintptr_t)addr};
}

static const char *ask(struct privcmd_resource *r)
{
	return word(ioctl(fd, PRIVCMD_MMAP_RESOURCE, r));
}

static void size(uint16_t dom, uint32_t id)
{
	struct privcmd_resource r = resource(dom, id, NULL, 0);
	const char *said = ask(&r);

	printf(" %s:%u", said, (unsigned int)r.num);
}

static void *area(unsigned int pages)
{
	void *p = mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p != MAP_FAILED)
		return p;
	printf("mmap %s\n", strerrorname_np(errno));
	exit(0);
}

static void map(const char *what, struct privcmd_resource r)
{
	printf(" %s:%s", what, ask(&r));
}

static void refusals(uint16_t dom, char *p)
{
	struct privcmd_resource r = resource(dom, 0, p, 1);

	printf("refused");
	r.type = 0;
	map("type", r);
	map("status", resource(dom, 1, p, 1));
	map("half", resource(dom, 0, p, 0));
	map("half", resource(dom, 0, NULL, 1));
	map("elsewhere", resource(dom, 0, &r, 1));
	map("beyond", resource(dom, 0, p, 3));
	map("self", resource(0, 0, p, 1));
	map("nobody", resource(0x7000, 0, p, 1));
	r = resource(dom, 0, p, 2);
	r.idx = 63;
	map("over", r);
	printf(" pointer:%s\n", word(ioctl(fd, PRIVCMD_MMAP_RESOURCE, 8)));
}

/* Grants nothing of its own: a page of the other domain, mapped as long as this lasts. */
static void *map_grant(int gntdev, uint16_t dom, uint32_t ref)
{
	struct ioctl_gntdev_map_grant_ref op = {.count = 1, .refs = {{dom, ref}}};
	void *p;

	if (ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &op) < 0)
		return NULL;
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, gntdev, (off_t)op.index);
	return p == MAP_FAILED ? NULL : p;
}

static void look(uint16_t dom, uint32_t ref, const char *granter,
		 volatile struct gntsim_grant_entry *e)
{
	int gntdev = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
	char *page = map_grant(gntdev, dom, ref), *other;

	printf("mapped %#x", e[ref].flags);
	close(gntdev);
	if (page)
		munmap(page, PAGE);
	printf(" unmapped %#x domid %u", e[ref].flags, e[ref].domid);
	/* What is stored there is granted: a toolstack does so for a domain that it builds. */
	e[5].frame = e[ref].frame;
	e[5].domid = 0;
	e[5].flags = GNTSIM_GTF_PERMIT_ACCESS;
	gntdev = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
	page = map_grant(gntdev, dom, ref);
	other = map_grant(gntdev, dom, 5);
	printf(" seeded %#x", e[5].flags);
	if (page && other) {
		page[7] = 42;
		printf(" shared %d", other[7]);
	}
	close(gntdev);
	munmap(page, PAGE);
	munmap(other, PAGE);
	e[5].flags = 0;
	if (granter) {
		kill((pid_t)atoi(granter), SIGKILL);
		/* The table tells. */
		for (int i = 0; i < 3000 && e[ref].flags; i++)
			usleep(10000);
		printf(" ended %#x", e[ref].flags);
	}
	printf("\n");
}

static int grant(void)
{
	struct ioctl_gntalloc_alloc_gref op = {
	    .domid = 0, .flags = GNTALLOC_FLAG_WRITABLE, .count = 1};
	int gntalloc = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);

	if (ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &op) < 0)
		return 1;
	printf("%u %d\n", op.gref_ids[0], (int)getpid());
	fflush(stdout);
	pause();
	return 0;
}

int main(int argc, char **argv)
{
	uint16_t dom;
	uint32_t ref;
	char *p;

	if (argc == 2 && strcmp(argv[1], "grant") == 0)
		return grant();
	if (argc < 3)
		return 2;
	dom = (uint16_t)atoi(argv[1]);
	ref = (uint32_t)atoi(argv[2]);
	fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	printf("size");
	size(dom, 0);
	size(dom, 1);
	size(dom, 2);
	size(0, 0);
	size(0x7000, 0);
	printf("\n");
	p = area(2);
	refusals(dom, p);
	printf("map");
	map("one", resource(dom, 0, p, 1));
	map("again", resource(dom, 0, p, 2));
	printf("\n");
	fflush(stdout);
	look(dom, ref, argv[3], (void *)p);
	return 0;
}
