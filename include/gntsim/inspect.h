/* SPDX-License-Identifier: MIT */
/**
 * @file inspect.h
 * Looking at a machine: totals (kept, not counted) and walks over what lives.
 *
 *     struct gntsim_totals left;
 *     gntsim_machine_totals(m, &left);
 *     assert(left.grants == 0 && left.gntdev_maps == 0 && left.ports == 0);
 */
#ifndef GNTSIM_INSPECT_H
#define GNTSIM_INSPECT_H

#include <gntsim/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Totals of a machine. Constant time. All zero but domains (and frames made with
 * gntsim_frame_alloc()) when every file and address space is gone and timers have run. */
struct gntsim_totals {
	uint32_t domains;     /**< alive */
	uint32_t zombies;     /**< destroyed, with pages still mapped elsewhere */
	uint32_t files;       /**< open, or kept by a mapping */
	uint32_t mms;         /**< address spaces */
	uint32_t vmas;        /**< device mappings */
	uint32_t frames;      /**< page frames in use */
	uint32_t grants;      /**< valid grant entries */
	uint32_t deferred;    /**< of these, ended by the granter but still mapped */
	uint32_t gntdev_maps; /**< MAP_GRANT_REF objects */
	uint32_t maptrack;    /**< maptrack handles in use */
	uint32_t ports;       /**< event-channel ports not free */
	uint64_t bytes;       /**< book-keeping memory in use, frames not counted */
};
void gntsim_machine_totals(const struct gntsim_machine *m, struct gntsim_totals *out);

/** A live grant. */
struct gntsim_grant_info {
	uint16_t granter, grantee;
	gntsim_gref ref;
	gntsim_frame frame;
	bool readonly;
	bool deferred;            /**< ended by the granter, waiting for the mapper */
	uint32_t pins;            /**< Xen mappings of it, all kinds */
	struct gntsim_file *file; /**< the gntalloc file that lists it; NULL after DEALLOC */
	uint64_t index;           /**< its mmap offset in that file */
};
/** Calls @p visit for each live grant, by domain, then reference, until it returns false. */
void gntsim_for_each_grant(struct gntsim_machine *m,
			   bool (*visit)(void *ctx, const struct gntsim_grant_info *grant),
			   void *ctx);

/** A MAP_GRANT_REF object. */
struct gntsim_map_info {
	struct gntsim_file *file;
	uint64_t index;
	uint32_t count;
	uint32_t live;  /**< of its grants, how many Xen has mapped */
	bool listed;    /**< false after UNMAP_GRANT_REF (a mapping keeps it) */
	uint16_t domid; /**< of the mapper */
};
/** Calls @p visit for each map of each gntdev file, until it returns false. */
void gntsim_for_each_map(struct gntsim_machine *m,
			 bool (*visit)(void *ctx, const struct gntsim_map_info *map), void *ctx);

/** Calls @p visit for each port that is not free, until it returns false. */
void gntsim_for_each_port(struct gntsim_machine *m,
			  bool (*visit)(void *ctx, struct gntsim_domain *dom, gntsim_port port),
			  void *ctx);

/**
 * Checks the machine's own invariants (every count against a recount, every list against its
 * tree). For tests and fuzzing; takes time in proportion to everything.
 * @return NULL, or what is wrong, a constant string
 */
const char *gntsim_machine_check(struct gntsim_machine *m);

#ifdef __cplusplus
}
#endif
#endif
