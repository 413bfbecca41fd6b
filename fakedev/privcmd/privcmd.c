/* SPDX-License-Identifier: MIT */
/* Which hypercall it is. */
#include "internal.h"

static long query_size(const struct asker *a, uint64_t arg)
{
	struct abi_query_size q;

	if (ask_read(a, arg, &q, sizeof(q)) < 0)
		return -EFAULT;
	q.status = (int16_t)gntsim_gnttab_query_size(a->dom, q.dom, &q.nr_frames, &q.max_nr_frames);
	return ask_write(a, arg, &q, sizeof(q));
}

long privcmd_ioctl(struct gntsim_domain *dom, uint32_t cmd, uint64_t arg,
		   const struct gntsim_user_memory *um)
{
	const struct asker a = {dom, um};
	struct privcmd_call call;

	if (cmd == PRIVCMD_MMAP_RESOURCE)
		return privcmd_resource_size(&a, arg);
	if (cmd != PRIVCMD_HYPERCALL)
		return -ENOTTY;
	if (ask_read(&a, arg, &call, sizeof(call)) < 0)
		return -EFAULT;
	switch (call.op) {
	case HYPERCALL_MEMORY_OP:
		return privcmd_memory(&a, (uint32_t)call.arg[0], call.arg[1]);
	case HYPERCALL_XEN_VERSION:
		return privcmd_xen_version(&a, (uint32_t)call.arg[0], call.arg[1]);
	case HYPERCALL_EVENT_CHANNEL_OP:
		return privcmd_event_channel(&a, (uint32_t)call.arg[0], call.arg[1]);
	case HYPERCALL_GRANT_TABLE_OP:
		return call.arg[0] == GNTTABOP_QUERY_SIZE && call.arg[2] == 1
			   ? query_size(&a, call.arg[1])
			   : -EPERM;
	case HYPERCALL_DOMCTL:
		return privcmd_domctl(&a, call.arg[0]);
	case HYPERCALL_SYSCTL:
		return privcmd_sysctl(&a, call.arg[0]);
	default:
		return -EPERM;
	}
}
