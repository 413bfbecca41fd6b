/* SPDX-License-Identifier: MIT */
/*
 * mmap, mprotect and mremap (Linux mm/mmap.c, mm/mprotect.c, mm/mremap.c), as far as a device
 * mapping can tell: both drivers set VM_DONTEXPAND.
 */
#include <sys/mman.h>

#include "model.h"

#define MAP_TYPE_MASK  0x0f
#define PROT_ALL       (PROT_READ | PROT_WRITE | PROT_EXEC)
#define PROT_SEMAPHORE 8

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

/* What do_mmap() checks before anything is unmapped. */
static int check_mmap(const struct gntsim_file *file, uint64_t addr, uint64_t len, int prot,
		      int type, uint64_t offset)
{
	uint64_t size = PAGE_ROUND(len);
	bool shared = type == MAP_SHARED || type == MAP_SHARED_VALIDATE;

	if (PAGE_OFFSET(offset) || !len)
		return -EINVAL;
	if (!size || size > TASK_SIZE || addr > TASK_SIZE - size)
		return -ENOMEM;
	if (PAGE_OFFSET(addr))
		return -EINVAL;
	if (offset / PAGE > (UINT64_MAX - size) / PAGE)
		return -EOVERFLOW;
	if (!shared && type != MAP_PRIVATE)
		return -EINVAL;
	if ((shared && (prot & PROT_WRITE) && !file->writable) || !file->readable)
		return -EACCES;
	return file->driver->mmap ? 0 : -ENODEV;
}

static int map_file(struct gntsim_mm *mm, struct gntsim_file *file, const struct vma *wanted)
{
	int rc = gs_unmap_range(mm, wanted->start, wanted->end);
	struct vma *vma;

	if (rc < 0)
		return rc;
	vma = gs_mem_alloc(mm->m, sizeof(*vma));
	if (!vma)
		return -ENOMEM;
	*vma = *wanted;
	vma->origin = gs_origin(mm->m);
	rc = file->driver->mmap(file, vma);
	if (rc < 0) {
		gs_mem_free(mm->m, vma, sizeof(*vma));
		return rc;
	}
	gs_file_get(file);
	gs_vma_insert(vma);
	mm->m->totals.vmas++;
	return 0;
}

int gntsim_mmap(struct gntsim_mm *mm, struct gntsim_file *file, uint64_t addr, uint64_t len,
		int prot, int flags, uint64_t offset)
{
	int type = flags & MAP_TYPE_MASK, rc;
	struct vma vma = {
	    .mm = mm,
	    .file = file,
	    .start = addr,
	    .end = addr + PAGE_ROUND(len),
	    .offset = offset,
	    .prot = (uint8_t)(prot & PROT_ALL),
	    .shared = type != MAP_PRIVATE && file->writable,
	    .may_write = type == MAP_PRIVATE || file->writable,
	};

	if (!mm->dom || !file->dom)
		return -ENODEV;
	if (mm->dom != file->dom)
		return -EINVAL;
	rc = check_mmap(file, addr, len, prot, type, offset);
	if (rc < 0)
		return rc;
	rc = map_file(mm, file, &vma);
	gs_file_run_releases(mm->m);
	return rc;
}

static uint32_t live_grants(const struct vma *vma)
{
	return vma->file->driver->invalidate ? vma->u.map->live : 0;
}

/* Tells the notifier of a change to a mapping that stays; pages may lose their frames. */
static void invalidate(struct vma *vma)
{
	uint32_t before = live_grants(vma);

	if (vma->file->driver->invalidate)
		vma->file->driver->invalidate(vma, vma->start, vma->end);
	if (live_grants(vma) != before)
		gs_revoked(vma->mm, vma->start, vma->end);
}

/* mprotect_fixup() */
static int protect(struct gntsim_mm *mm, struct vma *vma, uint64_t start, uint64_t end, int prot)
{
	int rc;

	if (prot == vma->prot)
		return 0;
	if (start < vma->start)
		start = vma->start;
	if (end > vma->end)
		end = vma->end;
	rc = gs_split_range(mm, start, end);
	if (rc < 0)
		return rc;
	vma = gs_vma_find(mm, start);
	vma->prot = (uint8_t)prot;
	invalidate(vma);
	return 0;
}

int gntsim_mprotect(struct gntsim_mm *mm, uint64_t addr, uint64_t len, int prot)
{
	uint64_t end = addr + PAGE_ROUND(len), at;
	struct vma *vma;
	int rc;

	if (!mm->dom)
		return -ENODEV;
	if (PAGE_OFFSET(addr))
		return -EINVAL;
	if (!len)
		return 0;
	if (end <= addr)
		return -ENOMEM;
	if (prot & ~(PROT_ALL | PROT_SEMAPHORE))
		return -EINVAL;
	prot &= PROT_ALL;
	for (at = addr; (vma = gs_vma_find(mm, at)) && vma->start < end; at = vma->end) {
		if ((prot & PROT_WRITE) && !vma->may_write)
			return -EACCES;
		rc = protect(mm, vma, addr, end, prot);
		if (rc < 0)
			return rc;
		vma = gs_vma_find(mm, at);
	}
	return 0;
}

static struct vma *lookup(const struct gntsim_mm *mm, uint64_t addr)
{
	struct vma *vma = gs_vma_find(mm, addr);

	return vma && vma->start <= addr ? vma : NULL;
}

/* vma_to_resize(): these mappings can be neither left behind nor resized. */
static int check_resize(const struct gntsim_mm *mm, uint64_t addr, uint64_t old_len,
			uint64_t new_len, int flags)
{
	const struct vma *vma = lookup(mm, addr);

	if (!vma)
		return -EFAULT;
	if ((!old_len && !vma->shared) || (flags & MREMAP_DONTUNMAP))
		return -EINVAL;
	if (old_len > vma->end - addr || new_len != old_len)
		return -EFAULT;
	return 0;
}

/*
 * move_vma(). The kernel makes a copy and unmaps the old place; here the piece is cut out first,
 * which may fail but then changes nothing that shows, and moves.
 */
static int move(struct gntsim_mm *mm, uint64_t from, uint64_t len, uint64_t to)
{
	int rc = gs_split_range(mm, from, from + len);
	uint32_t before;
	struct vma *vma;

	if (rc < 0)
		return rc;
	vma = gs_vma_find(mm, from);
	before = live_grants(vma);
	gs_invalidate_range(mm, from, from + len);
	gs_vma_unlink(vma);
	vma->start = to;
	vma->end = to + len;
	gs_vma_insert(vma);
	gs_own_pages_move(mm, from, len, to);
	if (live_grants(vma) != before)
		gs_revoked(mm, vma->start, vma->end);
	return 0;
}

/* remap_move(): each mapping of the range by itself; what lies between them stays as it is. */
static int move_each(struct gntsim_mm *mm, uint64_t addr, uint64_t len, int flags, uint64_t to)
{
	uint64_t end = addr + len, start, n;
	const struct vma *vma = lookup(mm, addr);
	int rc = vma ? 0 : -EFAULT;

	for (start = addr; rc == 0 && (vma = gs_vma_find(mm, start)) && vma->start < end;
	     start += n) {
		start = vma->start > start ? vma->start : start;
		n = (vma->end < end ? vma->end : end) - start;
		rc = check_resize(mm, start, n, n, flags);
		if (rc == 0)
			rc = gs_do_munmap(mm, to + (start - addr), n);
		if (rc == 0)
			rc = move(mm, start, n, to + (start - addr));
	}
	return rc;
}

static bool is_no_place(uint64_t addr, uint64_t old_len, uint64_t new_len, uint64_t to)
{
	return PAGE_OFFSET(to) || new_len > TASK_SIZE || to > TASK_SIZE - new_len ||
	       (addr + old_len > to && to + new_len > addr);
}

/* Since 6.17: nothing goes before the move is known to be possible. */
static int move_checked(struct gntsim_mm *mm, uint64_t addr, uint64_t old_len, uint64_t new_len,
			int flags, uint64_t to)
{
	uint64_t kept = old_len < new_len ? old_len : new_len;
	int rc;

	if (is_no_place(addr, old_len, new_len, to))
		return -EINVAL;
	if ((flags & MREMAP_FIXED) && old_len == new_len)
		return move_each(mm, addr, old_len, flags, to);
	rc = check_resize(mm, addr, kept, new_len, flags);
	if (rc == 0)
		rc = gs_do_munmap(mm, to, new_len);
	if (rc == 0 && old_len > new_len)
		rc = gs_do_munmap(mm, addr + new_len, old_len - new_len);
	return rc < 0 ? rc : move(mm, addr, new_len, to);
}

/* mremap_to(): what is in the way goes before the move is known to be possible. */
static int move_to(struct gntsim_mm *mm, uint64_t addr, uint64_t old_len, uint64_t new_len,
		   int flags, uint64_t to)
{
	int rc = 0;

	/* Since 5.16 that is what it looks at first; check_resize() looks as well. */
	if (!mm->dom->profile->empties_first && !lookup(mm, addr))
		return -EFAULT;
	if (is_no_place(addr, old_len, new_len, to))
		return -EINVAL;
	if (flags & MREMAP_FIXED)
		rc = gs_do_munmap(mm, to, new_len);
	if (rc == 0 && old_len > new_len) {
		rc = gs_do_munmap(mm, addr + new_len, old_len - new_len);
		old_len = new_len;
	}
	if (rc == 0)
		rc = check_resize(mm, addr, old_len, new_len, flags);
	return rc < 0 ? rc : move(mm, addr, old_len, to);
}

/* What mremap() sees without looking at memory. */
static int check_mremap(uint64_t old_addr, uint64_t old_len, uint64_t new_len, int flags)
{
	if (flags & ~(MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP))
		return -EINVAL;
	if ((flags & MREMAP_FIXED) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((flags & MREMAP_DONTUNMAP) && (!(flags & MREMAP_MAYMOVE) || old_len != new_len))
		return -EINVAL;
	return PAGE_OFFSET(old_addr) || !PAGE_ROUND(new_len) ? -EINVAL : 0;
}

bool gntsim_mremap_empties(const struct gntsim_mm *mm, uint64_t old_addr, uint64_t old_len,
			   uint64_t new_len, int flags, uint64_t new_addr)
{
	return mm->dom && !mm->dom->profile->moves_many && (flags & MREMAP_FIXED) &&
	       check_mremap(old_addr, old_len, new_len, flags) == 0 &&
	       (mm->dom->profile->empties_first || lookup(mm, old_addr)) &&
	       !is_no_place(old_addr, PAGE_ROUND(old_len), PAGE_ROUND(new_len), new_addr);
}

int gntsim_mremap(struct gntsim_mm *mm, uint64_t old_addr, uint64_t old_len, uint64_t new_len,
		  int flags, uint64_t new_addr)
{
	int rc = mm->dom ? check_mremap(old_addr, old_len, new_len, flags) : -ENODEV;

	if (rc < 0)
		return rc;
	old_len = PAGE_ROUND(old_len);
	new_len = PAGE_ROUND(new_len);
	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
		rc = (mm->dom->profile->moves_many ? move_checked : move_to)(
		    mm, old_addr, old_len, new_len, flags, new_addr);
	else if (!lookup(mm, old_addr))
		rc = -EFAULT;
	else if (old_len > new_len)
		rc = gs_do_munmap(mm, old_addr + new_len, old_len - new_len);
	else if (old_len == new_len)
		rc = 0;
	else
		rc = check_resize(mm, old_addr, old_len, new_len, flags);
	gs_file_run_releases(mm->m);
	return rc;
}
