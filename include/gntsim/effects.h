/* SPDX-License-Identifier: MIT */
/**
 * @file effects.h
 * What a call changed beyond its own result. Effects wait in a queue until they are taken;
 * nothing is called back. The queue holds at most one effect of a kind for one object, so it
 * is bounded by the number of live objects and needs no memory of its own.
 */
#ifndef GNTSIM_EFFECTS_H
#define GNTSIM_EFFECTS_H

#include <gntsim/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum gntsim_effect_kind {
	/** The evtchn file's ring gained entries, or overflowed: wake its readers. */
	GNTSIM_EFFECT_EVENT,
	/** Pages in [addr, addr + len) of the address space lost their frames (a PV mapping
	 * that mprotect or mremap invalidated): a load or store there is now SIGBUS. Ask
	 * gntsim_mm_page() for each page; some in the range may be unchanged. */
	GNTSIM_EFFECT_REVOKED,
	GNTSIM_EFFECT_FILE_DEAD, /**< the file's domain was destroyed */
	GNTSIM_EFFECT_MM_DEAD,   /**< the address space's domain was destroyed: its process dies */
	/** The real driver of this version would now misbehave (crash, corrupt, hang). The
	 * model went on in the nearest defined way. @ref gntsim_effect.hazard names the rule. */
	GNTSIM_EFFECT_HAZARD,
};

struct gntsim_effect {
	enum gntsim_effect_kind kind;
	struct gntsim_file *file; /**< EVENT, FILE_DEAD */
	struct gntsim_mm *mm;     /**< REVOKED, MM_DEAD */
	uint64_t addr, len;       /**< REVOKED */
	const char *hazard;       /**< HAZARD: a constant string, the rule's name */
};

/** Takes the oldest effect. Returns false, leaving *out alone, when there is none. */
bool gntsim_next_effect(struct gntsim_machine *m, struct gntsim_effect *out);

#ifdef __cplusplus
}
#endif
#endif
