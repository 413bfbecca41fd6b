/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: their mappings, and munmap, fork and exit (Linux mm/mmap.c). Mappings are
 * never merged, because the drivers' have a close operation.
 */
#include "model.h"

static struct vma *vma_of(struct tree_node *node)
{
	return container_of(node, struct vma, node);
}

/* Of the list of an address space; its head is the end. */
static struct vma *vma_at(const struct gntsim_mm *mm, struct list *l)
{
	return l == &mm->in_order ? NULL : container_of(l, struct vma, in_order);
}

static struct vma *vma_before(const struct gntsim_mm *mm, const struct vma *vma)
{
	return vma_at(mm, vma->in_order.prev);
}

static struct vma_hit find_from_root(const struct gntsim_mm *mm, uint64_t addr)
{
	struct vma_hit hit = {.to = UINT64_MAX};
	struct tree_node *n = mm->vmas.root;

	while (n) {
		struct vma *vma = vma_of(n);

		if (vma->end > addr) {
			hit.vma = vma;
			hit.to = vma->end;
			n = n->left;
		} else {
			hit.from = vma->end;
			n = n->right;
		}
	}
	return hit;
}

/* The same, from one that begins near the address. */
static struct vma_hit find_beside(const struct gntsim_mm *mm, struct vma *vma, uint64_t addr)
{
	struct vma_hit hit = {.to = UINT64_MAX};
	struct vma *below;

	while (vma && vma->end <= addr) {
		hit.from = vma->end;
		vma = vma_at(mm, vma->in_order.next);
	}
	while (!hit.from && vma->start > addr) {
		below = vma_before(mm, vma);
		if (!below)
			break;
		if (below->end <= addr)
			hit.from = below->end;
		else
			vma = below;
	}
	if (vma) {
		hit.vma = vma;
		hit.to = vma->end;
		if (vma->start <= addr)
			hit.from = vma->start;
	}
	return hit;
}

struct vma *gs_vma_find(const struct gntsim_mm *mm, uint64_t addr)
{
	struct vma *near;

	if (addr >= mm->hit->from && addr < mm->hit->to)
		return mm->hit->vma;
	near = mm->near.n_slots ? gs_vma_near(mm, addr) : NULL;
	*mm->hit = near ? find_beside(mm, near, addr) : find_from_root(mm, addr);
	if (!near && mm->near.n_slots)
		gs_vma_near_found(mm, addr, mm->hit->vma);
	return mm->hit->vma;
}

struct vma *gs_vma_next(const struct vma *vma)
{
	return vma_at(vma->mm, vma->in_order.next);
}

void gs_vma_insert(struct vma *vma)
{
	struct gntsim_mm *mm = vma->mm;
	struct vma *above = gs_vma_find(mm, vma->start);
	struct vma *below = vma_at(mm, above ? above->in_order.prev : mm->in_order.prev);
	struct tree_node *parent = NULL, **link = &mm->vmas.root;

	/* Of two neighbours one has no child on the other's side. */
	if (above && !above->node.left) {
		parent = &above->node;
		link = &parent->left;
	} else if (below) {
		parent = &below->node;
		link = &parent->right;
	}
	list_add_before(above ? &above->in_order : &mm->in_order, &vma->in_order);
	gs_tree_insert(&mm->vmas, parent, link, &vma->node);
	gs_vma_near_add(vma);
	*mm->hit = (struct vma_hit){vma->start, vma->end, vma};
}

void gs_vma_unlink(struct vma *vma)
{
	gs_vma_near_remove(vma);
	gs_tree_remove(&vma->mm->vmas, &vma->node);
	list_del(&vma->in_order);
	*vma->mm->hit = (struct vma_hit){0};
}

/* vm_area_dup() and vm_ops->open() */
static struct vma *duplicate(const struct vma *vma)
{
	struct vma *copy = gs_mem_alloc(vma->mm->m, sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *vma;
	gs_file_get(copy->file);
	copy->file->driver->vma_open(copy);
	copy->mm->m->totals.vmas++;
	return copy;
}

static int split_at(struct gntsim_mm *mm, uint64_t addr)
{
	struct vma *vma = gs_vma_find(mm, addr), *upper;

	if (!vma || vma->start >= addr)
		return 0;
	upper = duplicate(vma);
	if (!upper)
		return -ENOMEM;
	upper->start = vma->end = addr;
	upper->offset += addr - vma->start;
	*mm->hit = (struct vma_hit){0};
	gs_vma_insert(upper);
	return 0;
}

int gs_split_range(struct gntsim_mm *mm, uint64_t start, uint64_t end)
{
	int rc = split_at(mm, start);
	const struct vma *vma;

	if (rc < 0)
		return rc;
	vma = gs_vma_find(mm, start);
	/* Most often the range is one mapping. */
	return vma && vma->end == end ? 0 : split_at(mm, end);
}

static struct vma *below(struct vma *vma, uint64_t end)
{
	return vma && vma->start < end ? vma : NULL;
}

/* (The next one is not looked at if nothing is left below the end.) */
static struct vma *next_below(const struct vma *vma, uint64_t end)
{
	return vma->end < end ? below(gs_vma_next(vma), end) : NULL;
}

void gs_invalidate_range(struct gntsim_mm *mm, uint64_t start, uint64_t end)
{
	struct way vmas = {0}, maps = {0};
	struct vma *vma = below(gs_vma_find(mm, start), end);

	for (; vma; vma = next_below(vma, end)) {
		gs_mem_ahead(&vmas, vma);
		gs_mem_ahead(&maps, vma->u.map);
		if (vma->file->driver->invalidate)
			vma->file->driver->invalidate(vma, start, end);
	}
}

static void remove_vma(struct vma *vma)
{
	struct gntsim_machine *m = vma->mm->m;

	gs_vma_unlink(vma);
	vma->file->driver->vma_close(vma);
	gs_file_put(vma->file);
	gs_mem_free(m, vma, sizeof(*vma));
	m->totals.vmas--;
}

int gs_unmap_range(struct gntsim_mm *mm, uint64_t start, uint64_t end)
{
	struct vma *vma = gs_vma_find(mm, start), *next;
	int rc;

	if (!vma || vma->start >= end)
		return 0;
	rc = gs_split_range(mm, start, end);
	if (rc < 0)
		return rc;
	/* The notifiers run for the whole range before the first mapping is closed. */
	gs_invalidate_range(mm, start, end);
	for (vma = gs_vma_find(mm, start); vma; vma = next) {
		next = next_below(vma, end);
		remove_vma(vma);
	}
	gs_own_pages_drop(mm, start, end);
	return 0;
}

int gs_do_munmap(struct gntsim_mm *mm, uint64_t addr, uint64_t len)
{
	if (PAGE_OFFSET(addr) || addr > TASK_SIZE || len > TASK_SIZE - addr || !len)
		return -EINVAL;
	return gs_unmap_range(mm, addr, addr + PAGE_ROUND(len));
}

int gntsim_munmap(struct gntsim_mm *mm, uint64_t addr, uint64_t len)
{
	int rc;

	if (!mm->dom)
		return -ENODEV;
	rc = gs_do_munmap(mm, addr, len);
	gs_file_run_releases(mm->m);
	return rc;
}

int gntsim_mm_create(struct gntsim_domain *dom, struct gntsim_mm **out)
{
	struct gntsim_mm *mm = gs_mem_zalloc(dom->m, sizeof(*mm));

	if (!mm)
		return -ENOMEM;
	mm->dom = dom;
	mm->m = dom->m;
	mm->hit = &mm->hit_memory;
	list_init(&mm->in_order);
	gs_effect_init(&mm->revoked, GNTSIM_EFFECT_REVOKED);
	gs_effect_init(&mm->dead, GNTSIM_EFFECT_MM_DEAD);
	list_add_tail(&dom->mms, &mm->link);
	dom->m->totals.mms++;
	*out = mm;
	return 0;
}

int gntsim_mm_fork(struct gntsim_mm *parent, struct gntsim_mm **out)
{
	struct gntsim_mm *child;
	struct vma *vma, *copy;

	if (!parent->dom)
		return -ENODEV;
	if (gntsim_mm_create(parent->dom, &child) < 0)
		return -ENOMEM;
	for (vma = vma_at(parent, parent->in_order.next); vma; vma = gs_vma_next(vma)) {
		if (vma->dontcopy)
			continue;
		copy = duplicate(vma);
		if (!copy) {
			gntsim_mm_destroy(child);
			return -ENOMEM;
		}
		copy->mm = child;
		copy->inherited = true;
		copy->origin = gs_origin(child->m);
		gs_vma_insert(copy);
		if (gs_own_pages_fork(child, vma) < 0) {
			gntsim_mm_destroy(child);
			return -ENOMEM;
		}
	}
	*out = child;
	return 0;
}

/* exit_mmap() */
static void end_mappings(struct gntsim_mm *mm)
{
	struct vma *vma, *next;
	struct way vmas = {0};

	if (mm->dom)
		GS_SAW(mm->m, .kind = GNTSIM_SAW_MM_END, .domid = mm->dom->id, .mm = mm);
	gs_invalidate_range(mm, 0, UINT64_MAX);
	for (vma = vma_at(mm, mm->in_order.next); vma; vma = next) {
		gs_mem_ahead(&vmas, vma);
		next = gs_vma_next(vma);
		remove_vma(vma);
	}
	gs_own_pages_drop(mm, 0, UINT64_MAX);
	gs_file_run_releases(mm->m);
}

void gs_mm_free(struct gntsim_mm *mm)
{
	gs_effect_drop(&mm->revoked);
	gs_effect_drop(&mm->dead);
	list_del(&mm->link);
	mm->m->totals.mms--;
	gs_mem_free(mm->m, mm, sizeof(*mm));
}

void gntsim_mm_destroy(struct gntsim_mm *mm)
{
	end_mappings(mm);
	gs_mm_free(mm);
}

void gs_mm_kill(struct gntsim_mm *mm)
{
	end_mappings(mm);
	gs_effect_drop(&mm->revoked);
	list_del(&mm->link);
	list_add_tail(&mm->m->dead_mms, &mm->link);
	mm->dom = NULL;
	gs_effect_raise(mm->m, &mm->dead);
}

struct gntsim_domain *gntsim_mm_domain(const struct gntsim_mm *mm)
{
	return mm->dom;
}

void gntsim_mm_set_data(struct gntsim_mm *mm, void *data)
{
	mm->data = data;
}

void *gntsim_mm_data(const struct gntsim_mm *mm)
{
	return mm->data;
}

bool gntsim_mm_find_vma(const struct gntsim_mm *mm, uint64_t addr, struct gntsim_vma *out)
{
	const struct vma *vma = gs_vma_find(mm, addr);

	if (!vma)
		return false;
	*out = (struct gntsim_vma){
	    .start = vma->start,
	    .end = vma->end,
	    .offset = vma->offset,
	    .prot = vma->prot,
	    .dontcopy = vma->dontcopy,
	    .inherited = vma->inherited,
	    .origin = vma->origin,
	    .file = vma->file,
	};
	return true;
}
