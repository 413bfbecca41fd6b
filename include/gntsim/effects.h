/* SPDX-License-Identifier: MIT */
/**
 * @file effects.h
 * What a call changed beyond its own result. Effects wait in a queue until they are taken;
 * nothing is called back. The queue holds at most one effect of a kind for one object, so it
 * is bounded by the number of live objects and needs no memory of its own.
 *
 *     struct gntsim_effect effect;
 *     while (gntsim_next_effect(m, &effect))
 *             if (effect.kind == GNTSIM_EFFECT_HAZARD)
 *                     fprintf(stderr, "a real driver would misbehave: %s\n", effect.hazard);
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
	 * that mprotect or mremap invalidated, or madvise): a load or store there is now SIGBUS. Ask
	 * gntsim_mm_page() for each page; some in the range may be unchanged. */
	GNTSIM_EFFECT_REVOKED,
	GNTSIM_EFFECT_FILE_DEAD, /**< the file's domain was destroyed */
	GNTSIM_EFFECT_MM_DEAD,   /**< the address space's domain was destroyed: its process dies */
	/** The real driver of this version would now misbehave (crash, corrupt, hang). The
	 * model went on in the nearest defined way. @ref gntsim_effect.hazard names the rule:
	 *  - "gntalloc-undo-miscounts": an ALLOC_GREF that found no page or no reference took one
	 *    page too many off the driver's count (which, below 0, refuses everything), and in
	 *    the second case leaked the page. The model miscounts too, and does not leak.
	 *  - "gntalloc-vma-close-walks-global-list": the mapping's pages come from two ALLOCs, with
	 *    one of another file between; the driver takes users off that file's pages.
	 *  - "pv-clear-byte-after-failed-mmap": clearing a byte in a page that is not mapped
	 *    crashes the kernel.
	 *  - "pv-clear-byte-on-readonly-map": clear-byte was set before a read-only mmap;
	 *    clearing it crashes the kernel.
	 *  - "pv-unmap-of-a-page-in-use": a mapping ends while the kernel uses its page (pin.h): the
	 *    real one waits with the unmapping, which then fails with a warning. The model's does not.
	 *  - "pvh-maps-own-grant": Xen takes a page that a PVH domain maps itself off its first
	 *    address, so that the kernel loses it.
	 *  - "arm-clear-byte-after-failed-mmap": the same where all guests are auto-translated, at
	 *    the last put of the map.
	 *  - "arm-store-to-a-read-only-grant": arm64: a store to a page that Xen holds read-only
	 *    never ends, as Xen takes its fault for one that passes. A process's own, once mprotect
	 *    let it, keeps that process; clear-byte, set before a read-only mmap, hangs the kernel.
	 *    The model drops the store, as amd64 does.
	 *  - "evtchn-bind-static-of-a-kernels-port": BIND_STATIC of a port that the kernel
	 *    handles itself warns, and undoes what the kernel has there.
	 *  - "evtchn-bind-static-of-port-0": the kernel does not take the number back when it is
	 *    given up: it stays with its interrupt, and is a later port's for notifications.
	 *  - "evtchn-bind-static-of-a-bound-port": two files have one port, by BIND_STATIC, or a
	 *    notification holds that of a third; the kernel warns. The model's goes on to the file that it was made for, and to no other.
	 *  - "evtchn-unbind-of-a-lost-port": the second of two such files gives the port up, or is
	 *    closed: the kernel crashes.
	 *  - "evtchn-refused-port-forgets-the-others": a file is refused a port whose number it has
	 *    by BIND_STATIC, and finds none of its ports any more (ENOTCONN). The kernel leaves them
	 *    open when the file is closed, and an event then goes to freed memory; the model closes
	 *    them.
	 *  - "gntdev-unmap-of-a-dma-bufs-map": UNMAP_GRANT_REF of the index that an export took. The
	 *    driver frees the map, which the dma-buf goes on using; the model's stays until that is
	 *    released. */
	GNTSIM_EFFECT_HAZARD,
	/** A port of the domain's kernel that is listened to (gntsim_port_listen()) became pending:
	 * gntsim_port_status() tells which. Not told of a domain that is destroyed. */
	GNTSIM_EFFECT_KERNEL_EVENT,
	GNTSIM_EFFECT_RELEASED, /**< a dma-buf was released, and who waited is told: gntsim_dmabuf_wait() */
};

struct gntsim_effect {
	enum gntsim_effect_kind kind;
	struct gntsim_file *file;  /**< EVENT, FILE_DEAD */
	struct gntsim_mm *mm;      /**< REVOKED, MM_DEAD */
	uint64_t addr, len;        /**< REVOKED */
	struct gntsim_domain *dom; /**< KERNEL_EVENT */
	struct gntsim_wait *wait;  /**< RELEASED */
	const char *hazard;        /**< HAZARD: a constant string, the rule's name */
	/** EVENT: an event found the ring empty, and not only others or no room: the driver has called
	 * kill_fasync(), so that SIGIO goes to the owner (F_SETOWN) of a file with O_ASYNC. */
	bool sigio;
};

/** The name of a hazard that the model knows, by its number from 0; NULL past the last. */
const char *gntsim_hazard_name(uint32_t number);

/** Takes the oldest effect. Returns false, leaving *out alone, when there is none. */
bool gntsim_next_effect(struct gntsim_machine *m, struct gntsim_effect *out);

#ifdef __cplusplus
}
#endif
#endif
