/* SPDX-License-Identifier: MIT */
/**
 * @file ioctl.h
 * ioctl() as the kernel gets it: a number and an argument pointer into a process. The order of
 * copying and checking is the drivers'. Numbers and structures: <xen/gntalloc.h>, <xen/gntdev.h>,
 * <xen/evtchn.h> of the kernel's headers.
 */
#ifndef GNTSIM_IOCTL_H
#define GNTSIM_IOCTL_H

#include <gntsim/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How to reach the calling process: its memory (each returns 0, or -EFAULT if a byte is bad), and its
 * descriptors, which may be left out where there are no dma-bufs. */
struct gntsim_user_memory {
	int (*read)(void *ctx, uint64_t addr, void *dst, size_t len);
	int (*write)(void *ctx, uint64_t addr, const void *src, size_t len);
	/** Would a write of these bytes succeed? (GRANT_COPY pins its destination first.) */
	int (*probe_write)(void *ctx, uint64_t addr, size_t len);
	void *ctx;
	/** A dma-buf becomes a descriptor of the process, which is the caller's to close from then on.
	 * @return its number, or -EMFILE */
	int (*install)(void *ctx, struct gntsim_file *dmabuf);
	/** What a descriptor is. @retval -EBADF it is not open @retval -EINVAL it is no dma-buf */
	int (*dmabuf)(void *ctx, uint32_t fd, struct gntsim_file **out);
};

/**
 * An ioctl on a device file.
 * @param mm the caller's address space (GET_OFFSET_FOR_VADDR; GRANT_COPY's local memory), or NULL
 * @return 0, or the port for the bind calls
 * @retval -EFAULT as the driver, where in its order of checks it copies
 * @retval -ENOTTY unknown number on gntalloc or gntdev (also SET_MAX_GRANTS; and the dma-buf calls,
 *         unless gntsim_config.dmabufs says so: dmabuf.h), and all but DMA_BUF_IOCTL_SYNC on a dma-buf
 * @retval -ENODEV the file's domain was destroyed
 * @retval -ENOSYS unknown number on evtchn
 * @retval others as the functions of gntalloc.h, gntdev.h and evtchn.h
 * GRANT_COPY: -EINVAL neither side a reference, or a reference's offset + len is above 4096;
 * -EFAULT bad memory. Local memory that is another domain's page mapped by gntdev: status
 * GNTSIM_GNTST_BAD_PAGE; its protection is checked here, it is not asked of @p um. Operations go in batches of 16; an error leaves the unfinished batch
 * uncopied though its segments' status says 0.
 */
long gntsim_ioctl(struct gntsim_file *file, struct gntsim_mm *mm, uint32_t cmd, uint64_t arg,
		  const struct gntsim_user_memory *um);

#ifdef __cplusplus
}
#endif
#endif
