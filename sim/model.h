/* SPDX-License-Identifier: MIT */
/* The state of a machine, and what its rooms offer each other. */
#ifndef GS_MODEL_H
#define GS_MODEL_H

#include "base.h"
#include "linux.h"
#include "xen.h"

/* ---- check.c, check_xen.c ---- */

/* What the check counts again; by the end it must equal the machine's own totals. */
struct recount {
	struct gntsim_totals totals;
	uint64_t slot_pins, track_pins; /* each mapping, seen from both ends */
	uint64_t held;                  /* pins of frames without a grant */
	uint64_t port_refs;             /* on the ports of the domain that is looked at */
	const char *wrong;
};
/* Each returns what is wrong, or NULL. */
const char *gs_check_xen(struct recount *r, struct gntsim_domain *dom);
const char *gs_check_machine_frames(const struct gntsim_machine *m);

/* ---- machine.c ---- */

#define DOMS_PER_LEAF 256u
#define DOM_LEAVES    (GNTSIM_DOMID_FIRST_RESERVED / DOMS_PER_LEAF + 1)

struct gntsim_machine {
	struct memory mem;
	gntsim_observer *observer; /* NULL: nobody looks */
	void *observer_ctx;
	uint32_t origin; /* of what is made now */
	bool origin_used;
	const struct xen_profile *xen;
	enum gntsim_xsm xsm;
	enum gntsim_arch arch;
	enum gntsim_dmabufs dmabufs;
	struct frames frames;
	struct gntsim_domain **domains[DOM_LEAVES];
	struct gntsim_totals totals;
	uint64_t now;
	uint64_t maps_asked;
	gntsim_map_refusal *map_refusal; /* NULL: none is refused */
	void *map_refusal_ctx;
	uint64_t interrupted_mmap; /* PV's mmaps of gntdev until one is; 0: none will be */
	uint64_t advances;         /* how many, to tell one from another */
	struct list timers;        /* armed deferred-free timers; all last as long, so in order */
	uint32_t n_timers;
	struct list effects;
	struct effect hazards[N_HAZARDS];
	struct list releases;
	struct list dead_files, dead_mms, dead_pins, dead_waits;
};

/* ---- origin.c ---- */

/* The stamp for something that is being made. */
static inline uint32_t gs_origin(struct gntsim_machine *m)
{
	m->origin_used = true;
	return m->origin;
}

#endif
