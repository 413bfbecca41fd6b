/* SPDX-License-Identifier: MIT */
/**
 * @file mapping.h
 * Three pages of domain 1 granted to a domain that maps them through gntdev.
 */
#ifndef GNTSIM_TESTS_MAPPING_H
#define GNTSIM_TESTS_MAPPING_H

#include "grants.h"

/** The references of the pages granted last. */
extern gntsim_gref granted_refs[3];

/** Three writable pages of domain 1 for `mapper`, filled with 0xFF. Returns their gntalloc file. */
struct gntsim_file *granted(struct gntsim_domain *mapper);
/** A byte of a page of domain 1. */
uint8_t byte_of(gntsim_gref ref, unsigned offset);

/** MAP_GRANT_REF of grants that nobody looks at. */
int map_n(struct gntsim_file *dev, uint32_t count, uint64_t *index);
/** The same, which must work; returns the index. */
uint64_t mapped(struct gntsim_file *dev, uint32_t count);
/** How many of the map's grants Xen has mapped, for the only map at this index. */
uint32_t live(uint64_t index);

/** Some of the pages mapped at VA, with a notification that clears a byte and sends an event on
 * channel `c` to domain 1. */
struct mapping {
	struct gntsim_file *alloc, *dev;
	struct gntsim_mm *mm;
	struct fx_channel c;
	uint64_t index;
};
struct mapping mapping_notified_at(struct gntsim_domain *mapper, uint32_t pages, uint64_t byte);
/** One page, byte 5. */
struct mapping mapping(struct gntsim_domain *mapper);
/** Ends what is not NULL in it. */
void mapping_end(struct mapping *m);

#endif
