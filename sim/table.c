/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "memory.h"
#include "table.h"

void gs_table_init(struct table *t, uint32_t shift, size_t element)
{
	memset(t, 0, sizeof(*t));
	t->shift = shift;
	t->element = (uint32_t)element;
}

static size_t chunk_bytes(const struct table *t)
{
	return (size_t)t->element << t->shift;
}

static int grow_directory(struct gntsim_machine *m, struct table *t)
{
	uint32_t room = t->room ? 2 * t->room : 1;
	unsigned char **chunks = gs_mem_alloc(m, room * sizeof(*chunks));

	if (!chunks)
		return -ENOMEM;
	if (t->chunks) {
		memcpy(chunks, t->chunks, t->n_chunks * sizeof(*chunks));
		gs_mem_free(m, t->chunks, t->room * sizeof(*chunks));
	}
	t->chunks = chunks;
	t->room = room;
	return 0;
}

int gs_table_grow(struct gntsim_machine *m, struct table *t)
{
	unsigned char *chunk;

	if (t->n_chunks == t->room && grow_directory(m, t) < 0)
		return -ENOMEM;
	chunk = t->raw ? gs_mem_alloc(m, chunk_bytes(t)) : gs_mem_zalloc(m, chunk_bytes(t));
	if (!chunk)
		return -ENOMEM;
	t->chunks[t->n_chunks++] = chunk;
	return 0;
}

void gs_table_clear(struct gntsim_machine *m, struct table *t)
{
	while (t->n_chunks)
		gs_mem_free(m, t->chunks[--t->n_chunks], chunk_bytes(t));
	if (t->chunks)
		gs_mem_free(m, t->chunks, t->room * sizeof(*t->chunks));
	t->chunks = NULL;
	t->room = 0;
}
