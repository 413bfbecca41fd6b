/* SPDX-License-Identifier: MIT */
/**
 * @file gntalloc.h
 * /dev/xen/gntalloc: grant pages of one's own. Rules from Linux drivers/xen/gntalloc.c.
 *
 * Each function is the driver's ioctl after its arguments have been copied in, so -EFAULT does
 * not occur here; ioctl.h has the calls with user memory. mmap is in mm.h. Every function
 * returns -ENODEV for a file whose domain was destroyed and -EINVAL for a file of another
 * device.
 */
#ifndef GNTSIM_GNTALLOC_H
#define GNTSIM_GNTALLOC_H

#include <gntsim/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * IOCTL_GNTALLOC_ALLOC_GREF: allocates @p count zeroed pages and grants them to @p domid.
 * @param flags only GNTALLOC_FLAG_WRITABLE (bit 0) counts
 * @param count 0 is a success that allocates nothing
 * @param[out] index the mmap offset of the first page, in bytes; the others follow at
 *        page distances. Starts at 0 for each file, never reused; not used up by -ENOSPC from
 *        the limit.
 * @param[out] refs count references, in the order of the pages
 * @retval -ENOSPC count, or count with the pages that live, exceeds the module's limit; or
 *         the grant table is full (pages made so far are undone)
 * @retval -ENOMEM no memory, or no frame (undone)
 */
int gntsim_gntalloc_alloc(struct gntsim_file *file, uint16_t domid, uint16_t flags, uint32_t count,
			  uint64_t *index, gntsim_gref *refs);

/**
 * IOCTL_GNTALLOC_DEALLOC_GREF: takes the pages [index, index + count pages) off the file.
 * Each is freed now if no mapping uses it, else at the last munmap.
 * @retval -EINVAL not a contiguous run of this file's pages, or count is 0
 */
int gntsim_gntalloc_dealloc(struct gntsim_file *file, uint64_t index, uint32_t count);

/**
 * IOCTL_GNTALLOC_SET_UNMAP_NOTIFY: what to do when the page is given up: clear the byte at
 * @p index, then notify @p port. One notification per page; a second call replaces it; action 0
 * removes it.
 * @param action UNMAP_NOTIFY_CLEAR_BYTE (1), UNMAP_NOTIFY_SEND_EVENT (2), both or none
 * @retval -ENOENT index lies in no page of this file (checked first)
 * @retval -EINVAL other bits in action; or the port is not bound through evtchn in this domain
 */
int gntsim_gntalloc_set_unmap_notify(struct gntsim_file *file, uint64_t index, uint32_t action,
				     gntsim_port port);

#ifdef __cplusplus
}
#endif
#endif
