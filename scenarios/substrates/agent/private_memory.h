/* SPDX-License-Identifier: MIT */
/* The anonymous memory of a simulated process: all that the model itself does not know. */
#ifndef SCN_PRIVATE_MEMORY_H
#define SCN_PRIVATE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scn_backing;
struct scn_heap;

/* Memory that may still be taken, by whoever shares this. */
struct scn_allowance {
	uint64_t left;
	bool exceeded;         /* more was asked for than was left */
	bool refused;          /* what was left could not be had all the same */
	struct scn_heap *heap; /* where it is taken from; NULL: malloc() */
};

/* Takes it; false: there is not so much left. */
bool scn_allowance_take(struct scn_allowance *a, uint64_t size);
void scn_allowance_give(struct scn_allowance *a, uint64_t size);
/* Memory as malloc() and free() have it, not counted. */
void *scn_allowance_alloc(struct scn_allowance *a, size_t size);
void scn_allowance_free(struct scn_allowance *a, void *p, size_t size);

struct scn_region {
	uint64_t start, end;
	int prot;
	bool shared;
	struct scn_backing *backing;
	uint64_t offset; /* of start, in the backing */
};

/* Regions in no order; none overlap. */
struct scn_private_memory {
	struct scn_region *regions;
	uint32_t n, room;
	struct scn_allowance *allowance; /* what the memory is taken of */
};

/* Page-aligned ranges. Each returns 0 or -ENOMEM. */
int scn_private_map(struct scn_private_memory *m, uint64_t start, uint64_t end, int prot,
		    bool shared);
int scn_private_unmap(struct scn_private_memory *m, uint64_t start, uint64_t end);
int scn_private_protect(struct scn_private_memory *m, uint64_t start, uint64_t end, int prot);
/* As fork does: private memory is copied, shared memory is shared. */
int scn_private_fork(const struct scn_private_memory *m, struct scn_private_memory *out);
void scn_private_free(struct scn_private_memory *m);

bool scn_private_overlaps(const struct scn_private_memory *m, uint64_t start, uint64_t end);
/* Where the first region starts that ends above an address; UINT64_MAX: there is none. */
uint64_t scn_private_next(const struct scn_private_memory *m, uint64_t addr);
/*
 * The bytes at an address and how many follow in one piece. Returns NULL and 0 if there is no
 * region; NULL and the length if the access is not allowed.
 */
uint8_t *scn_private_at(const struct scn_private_memory *m, uint64_t addr, bool write, size_t *len);

#endif
