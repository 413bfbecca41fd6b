/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define GRAIN      8u /* no object needs more than a pointer's alignment */
#define SLAB_BYTES 8192u
/* All sizes are cut from one slab at first: a small machine has one. In a large one each size has slabs of its own,
 * so that who goes through its objects finds them side by side. */
#define SHARED_SLABS 16u

struct slab {
	_Alignas(GRAIN) struct slab *next;
};

static void *plain_alloc(void *ctx, size_t size)
{
	(void)ctx;
	return malloc(size);
}

static void plain_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)size;
	free(p);
}

static size_t rounded(size_t size)
{
	return (size + GRAIN - 1) & ~(size_t)(GRAIN - 1);
}

static void *hook_alloc(struct memory *mem, size_t size)
{
	return mem->hook.alloc(mem->hook.ctx, size);
}

static bool add_slab(struct memory *mem, struct rest *rest)
{
	struct slab *slab = hook_alloc(mem, SLAB_BYTES);

	if (!slab)
		return false;
	slab->next = mem->slabs;
	mem->slabs = slab;
	mem->n_slabs++;
	rest->bump = (unsigned char *)slab + sizeof(*slab);
	rest->left = SLAB_BYTES - sizeof(*slab);
	return true;
}

static void *cut(struct rest *rest, size_t size)
{
	void *p = rest->bump;

	rest->bump += size;
	rest->left -= size;
	return p;
}

static void *take_small(struct memory *mem, size_t size)
{
	size_t class = size / GRAIN - 1;
	void **freed = &mem->free[class], *p = *freed;
	struct rest *rest = &mem->own[class];

	if (p) {
		memcpy(freed, p, sizeof(*freed));
		return p;
	}
	if (rest->left < size && (mem->n_slabs < SHARED_SLABS || mem->rest.left >= size))
		rest = &mem->rest;
	if (rest->left < size && !add_slab(mem, rest))
		return NULL;
	return cut(rest, size);
}

static void put_small(struct memory *mem, void *p, size_t size)
{
	void **freed = &mem->free[size / GRAIN - 1];

	memcpy(p, freed, sizeof(*freed));
	*freed = p;
}

static bool is_small(const struct memory *mem, size_t size)
{
	return mem->pooled && size <= GS_SMALL_CLASSES * GRAIN;
}

void *gs_mem_alloc(struct gntsim_machine *m, size_t size)
{
	struct memory *mem = &m->mem;
	void *p;

	size = rounded(size ? size : 1);
	p = is_small(mem, size) ? take_small(mem, size) : hook_alloc(mem, size);
	if (p)
		mem->bytes += size;
	return p;
}

void *gs_mem_zalloc(struct gntsim_machine *m, size_t size)
{
	void *p = gs_mem_alloc(m, size);

	if (p)
		memset(p, 0, size);
	return p;
}

void gs_mem_free(struct gntsim_machine *m, void *p, size_t size)
{
	struct memory *mem = &m->mem;

	if (!p)
		return;
	size = rounded(size ? size : 1);
	mem->bytes -= size;
	if (is_small(mem, size))
		put_small(mem, p, size);
	else
		mem->hook.free(mem->hook.ctx, p, size);
}

struct gntsim_machine *gs_mem_create(const struct gntsim_allocator *hook)
{
	static const struct gntsim_allocator plain = {.alloc = plain_alloc, .free = plain_free};
	const struct gntsim_allocator *from = hook ? hook : &plain;
	struct gntsim_machine *m = from->alloc(from->ctx, sizeof(*m));

	if (!m)
		return NULL;
	memset(m, 0, sizeof(*m));
	m->mem.hook = *from;
	m->mem.pooled = !hook;
	m->mem.bytes = rounded(sizeof(*m));
	return m;
}

void gs_mem_destroy(struct gntsim_machine *m)
{
	struct gntsim_allocator hook = m->mem.hook;
	struct slab *slab;

	while ((slab = m->mem.slabs)) {
		m->mem.slabs = slab->next;
		hook.free(hook.ctx, slab, SLAB_BYTES);
	}
	hook.free(hook.ctx, m, sizeof(*m));
}
