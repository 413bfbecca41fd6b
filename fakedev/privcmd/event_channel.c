/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_event_channel_op: Xen common/event_channel.c. */
#include "internal.h"

/* One that may be asked of: self, or any by domain 0. */
static int find(const struct asker *a, uint16_t domid, struct gntsim_domain **out)
{
	*out = domid == GNTSIM_DOMID_SELF
		   ? a->dom
		   : gntsim_domain_find(gntsim_domain_machine(a->dom), domid);
	return *out ? 0 : -ESRCH;
}

static bool may(const struct asker *a, const struct gntsim_domain *dom)
{
	return dom == a->dom || gntsim_domain_id(a->dom) == 0;
}

static long status(const struct asker *a, uint64_t arg)
{
	struct abi_evtchn_status s;
	struct gntsim_port_status port;
	struct gntsim_domain *dom;
	int err;

	if (ask_read(a, arg, &s, sizeof(s)) < 0)
		return -EFAULT;
	err = find(a, s.dom, &dom);
	if (err == 0)
		err = gntsim_port_status(dom, s.port, &port);
	if (err == 0 && !may(a, dom))
		err = -EPERM;
	if (err < 0)
		return err;
	s.vcpu = 0;
	switch (port.state) {
	case GNTSIM_PORT_FREE:
		s.status = EVTCHNSTAT_CLOSED;
		break;
	case GNTSIM_PORT_UNBOUND:
		s.status = EVTCHNSTAT_UNBOUND;
		s.u.remote.dom = port.remote_domid;
		break;
	case GNTSIM_PORT_INTERDOMAIN:
		s.status = EVTCHNSTAT_INTERDOMAIN;
		s.u.remote.dom = port.remote_domid;
		s.u.remote.port = port.remote_port;
		break;
	case GNTSIM_PORT_VIRQ:
		s.status = EVTCHNSTAT_VIRQ;
		s.u.virq = port.virq;
		break;
	}
	return ask_write(a, arg, &s, sizeof(s));
}

/* What a toolstack makes for a domain that it builds; and a domain for itself. */
static long alloc_unbound(const struct asker *a, uint64_t arg)
{
	struct abi_evtchn_alloc_unbound op;
	struct gntsim_domain *dom;
	int port, err;

	if (ask_read(a, arg, &op, sizeof(op)) < 0)
		return -EFAULT;
	err = find(a, op.dom, &dom);
	if (err == 0 && !may(a, dom))
		err = -EPERM;
	if (err < 0)
		return err;
	port = gntsim_port_alloc_unbound(
	    dom, op.remote_dom == GNTSIM_DOMID_SELF ? gntsim_domain_id(a->dom) : op.remote_dom);
	if (port < 0)
		return port;
	op.port = (uint32_t)port;
	err = ask_write(a, arg, &op, sizeof(op));
	if (err < 0)
		gntsim_port_close(dom, op.port);
	return err;
}

long privcmd_event_channel(const struct asker *a, uint32_t op, uint64_t arg)
{
	if (op == EVTCHNOP_STATUS)
		return status(a, arg);
	return op == EVTCHNOP_ALLOC_UNBOUND ? alloc_unbound(a, arg) : -EPERM;
}
