/* SPDX-License-Identifier: MIT */
/* madvise (Linux mm/madvise.c), as far as a device mapping can tell. */
#include <sys/mman.h>

#include "model.h"

#ifndef MADV_REMOVE
#define MADV_REMOVE 9
#endif

/* zap_page_range(): what the notifier of a PV map has ended is gone already. */
static int empty_vma(struct vma *vma, uint64_t start, uint64_t end)
{
	uint64_t addr = start > vma->start ? start : vma->start;
	struct gntsim_page page;
	int rc = 0;

	if (end > vma->end)
		end = vma->end;
	gs_revoked(vma->mm, addr, end);
	for (; addr < end && rc == 0; addr += PAGE)
		if (gntsim_mm_page(vma->mm, addr, &page) == 0 && page.frame != GNTSIM_NO_FRAME)
			rc = gs_own_page_zap(vma->mm, addr);
	return rc;
}

static int empty_range(struct gntsim_mm *mm, uint64_t start, uint64_t end)
{
	struct vma *vma;
	int rc = 0;

	gs_invalidate_range(mm, start, end);
	for (vma = gs_vma_find(mm, start); rc == 0 && vma && vma->start < end;
	     vma = gs_vma_next(vma))
		rc = empty_vma(vma, start, end);
	return rc;
}

int gntsim_madvise(struct gntsim_mm *mm, uint64_t addr, uint64_t len, int advice)
{
	uint64_t size = PAGE_ROUND(len);
	const struct vma *vma;

	if (!mm->dom)
		return -ENODEV;
	if ((advice != MADV_DONTNEED && advice != MADV_REMOVE) || PAGE_OFFSET(addr) ||
	    (len && !size) || addr + size < addr)
		return -EINVAL;
	if (!size)
		return 0;
	if (advice == MADV_DONTNEED)
		return empty_range(mm, addr, addr + size);
	/* Not a file whose pages could be removed. */
	vma = gs_vma_find(mm, addr);
	return vma && vma->start < addr + size ? -ENODEV : 0;
}
