/* SPDX-License-Identifier: MIT */
/* Memory that is freed all at once: what a parsed script is made of. */
#ifndef SCN_ARENA_H
#define SCN_ARENA_H

#include <stddef.h>

struct scn_chunk;

/* Zero is an empty arena. */
struct scn_arena {
	struct scn_chunk *chunks;
	size_t used;
};

/* Zeroed memory for any type, or NULL. */
void *scn_arena_alloc(struct scn_arena *a, size_t size);
void scn_arena_free(struct scn_arena *a);

#endif
