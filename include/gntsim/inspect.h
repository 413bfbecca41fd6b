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

#include <gntsim/domain.h>
#include <gntsim/event_channel.h>
#include <gntsim/mm.h>
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

/** A domain, alive or not, and how much of what it may have it has. */
struct gntsim_domain_info {
	uint16_t domid;
	enum gntsim_guest guest;
	bool zombie;           /**< destroyed: some of its pages are still mapped elsewhere */
	const char *kernel;    /**< the profile's name */
	uint32_t frames;       /**< page frames */
	uint32_t grant_frames; /**< frames of its grant table */
	uint32_t max_grant_frames;
	uint32_t deferred;       /**< grants that it ended while they were mapped */
	uint32_t gntalloc_pages; /**< pages of its gntalloc files */
	uint32_t gntalloc_limit;
	uint32_t handles; /**< maptrack handles in use */
	uint32_t max_handles;
	uint32_t ports; /**< not free */
	uint32_t max_ports;
};
/** Calls @p visit for each domain, by number, until it returns false. */
void gntsim_for_each_domain(struct gntsim_machine *m,
			    bool (*visit)(void *ctx, const struct gntsim_domain_info *dom),
			    void *ctx);

/** A live grant. */
struct gntsim_grant_info {
	uint16_t granter, grantee;
	gntsim_gref ref;
	gntsim_frame frame;
	bool readonly;
	bool reading, writing;    /**< Xen's marks in the entry: GTF_reading, GTF_writing */
	bool deferred;            /**< ended by the granter, waiting for the mapper */
	uint32_t pins;            /**< Xen mappings of it, all kinds */
	struct gntsim_file *file; /**< the gntalloc file that lists it; NULL after DEALLOC */
	uint64_t index;           /**< its mmap offset in that file, if it has one */
	struct gntsim_file
	    *keeper;     /**< the gntalloc file whose page it is, also after DEALLOC while a
				       mapping keeps it; else NULL. index is the page's in it */
	uint32_t origin; /**< the call that granted it (origin.h) */
	uint32_t ended;  /**< deferred: the call that gave it up */
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
	uint32_t live;   /**< of its grants, how many Xen has mapped */
	bool listed;     /**< false after UNMAP_GRANT_REF (a mapping keeps it) */
	uint16_t domid;  /**< of the mapper */
	uint32_t origin; /**< the call that made it (origin.h) */
};
/** Calls @p visit for each map of each gntdev file, until it returns false. */
void gntsim_for_each_map(struct gntsim_machine *m,
			 bool (*visit)(void *ctx, const struct gntsim_map_info *map), void *ctx);

/** A page of such an object. */
struct gntsim_map_page_info {
	struct gntsim_file *file;
	uint64_t index; /**< of the object */
	uint32_t page;  /**< number in it, from 0 */
	uint16_t granter;
	gntsim_gref ref;
	/** Maptrack handles: of the mapping for user space, and on PV the kernel's too.
	 * GNTSIM_INVALID_HANDLE: not mapped (yet, or any more). */
	uint32_t handle, kernel_handle;
};
/** Calls @p visit for each page of each map of each gntdev file, until it returns false. */
void gntsim_for_each_map_page(struct gntsim_machine *m,
			      bool (*visit)(void *ctx, const struct gntsim_map_page_info *page),
			      void *ctx);

/** Calls @p visit for each device mapping of each address space, until it returns false. */
void gntsim_for_each_vma(struct gntsim_machine *m,
			 bool (*visit)(void *ctx, struct gntsim_mm *mm,
				       const struct gntsim_vma *vma),
			 void *ctx);

/** A maptrack handle: Xen's own record of a mapping, whoever made it. */
struct gntsim_handle_info {
	uint16_t domid; /**< the mapper */
	uint32_t handle;
	uint16_t granter;
	gntsim_gref ref;
	uint32_t flags; /**< GNTSIM_GNTMAP_* */
};
/** Calls @p visit for each handle in use, by mapper, then handle, until it returns false. */
void gntsim_for_each_handle(struct gntsim_machine *m,
			    bool (*visit)(void *ctx, const struct gntsim_handle_info *handle),
			    void *ctx);

/** A notification on giving a page or map up (SET_UNMAP_NOTIFY) that is armed. */
struct gntsim_notify_info {
	struct gntsim_file *file; /**< of gntalloc or gntdev */
	uint16_t domid;
	uint64_t index;   /**< of the page or map in the file */
	gntsim_gref ref;  /**< gntalloc: the grant */
	uint32_t action;  /**< UNMAP_NOTIFY_* */
	uint32_t offset;  /**< of the byte to clear, from the index */
	gntsim_port port; /**< to send to */
	uint32_t origin;  /**< the call that armed it (origin.h) */
};
/** Calls @p visit for each, by domain and file, until it returns false. */
void gntsim_for_each_notify(struct gntsim_machine *m,
			    bool (*visit)(void *ctx, const struct gntsim_notify_info *notify),
			    void *ctx);

/** A port with who uses it. */
struct gntsim_port_info {
	struct gntsim_port_status status;
	struct gntsim_file
	    *file;       /**< the evtchn file it is bound on; NULL: a kernel's own, or kept by
				       a notification alone */
	bool enabled;    /**< on a file: written back since its last event */
	uint32_t origin; /**< the call that made it (origin.h) */
};
/** @retval -EINVAL no port of this number exists */
int gntsim_port_describe(const struct gntsim_domain *dom, gntsim_port port,
			 struct gntsim_port_info *out);

/** Calls @p visit for each port that is not free, until it returns false. */
void gntsim_for_each_port(struct gntsim_machine *m,
			  bool (*visit)(void *ctx, struct gntsim_domain *dom, gntsim_port port),
			  void *ctx);

/** Calls @p visit for each number that BIND_STATIC bound (evtchn.h), by file, until it returns false. */
void gntsim_for_each_static_port(struct gntsim_machine *m,
				 bool (*visit)(void *ctx, const struct gntsim_file *file,
					       gntsim_port port),
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
