/* SPDX-License-Identifier: MIT */
/**
 * @file pin.h
 * A page of device memory that the kernel still uses after the process has given it up: a pipe that it was
 * put into by vmsplice(2), say. From Linux get_user_pages(), and from gnttab_unmap_refs_async(), which waits
 * for such a page.
 *
 *     struct gntsim_pin *pin;
 *     gntsim_pin(mm, at, &pin);
 *     gntsim_munmap(mm, at, GNTSIM_PAGE_SIZE);
 *     gntsim_close(gntdev);  // PVH: a byte is cleared, but the grant is mapped and no event comes
 *     gntsim_unpin(pin);     // now it does
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
