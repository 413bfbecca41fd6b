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

/* The rest of a slab. */
struct rest {
	unsigned char *bump;
	size_t left;
};

struct memory {
	struct gntsim_allocator hook;
	bool pooled;
	struct slab *slabs;
	uint32_t n_slabs;
	struct rest rest, own[GS_SMALL_CLASSES]; /* for all sizes; for one */
	void *free[GS_SMALL_CLASSES]; /* freed objects by size, linked through their first word */
	uint64_t bytes;               /* in use */
};

/* NULL when the hook gives none. */
void *gs_mem_alloc(struct gntsim_machine *m, size_t size);
void *gs_mem_zalloc(struct gntsim_machine *m, size_t size);
/* NULL is allowed. */
void gs_mem_free(struct gntsim_machine *m, void *p, size_t size);

/* The way of who goes through many objects; all zeros at first. */
struct way {
	uintptr_t last;
};

/* What was made in turn lies at even distances: what will be met some objects after @p p is brought near. Who has
 * to wait for each waits longer than all else takes, if there are many. */
static inline void gs_mem_ahead(struct way *w, const void *p)
{
	uintptr_t at = (uintptr_t)p, next = w->last ? at + 16 * (at - w->last) : at;

	w->last = at;
	__builtin_prefetch((const void *)next);
	__builtin_prefetch((const void *)(next + 64));
}

/* Makes the machine's first block, with its memory set up in it; and gives it back. */
struct gntsim_machine *gs_mem_create(const struct gntsim_allocator *hook);
void gs_mem_destroy(struct gntsim_machine *m);

#endif
