/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_memory_op: how much memory there is (Xen common/memory.c), and resources, which Linux's
 * privcmd.c asks about for programs. */
#include "internal.h"

struct wanted {
	uint16_t domid;
	struct gntsim_domain_info info;
	bool found;
};

static bool look(void *ctx, const struct gntsim_domain_info *info)
{
	struct wanted *w = ctx;

	w->found = info->domid == w->domid;
	if (w->found)
		w->info = *info;
	return !w->found;
}

static long reservation(const struct asker *a, uint64_t arg)
{
	struct wanted w = {0};

	if (ask_read(a, arg, &w.domid, sizeof(w.domid)) < 0)
		return -EFAULT;
	if (w.domid == GNTSIM_DOMID_SELF)
		w.domid = gntsim_domain_id(a->dom);
	gntsim_for_each_domain(gntsim_domain_machine(a->dom), look, &w);
	if (!w.found)
		return -ESRCH;
	return w.domid == gntsim_domain_id(a->dom) || gntsim_domain_id(a->dom) == 0
		   ? (long)w.info.frames
		   : -EPERM;
}

long privcmd_memory(const struct asker *a, uint32_t op, uint64_t arg)
{
	switch (op) {
	case MEMORY_MAXIMUM_RAM_PAGE:
		return gntsim_machine_frames(gntsim_domain_machine(a->dom));
	case MEMORY_CURRENT_RESERVATION:
	case MEMORY_MAXIMUM_RESERVATION:
		return reservation(a, arg);
	default:
		return -EPERM;
	}
}

long privcmd_resource_size(const struct asker *a, uint64_t arg)
{
	struct privcmd_resource r;
	uint32_t frames;
	int err;

	if (ask_read(a, arg, &r, sizeof(r)) < 0)
		return -EFAULT;
	if (!r.addr != !r.num)
		return -EINVAL;
	/* Of a mapping nobody is told here. */
	if (r.num)
		return -ENOTTY;
	err = gntsim_resource_size(a->dom, r.dom, r.type, r.id, &frames);
	if (err < 0)
		return err;
	r.num = frames;
	return ask_write(a, arg + offsetof(struct privcmd_resource, num), &r.num, sizeof(r.num));
}
