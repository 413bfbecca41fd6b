/* SPDX-License-Identifier: MIT */
/* Which domains there are: HYPERVISOR_domctl and HYPERVISOR_sysctl, as xenstored, xenconsoled and xl
 * ask (Xen common/domctl.c, sysctl.c). One that was destroyed is dying while others map its pages. */
#include "internal.h"

/* The handle that a toolstack gives: its number. */
static void describe(const struct asker *a, const struct gntsim_domain_info *info,
		     struct abi_domain_info *out)
{
	*out = (struct abi_domain_info){.domain = info->domid,
					.tot_pages = info->frames,
					.max_pages = info->frames,
					.shared_info_frame = UINT64_MAX,
					.nr_online_vcpus = 1,
					.gpaddr_bits = 39};
	out->handle[14] = (uint8_t)(info->domid >> 8);
	out->handle[15] = (uint8_t)info->domid;
	if (info->guest == GNTSIM_GUEST_PVH) {
		out->flags |= DOMINF_HVM_GUEST | DOMINF_HAP;
		out->arch[0] = 1; /* XEN_X86_EMU_LAPIC */
	}
	if (info->zombie)
		out->flags |= DOMINF_DYING | DOMINF_PAUSED;
	else
		out->flags |=
		    info->domid == gntsim_domain_id(a->dom) ? DOMINF_RUNNING : DOMINF_BLOCKED;
}

struct search {
	const struct asker *asker;
	uint16_t from;
	bool found;
	struct abi_domain_info out;
	/* a list */
	uint64_t buffer;
	uint32_t n, room;
	int err;
};

static bool first(void *ctx, const struct gntsim_domain_info *info)
{
	struct search *s = ctx;

	s->found = info->domid >= s->from;
	if (s->found)
		describe(s->asker, info, &s->out);
	return !s->found;
}

static bool next(void *ctx, const struct gntsim_domain_info *info)
{
	struct search *s = ctx;

	if (info->domid < s->from)
		return true;
	if (s->n == s->room)
		return false;
	describe(s->asker, info, &s->out);
	s->err = ask_write(s->asker, s->buffer + s->n * sizeof(s->out), &s->out, sizeof(s->out));
	s->n++;
	return s->err == 0;
}

static bool is_control(const struct asker *a)
{
	return gntsim_domain_id(a->dom) == 0;
}

/* The domain with this number, or the next one after it. */
long privcmd_domctl(const struct asker *a, uint64_t arg)
{
	struct search s = {.asker = a};
	struct abi_domctl op;

	if (ask_read(a, arg, &op, sizeof(op)) < 0)
		return -EFAULT;
	if (op.version != DOMCTL_VERSION)
		return -EACCES;
	if (op.cmd != DOMCTL_GETDOMAININFO)
		return -EPERM;
	if (op.domain >= GNTSIM_DOMID_FIRST_RESERVED)
		return -EINVAL;
	s.from = op.domain;
	gntsim_for_each_domain(gntsim_domain_machine(a->dom), first, &s);
	if (!s.found)
		return -ESRCH;
	if (!is_control(a))
		return -EPERM;
	op.domain = s.out.domain;
	op.u.info = s.out;
	return ask_write(a, arg, &op, sizeof(op));
}

static long list(const struct asker *a, struct abi_domain_list *l)
{
	struct search s = {
	    .asker = a, .from = l->first_domain, .buffer = l->buffer, .room = l->max_domains};

	gntsim_for_each_domain(gntsim_domain_machine(a->dom), next, &s);
	l->num_domains = s.n;
	return s.err;
}

/* One processor, and memory for the machine's frames. */
static void physinfo(const struct asker *a, struct abi_physinfo *p)
{
	const struct gntsim_machine *m = gntsim_domain_machine(a->dom);
	struct gntsim_totals t;

	gntsim_machine_totals(m, &t);
	*p = (struct abi_physinfo){.threads_per_core = 1,
				   .cores_per_socket = 1,
				   .nr_cpus = 1,
				   .nr_nodes = 1,
				   .cpu_khz = 1000000,
				   .capabilities = 1 << 0 | 1 << 1, /* hvm, pv */
				   .total_pages = gntsim_machine_frames(m),
				   .free_pages = gntsim_machine_frames(m) - t.frames,
				   .max_mfn = gntsim_machine_frames(m)};
}

long privcmd_sysctl(const struct asker *a, uint64_t arg)
{
	struct abi_sysctl op;
	long err = 0;

	if (ask_read(a, arg, &op, sizeof(op)) < 0)
		return -EFAULT;
	if (op.version != SYSCTL_VERSION)
		return -EACCES;
	if (!is_control(a))
		return -EPERM;
	if (op.cmd == SYSCTL_GETDOMAININFOLIST)
		err = list(a, &op.u.list);
	else if (op.cmd == SYSCTL_PHYSINFO)
		physinfo(a, &op.u.physinfo);
	else
		err = -EPERM;
	return err < 0 ? err : ask_write(a, arg, &op, sizeof(op));
}
