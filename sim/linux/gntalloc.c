/* SPDX-License-Identifier: MIT */
/*
 * /dev/xen/gntalloc (Linux drivers/xen/gntalloc.c). A page lives while the file lists it or a
 * mapping uses it. The driver also keeps all pages of all files in one list, in order of their
 * making; it frees in that order, and closing a mapping follows it.
 */
#include "model.h"

static struct gref *gref_of(struct tree_node *node)
{
	return node ? container_of(node, struct gref, node) : NULL;
}

static struct gref *next_gref(const struct gref *g)
{
	return gref_of(gs_tree_next(&g->node));
}

static void tell(struct gntsim_domain *dom, const struct gref *g)
{
	if (g->notify_flags & NOTIFY_CLEAR_BYTE) {
		frame_bytes(&dom->m->frames, g->frame)[g->notify_offset] = 0;
		GS_SAW(dom->m, .kind = GNTSIM_SAW_NOTIFY_BYTE, .domid = dom->id, .ref = g->ref,
		       .frame = g->frame, .offset = g->notify_offset);
	}
	if (g->notify_flags & NOTIFY_SEND_EVENT) {
		GS_SAW(dom->m, .kind = GNTSIM_SAW_NOTIFY_EVENT, .domid = dom->id, .ref = g->ref,
		       .port = g->notify_port);
		(void)gntsim_port_send(dom, g->notify_port);
		gs_evtchn_put(dom, g->notify_port);
	}
}

/* __del_gref() */
static void delete_gref(struct gref *g)
{
	struct gntsim_file *file = g->file;
	struct gntsim_domain *dom = file->dom;

	dom->gref_size--;
	dom->n_grefs--;
	list_del(&g->global);
	gs_tree_remove(&file->u.gntalloc.grefs, &g->node);
	/* No driver runs in a domain that is destroyed; its pages go with it. */
	if (dom->dying) {
		gs_mem_free(dom->m, g, sizeof(*g));
	} else {
		tell(dom, g);
		gs_grant_end(dom, g);
	}
}

static void put_gref(struct gref *g)
{
	if (!--g->users)
		delete_gref(g);
}

static struct gref *lookup(const struct gntsim_file *file, uint64_t index)
{
	const struct tree *grefs = &file->u.gntalloc.grefs;
	struct tree_node *n = grefs->root;

	/* Often it is the newest. */
	if (n && gref_of(grefs->last)->index <= index)
		return gref_of(grefs->last)->index == index ? gref_of(grefs->last) : NULL;
	while (n) {
		struct gref *g = gref_of(n);

		if (index == g->index)
			return g;
		n = index < g->index ? n->left : n->right;
	}
	return NULL;
}

/* The first of a contiguous run of listed pages. */
static struct gref *find_run(const struct gntsim_file *file, uint64_t index, uint32_t count)
{
	struct gref *first = lookup(file, index), *g = first;

	/* The driver counts down from 0 and runs off the end of the file. */
	if (!count)
		return NULL;
	for (;;) {
		if (!g || !g->listed || g->index != index)
			return NULL;
		if (--count == 0)
			return first;
		index += PAGE;
		g = next_gref(g);
	}
}

/* A page at the end of the file, granted; not yet listed anywhere but in the tree. */
static int make_gref(struct gntsim_file *file, uint64_t index, uint16_t domid, bool readonly,
		     struct gref **out)
{
	struct tree *grefs = &file->u.gntalloc.grefs;
	struct tree_node *last = gs_tree_last(grefs);
	struct gntsim_domain *dom = file->dom;
	struct gref *g = gs_mem_alloc(dom->m, sizeof(*g));
	int rc;

	if (!g)
		return -ENOMEM;
	*g = (struct gref){.file = file, .index = index, .users = 1, .listed = true};
	rc = gs_frame_take(dom, FRAME_KERNEL, &g->frame);
	if (rc == 0) {
		rc = gs_grant(dom, domid, g->frame, readonly, SLOT_PAGE, g);
		if (rc < 0)
			gs_frame_give(dom->m, g->frame);
	}
	if (rc < 0) {
		gs_mem_free(dom->m, g, sizeof(*g));
		/* The driver's undo counts this page though it never counted it in. */
		dom->gref_size--;
		gs_hazard(dom->m, HAZARD_ALLOC_UNDO);
		return rc;
	}
	g->ref = (gntsim_gref)rc;
	gs_tree_insert(grefs, last, last ? &last->right : &grefs->root, &g->node);
	list_add_tail(&dom->grefs, &g->global);
	dom->n_grefs++;
	*out = g;
	return 0;
}

/* Takes the pages back, first made first, so that the free list ends up as the driver's. */
static void undo(struct gref *g, uint32_t made)
{
	while (made--) {
		struct gref *next = next_gref(g);

		put_gref(g);
		g = next;
	}
}

int gntsim_gntalloc_alloc(struct gntsim_file *file, uint16_t domid, uint16_t flags, uint32_t count,
			  uint64_t *index, gntsim_gref *refs)
{
	int rc = gs_file_check(file, GNTSIM_DEV_GNTALLOC);
	struct gref *first = NULL, *g;
	struct gntsim_domain *dom;
	uint32_t i;

	if (rc < 0)
		return rc;
	dom = file->dom;
	/* The driver compares unsigned: a count that undo made negative is over any limit. */
	if ((uint32_t)dom->gref_size > dom->gntalloc_limit ||
	    count > dom->gntalloc_limit - (uint32_t)dom->gref_size)
		return -ENOSPC;
	*index = file->u.gntalloc.index;
	file->u.gntalloc.index += count * PAGE;
	for (i = 0; i < count; i++) {
		rc = make_gref(file, *index + i * PAGE, domid, !(flags & 1), &g);
		if (rc < 0) {
			if (i)
				undo(first, i);
			return rc;
		}
		dom->gref_size++;
		if (!i)
			first = g;
		refs[i] = g->ref;
	}
	return 0;
}

int gntsim_gntalloc_dealloc(struct gntsim_file *file, uint64_t index, uint32_t count)
{
	int rc = gs_file_check(file, GNTSIM_DEV_GNTALLOC);
	struct gref *g;

	if (rc < 0)
		return rc;
	g = find_run(file, index, count);
	if (!g)
		return -EINVAL;
	while (count--) {
		struct gref *next = count ? next_gref(g) : NULL;

		g->listed = false;
		put_gref(g);
		g = next;
	}
	return 0;
}

int gntsim_gntalloc_set_unmap_notify(struct gntsim_file *file, uint64_t index, uint32_t action,
				     gntsim_port port)
{
	int rc = gs_file_check(file, GNTSIM_DEV_GNTALLOC);
	struct gref *g;

	if (rc < 0)
		return rc;
	g = lookup(file, index & ~(PAGE - 1));
	if (!g || !g->listed)
		return -ENOENT;
	if (action & ~NOTIFY_ALL)
		return -EINVAL;
	/* The new port first: it may be the old one, held by nothing else. */
	if ((action & NOTIFY_SEND_EVENT) && gs_evtchn_get(file->dom, port) < 0)
		return -EINVAL;
	if (g->notify_flags & NOTIFY_SEND_EVENT)
		gs_evtchn_put(file->dom, g->notify_port);
	GS_SAW(file->m, .kind = GNTSIM_SAW_NOTIFY_SET, .domid = file->dom->id, .ref = g->ref,
	       .offset = (uint32_t)PAGE_OFFSET(index), .action = action, .port = port,
	       .replaced = g->notify_flags);
	g->notify_flags = (uint8_t)action;
	g->notify_offset = (uint16_t)PAGE_OFFSET(index);
	g->notify_port = port;
	g->u.notify_origin = gs_origin(file->m);
	return 0;
}

void gntsim_domain_set_gntalloc_limit(struct gntsim_domain *dom, uint32_t limit)
{
	dom->gntalloc_limit = limit;
}

/* No mapping is left, so each page has the file as its only user. */
static void gntalloc_release(struct gntsim_file *file)
{
	struct way grefs = {0};
	struct gref *g, *next;

	for (g = gref_of(gs_tree_first(&file->u.gntalloc.grefs)); g; g = next) {
		gs_mem_ahead(&grefs, g);
		next = next_gref(g);
		put_gref(g);
	}
}

static int gntalloc_mmap(struct gntsim_file *file, struct vma *vma)
{
	uint32_t count = (uint32_t)((vma->end - vma->start) / PAGE), i;
	struct gref_run *run;
	struct gref *g;

	if (!vma->shared)
		return -EINVAL;
	run = gs_mem_alloc(file->m, sizeof(*run));
	if (!run)
		return -ENOMEM;
	g = find_run(file, vma->offset, count);
	if (!g) {
		gs_mem_free(file->m, run, sizeof(*run));
		return -ENOENT;
	}
	*run = (struct gref_run){.first = g, .count = count, .users = 1};
	vma->u.run = run;
	for (i = 0; i < count; i++, g = next_gref(g))
		g->users++;
	return 0;
}

static void gntalloc_vma_open(struct vma *vma)
{
	vma->u.run->users++;
}

/*
 * The driver steps from page to page in the global list, though the run is the file's: where
 * another file's ALLOC came between two of this one's, it takes users from the wrong pages.
 */
static void gntalloc_vma_close(struct vma *vma)
{
	struct gref_run *run = vma->u.run;
	struct gref *g = run->first;
	uint32_t i;

	if (--run->users)
		return;
	for (i = 0; i < run->count; i++) {
		struct gref *next = next_gref(g);

		/* The driver of a domain that is destroyed runs no more. */
		if (i + 1 < run->count && g->global.next != &next->global && !vma->file->dom->dying)
			gs_hazard(vma->mm->m, HAZARD_GLOBAL_LIST);
		put_gref(g);
		g = next;
	}
	gs_mem_free(vma->mm->m, run, sizeof(*run));
}

static void gntalloc_page(const struct vma *vma, uint64_t addr, struct gntsim_page *out)
{
	const struct gref_run *run = vma->u.run;
	uint64_t index = vma->offset + (addr - vma->start);
	const struct gref *g = run->first;

	*out = (struct gntsim_page){.frame = GNTSIM_NO_FRAME, .writable = true};
	if (index / PAGE - g->index / PAGE >= run->count)
		return;
	if (index != g->index)
		g = lookup(vma->file, index);
	if (g)
		out->frame = g->frame;
}

const struct driver gs_gntalloc_driver = {
    .release = gntalloc_release,
    .mmap = gntalloc_mmap,
    .vma_open = gntalloc_vma_open,
    .vma_close = gntalloc_vma_close,
    .page = gntalloc_page,
};
