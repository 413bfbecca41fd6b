/* SPDX-License-Identifier: MIT */
/**
 * @file four.h
 * Device mappings to pull at: four pages of gntalloc, and three that a PV domain maps.
 */
#ifndef GNTSIM_TESTS_FOUR_H
#define GNTSIM_TESTS_FOUR_H

#include "fixture.h"

enum { RW = PROT_READ | PROT_WRITE };

/** Where programs' addresses end on this host. */
#ifdef __aarch64__
#define ADDRESSES_END (UINT64_C(1) << 48)
#else
#define ADDRESSES_END UINT64_C(0x7ffffffff000)
#endif

/** Four pages of domain 1 at indices from 0, whose first bytes are 1 to 4. */
struct four {
	struct gntsim_file *alloc;
	struct gntsim_mm *mm;
	gntsim_gref refs[4];
};
/** Not mapped yet; the file opened so. */
struct four four_open_with(int open_flags);
/** Mapped at VA. */
struct four four(void);
void four_end(struct four *f);

/** Three pages of domain 1 that PV domain 0 maps at VA. */
struct mapped_pv {
	struct gntsim_file *alloc, *dev;
	struct gntsim_mm *mm;
	uint64_t index;
	gntsim_gref refs[3];
};
struct mapped_pv mapped_pv(void);
void mapped_pv_end(struct mapped_pv *m);

/** The mapping at an address or the first above, which must be there. */
struct gntsim_vma vma_at(struct gntsim_mm *mm, uint64_t addr);

#endif
