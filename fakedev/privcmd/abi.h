/* SPDX-License-Identifier: MIT */
/**
 * @file abi.h
 * The hypercalls that are answered, as Xen 4.17's public headers lay them out for x86-64 and arm64,
 * and the ioctl that makes one (linux/include/uapi/xen/privcmd.h). Those headers need not be
 * installed; where they are, tests/store/abi.c compares.
 */
#ifndef FAKEDEV_PRIVCMD_ABI_H
#define FAKEDEV_PRIVCMD_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct privcmd_call {
	uint64_t op;
	uint64_t arg[5];
};
/** IOCTL_PRIVCMD_HYPERCALL: _IOC(NONE, 'P', 0, sizeof(struct privcmd_call)). */
#define PRIVCMD_HYPERCALL 0x305000u

/** IOCTL_PRIVCMD_MMAPBATCH_V2: _IOC(NONE, 'P', 4, sizeof(struct privcmd_batch)). */
struct privcmd_batch {
	uint32_t num;
	uint16_t dom, pad;
	uint64_t addr; /**< in a mapping of privcmd */
	uint64_t arr;  /**< of num frames, 8 bytes each */
	uint64_t err;  /**< of num ints */
};
#define PRIVCMD_MMAPBATCH_V2 0x205004u

/** IOCTL_PRIVCMD_MMAP_RESOURCE: _IOC(NONE, 'P', 7, sizeof(struct privcmd_resource)). */
struct privcmd_resource {
	uint16_t dom, pad;
	uint32_t type, id;
	uint32_t idx;  /**< the first frame of it */
	uint64_t num;  /**< frames; 0, with no address: how many there may be is stored here */
	uint64_t addr; /**< in a mapping of privcmd */
};
#define PRIVCMD_MMAP_RESOURCE 0x205007u

/** Does this ioctl put pages into a mapping? */
static inline bool privcmd_fills(unsigned long cmd)
{
	return cmd == PRIVCMD_MMAPBATCH_V2 || cmd == PRIVCMD_MMAP_RESOURCE;
}

/** IOCTL_PRIVCMD_RESTRICT: _IOC(NONE, 'P', 6, sizeof(uint16_t)): the domain that it may be used for. */
#define PRIVCMD_RESTRICT 0x25006u
/** No restriction; a domain that there never is (public/xen.h: DOMID_INVALID, DOMID_IDLE). */
#define PRIVCMD_ANY    0x7FF4u
#define PRIVCMD_NOBODY 0x7FFFu

/** IOCTL_XENBUS_BACKEND_EVTCHN, _SETUP: _IOC(NONE, 'B', 0 or 1, 0). */
#define XENBUS_BACKEND_EVTCHN 0x4200u
#define XENBUS_BACKEND_SETUP  0x4201u

enum {
	HYPERCALL_MEMORY_OP = 12,
	HYPERCALL_XEN_VERSION = 17,
	HYPERCALL_GRANT_TABLE_OP = 20,
	HYPERCALL_EVENT_CHANNEL_OP = 32,
	HYPERCALL_SYSCTL = 35,
	HYPERCALL_DOMCTL = 36,
};

/* public/version.h */
enum {
	XENVER_VERSION,
	XENVER_EXTRAVERSION,
	XENVER_COMPILE_INFO,
	XENVER_CAPABILITIES,
	XENVER_CHANGESET,
	XENVER_PLATFORM_PARAMETERS,
	XENVER_GET_FEATURES,
	XENVER_PAGESIZE,
	XENVER_GUEST_HANDLE,
	XENVER_COMMANDLINE,
	XENVER_BUILD_ID,
};
struct abi_compile_info {
	char compiler[64], by[16], domain[32], date[32];
};
struct abi_feature_info {
	uint32_t index, map;
};

/* public/event_channel.h */
#define EVTCHNOP_STATUS        5u
#define EVTCHNOP_ALLOC_UNBOUND 6u
enum {
	EVTCHNSTAT_CLOSED = 0,
	EVTCHNSTAT_UNBOUND = 1,
	EVTCHNSTAT_INTERDOMAIN = 2,
	EVTCHNSTAT_VIRQ = 4,
};
struct abi_evtchn_status {
	uint16_t dom, pad;
	uint32_t port;
	uint32_t status, vcpu;
	union {
		struct {
			uint16_t dom, pad;
			uint32_t port;
		} remote;
		uint32_t virq;
	} u;
};
struct abi_evtchn_alloc_unbound {
	uint16_t dom, remote_dom;
	uint32_t port;
};

/* public/grant_table.h */
#define GNTTABOP_QUERY_SIZE 6u
struct abi_query_size {
	uint16_t dom, pad;
	uint32_t nr_frames, max_nr_frames;
	int16_t status;
	uint16_t pad2;
};

/* public/memory.h */
enum {
	MEMORY_MAXIMUM_RAM_PAGE = 2,
	MEMORY_CURRENT_RESERVATION = 3,
	MEMORY_MAXIMUM_RESERVATION = 4,
};

/* public/domctl.h */
#define DOMCTL_VERSION       0x15u
#define DOMCTL_GETDOMAININFO 5u
enum {
	DOMINF_DYING = 1 << 0,
	DOMINF_HVM_GUEST = 1 << 1,
	DOMINF_PAUSED = 1 << 3,
	DOMINF_BLOCKED = 1 << 4,
	DOMINF_RUNNING = 1 << 5,
	DOMINF_HAP = 1 << 8,
};
struct abi_domain_info {
	uint16_t domain, pad;
	uint32_t flags;
	uint64_t tot_pages, max_pages, outstanding_pages, shr_pages, paged_pages;
	uint64_t shared_info_frame;
	uint64_t cpu_time;
	uint32_t nr_online_vcpus, max_vcpu_id;
	uint32_t ssidref;
	uint8_t handle[16];
	uint32_t cpupool;
	uint8_t gpaddr_bits, pad2[7];
	uint32_t arch[2];
};
struct abi_domctl {
	uint32_t cmd, version;
	uint16_t domain, pad[3];
	union {
		struct abi_domain_info info;
		uint8_t room[128];
	} u;
};

/* public/sysctl.h */
#define SYSCTL_VERSION           0x15u
#define SYSCTL_PHYSINFO          3u
#define SYSCTL_GETDOMAININFOLIST 6u
struct abi_domain_list {
	uint16_t first_domain, pad;
	uint32_t max_domains;
	uint64_t buffer;
	uint32_t num_domains, pad2;
};
struct abi_physinfo {
	uint32_t threads_per_core, cores_per_socket;
	uint32_t nr_cpus, max_cpu_id, nr_nodes, max_node_id;
	uint32_t cpu_khz, capabilities, arch_capabilities, pad;
	uint64_t total_pages, free_pages, scrub_pages, outstanding_pages, max_mfn;
	uint32_t hw_cap[8];
};
struct abi_sysctl {
	uint32_t cmd, version;
	union {
		struct abi_domain_list list;
		struct abi_physinfo physinfo;
		uint8_t room[128];
	} u;
};

/**
 * The memory that such a call reads beside its registers. @param[out] addr where
 * @return how many bytes; 0: none, or the call is none of ours
 */
static inline size_t privcmd_reads(const struct privcmd_call *call, uint64_t *addr)
{
	*addr = call->arg[1];
	switch (call->op) {
	case HYPERCALL_DOMCTL:
		*addr = call->arg[0];
		return sizeof(struct abi_domctl);
	case HYPERCALL_SYSCTL:
		*addr = call->arg[0];
		return sizeof(struct abi_sysctl);
	case HYPERCALL_EVENT_CHANNEL_OP:
		return call->arg[0] == EVTCHNOP_STATUS ? sizeof(struct abi_evtchn_status)
		       : call->arg[0] == EVTCHNOP_ALLOC_UNBOUND
			   ? sizeof(struct abi_evtchn_alloc_unbound)
			   : 0;
	case HYPERCALL_GRANT_TABLE_OP:
		return call->arg[0] == GNTTABOP_QUERY_SIZE && call->arg[2] == 1
			   ? sizeof(struct abi_query_size)
			   : 0;
	case HYPERCALL_MEMORY_OP:
		return call->arg[0] == MEMORY_CURRENT_RESERVATION ||
			       call->arg[0] == MEMORY_MAXIMUM_RESERVATION
			   ? sizeof(uint16_t)
			   : 0;
	case HYPERCALL_XEN_VERSION:
		return call->arg[0] == XENVER_GET_FEATURES ? sizeof(struct abi_feature_info)
		       : call->arg[0] == XENVER_BUILD_ID   ? sizeof(uint32_t)
							   : 0;
	default:
		return 0;
	}
}

#endif
