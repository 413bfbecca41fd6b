/* SPDX-License-Identifier: MIT */
/*
 * What the examples test: a page that domain 0 shares with domain 1, as your own code would make
 * it, on the model instead of the devices. Everything happens in this process, in no time.
 */
#ifndef LIBRARY_PAIR_H
#define LIBRARY_PAIR_H

#include <errno.h>
#include <fcntl.h>
#include <gntsim/machine.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGES 64
/* Where the sides map the page: addresses in the model, not in this process. */
#define HERE  0x10000u
#define THERE 0x20000u

struct pair {
	void *memory;
	struct gntsim_machine *machine;
	struct gntsim_domain *dom0, *dom1;
	struct gntsim_mm *mm0, *mm1;
	struct gntsim_file *gntalloc, *gntdev, *events0, *events1;
	gntsim_port port0, port1;
	gntsim_gref ref;
	uint64_t index0, index1;
	long allocations_left; /* until they fail; negative: never */
};

static inline void *pair_alloc(void *pair, size_t size)
{
	struct pair *p = pair;

	if (p->allocations_left == 0)
		return NULL;
	p->allocations_left--;
	return malloc(size);
}

static inline void pair_free(void *pair, void *memory, size_t size)
{
	(void)pair;
	(void)size;
	free(memory);
}

/* A machine of two domains, in three lines. */
static inline int pair_start(struct pair *p, long allocations)
{
	struct gntsim_allocator failing = {.alloc = pair_alloc, .free = pair_free, .ctx = p};
	int status;

	memset(p, 0, sizeof(*p));
	p->allocations_left = allocations;
	p->memory = aligned_alloc(GNTSIM_PAGE_SIZE, (size_t)PAGES * GNTSIM_PAGE_SIZE);
	if (!p->memory)
		return -ENOMEM;
	memset(p->memory, 0, (size_t)PAGES * GNTSIM_PAGE_SIZE);

	struct gntsim_config config = {
	    .frames = p->memory, .n_frames = PAGES, .allocator = &failing};

	status = gntsim_machine_new(&config, &p->machine);
	if (!status)
		status = gntsim_domain_create(p->machine, 0, NULL, &p->dom0);
	if (!status)
		status = gntsim_domain_create(p->machine, 1, NULL, &p->dom1);
	return status;
}

/* Domain 0 shares, domain 1 maps; when domain 0's process ends, byte 5 is cleared and domain 1 gets
 * an event. */
static inline int pair_connect(struct pair *p)
{
	struct gntsim_grant grant = {.domid = 0};
	int status;

	if ((status = gntsim_mm_create(p->dom0, &p->mm0)) ||
	    (status = gntsim_mm_create(p->dom1, &p->mm1)) ||
	    (status = gntsim_open(p->dom0, GNTSIM_DEV_GNTALLOC, O_RDWR, &p->gntalloc)) ||
	    (status = gntsim_open(p->dom1, GNTSIM_DEV_GNTDEV, O_RDWR, &p->gntdev)) ||
	    (status = gntsim_open(p->dom0, GNTSIM_DEV_EVTCHN, O_RDWR, &p->events0)) ||
	    (status = gntsim_open(p->dom1, GNTSIM_DEV_EVTCHN, O_RDWR, &p->events1)))
		return status;
	if ((status = gntsim_evtchn_bind_unbound(p->events0, 1)) < 0)
		return status;
	p->port0 = (gntsim_port)status;
	if ((status = gntsim_evtchn_bind_interdomain(p->events1, 0, p->port0)) < 0)
		return status;
	p->port1 = (gntsim_port)status;
	if ((status = gntsim_gntalloc_alloc(p->gntalloc, 1, 1, 1, &p->index0, &p->ref)) ||
	    (status = gntsim_mmap(p->mm0, p->gntalloc, HERE, GNTSIM_PAGE_SIZE,
				  PROT_READ | PROT_WRITE, MAP_SHARED, p->index0)) ||
	    (status = gntsim_gntalloc_set_unmap_notify(p->gntalloc, p->index0 + 5, 3, p->port0)))
		return status;
	grant.ref = p->ref;
	if ((status = gntsim_gntdev_map(p->gntdev, 1, &grant, &p->index1)))
		return status;
	return gntsim_mmap(p->mm1, p->gntdev, THERE, GNTSIM_PAGE_SIZE, PROT_READ | PROT_WRITE,
			   MAP_SHARED, p->index1);
}

/* SIGKILL, as the kernel does it: first the address space, then the files. */
static inline void pair_kill_process_of_dom0(struct pair *p)
{
	gntsim_mm_destroy(p->mm0);
	gntsim_close(p->gntalloc);
	gntsim_close(p->events0);
	p->mm0 = NULL;
	p->gntalloc = p->events0 = NULL;
}

static inline void pair_end(struct pair *p)
{
	gntsim_machine_free(p->machine);
	free(p->memory);
}

/* Walks the live grants. */
static inline bool pair_count_one(void *count, const struct gntsim_grant_info *grant)
{
	(void)grant;
	++*(unsigned *)count;
	return true;
}

static inline unsigned pair_live_grants(struct pair *p)
{
	unsigned n = 0;

	gntsim_for_each_grant(p->machine, pair_count_one, &n);
	return n;
}

#endif
