/* SPDX-License-Identifier: MIT */
/**
 * @file grant_table.h
 * Xen's grant tables, version 1: the entries a granter writes, and the hypercalls
 * (HYPERVISOR_grant_table_op) of the domain that maps or copies. Rules and their order from Xen
 * 4.17 xen/common/grant_table.c; constants from Xen's public/grant_table.h, given again here so
 * that this header needs no other.
 */
#ifndef GNTSIM_GRANT_TABLE_H
#define GNTSIM_GRANT_TABLE_H

#include <gntsim/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Status codes, GNTST_*. */
enum gntsim_gntst {
	GNTSIM_GNTST_OKAY = 0,
	GNTSIM_GNTST_GENERAL_ERROR = -1,
	GNTSIM_GNTST_BAD_DOMAIN = -2,
	GNTSIM_GNTST_BAD_GNTREF = -3,
	GNTSIM_GNTST_BAD_HANDLE = -4,
	GNTSIM_GNTST_BAD_VIRT_ADDR = -5,
	GNTSIM_GNTST_BAD_DEV_ADDR = -6,
	GNTSIM_GNTST_NO_DEVICE_SPACE = -7,
	GNTSIM_GNTST_PERMISSION_DENIED = -8,
	GNTSIM_GNTST_BAD_PAGE = -9,
	GNTSIM_GNTST_BAD_COPY_ARG = -10,
	GNTSIM_GNTST_ADDRESS_TOO_BIG = -11,
	GNTSIM_GNTST_EAGAIN = -12,
	GNTSIM_GNTST_NO_SPACE = -13,
};

/** Grant entry flags, GTF_*. */
#define GNTSIM_GTF_INVALID       0u
#define GNTSIM_GTF_PERMIT_ACCESS 1u
#define GNTSIM_GTF_TYPE_MASK     3u
#define GNTSIM_GTF_READONLY      (1u << 2)
#define GNTSIM_GTF_READING       (1u << 3)
#define GNTSIM_GTF_WRITING       (1u << 4)
#define GNTSIM_GTF_SUB_PAGE      (1u << 8)

/** Map flags, GNTMAP_*. */
#define GNTSIM_GNTMAP_DEVICE_MAP      (1u << 0)
#define GNTSIM_GNTMAP_HOST_MAP        (1u << 1)
#define GNTSIM_GNTMAP_READONLY        (1u << 2)
#define GNTSIM_GNTMAP_APPLICATION_MAP (1u << 3)
#define GNTSIM_GNTMAP_CONTAINS_PTE    (1u << 4)

/** Copy flags, GNTCOPY_*. */
#define GNTSIM_GNTCOPY_SOURCE_GREF (1u << 0)
#define GNTSIM_GNTCOPY_DEST_GREF   (1u << 1)

/** References 0 to 7 are never given out by Linux (GNTTAB_NR_RESERVED_ENTRIES). */
#define GNTSIM_NR_RESERVED_GREFS 8u
/** "No handle" (INVALID_GRANT_HANDLE). */
#define GNTSIM_INVALID_HANDLE UINT32_MAX

/** A version 1 entry, as in the shared table. */
struct gntsim_grant_entry {
	uint16_t flags;
	uint16_t domid;
	gntsim_frame frame;
};

/** Allocates a frame of the machine for a domain, zeroed. @retval -ENOMEM */
int gntsim_frame_alloc(struct gntsim_domain *dom, gntsim_frame *out);
/** Gives a frame back; it is used again when nobody maps it. @retval -EINVAL not a frame that
 * this domain made with gntsim_frame_alloc() and still has */
int gntsim_frame_free(struct gntsim_domain *dom, gntsim_frame frame);
/**
 * Keeps a frame of a domain's for somebody who maps it without a grant, as a toolstack in domain 0 may
 * (Xen: get_page() of a foreign mapping). It is not used again, and a destroyed domain stays a zombie,
 * until as many gntsim_frame_unhold().
 * @retval -EINVAL it is not a frame that the domain has
 */
int gntsim_frame_hold(struct gntsim_domain *dom, gntsim_frame frame);
/** Ends one gntsim_frame_hold(), or hold of gntsim_acquire_resource(), of @p frame; the domain that had it may be gone after it. */
void gntsim_frame_unhold(struct gntsim_machine *m, gntsim_frame frame);

/**
 * Grants a frame as Linux's gnttab_grant_foreign_access() does: takes a reference off the
 * kernel's free list (8 first, then upwards; last freed, first reused) and writes the entry.
 * @return the reference
 * @retval -ENOSPC the table is full, or cannot grow for lack of memory
 */
int gntsim_grant_access(struct gntsim_domain *dom, uint16_t domid, gntsim_frame frame,
			bool readonly);

/**
 * Ends a grant, as gnttab_try_end_foreign_access() does. Returns true and frees the reference
 * if nobody has it mapped, false (entry untouched) if somebody has, or if the reference did not
 * come from gntsim_grant_access().
 */
bool gntsim_grant_try_end(struct gntsim_domain *dom, gntsim_gref ref);

/** Reads an entry. @retval -EINVAL ref is beyond the table */
int gntsim_grant_entry_get(const struct gntsim_domain *dom, gntsim_gref ref,
			   struct gntsim_grant_entry *out);
/** Writes an entry raw, as a guest kernel may: also to references it does not own. @retval -EINVAL */
int gntsim_grant_entry_set(struct gntsim_domain *dom, gntsim_gref ref,
			   const struct gntsim_grant_entry *entry);

/** GNTTABOP_map_grant_ref. */
struct gntsim_map_grant_ref {
	uint64_t host_addr; /**< in: where; only compared again at unmap */
	uint32_t flags;     /**< in: GNTSIM_GNTMAP_* */
	gntsim_gref ref;    /**< in */
	uint16_t domid;     /**< in: the granter */
	int16_t status;     /**< out: enum gntsim_gntst */
	uint32_t handle;    /**< out, if okay */
	gntsim_frame frame; /**< out, if okay */
};
void gntsim_gnttab_map(struct gntsim_domain *dom, struct gntsim_map_grant_ref *op);

/** How many maps the machine was asked for so far, also those that failed. */
uint64_t gntsim_maps_asked(const struct gntsim_machine *m);
/**
 * What a map is to fail with, whatever it would have come to: Xen may lack what it needs, or its caller
 * be sent to try again. @param number of the map, counted as gntsim_maps_asked() does
 * @retval GNTSIM_GNTST_OKAY it comes to what it would have
 */
typedef enum gntsim_gntst gntsim_map_refusal(void *ctx, uint64_t number);
/** Has @p refusal asked of each map from now on; NULL: of none. */
void gntsim_refuse_maps(struct gntsim_machine *m, gntsim_map_refusal *refusal, void *ctx);

/** GNTTABOP_unmap_grant_ref. */
struct gntsim_unmap_grant_ref {
	uint64_t host_addr; /**< in: as mapped, else GENERAL_ERROR; 0: okay, but it stays mapped */
	uint32_t handle;    /**< in */
	int16_t status;     /**< out */
};
void gntsim_gnttab_unmap(struct gntsim_domain *dom, struct gntsim_unmap_grant_ref *op);

/** One side of a copy. */
struct gntsim_copy_ptr {
	uint32_t ref_or_frame; /**< a reference with the GREF flag, else an own frame */
	uint16_t domid;        /**< DOMID_SELF for a frame */
	uint16_t offset;       /**< in bytes */
};
/** GNTTABOP_copy. */
struct gntsim_copy {
	struct gntsim_copy_ptr source, dest;
	uint16_t len;
	uint16_t flags; /**< GNTSIM_GNTCOPY_* */
	int16_t status; /**< out */
};
void gntsim_gnttab_copy(struct gntsim_domain *dom, struct gntsim_copy *op);

/** XENMEM_acquire_resource's grant table (public/memory.h), and what of it. */
#define GNTSIM_RESOURCE_GRANT_TABLE        1u
#define GNTSIM_RESOURCE_GRANT_TABLE_SHARED 0u
#define GNTSIM_RESOURCE_GRANT_TABLE_STATUS 1u
/**
 * XENMEM_acquire_resource that asks for a size: the most frames that there may be of it.
 * @param[out] out 1 or more
 * @retval -ESRCH there is no such domain @retval -EPERM it is the caller, or the caller is not domain 0
 * @retval -EINVAL no such resource
 */
int gntsim_resource_size(struct gntsim_domain *dom, uint16_t domid, uint32_t type, uint32_t id,
			 uint32_t *out);
/**
 * XENMEM_acquire_resource: frames of a domain's grant table, 512 entries of 8 bytes each. What they
 * have in them is the table: each change is stored there before the call that makes it returns, and an
 * entry that somebody stores there is the domain's from then on. (A store at the time of a call that
 * changes the same entry may be lost; Xen's has its place before or after.) The table grows so far.
 * Each frame is kept as by gntsim_frame_hold(), and to be given back by gntsim_frame_unhold(). The frames
 * are the machine's, but not memory of the domain's; Xen has them beside it.
 * @param frame the first @param n how many @param[out] out @p n frames of the machine
 * @retval -ESRCH -EPERM as of its size
 * @retval -EINVAL none, or beyond the size; no such resource; a status, which version 1 has not; no
 *         memory for it to grow
 * @retval -ENOMEM all frames are in use, or there is no memory
 */
int gntsim_acquire_resource(struct gntsim_domain *dom, uint16_t domid, uint32_t type, uint32_t id,
			    uint32_t frame, uint32_t n, gntsim_frame *out);

/** GNTTABOP_query_size. @return BAD_DOMAIN, PERMISSION_DENIED (only domain 0 may ask of others) */
enum gntsim_gntst gntsim_gnttab_query_size(struct gntsim_domain *dom, uint16_t domid,
					   uint32_t *nr_frames, uint32_t *max_nr_frames);

#ifdef __cplusplus
}
#endif
#endif
