/* SPDX-License-Identifier: MIT */
/**
 * @file privcmd.h
 * The hypercalls of /dev/xen/privcmd that the model can answer, as Xen 4.17 does where its policy is
 * the default one: domain 0 may ask of all, another domain of itself.
 */
#ifndef FAKEDEV_PRIVCMD_H
#define FAKEDEV_PRIVCMD_H

#include <gntsim/machine.h>
#include <stddef.h>

/**
 * An ioctl on privcmd by a domain, its memory being @p um's.
 * @return what the hypercall returned
 * @retval -ENOTTY another ioctl than IOCTL_PRIVCMD_HYPERCALL, and IOCTL_PRIVCMD_MMAP_RESOURCE that asks
 *         for a size, as of a kernel that lacks it
 * @retval -EPERM a call that only another domain could make, or that the model can't answer: what Xen
 *         says to a domain without the right to it. (ENOSYS does not get through FUSE.)
 * @retval -EFAULT a bad pointer
 * @retval -EACCES domctl and sysctl: of another version than Xen 4.17's
 * @retval -ESRCH -EINVAL -ENOSPC -ENOMEM as Xen says of each
 */
long privcmd_ioctl(struct gntsim_domain *dom, uint32_t cmd, uint64_t arg,
		   const struct gntsim_user_memory *um);

/**
 * HYPERVISOR_xen_version of a domain, for its kernel.
 * @param op public/version.h's XENVER_*
 * @param out what the hypercall stores, cut to @p room bytes
 * @return what the hypercall returned
 */
long privcmd_version(struct gntsim_domain *dom, uint32_t op, void *out, size_t room);

#endif
