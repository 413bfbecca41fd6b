/* SPDX-License-Identifier: MIT */
/**
 * @file grants.h
 * Grants as kernels make and map them: frames, entries, hypercalls. Failures of what must not fail
 * end the test.
 */
#ifndef GNTSIM_TESTS_GRANTS_H
#define GNTSIM_TESTS_GRANTS_H

#include "fixture.h"

enum {
	HOST = GNTSIM_GNTMAP_HOST_MAP,
	DEVICE = GNTSIM_GNTMAP_DEVICE_MAP,
	RO = GNTSIM_GNTMAP_READONLY,
};

gntsim_frame frame_of(struct gntsim_domain *dom);
gntsim_gref grant(struct gntsim_domain *dom, uint16_t domid, gntsim_frame frame, bool readonly);

struct gntsim_grant_entry entry_of(struct gntsim_domain *dom, gntsim_gref ref);
unsigned flags_of(struct gntsim_domain *dom, gntsim_gref ref);
void set_entry(struct gntsim_domain *dom, gntsim_gref ref, unsigned flags, uint16_t domid,
	       gntsim_frame frame);

/** Pins of domain 1's entry; UINT32_MAX if it is not live. */
uint32_t pins_of(gntsim_gref ref);
/** Pins of all grants. */
uint32_t pins(void);

/** The hypercalls, at host address VA. */
struct gntsim_map_grant_ref raw_map(struct gntsim_domain *dom, uint16_t granter, gntsim_gref ref,
				    uint32_t flags);
/** The status alone; also checks that a handle is in use if and only if it is okay. */
int map_status(struct gntsim_domain *dom, uint16_t granter, gntsim_gref ref, uint32_t flags);
int raw_unmap_at(struct gntsim_domain *dom, uint32_t handle, uint64_t host_addr);
int raw_unmap(struct gntsim_domain *dom, uint32_t handle);

#endif
