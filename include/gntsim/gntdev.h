/* SPDX-License-Identifier: MIT */
/**
 * @file gntdev.h
 * /dev/xen/gntdev: map and copy pages other domains granted. Rules from Linux
 * drivers/xen/gntdev.c.
 *
 * Each function is the driver's ioctl after its arguments have been copied in; ioctl.h has the
 * calls with user memory (and GRANT_COPY, which is nothing without it). mmap is in mm.h. Every
 * function returns -ENODEV for a file whose domain was destroyed and -EINVAL for a file of
 * another device.
 */
#ifndef GNTSIM_GNTDEV_H
#define GNTSIM_GNTDEV_H

#include <gntsim/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A grant to map, laid out as struct ioctl_gntdev_grant_ref. */
struct gntsim_grant {
	uint32_t domid; /**< the granter; cut to 16 bits when it is mapped */
	gntsim_gref ref;
};

/**
 * IOCTL_GNTDEV_MAP_GRANT_REF: reserves a range of mmap offsets for these grants. No hypercall
 * is made and nothing about the grants is checked until mmap.
 * @param grants count of them, copied
 * @param[out] index the mmap offset in bytes: the first hole that is strictly larger than count
 * @retval -EINVAL count is 0 or above the module's limit
 * @retval -ENOMEM
 */
int gntsim_gntdev_map(struct gntsim_file *file, uint32_t count, const struct gntsim_grant *grants,
		      uint64_t *index);

/**
 * Whether a MAP_GRANT_REF whose index can't be written back leaves its map, at an index that nobody was told: so it was
 * before Linux 5.10.261 and is on 6.18.15 (drivers/xen/gntdev.c). gntsim_ioctl() does it; for who stores the index
 * for it, later.
 */
bool gntsim_gntdev_keeps_unwritten(const struct gntsim_file *file);

/**
 * IOCTL_GNTDEV_UNMAP_GRANT_REF: drops the file's reference to the map at @p index (low 12 bits
 * ignored). Legal while it is mapped.
 * @param count must be the map's count, or 0 for any
 * @retval -ENOENT no such map
 */
int gntsim_gntdev_unmap(struct gntsim_file *file, uint64_t index, uint32_t count);

/**
 * IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR: the map behind an address of @p mm. As the driver uses
 * find_vma, an address just below a gntdev mapping finds it too (the model knows no other
 * mappings of the process, so it answers for the whole gap; a front narrows it).
 * @retval -EINVAL no gntdev mapping there
 */
int gntsim_gntdev_get_offset_for_vaddr(struct gntsim_file *file, struct gntsim_mm *mm,
				       uint64_t vaddr, uint64_t *offset, uint32_t *count);

/**
 * A signal comes during the @p nth mmap of a gntdev of a PV domain from now on, 0: of none any more. It
 * fails with -EINTR then, and its index is dead: each later mmap is -EINVAL, until it is given up
 * (gntsim_gntdev_unmap()). mmaps that fail before do not count.
 *
 * A PV kernel has to register a notifier for the first gntdev mapping of an address space, which takes all
 * locks of its memory, and gives up at a signal (Linux mm/mmap.c, mm_take_all_locks()); the driver has noted
 * by then that the map is in use (6.1 and 6.12, gntdev_mmap()). Later mappings find the notifier there: that
 * it was the first is for the caller to see to.
 */
void gntsim_interrupt_mmap(struct gntsim_machine *m, uint64_t nth);

/**
 * IOCTL_GNTDEV_SET_UNMAP_NOTIFY: one notification per map; legal before mmap.
 * @param index any byte offset inside a map: the byte to clear
 * @retval -EINVAL other bits in action; or a port that is not bound through evtchn in this
 *         domain; or, found last, clear-byte on a read-only map
 * @retval -ENOENT index lies in no map of this file
 */
int gntsim_gntdev_set_unmap_notify(struct gntsim_file *file, uint64_t index, uint32_t action,
				   gntsim_port port);

#ifdef __cplusplus
}
#endif
#endif
