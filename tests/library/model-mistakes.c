/* SPDX-License-Identifier: MIT */
/* The README's table of mistakes with libgntsim: makes each and prints its row with what came back. */
#define _GNU_SOURCE
#include "pair.h"

#include <stdio.h>

static void row(const char *mistake, const char *call, int status)
{
	printf("| %s | `%s()`: %s |\n", mistake, call,
	       status < 0 ? strerrorname_np(-status) : "no error");
}

static void row_of_access(const char *mistake, enum gntsim_access got)
{
	printf("| %s | %s |\n", mistake,
	       got == GNTSIM_ACCESS_SEGV ? "GNTSIM_ACCESS_SEGV" : "another result");
}

static void mistakes_of_machines(void)
{
	static _Alignas(4096) unsigned char memory[2 * GNTSIM_PAGE_SIZE];
	struct gntsim_config config = {.frames = memory + 8, .n_frames = 1};
	struct gntsim_machine *m;
	struct gntsim_domain *dom;

	row("page frames that are not page-aligned", "gntsim_machine_new",
	    gntsim_machine_new(&config, &m));
	config.frames = memory;
	if (gntsim_machine_new(&config, &m) || gntsim_domain_create(m, 5, NULL, &dom))
		return;
	row("a domain's number used twice", "gntsim_domain_create",
	    gntsim_domain_create(m, 5, NULL, &dom));
	gntsim_machine_free(m);
}

static void mistakes_of_files(struct pair *p)
{
	struct gntsim_grant nobodys = {.domid = 0, .ref = 400};
	struct gntsim_file *file;
	uint64_t index;

	row("a call of one device on a file of another", "gntsim_gntdev_map",
	    gntsim_gntdev_map(p->gntalloc, 1, &nobodys, &index));
	row("no grants to map", "gntsim_gntdev_map",
	    gntsim_gntdev_map(p->gntdev, 0, &nobodys, &index));
	if (gntsim_gntdev_map(p->gntdev, 1, &nobodys, &index))
		return;
	row("a reference that nobody granted", "gntsim_mmap",
	    gntsim_mmap(p->mm1, p->gntdev, 0x90000, GNTSIM_PAGE_SIZE, PROT_READ, MAP_SHARED,
			index));
	gntsim_gntdev_unmap(p->gntdev, index, 1);
	row("a map that is gone", "gntsim_gntdev_unmap", gntsim_gntdev_unmap(p->gntdev, index, 1));
	if (gntsim_open(p->dom0, GNTSIM_DEV_GNTALLOC, O_RDWR, &file))
		return;
	gntsim_domain_destroy(p->dom0);
	row("a file whose domain was destroyed", "gntsim_gntalloc_alloc",
	    gntsim_gntalloc_alloc(file, 1, 1, 1, &index, &p->ref));
	gntsim_close(file);
}

static void mistakes_of_memory(struct pair *p)
{
	char c = 1;

	if (gntsim_mprotect(p->mm0, HERE, GNTSIM_PAGE_SIZE, PROT_READ))
		return;
	row_of_access("a store to a read-only mapping", gntsim_mm_store(p->mm0, HERE, &c, 1));
	row_of_access("a load where nothing is mapped",
		      gntsim_mm_load(p->mm0, HERE + GNTSIM_PAGE_SIZE, &c, 1));
}

static void no_memory_left(struct pair *p)
{
	struct gntsim_file *file;

	p->allocations_left = 0;
	row("no memory left (your allocator said NULL)", "gntsim_open",
	    gntsim_open(p->dom1, GNTSIM_DEV_EVTCHN, O_RDWR, &file));
	p->allocations_left = -1;
}

/* Under a sanitizer this would be seen to leak, if it did. */
static void freed_while_grants_live(struct pair *p)
{
	bool live = pair_live_grants(p) > 0;

	pair_end(p);
	printf("| a machine freed while grants live: they are freed with it | %s |\n",
	       live ? "no error" : "no live grant");
}

int main(void)
{
	struct pair p, q;

	if (pair_start(&p, -1) || pair_connect(&p) || pair_start(&q, -1) || pair_connect(&q))
		return 1;
	mistakes_of_machines();
	mistakes_of_files(&p);
	mistakes_of_memory(&q);
	no_memory_left(&q);
	pair_end(&p);
	freed_while_grants_live(&q);
	return 0;
}
