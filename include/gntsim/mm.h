/* SPDX-License-Identifier: MIT */
/**
 * @file mm.h
 * Address spaces and what they map of the devices. Only device mappings are known here; the
 * caller chooses addresses (the kernel's mmap did, or a script). Rules from Linux mm/mmap.c,
 * mm/mremap.c, mm/mprotect.c and the drivers' vm_operations.
 *
 *     struct gntsim_mm *mm;
 *     struct gntsim_file *gntalloc;
 *     uint64_t index, at = 0x10000;
 *     gntsim_gref ref;
 *     char text[6];
 *     gntsim_mm_create(dom0, &mm);
 *     gntsim_open(dom0, GNTSIM_DEV_GNTALLOC, O_RDWR, &gntalloc);
 *     gntsim_gntalloc_alloc(gntalloc, 1, 1, 1, &index, &ref);
 *     gntsim_mmap(mm, gntalloc, at, GNTSIM_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, index);
 *     gntsim_mm_store(mm, at, "hello", 6);
 *     assert(gntsim_mm_load(mm, at, text, 6) == GNTSIM_ACCESS_OK && strcmp(text, "hello") == 0);
 */
#ifndef GNTSIM_MM_H
#define GNTSIM_MM_H

#include <gntsim/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Makes an empty address space for a process of the domain. @retval -ENOMEM */
int gntsim_mm_create(struct gntsim_domain *dom, struct gntsim_mm **out);

/**
 * fork(): copies every mapping that is copied by fork (a PV domain's gntdev mappings are not:
 * VM_DONTCOPY).
 * @retval -ENOMEM nothing was copied
 */
int gntsim_mm_fork(struct gntsim_mm *parent, struct gntsim_mm **out);

/** exit() or exec(): ends every mapping, in address order, and frees the address space. */
void gntsim_mm_destroy(struct gntsim_mm *mm);

/** The address space's domain; NULL when that domain was destroyed. */
struct gntsim_domain *gntsim_mm_domain(const struct gntsim_mm *mm);
/** A pointer of the caller's, NULL at first. The library never looks at it. */
void gntsim_mm_set_data(struct gntsim_mm *mm, void *data);
void *gntsim_mm_data(const struct gntsim_mm *mm);

/**
 * mmap() of a device file at a chosen address. Device mappings that the range touches are
 * unmapped first, as MAP_FIXED does, once the checks that precede that in the kernel have passed.
 * @param prot PROT_READ, PROT_WRITE, PROT_EXEC
 * @param flags MAP_SHARED (or MAP_SHARED_VALIDATE) or MAP_PRIVATE; other bits are ignored
 * @retval -EINVAL len 0, addr or offset not page-aligned, neither shared nor private
 * @retval -EOVERFLOW offset + len wraps
 * @retval -EACCES the file's open mode does not allow it
 * @retval -ENODEV evtchn (it has no mmap); or the domain was destroyed
 * @retval -EINVAL the file is another domain's
 * @retval -EINVAL, -ENOENT, -ENOMEM as the driver: gntalloc: not shared EINVAL, no such run of
 *         pages ENOENT; gntdev: writable and not shared, not exactly a map's index and count,
 *         mapped before, any GNTST error: EINVAL
 */
int gntsim_mmap(struct gntsim_mm *mm, struct gntsim_file *file, uint64_t addr, uint64_t len,
		int prot, int flags, uint64_t offset);

/**
 * munmap(): ends what device memory the range covers; other parts of it are none of the model's
 * business. @retval -EINVAL len 0 or addr unaligned @retval -ENOMEM a split needed memory
 */
int gntsim_munmap(struct gntsim_mm *mm, uint64_t addr, uint64_t len);

/**
 * mprotect() of the device memory in the range. A change to a PV gntdev mapping ends the grants
 * under it (mmu notifier): the pages are SIGBUS from then on.
 * A private mapping may become writable: a store then makes a private copy of the page (except on PV,
 * where the grant has ended).
 * @retval -EACCES the open mode does not allow the protection, or it is a private mapping of gntdev
 *         (from 6.12 on); nothing before it is undone
 * @retval -EINVAL addr unaligned
 * @retval -ENOMEM
 */
int gntsim_mprotect(struct gntsim_mm *mm, uint64_t addr, uint64_t len, int prot);

/**
 * mremap() of device memory: shrink, move or stay.
 * @param flags MREMAP_MAYMOVE, MREMAP_FIXED, MREMAP_DONTUNMAP
 * @param new_addr where it goes, with MREMAP_FIXED; without, the kernel never moves these mappings,
 *        and it is ignored. What is mapped there is unmapped even if the call fails later.
 * @retval -EFAULT growing (VM_DONTEXPAND), old_addr not mapped, or the range spans mappings
 * @retval -EINVAL as the kernel's own checks
 * @retval -ENOMEM
 */
int gntsim_mremap(struct gntsim_mm *mm, uint64_t old_addr, uint64_t old_len, uint64_t new_len,
		  int flags, uint64_t new_addr);

/**
 * Whether this mremap(), which must not have been made yet, has unmapped what is at its new place if it fails,
 * and the end of the old range that the new length leaves out: a kernel before 6.17 does so before it finds
 * that the move is not possible. Of memory that is no device's the machine knows nothing: it is the caller's
 * to unmap there.
 */
bool gntsim_mremap_empties(const struct gntsim_mm *mm, uint64_t old_addr, uint64_t old_len,
			   uint64_t new_len, int flags, uint64_t new_addr);

/**
 * madvise() of the device memory in the range; what else is in it is none of the model's business.
 * @param advice MADV_DONTNEED empties the pages: access is SIGBUS from then on. On PV it ends gntdev's
 *        grants there, elsewhere they stay mapped.
 * @retval -ENODEV MADV_REMOVE; or the domain was destroyed
 * @retval -EINVAL addr unaligned, the range wraps; or advice is none of these two (MADV_FREE, and what
 *         the model does not know)
 * @retval -ENOMEM
 */
int gntsim_madvise(struct gntsim_mm *mm, uint64_t addr, uint64_t len, int advice);

/**
 * Whether futex(2) finds the word at @p addr, for a futex that processes share: its page must be one of a
 * file or the process's own, which no driver's page is. (glibc aborts where it is not.) A private futex
 * looks at no page. Linux kernel/futex/core.c, get_futex_key().
 * @retval 0 it is a private copy of the page; one that a store would copy is copied
 * @retval -EFAULT any other page of a device, or none
 */
int gntsim_mm_futex(struct gntsim_mm *mm, uint64_t addr);

/** What a page of device memory is. */
struct gntsim_page {
	gntsim_frame frame; /**< GNTSIM_NO_FRAME: mapped, but access is SIGBUS */
	bool readable;      /**< else a load is SIGSEGV */
	bool writable;      /**< else a store is SIGSEGV, or: */
	bool discards;      /**< not writable, but a store succeeds and changes nothing (PVH: mapped
			       read-only, then made writable by mprotect; a hazard on arm64) */
	bool copies;        /**< not writable, but a store succeeds in a private copy of the page
			       (MAP_PRIVATE made writable). gntsim_mm_store() makes that copy in a
			       frame of the machine's; a front whose processes store by themselves maps
			       the frame copy-on-write and leaves the copy to the host's kernel */
};
/** The page at @p addr. @retval -EFAULT no device memory there */
int gntsim_mm_page(const struct gntsim_mm *mm, uint64_t addr, struct gntsim_page *out);

/** Result of an access. */
enum gntsim_access {
	GNTSIM_ACCESS_OK,
	GNTSIM_ACCESS_SEGV, /**< SIGSEGV: nothing mapped, or not so protected */
	GNTSIM_ACCESS_BUS,  /**< SIGBUS: mapped, the grant is gone */
};
/** Loads or stores bytes; may cross pages; stops at the first fault, what was before it is done.
 * A private copy for which there is no memory is BUS. */
enum gntsim_access gntsim_mm_load(const struct gntsim_mm *mm, uint64_t addr, void *dst, size_t len);
enum gntsim_access gntsim_mm_store(struct gntsim_mm *mm, uint64_t addr, const void *src,
				   size_t len);

/** A device mapping (VMA). */
struct gntsim_vma {
	uint64_t start, end, offset; /**< addresses; file offset of start */
	int prot;                    /**< as last set */
	bool dontcopy;               /**< not inherited by fork */
	bool inherited;              /**< a copy that fork made, not a mapping of its own */
	struct gntsim_file *file;
	uint32_t origin; /**< the call that made it (origin.h) */
};
/** The mapping that contains @p addr or the first above it (as find_vma). Returns false if none. */
bool gntsim_mm_find_vma(const struct gntsim_mm *mm, uint64_t addr, struct gntsim_vma *out);

#ifdef __cplusplus
}
#endif
#endif
