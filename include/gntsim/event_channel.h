/* SPDX-License-Identifier: MIT */
/**
 * @file event_channel.h
 * Xen's event channels, called as a guest kernel calls them (HYPERVISOR_event_channel_op).
 * Rules from Xen 4.17 xen/common/event_channel.c. Ports made here belong to the domain's kernel:
 * no evtchn file sees them.
 */
#ifndef GNTSIM_EVENT_CHANNEL_H
#define GNTSIM_EVENT_CHANNEL_H

#include <gntsim/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Number of virtual interrupts (NR_VIRQS). */
#define GNTSIM_NR_VIRQS 24u
/** A domain died or changed state: raised in domain 0 (Xen's public/xen.h). */
#define GNTSIM_VIRQ_DOM_EXC 3u

enum gntsim_port_state {
	GNTSIM_PORT_FREE,
	GNTSIM_PORT_UNBOUND,
	GNTSIM_PORT_INTERDOMAIN,
	GNTSIM_PORT_VIRQ,
};

/** What EVTCHNOP_status and the shared page would tell. */
struct gntsim_port_status {
	enum gntsim_port_state state;
	uint16_t remote_domid;   /**< UNBOUND, INTERDOMAIN */
	gntsim_port remote_port; /**< INTERDOMAIN */
	uint32_t virq;           /**< VIRQ */
	bool pending, masked;
};

/** EVTCHNOP_alloc_unbound: lowest free port. @return port, -ENOSPC, -ENOMEM */
int gntsim_port_alloc_unbound(struct gntsim_domain *dom, uint16_t remote_domid);
/** EVTCHNOP_bind_interdomain. @return local port, -ESRCH, -ENOSPC, -EINVAL, -ENOMEM */
int gntsim_port_bind_interdomain(struct gntsim_domain *dom, uint16_t remote_domid,
				 gntsim_port remote_port);
/** EVTCHNOP_bind_virq on vcpu 0. @return port, -EINVAL, -EEXIST (also for those that the domain was
 * made with, domain.h), -ENOSPC, -ENOMEM */
int gntsim_port_bind_virq(struct gntsim_domain *dom, uint32_t virq);
/** EVTCHNOP_send. @retval -EINVAL port free, a virq, or out of range; unbound: 0, dropped */
int gntsim_port_send(struct gntsim_domain *dom, gntsim_port port);
/** EVTCHNOP_close: an interdomain peer reverts to unbound, with no event.
 * @retval -EINVAL free or out of range; or a port of /dev/xen/evtchn, which would lose it */
int gntsim_port_close(struct gntsim_domain *dom, gntsim_port port);
/** Raises a virtual interrupt, as Xen does; nothing happens if it is not bound. */
void gntsim_raise_virq(struct gntsim_domain *dom, uint32_t virq);
/** @retval -EINVAL port out of range */
int gntsim_port_status(const struct gntsim_domain *dom, gntsim_port port,
		       struct gntsim_port_status *out);
/** Masks or unmasks a kernel port; unmasking a pending one delivers nothing (no consumer).
 * @retval -EINVAL free, out of range, or a port of /dev/xen/evtchn */
int gntsim_port_set_masked(struct gntsim_domain *dom, gntsim_port port, bool masked);
/**
 * Has GNTSIM_EFFECT_KERNEL_EVENT (effects.h) tell when a kernel port becomes pending and is not masked,
 * until it is closed. @retval -EINVAL free, out of range, or a port of /dev/xen/evtchn
 */
int gntsim_port_listen(struct gntsim_domain *dom, gntsim_port port);
/** Clears the pending bit of a kernel port, as its interrupt handler would. @retval -EINVAL */
int gntsim_port_clear_pending(struct gntsim_domain *dom, gntsim_port port);

#ifdef __cplusplus
}
#endif
#endif
