/* SPDX-License-Identifier: MIT */
#include "heap.h"

#include <string.h>
#include <sys/mman.h>

#define GRAIN 16u

struct scn_heap *scn_heap_new(size_t size)
{
	struct scn_heap *h = mmap(NULL, size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (h == MAP_FAILED)
		return NULL;
	h->used = (sizeof(*h) + GRAIN - 1) & ~(size_t)(GRAIN - 1);
	h->size = size;
	return h;
}

void scn_heap_destroy(struct scn_heap *h)
{
	if (h)
		munmap(h, h->size);
}

/* The list of blocks of that size, and the size that they have. */
static void **list_of(struct scn_heap *h, size_t *size)
{
	size_t n = (*size + GRAIN - 1) / GRAIN;
	unsigned int bits = 0;

	n += n == 0;
	if (n <= SCN_HEAP_CLASSES) {
		*size = n * GRAIN;
		return &h->free[n - 1];
	}
	while (((size_t)GRAIN << bits) < *size)
		bits++;
	*size = (size_t)GRAIN << bits;
	return &h->large[bits];
}

void *scn_heap_alloc(struct scn_heap *h, size_t size)
{
	void **list, *p;

	if (size > h->size)
		return NULL;
	list = list_of(h, &size);
	p = *list;
	if (p) {
		memcpy(list, p, sizeof(*list));
		return p;
	}
	if (size > h->size - h->used)
		return NULL;
	p = (char *)h + h->used;
	h->used += size;
	return p;
}

void scn_heap_free(struct scn_heap *h, void *p, size_t size)
{
	void **list;

	if (!p)
		return;
	list = list_of(h, &size);
	memcpy(p, list, sizeof(*list));
	*list = p;
}
