/* SPDX-License-Identifier: MIT */
/**
 * @file foreign.h
 * What a process maps through privcmd: pages of other domains, by their frame and without a grant, and
 * their grant tables, as a toolstack in domain 0 may. A page stays, and a domain that was destroyed with it, while it is mapped.
 */
#ifndef FAKEDEV_BROKER_FOREIGN_H
#define FAKEDEV_BROKER_FOREIGN_H

#include "broker-internal.h"

/**
 * mmap() of privcmd: ordinary memory until IOCTL_PRIVCMD_MMAPBATCH_V2 fills it (in Linux what was not
 * filled faults; but /dev/xen/hypercall, which is the same file here, gives memory). What it is put over is
 * to be unmapped before. @retval -EINVAL a private mapping @retval -ENOMEM
 */
int foreign_map(struct client *c, const struct wire_map *m);

/**
 * IOCTL_PRIVCMD_MMAPBATCH_V2. Of each page its own error is stored: -ESRCH there is no such domain,
 * -EPERM only domain 0 may, -EINVAL the domain has no such frame, or is the caller.
 * @param target the domain that the file may be used for, or PRIVCMD_ANY
 * @retval -EPERM another domain's pages
 * @retval -EFAULT a bad pointer
 * @retval -EINVAL no page; or they are not a whole mapping of privcmd, or pages of one that was filled
 *         and that have nothing yet
 */
long foreign_fill(struct client *c, uint16_t target, uint64_t arg,
		  const struct gntsim_user_memory *um);

/**
 * IOCTL_PRIVCMD_MMAP_RESOURCE: frames of another domain's grant table are put into a mapping, in place of
 * what it had there. What is said is Linux's privcmd.c's and gntsim_acquire_resource()'s.
 * @param target as of foreign_fill()
 * @retval -EPERM another domain's than @p target's
 * @retval -EFAULT a bad pointer
 * @retval -EINVAL the pages do not lie in one mapping of privcmd (Linux looks at the first alone); an
 *         address but no number, or the other way round
 */
long foreign_resource(struct client *c, uint16_t target, uint64_t arg,
		      const struct gntsim_user_memory *um);

/** A page of such a mapping; GNTSIM_NO_FRAME: nothing is in it. @return what foreign_each() is to return,
 * or 0 to go on */
typedef int foreign_visitor(void *ctx, uint64_t addr, gntsim_frame frame, int prot);
/** Calls @p visit for those in a range. */
int foreign_each(const struct client *c, uint64_t addr, uint64_t len, foreign_visitor *visit,
		 void *ctx);
/** Whether any of the range is. */
bool foreign_any(const struct client *c, uint64_t addr, uint64_t len);
void foreign_unmap(struct client *c, uint64_t addr, uint64_t len);
void foreign_protect(struct client *c, uint64_t addr, uint64_t len, int prot);

#endif
