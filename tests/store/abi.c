/* SPDX-License-Identifier: MIT */
/* privcmd/abi.h against the headers of Xen itself: what is wrong does not compile. */
#define __XEN_TOOLS__ 1
#include "privcmd/abi.h"

#include <gntsim/grant_table.h>

#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/io/xs_wire.h>
#include <xen/memory.h>
#include <xen/sysctl.h>
#include <xen/version.h>
#include <xen/xen.h>

#define SAME(ours, theirs)        _Static_assert((ours) == (theirs), #ours " is not " #theirs)
#define PLACE(ours, a, theirs, b) SAME(offsetof(ours, a), offsetof(theirs, b))

SAME(sizeof(struct privcmd_batch), 32u);
SAME(sizeof(struct privcmd_resource), 32u);
SAME(GNTSIM_RESOURCE_GRANT_TABLE, XENMEM_resource_grant_table);
SAME(GNTSIM_RESOURCE_GRANT_TABLE_SHARED, XENMEM_resource_grant_table_id_shared);
SAME(GNTSIM_RESOURCE_GRANT_TABLE_STATUS, XENMEM_resource_grant_table_id_status);
SAME(HYPERCALL_MEMORY_OP, __HYPERVISOR_memory_op);
SAME(MEMORY_MAXIMUM_RAM_PAGE, XENMEM_maximum_ram_page);
SAME(MEMORY_CURRENT_RESERVATION, XENMEM_current_reservation);
SAME(MEMORY_MAXIMUM_RESERVATION, XENMEM_maximum_reservation);
SAME(HYPERCALL_XEN_VERSION, __HYPERVISOR_xen_version);
SAME(HYPERCALL_GRANT_TABLE_OP, __HYPERVISOR_grant_table_op);
SAME(HYPERCALL_EVENT_CHANNEL_OP, __HYPERVISOR_event_channel_op);
SAME(HYPERCALL_SYSCTL, __HYPERVISOR_sysctl);
SAME(HYPERCALL_DOMCTL, __HYPERVISOR_domctl);
SAME(DOMCTL_VERSION, XEN_DOMCTL_INTERFACE_VERSION);
SAME(SYSCTL_VERSION, XEN_SYSCTL_INTERFACE_VERSION);
SAME(DOMCTL_GETDOMAININFO, XEN_DOMCTL_getdomaininfo);
SAME(SYSCTL_GETDOMAININFOLIST, XEN_SYSCTL_getdomaininfolist);
SAME(SYSCTL_PHYSINFO, XEN_SYSCTL_physinfo);
SAME(DOMINF_DYING, XEN_DOMINF_dying);
SAME(DOMINF_HVM_GUEST, XEN_DOMINF_hvm_guest);
SAME(DOMINF_PAUSED, XEN_DOMINF_paused);
SAME(DOMINF_BLOCKED, XEN_DOMINF_blocked);
SAME(DOMINF_RUNNING, XEN_DOMINF_running);
SAME(DOMINF_HAP, XEN_DOMINF_hap);
SAME(EVTCHNOP_STATUS, EVTCHNOP_status);
SAME(EVTCHNOP_ALLOC_UNBOUND, EVTCHNOP_alloc_unbound);
SAME(EVTCHNSTAT_VIRQ, EVTCHNSTAT_virq);
SAME(GNTTABOP_QUERY_SIZE, GNTTABOP_query_size);
SAME(XENVER_BUILD_ID, XENVER_build_id);

SAME(sizeof(struct abi_domain_info), sizeof(struct xen_domctl_getdomaininfo));
PLACE(struct abi_domain_info, handle, struct xen_domctl_getdomaininfo, handle);
PLACE(struct abi_domain_info, gpaddr_bits, struct xen_domctl_getdomaininfo, gpaddr_bits);
PLACE(struct abi_domain_info, arch, struct xen_domctl_getdomaininfo, arch_config);
SAME(sizeof(struct abi_domctl), sizeof(struct xen_domctl));
PLACE(struct abi_domctl, u, struct xen_domctl, u);
SAME(sizeof(struct abi_sysctl), sizeof(struct xen_sysctl));
SAME(sizeof(struct abi_physinfo), sizeof(struct xen_sysctl_physinfo));
PLACE(struct abi_physinfo, max_mfn, struct xen_sysctl_physinfo, max_mfn);
SAME(sizeof(struct abi_domain_list), sizeof(struct xen_sysctl_getdomaininfolist));
PLACE(struct abi_domain_list, num_domains, struct xen_sysctl_getdomaininfolist, num_domains);
SAME(sizeof(struct abi_evtchn_status), sizeof(struct evtchn_status));
PLACE(struct abi_evtchn_status, u.remote.port, struct evtchn_status, u.interdomain.port);
SAME(sizeof(struct abi_evtchn_alloc_unbound), sizeof(struct evtchn_alloc_unbound));
SAME(sizeof(struct abi_query_size), sizeof(struct gnttab_query_size));
PLACE(struct abi_query_size, status, struct gnttab_query_size, status);
SAME(sizeof(struct abi_compile_info), sizeof(struct xen_compile_info));
SAME(sizeof(struct abi_feature_info), sizeof(struct xen_feature_info));

int main(void)
{
	return 0;
}
