/* SPDX-License-Identifier: MIT */
/*
 * Pages of a mapping that are no longer what its driver put there: a private copy that a store
 * made, or nothing at all after MADV_DONTNEED (no driver here has a fault handler to bring a page
 * back). They are few, so an address space keeps them in a tree of its own, by address.
 */
#include <string.h>

#include "model.h"

static struct own_page *page_of(struct tree_node *node)
{
	return node ? container_of(node, struct own_page, node) : NULL;
}

/* The page at an address or the first above it. */
static struct own_page *find_above(const struct gntsim_mm *mm, uint64_t addr)
{
	struct tree_node *n = mm->own_pages.root;
	struct own_page *found = NULL;

	while (n) {
		struct own_page *p = page_of(n);

		if (p->addr >= addr) {
			found = p;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return found;
}

struct own_page *gs_own_page(const struct gntsim_mm *mm, uint64_t addr)
{
	struct own_page *p = find_above(mm, addr);

	return p && p->addr == addr ? p : NULL;
}

static void insert(struct gntsim_mm *mm, struct own_page *p)
{
	struct tree_node *parent = NULL, **link = &mm->own_pages.root;

	while (*link) {
		parent = *link;
		link = p->addr < page_of(parent)->addr ? &parent->left : &parent->right;
	}
	gs_tree_insert(&mm->own_pages, parent, link, &p->node);
}

static void give_frame(struct own_page *p, struct gntsim_machine *m)
{
	if (p->frame != GNTSIM_NO_FRAME)
		gs_frame_give(m, p->frame);
	p->frame = GNTSIM_NO_FRAME;
}

/* The entry of an address, made if there is none. */
static struct own_page *enter(struct gntsim_mm *mm, uint64_t addr)
{
	struct own_page *p = gs_own_page(mm, addr);

	if (p)
		return p;
	p = gs_mem_alloc(mm->m, sizeof(*p));
	if (!p)
		return NULL;
	*p = (struct own_page){.addr = addr, .frame = GNTSIM_NO_FRAME};
	insert(mm, p);
	return p;
}

static void leave(struct gntsim_mm *mm, struct own_page *p)
{
	give_frame(p, mm->m);
	gs_tree_remove(&mm->own_pages, &p->node);
	gs_mem_free(mm->m, p, sizeof(*p));
}

int gs_own_page_zap(struct gntsim_mm *mm, uint64_t addr)
{
	struct own_page *p = enter(mm, addr);

	if (!p)
		return -ENOMEM;
	give_frame(p, mm->m);
	return 0;
}

int gs_own_page_copy(struct gntsim_mm *mm, uint64_t addr, gntsim_frame from, gntsim_frame *out)
{
	const struct frames *f = &mm->m->frames;
	struct own_page *p = enter(mm, addr);
	int rc;

	if (!p)
		return -ENOMEM;
	rc = gs_frame_take(mm->dom, FRAME_KERNEL, &p->frame);
	if (rc < 0) {
		p->frame = GNTSIM_NO_FRAME;
		leave(mm, p);
		return rc;
	}
	memcpy(frame_bytes(f, p->frame), frame_bytes(f, from), GNTSIM_PAGE_SIZE);
	*out = p->frame;
	return 0;
}

void gs_own_pages_drop(struct gntsim_mm *mm, uint64_t start, uint64_t end)
{
	struct own_page *p;

	while ((p = find_above(mm, start)) && p->addr < end)
		leave(mm, p);
}

void gs_own_pages_move(struct gntsim_mm *mm, uint64_t from, uint64_t len, uint64_t to)
{
	struct own_page *p;
	uint64_t at;

	for (at = from; (p = find_above(mm, at)) && p->addr - from < len;) {
		at = p->addr + PAGE;
		gs_tree_remove(&mm->own_pages, &p->node);
		p->addr += to - from;
		insert(mm, p);
	}
}

int gs_own_pages_fork(struct gntsim_mm *child, const struct vma *vma)
{
	const struct own_page *p;
	gntsim_frame copy;
	uint64_t at;
	int rc = 0;

	for (at = vma->start; rc == 0 && (p = find_above(vma->mm, at)) && p->addr < vma->end;
	     at = p->addr + PAGE) {
		if (p->frame == GNTSIM_NO_FRAME)
			rc = gs_own_page_zap(child, p->addr);
		else
			rc = gs_own_page_copy(child, p->addr, p->frame, &copy);
	}
	return rc;
}
