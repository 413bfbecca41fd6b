/* SPDX-License-Identifier: MIT */
/* What a load or a store in a mapping meets. */
#include <string.h>
#include <sys/mman.h>

#include "model.h"

int gntsim_mm_page(const struct gntsim_mm *mm, uint64_t addr, struct gntsim_page *out)
{
	const struct vma *vma = gs_vma_find(mm, addr);
	const struct own_page *own;
	bool takes_stores;

	if (!vma || addr < vma->start)
		return -EFAULT;
	addr -= PAGE_OFFSET(addr);
	*out = (struct gntsim_page){.frame = GNTSIM_NO_FRAME};
	own = mm->own_pages.root ? gs_own_page(mm, addr) : NULL;
	if (own)
		out->frame = own->frame;
	else
		vma->file->driver->page(vma, addr, out);
	takes_stores = out->writable;
	/* On x86, what may be written or executed may be read. */
	out->readable |= (vma->prot & (PROT_READ | PROT_WRITE | PROT_EXEC)) != 0;
	out->writable = false;
	if (!(vma->prot & PROT_WRITE))
		return 0;
	if (own || out->frame == GNTSIM_NO_FRAME)
		out->writable = true;
	else if (!vma->shared)
		out->copies = true;
	else if (takes_stores)
		out->writable = true;
	else
		/* Xen's p2m knows that the grant is read-only, and drops the write (Arm's has it tried for ever). */
		out->discards = true;
	return 0;
}

/* A load that can be made, or how it ends. */
static enum gntsim_access check_load(const struct gntsim_page *page)
{
	if (!page->readable)
		return GNTSIM_ACCESS_SEGV;
	return page->frame == GNTSIM_NO_FRAME ? GNTSIM_ACCESS_BUS : GNTSIM_ACCESS_OK;
}

/* The same for a store, which may first make a private copy of the page. */
static enum gntsim_access check_store(struct gntsim_mm *mm, uint64_t addr, struct gntsim_page *page)
{
	if (!page->writable && !page->discards && !page->copies)
		return GNTSIM_ACCESS_SEGV;
	if (page->frame == GNTSIM_NO_FRAME)
		return GNTSIM_ACCESS_BUS;
	if (page->copies &&
	    gs_own_page_copy(mm, addr - PAGE_OFFSET(addr), page->frame, &page->frame) < 0)
		return GNTSIM_ACCESS_BUS;
	return GNTSIM_ACCESS_OK;
}

/* How much of an access lies in the page it begins in. */
static size_t piece(uint64_t addr, size_t len)
{
	size_t room = (size_t)(PAGE - PAGE_OFFSET(addr));

	return len < room ? len : room;
}

static unsigned char *bytes_at(const struct gntsim_mm *mm, const struct gntsim_page *page,
			       uint64_t addr)
{
	return frame_bytes(&mm->m->frames, page->frame) + PAGE_OFFSET(addr);
}

enum gntsim_access gntsim_mm_load(const struct gntsim_mm *mm, uint64_t addr, void *dst, size_t len)
{
	enum gntsim_access rc = GNTSIM_ACCESS_OK;
	struct gntsim_page page;
	unsigned char *to = dst;
	size_t n;

	for (; len; len -= n, to += n, addr += n) {
		n = piece(addr, len);
		if (gntsim_mm_page(mm, addr, &page) < 0)
			return GNTSIM_ACCESS_SEGV;
		rc = check_load(&page);
		if (rc != GNTSIM_ACCESS_OK)
			break;
		memcpy(to, bytes_at(mm, &page, addr), n);
	}
	return rc;
}

enum gntsim_access gntsim_mm_store(struct gntsim_mm *mm, uint64_t addr, const void *src, size_t len)
{
	enum gntsim_access rc = GNTSIM_ACCESS_OK;
	const unsigned char *from = src;
	struct gntsim_page page;
	size_t n;

	for (; len; len -= n, from += n, addr += n) {
		n = piece(addr, len);
		if (gntsim_mm_page(mm, addr, &page) < 0)
			return GNTSIM_ACCESS_SEGV;
		rc = check_store(mm, addr, &page);
		if (rc != GNTSIM_ACCESS_OK)
			break;
		if (!page.discards)
			memcpy(bytes_at(mm, &page, addr), from, n);
		else if (mm->m->arch == GNTSIM_ARCH_ARM64)
			gs_hazard(mm->m, HAZARD_ARM_READONLY);
	}
	return rc;
}
