/* SPDX-License-Identifier: MIT */
/*
 * The machine's memory: everything comes from the allocator hook. With the default hook, small
 * objects are cut from slabs, so that a grant costs no malloc and no malloc header. A hook of
 * the caller's is asked for every object, so that failing its nth call reaches every place.
 */
#ifndef GS_MEMORY_H
#define GS_MEMORY_H

#include <gntsim/machine.h>

#define GS_SMALL_CLASSES 64u /* of 8, 16, ... 512 bytes */

struct slab;

struct memory {
	struct gntsim_allocator hook;
	bool pooled;
	struct slab *slabs;
	unsigned char *bump; /* the rest of the newest slab */
	size_t left;
	void *free[GS_SMALL_CLASSES]; /* freed objects by size, linked through their first word */
	uint64_t bytes;               /* in use */
};

/* NULL when the hook gives none. */
void *gs_mem_alloc(struct gntsim_machine *m, size_t size);
void *gs_mem_zalloc(struct gntsim_machine *m, size_t size);
/* NULL is allowed. */
void gs_mem_free(struct gntsim_machine *m, void *p, size_t size);

/* Makes the machine's first block, with its memory set up in it; and gives it back. */
struct gntsim_machine *gs_mem_create(const struct gntsim_allocator *hook);
void gs_mem_destroy(struct gntsim_machine *m);

#endif
