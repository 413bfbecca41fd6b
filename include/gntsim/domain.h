/* SPDX-License-Identifier: MIT */
/**
 * @file domain.h
 * Domains: a guest with a Linux kernel of a stated version.
 *
 *     enum gntsim_guest pv = GNTSIM_GUEST_PV;
 *     struct gntsim_domain_config config = {.guest = &pv, .kernel = GNTSIM_KERNEL_6_12};
 *     struct gntsim_domain *dom2;
 *     gntsim_domain_create(m, 2, &config, &dom2);
 *     assert(strcmp(gntsim_domain_kernel_name(dom2), "6.12") == 0);
 */
#ifndef GNTSIM_DOMAIN_H
#define GNTSIM_DOMAIN_H

#include <gntsim/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Kernel versions the drivers are modelled after. A version is a row of sim/profile.c. */
enum gntsim_kernel {
	GNTSIM_KERNEL_DEFAULT, /**< the one that most was compared with: 6.1 */
	/** Until 5.10.260, Debian's arm64 5.10.223: a map whose index can't be written back stays */
	GNTSIM_KERNEL_5_10_260,
	GNTSIM_KERNEL_5_10, /**< Debian 11's 5.10.262: ALLOC_GREF of an absurd count is ENOMEM */
	GNTSIM_KERNEL_6_1,  /**< Debian 12's 6.1.192 */
	/** Debian 13's 6.12.117: a private gntdev mapping stays read-only, evtchn has BIND_STATIC */
	GNTSIM_KERNEL_6_12,
	/** 6.18.15, without fixes that the others have: as 5.10 there, a private mapping can be made
	 * writable, and a map whose index can't be written back stays */
	GNTSIM_KERNEL_6_18,
	GNTSIM_KERNEL_7_3, /**< 7.3.4: as 6.12 */
};

/** What a domain is. Zero (or a NULL configuration) means the default of each member. */
struct gntsim_domain_config {
	/** NULL: domain 0 is PV, every other one PVH; on arm64 all are PVH */
	const enum gntsim_guest *guest;
	enum gntsim_kernel kernel;
	uint32_t max_grant_frames;    /**< of 512 v1 entries each; default 64 (Xen's default) */
	uint32_t max_maptrack_frames; /**< of 256 handles each; default 1024 (Xen's default) */
	uint32_t gntalloc_limit;      /**< gntalloc's module parameter; default 1024 */
	uint32_t gntdev_limit;        /**< gntdev's module parameter; default 65536 */
	/** Deferred pages that a tick of the timer looks at: grant_table's module parameter; default 10 */
	uint32_t free_per_iteration;
	uint32_t max_ports; /**< event-channel ports; default 131072 (FIFO ABI) */
	/** VIRQs that its kernel has bound for itself, a bit each: binding one is EEXIST. NULL:
	 * those of Linux, which are 0, the timer's, and in domain 0 also 2 console, 9 PCPU state
	 * and 16 machine check; on arm64 the console's alone. */
	const uint32_t *kernel_virqs;
};

/**
 * Creates a domain.
 * @retval -EINVAL domid is 0x7FF0 or more, PV on arm64, or a limit is beyond what Xen could be given
 * @retval -EEXIST the domid is in use (also by a zombie, see gntsim_domain_destroy())
 * @retval -ENOMEM
 */
int gntsim_domain_create(struct gntsim_machine *m, uint16_t domid,
			 const struct gntsim_domain_config *config, struct gntsim_domain **out);

/**
 * Destroys a whole domain, as `xl destroy` does: no driver in it gets to run, so no
 * unmap notification is sent and no byte cleared. Its event channels close (peers revert to
 * unbound, with no event), its mappings of foreign grants end, its own granted pages stay
 * (the domain is a zombie) until no other domain maps them. Every file and address space of
 * the domain becomes dead: effects tell, and later calls on them return -ENODEV until the
 * owner frees them with gntsim_close() and gntsim_mm_destroy().
 * @p dom must not be used afterwards. VIRQ_DOM_EXC is raised in domain 0 twice, as Xen does: when
 * the domain is dead, and when the last of it is freed (at once, unless it is a zombie).
 */
void gntsim_domain_destroy(struct gntsim_domain *dom);

/** The domain with this id, NULL if none is alive. Constant time. */
struct gntsim_domain *gntsim_domain_find(const struct gntsim_machine *m, uint16_t domid);

/** What the domain was made with, or its default. */
uint16_t gntsim_domain_id(const struct gntsim_domain *dom);
enum gntsim_guest gntsim_domain_guest(const struct gntsim_domain *dom);
struct gntsim_machine *gntsim_domain_machine(const struct gntsim_domain *dom);
/** The profile's name, "6.1". A constant string. */
const char *gntsim_domain_kernel_name(const struct gntsim_domain *dom);

/** Changes gntalloc's limit, as writing /sys/module/xen_gntalloc/parameters/limit does. */
void gntsim_domain_set_gntalloc_limit(struct gntsim_domain *dom, uint32_t limit);

/** The profile for a version: of a series ("6.1") its newest, with a patch level ("5.10.223") the one that holds at
 * that; -EINVAL if there is none, or it is no version. */
int gntsim_kernel_by_name(const char *name, enum gntsim_kernel *out);
/** The name of a profile, "6.1"; NULL if there is none. They are numbered from the oldest on, from
 * GNTSIM_KERNEL_DEFAULT + 1. A constant string. */
const char *gntsim_kernel_name(enum gntsim_kernel kernel);

#ifdef __cplusplus
}
#endif
#endif
