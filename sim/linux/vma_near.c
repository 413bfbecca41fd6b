/* SPDX-License-Identifier: MIT */
/*
 * Where to begin looking in a large address space. The way down from the root of a million mappings
 * is twenty waits for memory, one after the other; so for each 32 KiB that mappings begin in, one of
 * them is kept in a table, and what is looked for is a step or two beside it. The table only saves
 * time: what it does not know is found from the root, and if there is no memory for it, all is.
 */
#include "model.h"

#define BLOCK_SHIFT 15u
/* Fewer mappings than these are near each other anyway. */
#define FEW 1024u
/* Those that begin in a block, if an address space is full of small ones. */
#define VMAS_PER_SLOT 4u

/* Bytes of memory on each side of one that is found. */
#define BESIDE 192

static uint64_t block_of(uint64_t addr)
{
	return addr >> BLOCK_SHIFT;
}

/* Of addresses in a row they are in a row too. */
static struct vma **slot_of(const struct vma_near *near, uint64_t addr)
{
	return &near->slots[block_of(addr) & (near->n_slots - 1)];
}

struct vma *gs_vma_near(const struct gntsim_mm *mm, uint64_t addr)
{
	const struct vma_near *near = &mm->near;
	struct vma *vma = *slot_of(near, addr);
	uintptr_t at;

	if (!vma)
		return NULL;
	/* What was made in turn and lies beside it in the tree does so in memory too: all of it is waited for at once. */
	for (at = (uintptr_t)vma - BESIDE; at <= (uintptr_t)vma + BESIDE; at += 64)
		__builtin_prefetch((const void *)at);
	return block_of(vma->start) == block_of(addr) ? vma : NULL;
}

void gs_vma_near_found(const struct gntsim_mm *mm, uint64_t addr, struct vma *vma)
{
	if (vma && block_of(vma->start) == block_of(addr))
		*slot_of(&mm->near, addr) = vma;
}

/* Where there is none yet. */
static void enter(const struct vma_near *near, struct vma *vma)
{
	struct vma **slot = slot_of(near, vma->start);

	if (!*slot)
		*slot = vma;
}

static void drop(struct gntsim_machine *m, struct vma_near *near)
{
	gs_mem_free(m, near->slots, near->n_slots * sizeof(*near->slots));
	near->slots = NULL;
	near->n_slots = 0;
}

static void grow(struct gntsim_machine *m, struct vma_near *near)
{
	struct vma_near larger = *near;
	uint32_t i;

	larger.n_slots = near->n_slots ? 2 * near->n_slots : FEW / VMAS_PER_SLOT;
	larger.slots = gs_mem_zalloc(m, larger.n_slots * sizeof(*larger.slots));
	if (!larger.slots)
		return;
	for (i = 0; i < near->n_slots; i++)
		if (near->slots[i])
			enter(&larger, near->slots[i]);
	if (near->n_slots)
		drop(m, near);
	*near = larger;
}

void gs_vma_near_add(struct vma *vma)
{
	struct vma_near *near = &vma->mm->near;

	if (++near->n_vmas >= FEW && near->n_vmas > VMAS_PER_SLOT * near->n_slots)
		grow(vma->mm->m, near);
	if (near->n_slots)
		enter(near, vma);
}

/* One beside it that begins in the same block, or NULL. */
static struct vma *heir_of(const struct vma *vma)
{
	struct list *const beside[2] = {vma->in_order.prev, vma->in_order.next};
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct vma *heir = container_of(beside[i], struct vma, in_order);

		if (beside[i] != &vma->mm->in_order &&
		    block_of(heir->start) == block_of(vma->start))
			return heir;
	}
	return NULL;
}

void gs_vma_near_remove(struct vma *vma)
{
	struct vma_near *near = &vma->mm->near;
	struct vma **slot = near->n_slots ? slot_of(near, vma->start) : NULL;

	if (slot && *slot == vma)
		*slot = heir_of(vma);
	if (!--near->n_vmas && near->n_slots)
		drop(vma->mm->m, near);
}

bool gs_vma_near_sound(const struct gntsim_mm *mm)
{
	const struct vma_near *near = &mm->near;
	const struct list *l = &mm->in_order;
	uint32_t i, n_vmas = 0, full = 0, right = 0;
	const struct tree_node *n;

	for (i = 0; i < near->n_slots; i++)
		full += near->slots[i] != NULL;
	for (n = gs_tree_first(&mm->vmas); n; n = gs_tree_next(n)) {
		const struct vma *vma = container_of(n, const struct vma, node);

		if (l->next != &vma->in_order || vma->in_order.prev != l)
			return false;
		l = l->next;
		n_vmas++;
		right += near->n_slots && *slot_of(near, vma->start) == vma;
	}
	return l->next == &mm->in_order && mm->in_order.prev == l && n_vmas == near->n_vmas &&
	       full == right;
}
