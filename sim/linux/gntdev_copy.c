/* SPDX-License-Identifier: MIT */
/*
 * IOCTL_GNTDEV_GRANT_COPY (Linux drivers/xen/gntdev.c): segments become operations of at most a
 * page, which go to Xen in batches. A local page is pinned when its operation is collected;
 * bytes move when the batch goes.
 */
#include <sys/mman.h>

#include "model.h"

#define BATCH    16u
#define PROT_ANY (PROT_READ | PROT_WRITE | PROT_EXEC)

union side {
	uint64_t virt;
	struct {
		gntsim_gref ref;
		uint16_t offset, domid;
	} foreign;
};

/* <xen/gntdev.h>: struct gntdev_grant_copy_segment */
struct segment {
	union side source, dest;
	uint16_t len, flags;
	int16_t status;
	uint16_t pad;
};

struct op {
	union side source, dest;
	uint16_t len, flags;
	int16_t status;
	bool bad_page; /* the local page belongs to another domain */
	uint64_t status_addr;
};

struct batch {
	struct gntsim_domain *dom;
	struct gntsim_mm *mm;
	const struct gntsim_user_memory *um;
	struct op ops[BATCH];
	uint32_t n;
};

static int user_read(const struct batch *b, uint64_t addr, void *dst, size_t len)
{
	return b->um->read(b->um->ctx, addr, dst, len) ? -EFAULT : 0;
}

static int user_write(const struct batch *b, uint64_t addr, const void *src, size_t len)
{
	return b->um->write(b->um->ctx, addr, src, len) ? -EFAULT : 0;
}

/* Between a grant and the process's memory. */
static int copy_local(struct batch *b, struct op *op)
{
	bool in = op->flags & GNTSIM_GNTCOPY_SOURCE_GREF; /* from the grant */
	const union side *grant = in ? &op->source : &op->dest;
	struct gntsim_domain *granter = gs_domain_any(b->dom, grant->foreign.domid);
	struct copy_grant held = {0};
	unsigned char *bytes;
	int rc;

	op->status = GNTSIM_GNTST_BAD_DOMAIN;
	if (!granter)
		return 0;
	op->status = GNTSIM_GNTST_PERMISSION_DENIED;
	if (!gs_may_communicate(b->dom, b->dom, granter))
		return 0;
	/* Xen claims the source before the destination. */
	op->status = GNTSIM_GNTST_BAD_PAGE;
	if (!in && op->bad_page)
		return 0;
	op->status = (int16_t)gs_copy_acquire(b->dom, granter, grant->foreign.ref, in, &held);
	if (op->status == GNTSIM_GNTST_OKAY && op->bad_page)
		op->status = GNTSIM_GNTST_BAD_PAGE;
	if (op->status != GNTSIM_GNTST_OKAY) {
		gs_copy_release(&held);
		return 0;
	}
	bytes = frame_bytes(&b->dom->m->frames, held.slot->pinned_frame) + grant->foreign.offset;
	rc = in ? user_write(b, op->dest.virt, bytes, op->len)
		: user_read(b, op->source.virt, bytes, op->len);
	gs_copy_release(&held);
	return rc;
}

static void copy_foreign(struct batch *b, struct op *op)
{
	struct gntsim_copy copy = {
	    .source = {op->source.foreign.ref, op->source.foreign.domid, op->source.foreign.offset},
	    .dest = {op->dest.foreign.ref, op->dest.foreign.domid, op->dest.foreign.offset},
	    .len = op->len,
	    .flags = op->flags,
	};

	gntsim_gnttab_copy(b->dom, &copy);
	op->status = copy.status;
}

/* Writes the status of a failed operation, unless an earlier one of its segment failed. */
static int report(struct batch *b, const struct op *op)
{
	int16_t old;

	if (op->status == GNTSIM_GNTST_OKAY)
		return 0;
	if (user_read(b, op->status_addr, &old, sizeof(old)))
		return -EFAULT;
	if (old != GNTSIM_GNTST_OKAY)
		return 0;
	return user_write(b, op->status_addr, &op->status, sizeof(op->status));
}

/* gntdev_copy() */
static int flush(struct batch *b)
{
	const uint16_t both = GNTSIM_GNTCOPY_SOURCE_GREF | GNTSIM_GNTCOPY_DEST_GREF;
	int rc = 0;
	uint32_t i;

	for (i = 0; i < b->n && rc == 0; i++) {
		if (b->ops[i].flags == both)
			copy_foreign(b, &b->ops[i]);
		else
			rc = copy_local(b, &b->ops[i]);
	}
	for (i = 0; i < b->n && rc == 0; i++)
		rc = report(b, &b->ops[i]);
	b->n = 0;
	return rc;
}

/*
 * get_user_pages_fast(): whether the process may reach so much of a local page. For device memory the
 * answer is the model's; a page that another domain granted is reached, but Xen will refuse it.
 */
static int pin_local(struct batch *b, uint64_t addr, size_t len, bool write, bool *bad_page)
{
	unsigned char probe[GNTSIM_PAGE_SIZE];
	struct gntsim_page page;
	struct gntsim_vma vma;

	if (b->mm && gntsim_mm_page(b->mm, addr, &page) == 0) {
		(void)gntsim_mm_find_vma(b->mm, addr, &vma);
		if (page.frame == GNTSIM_NO_FRAME || !(vma.prot & (write ? PROT_WRITE : PROT_ANY)))
			return -EFAULT;
		*bad_page = !gs_frame_owned(b->dom, page.frame) && !(write && page.copies);
		if (*bad_page)
			return 0;
	}
	if (write)
		return b->um->probe_write(b->um->ctx, addr, len) ? -EFAULT : 0;
	return user_read(b, addr, probe, len);
}

/* Fills in one side, @p done bytes into the segment; shortens the operation to the local page. */
static int collect_side(struct batch *b, const union side *side, bool is_ref, bool write,
			uint16_t done, uint16_t *len, bool *bad_page, union side *out)
{
	*out = *side;
	if (is_ref) {
		out->foreign.offset = (uint16_t)(side->foreign.offset + done);
		return 0;
	}
	out->virt = side->virt + done;
	if (*len > PAGE - PAGE_OFFSET(out->virt))
		*len = (uint16_t)(PAGE - PAGE_OFFSET(out->virt));
	return pin_local(b, out->virt, *len, write, bad_page);
}

static bool beyond_page(const union side *side, uint16_t len)
{
	return side->foreign.offset + (uint32_t)len > GNTSIM_PAGE_SIZE;
}

/* gntdev_grant_copy_seg() */
static int collect(struct batch *b, const struct segment *seg, uint64_t status_addr)
{
	bool from_ref = seg->flags & GNTSIM_GNTCOPY_SOURCE_GREF;
	bool to_ref = seg->flags & GNTSIM_GNTCOPY_DEST_GREF;
	const int16_t okay = GNTSIM_GNTST_OKAY;
	uint16_t done, len;

	if (!from_ref && !to_ref)
		return -EINVAL;
	if ((from_ref && beyond_page(&seg->source, seg->len)) ||
	    (to_ref && beyond_page(&seg->dest, seg->len)))
		return -EINVAL;
	if (user_write(b, status_addr, &okay, sizeof(okay)))
		return -EFAULT;
	for (done = 0; done < seg->len; done = (uint16_t)(done + len)) {
		struct op *op;
		int rc = b->n == BATCH ? flush(b) : 0;

		if (rc < 0)
			return rc;
		op = &b->ops[b->n];
		op->bad_page = false;
		len = (uint16_t)(seg->len - done);
		rc = collect_side(b, &seg->source, from_ref, false, done, &len, &op->bad_page,
				  &op->source);
		if (rc == 0)
			rc = collect_side(b, &seg->dest, to_ref, true, done, &len, &op->bad_page,
					  &op->dest);
		if (rc < 0)
			return rc;
		op->len = len;
		op->flags = seg->flags & (GNTSIM_GNTCOPY_SOURCE_GREF | GNTSIM_GNTCOPY_DEST_GREF);
		op->status_addr = status_addr;
		b->n++;
	}
	return 0;
}

long gs_gntdev_copy(struct gntsim_file *file, struct gntsim_mm *mm, uint64_t arg,
		    const struct gntsim_user_memory *um)
{
	struct {
		uint32_t count, pad;
		uint64_t segments;
	} copy;
	struct batch b = {.dom = file->dom, .mm = mm, .um = um};
	struct segment seg;
	uint32_t i;
	int rc;

	if (user_read(&b, arg, &copy, sizeof(copy)))
		return -EFAULT;
	for (i = 0; i < copy.count; i++) {
		uint64_t addr = copy.segments + i * sizeof(seg);

		if (user_read(&b, addr, &seg, sizeof(seg)))
			return -EFAULT;
		rc = collect(&b, &seg, addr + offsetof(struct segment, status));
		if (rc < 0)
			return rc;
	}
	return flush(&b);
}
