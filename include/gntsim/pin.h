/* SPDX-License-Identifier: MIT */
/**
 * @file pin.h
 * A page of device memory that the kernel still uses after the process has given it up: a pipe that it was
 * put into by vmsplice(2), say. From Linux get_user_pages(), and from gnttab_unmap_refs_async(), which waits
 * for such a page.
 *
 *     struct gntsim_mm *mm;
 *     struct gntsim_file *gntdev, *gntalloc;
 *     struct gntsim_pin *pin;
 *     uint64_t index, map, at = 0x10000;
 *     gntsim_gref ref;
 *     gntsim_mm_create(dom1, &mm);
 *     gntsim_open(dom0, GNTSIM_DEV_GNTALLOC, O_RDWR, &gntalloc);
 *     gntsim_open(dom1, GNTSIM_DEV_GNTDEV, O_RDWR, &gntdev);
 *     gntsim_gntalloc_alloc(gntalloc, 1, 1, 1, &index, &ref);
 *     gntsim_gntdev_map(gntdev, 1, &(struct gntsim_grant){.domid = 0, .ref = ref}, &map);
 *     gntsim_mmap(mm, gntdev, at, GNTSIM_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, map);
 *     assert(gntsim_pin(mm, at, &pin) == 0);
 *     gntsim_munmap(mm, at, GNTSIM_PAGE_SIZE);
 *     gntsim_close(gntdev); // the grant stays mapped
 *     gntsim_unpin(pin);    // no longer
 */
#ifndef GNTSIM_PIN_H
#define GNTSIM_PIN_H

#include <gntsim/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gntsim_pin; /**< one use of a page */

/**
 * The kernel begins to use the page at an address. Elsewhere than on PV a map of gntdev that comes to its
 * end stays mapped as long as one of its pages is used: the byte of its notification is cleared at once,
 * the event waits. On PV its end is a hazard (effects.h): the page table's entry is gone before the kernel
 * tries to unmap it.
 * @retval -EFAULT no device memory there, or none that can be read
 * @retval -ENODEV the domain was destroyed @retval -ENOMEM
 */
int gntsim_pin(struct gntsim_mm *mm, uint64_t addr, struct gntsim_pin **out);

/** It has done with it. To be called once, also when the domain is gone. */
void gntsim_unpin(struct gntsim_pin *pin);

#ifdef __cplusplus
}
#endif
#endif
