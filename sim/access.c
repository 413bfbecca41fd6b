/* SPDX-License-Identifier: MIT */
/* What a load or a store in a mapping meets. */
#include <string.h>
#include <sys/mman.h>

#include "model.h"

int gntsim_mm_page(const struct gntsim_mm *mm, uint64_t addr, struct gntsim_page *out)
{
	const struct vma *vma = gs_vma_find(mm, addr);
	bool writable;

	if (!vma || addr < vma->start)
		return -EFAULT;
	out->frame = vma->file->driver->page(vma, addr - PAGE_OFFSET(addr), &writable);
	/* On x86, what may be written or executed may be read. */
	out->readable = vma->prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
	out->writable = writable && vma->shared && (vma->prot & PROT_WRITE);
	/* Xen's p2m knows that the grant is read-only, and drops the write. */
	out->discards = !writable && vma->shared && (vma->prot & PROT_WRITE);
	return 0;
}

/*
 * The bytes of an access that lie in one page; their address (NULL: a store has no effect), or
 * why there is none.
 */
static enum gntsim_access reach(const struct gntsim_mm *mm, uint64_t addr, size_t *len, bool store,
				unsigned char **bytes)
{
	struct gntsim_page page;

	if (*len > PAGE - PAGE_OFFSET(addr))
		*len = (size_t)(PAGE - PAGE_OFFSET(addr));
	if (gntsim_mm_page(mm, addr, &page) < 0 ||
	    !(store ? page.writable || page.discards : page.readable))
		return GNTSIM_ACCESS_SEGV;
	if (page.frame == GNTSIM_NO_FRAME)
		return GNTSIM_ACCESS_BUS;
	*bytes = frame_bytes(&mm->m->frames, page.frame) + PAGE_OFFSET(addr);
	if (store && page.discards)
		*bytes = NULL;
	return GNTSIM_ACCESS_OK;
}

enum gntsim_access gntsim_mm_load(const struct gntsim_mm *mm, uint64_t addr, void *dst, size_t len)
{
	enum gntsim_access rc = GNTSIM_ACCESS_OK;
	unsigned char *bytes, *to = dst;
	size_t n;

	for (; len; len -= n, to += n, addr += n) {
		n = len;
		rc = reach(mm, addr, &n, false, &bytes);
		if (rc != GNTSIM_ACCESS_OK)
			break;
		memcpy(to, bytes, n);
	}
	return rc;
}

enum gntsim_access gntsim_mm_store(struct gntsim_mm *mm, uint64_t addr, const void *src, size_t len)
{
	enum gntsim_access rc = GNTSIM_ACCESS_OK;
	const unsigned char *from = src;
	unsigned char *bytes;
	size_t n;

	for (; len; len -= n, from += n, addr += n) {
		n = len;
		rc = reach(mm, addr, &n, true, &bytes);
		if (rc != GNTSIM_ACCESS_OK)
			break;
		if (bytes)
			memcpy(bytes, from, n);
	}
	return rc;
}
