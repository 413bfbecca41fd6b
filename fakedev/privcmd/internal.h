/* SPDX-License-Identifier: MIT */
/** @file internal.h What the files of this room share. Each function is one hypercall. */
#ifndef FAKEDEV_PRIVCMD_INTERNAL_H
#define FAKEDEV_PRIVCMD_INTERNAL_H

#include "privcmd/abi.h"
#include "privcmd/privcmd.h"

#include <errno.h>

/** Who asks, and his memory. */
struct asker {
	struct gntsim_domain *dom;
	const struct gntsim_user_memory *um;
};

static inline int ask_read(const struct asker *a, uint64_t addr, void *to, size_t len)
{
	return a->um->read(a->um->ctx, addr, to, len) < 0 ? -EFAULT : 0;
}
static inline int ask_write(const struct asker *a, uint64_t addr, const void *from, size_t len)
{
	return a->um->write(a->um->ctx, addr, from, len) < 0 ? -EFAULT : 0;
}

long privcmd_domctl(const struct asker *a, uint64_t arg);
long privcmd_sysctl(const struct asker *a, uint64_t arg);
long privcmd_event_channel(const struct asker *a, uint32_t op, uint64_t arg);
long privcmd_memory(const struct asker *a, uint32_t op, uint64_t arg);
/** IOCTL_PRIVCMD_MMAP_RESOURCE, as far as it asks for a size. */
long privcmd_resource_size(const struct asker *a, uint64_t arg);
long privcmd_xen_version(const struct asker *a, uint32_t op, uint64_t arg);

#endif
