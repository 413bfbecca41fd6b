/* SPDX-License-Identifier: MIT */
/**
 * @file types.h
 * Words every other header uses: identifiers, guest types, opaque handles.
 *
 * Conventions of the whole library:
 *  - A function that can fail returns 0 (or a non-negative result) on success and a
 *    negative Linux errno on failure, as the kernel does inside. Nothing touches the
 *    C library's `errno`.
 *  - Addresses, lengths and offsets are in bytes and 64 bits wide, whatever the host.
 *  - Domain ids are Xen's 16-bit domids; the reserved ones begin at 0x7FF0.
 *  - What a function makes is the machine's: gntsim_machine_free() frees all that is left. What is
 *    handed in (names, arrays, configurations) is copied, but for the memory of the frames.
 *  - No function is thread-safe: one machine belongs to one thread at a time. Two machines
 *    share nothing.
 */
#ifndef GNTSIM_TYPES_H
#define GNTSIM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes in a page, a frame and a grant: 4096 (Xen's granularity on x86). */
#define GNTSIM_PAGE_SIZE  4096u
#define GNTSIM_PAGE_SHIFT 12u

/** First of the reserved domids, and the two a caller may meet. Source: Xen's public/xen.h. */
#define GNTSIM_DOMID_FIRST_RESERVED 0x7FF0u
#define GNTSIM_DOMID_SELF           0x7FF0u
#define GNTSIM_DOMID_INVALID        0x7FF4u

/** "No such frame". */
#define GNTSIM_NO_FRAME UINT32_MAX

/** A grant reference: an index into the granter's grant table. */
typedef uint32_t gntsim_gref;
/** An event-channel port, local to one domain. 0 is never a valid port. */
typedef uint32_t gntsim_port;
/** A machine frame number, an index into the memory handed to gntsim_machine_new(). */
typedef uint32_t gntsim_frame;

/** How a domain's Linux maps foreign pages; decides most of gntdev's differences. */
enum gntsim_guest {
	GNTSIM_GUEST_PV,  /**< user PTEs are written by Xen; mmu notifier unmaps at munmap */
	GNTSIM_GUEST_PVH, /**< auto-translated (PVH and HVM): unmapped at the last put of the map */
};

/** The three drivers, and what no node opens. */
enum gntsim_device {
	GNTSIM_DEV_GNTALLOC,
	GNTSIM_DEV_GNTDEV,
	GNTSIM_DEV_EVTCHN,
	GNTSIM_DEV_DMABUF, /**< a dma-buf (dmabuf.h) */
};

struct gntsim_machine; /**< everything: Xen and its domains */
struct gntsim_domain;  /**< one guest with its kernel */
struct gntsim_file;    /**< one open file description of a device node */
struct gntsim_mm;      /**< one address space (what a process maps with) */

#ifdef __cplusplus
}
#endif
#endif
