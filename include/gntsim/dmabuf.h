/* SPDX-License-Identifier: MIT */
/**
 * @file dmabuf.h
 * dma-bufs: memory as a descriptor, and gntdev's calls that make one of another domain's grants, and
 * grants of one. Rules from Linux drivers/xen/gntdev-dmabuf.c and drivers/dma-buf/dma-buf.c. The calls
 * are ioctls (ioctl.h), and are there if gntsim_config.dmabufs says so:
 *
 *  - IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS: -EINVAL a count of 0 or above gntdev's limit; both flags
 *    (GNTDEV_DMA_FLAG_WC and _COHERENT; other bits count for nothing); or one of the grants could not
 *    be mapped, and then none is. -EMFILE no descriptor is free. -EFAULT also when all was done: the
 *    descriptor is there then, and only its number did not arrive. With GNTSIM_DMABUFS_LINUX it is
 *    -EINVAL in a PV domain, before anything is looked at, and in any domain on amd64, where Xen
 *    maps nothing for devices.
 *  - IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED: -ENOENT no dma-buf of this file that lives was given the
 *    number; -ETIMEDOUT it lives: nothing else happens during a call. A caller who can wait asks
 *    gntsim_dmabuf_wait().
 *  - IOCTL_GNTDEV_DMABUF_IMP_TO_REFS: -EINVAL a count of 0, above gntdev's limit, or not the dma-buf's;
 *    no dma-buf, or another domain's; its data begin within a page. -EBADF no descriptor. -ENOSPC
 *    there are not as many references. -EFAULT as it should be: nothing is granted. References to
 *    pages that are another domain's come about, but nobody can map them.
 *  - IOCTL_GNTDEV_DMABUF_IMP_RELEASE: -ENOENT nothing of that number was imported through this file.
 *    What somebody still maps ends later, as all grants (gntsim_machine_advance()).
 *  - _EXP_FROM_REFS_V2 and _IMP_TO_REFS_V2, which no release of Linux has (GNTSIM_DMABUFS_ALL): with
 *    where in its pages the data begin.
 *
 * A dma-buf holds the gntdev file that exported it, with all that this has; a gntdev file holds what it
 * imported. So one that is imported through the file that exported it keeps both for ever.
 *
 *     struct gntsim_file *buffer;
 *     assert(gntsim_dmabuf_alloc(dom0, 1, &buffer) < 0); // ENOTTY, as Debian's kernels are built
 */
#ifndef GNTSIM_DMABUF_H
#define GNTSIM_DMABUF_H

#include <gntsim/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A dma-buf of the domain's own memory, zeroed, as a driver of the domain's would make: what there is
 * to import beside gntdev's own. It can be mapped.
 * @param count pages
 * @param[out] out open: gntsim_close() when its last descriptor is gone
 * @retval -EINVAL count is 0
 * @retval -ENOTTY gntsim_config.dmabufs says that there are none
 * @retval -ENOMEM
 */
int gntsim_dmabuf_alloc(struct gntsim_domain *dom, uint32_t count, struct gntsim_file **out);

/** Bytes of a dma-buf; 0 for other files. */
uint64_t gntsim_dmabuf_size(const struct gntsim_file *dmabuf);

struct gntsim_wait;

/**
 * Begins a wait for the release of the dma-buf that @p gntdev exported with this number: its end is told
 * as GNTSIM_EFFECT_RELEASED. Of several waits for one dma-buf only the last to begin is told, as by
 * the driver.
 * @param data for gntsim_wait_data()
 * @retval -ENOENT there is none
 * @retval -ENODEV, -EINVAL as in gntdev.h
 * @retval -ENOMEM
 */
int gntsim_dmabuf_wait(struct gntsim_file *gntdev, uint32_t fd, void *data,
		       struct gntsim_wait **out);
void *gntsim_wait_data(const struct gntsim_wait *wait);
/** Ends the wait, told or not. */
void gntsim_wait_end(struct gntsim_wait *wait);

#ifdef __cplusplus
}
#endif
#endif
