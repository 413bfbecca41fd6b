/* SPDX-License-Identifier: MIT */
/*
 * Memory in one piece, cut into blocks: what was allocated can be kept as a copy of the piece and be put
 * back, pointers and all.
 */
#ifndef SCN_HEAP_H
#define SCN_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCN_HEAP_CLASSES 64u

/* Lies at the beginning of its own piece, so that it is copied along. */
struct scn_heap {
	size_t used, size;             /* bytes of the piece, with this */
	void *free[SCN_HEAP_CLASSES];  /* blocks of 16, 32, ... bytes that were given back */
	void *large[SCN_HEAP_CLASSES]; /* blocks of powers of two */
};

/* A heap that grows up to `size` bytes; NULL: there is no such memory. Free it with
 * scn_heap_destroy(). */
struct scn_heap *scn_heap_new(size_t size);
void scn_heap_destroy(struct scn_heap *h);

/* Memory for any type, contents undefined; NULL: the heap is full. `size` is given back, too. */
void *scn_heap_alloc(struct scn_heap *h, size_t size);
void scn_heap_free(struct scn_heap *h, void *p, size_t size);

#endif
