/* SPDX-License-Identifier: MIT */
/*
 * A growing array in chunks that never move: pointers into it stay good. Elements come zeroed, unless asked not to.
 * The directory doubles, so growing costs a constant per chunk on average.
 */
#ifndef GS_TABLE_H
#define GS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gntsim_machine;

struct table {
	unsigned char **chunks;
	uint32_t n_chunks, room; /* chunks there are; that the directory has room for */
	uint32_t shift;          /* elements in a chunk: 1 << shift */
	uint32_t element;        /* bytes */
	bool raw;                /* elements are not zeroed */
};

static inline void *table_at(const struct table *t, uint32_t i)
{
	return t->chunks[i >> t->shift] + (size_t)t->element * (i & ((1u << t->shift) - 1));
}

/* Elements there are. */
static inline uint64_t table_size(const struct table *t)
{
	return (uint64_t)t->n_chunks << t->shift;
}

void gs_table_init(struct table *t, uint32_t shift, size_t element);
/* Adds a chunk. @retval -ENOMEM */
int gs_table_grow(struct gntsim_machine *m, struct table *t);
/* Removes every chunk. */
void gs_table_clear(struct gntsim_machine *m, struct table *t);

#endif
