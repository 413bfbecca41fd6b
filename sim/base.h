/* SPDX-License-Identifier: MIT */
/* What both rooms of the library stand on: kernels and hypervisors that differ, and what is told to who looks on. Everything
 * public is in <gntsim/...>; names beginning with gs_ stay inside the library. */
#ifndef GS_BASE_H
#define GS_BASE_H

#include <errno.h>

/* The library is built with hidden symbols: what the public headers declare is the rest. */
#pragma GCC visibility push(default)
#include <gntsim/machine.h>
#pragma GCC visibility pop

#include "list.h"
#include "memory.h"
#include "table.h"
#include "tree.h"

#define PAGE           ((uint64_t)GNTSIM_PAGE_SIZE)
#define PAGE_ROUND(x)  (((x) + PAGE - 1) & ~(PAGE - 1))
#define PAGE_OFFSET(x) ((x) & (PAGE - 1))

/* ---- profile.c: what differs between kernels ---- */

struct profile {
	const char *name;       /* with a patch level: the last that it holds for */
	bool private_may_write; /* mprotect may make gntdev's private mappings writable */
	bool bind_static;       /* evtchn knows IOCTL_EVTCHN_BIND_STATIC */
	bool counts_late;       /* gntalloc asks for memory before it looks at its limit */
	bool moves_many;        /* mremap moves several mappings at once */
	bool empties_first;     /* mremap empties the new place before it looks for the old one */
	bool keeps_unwritten;   /* gntdev keeps a map whose index could not be written back */
};
const struct profile *gs_profile(enum gntsim_kernel kernel);

struct xen_profile {
	const char *name;
	bool copies_nothing;  /* a copy of no bytes is done before anything is looked at */
	bool guards_handlers; /* a global VIRQ is bound by its handler alone */
};
const struct xen_profile *gs_xen_profile(enum gntsim_xen xen);

/* ---- effects.c ---- */

struct slot;
struct port;

struct effect {
	struct list queue; /* empty when not pending */
	enum gntsim_effect_kind kind;
};

enum hazard {
	HAZARD_ALLOC_UNDO,     /* ALLOC_GREF's undo counts one page too many, and leaks one */
	HAZARD_GLOBAL_LIST,    /* closing a gntalloc mapping walks into another file's pages */
	HAZARD_CLEAR_UNMAPPED, /* PV: a byte is cleared in a page that failed to map */
	HAZARD_CLEAR_READONLY, /* PV: a byte is cleared through a read-only mapping */
	HAZARD_PVH_SELF_MAP,   /* PVH: mapping one's own page takes it off its address */
	HAZARD_CLEAR_ARM,      /* arm64: a byte is cleared in a page that failed to map */
	HAZARD_ARM_READONLY, /* arm64: a store to a page that Xen holds read-only, which never ends */
	HAZARD_STATIC_KERNELS, /* evtchn: a kernel's own port is bound by its number */
	HAZARD_STATIC_SHARED,  /* evtchn: one port number is bound by two files */
	HAZARD_STATIC_LOST,    /* evtchn: the second of them gives it up */
	HAZARD_STATIC_ZERO,    /* evtchn: port 0, which the kernel does not take back, is bound */
	HAZARD_PINNED_PV,      /* PV: the end of a mapping whose page the kernel still uses */
	HAZARD_STATIC_FORGETS, /* evtchn: a file is refused a port, and loses sight of all that it has */
	HAZARD_DMABUF_UNMAP, /* gntdev: the map of a dma-buf that lives is given up */
	N_HAZARDS,
};
void gs_hazard(struct gntsim_machine *m, enum hazard hazard);
void gs_effect_init(struct effect *e, enum gntsim_effect_kind kind);
void gs_effect_raise(struct gntsim_machine *m, struct effect *e);
void gs_effect_drop(struct effect *e);
void gs_revoked(struct gntsim_mm *mm, uint64_t start, uint64_t end);

/* ---- observe.c ---- */

/* Tells the observer, if there is one: what the rest names is worked out only then. */
#define GS_SAW(machine, ...)                                                                       \
	do {                                                                                       \
		if ((machine)->observer)                                                           \
			(machine)->observer((machine)->observer_ctx,                               \
					    &(struct gntsim_observation){__VA_ARGS__});            \
	} while (0)
/* The entry of a slot as it is now. */
void gs_saw_grant(const struct gntsim_domain *dom, const struct slot *slot);
void gs_saw_port(struct gntsim_domain *dom, const struct port *p);

#endif
