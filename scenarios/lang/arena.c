/* SPDX-License-Identifier: MIT */
#include "arena.h"

#include <stdalign.h>
#include <stdlib.h>

#define CHUNK_SIZE (16u * 1024)

struct scn_chunk {
	struct scn_chunk *next;
	size_t size;
	alignas(max_align_t) unsigned char bytes[];
};

void *scn_arena_alloc(struct scn_arena *a, size_t size)
{
	size_t align = alignof(max_align_t);
	struct scn_chunk *c = a->chunks;
	void *p;

	size = (size + align - 1) / align * align;
	if (!c || c->size - a->used < size) {
		size_t want = size > CHUNK_SIZE ? size : CHUNK_SIZE;

		c = calloc(1, sizeof(*c) + want);
		if (!c)
			return NULL;
		c->size = want;
		c->next = a->chunks;
		a->chunks = c;
		a->used = 0;
	}
	p = c->bytes + a->used;
	a->used += size;
	return p;
}

void scn_arena_free(struct scn_arena *a)
{
	while (a->chunks) {
		struct scn_chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
	a->used = 0;
}
