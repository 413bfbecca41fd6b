/* SPDX-License-Identifier: MIT */
/**
 * @file machine.h
 * The machine: page frames, domains and virtual time. Including this header includes all
 * the others.
 *
 *     static _Alignas(4096) unsigned char memory[64 * GNTSIM_PAGE_SIZE];
 *     struct gntsim_machine *m;
 *     struct gntsim_domain *dom0, *dom1;
 *     gntsim_machine_new(&(struct gntsim_config){.frames = memory, .n_frames = 64}, &m);
 *     gntsim_domain_create(m, 0, NULL, &dom0);
 *     gntsim_domain_create(m, 1, NULL, &dom1);
 *
 * The machine is pure: it makes no system call, has no thread, no global and no clock. What
 * the outside must act on is queued as effects (effects.h).
 */
#ifndef GNTSIM_MACHINE_H
#define GNTSIM_MACHINE_H

#include <gntsim/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Where the machine's own book-keeping comes from. Both functions get @ref ctx.
 * A NULL from alloc is met as the drivers meet a failed allocation: the call in progress
 * returns -ENOMEM and is undone as the real driver undoes it. An allocator given here is asked
 * for every object by itself, so that failing its nth call reaches every place; with the default
 * one, small objects are cut from slabs, which is several times faster.
 */
struct gntsim_allocator {
	void *(*alloc)(void *ctx, size_t size); /**< memory for any type, contents undefined */
	void (*free)(void *ctx, void *p, size_t size);
	void *ctx;
};

/** Hypervisor versions where what a guest sees differs. A version is a row of sim/profile.c. */
enum gntsim_xen {
	GNTSIM_XEN_DEFAULT, /**< the one that most was compared with: 4.17 */
	GNTSIM_XEN_4_14,
	GNTSIM_XEN_4_17,
	GNTSIM_XEN_4_19, /**< a copy of no bytes is ignored, whatever its references */
	GNTSIM_XEN_4_20,
	GNTSIM_XEN_4_21, /**< a global VIRQ is for its handler alone: domain 0 */
};

/** Xen's security module. */
enum gntsim_xsm {
	GNTSIM_XSM_DUMMY, /**< none, as Debian's Xen has it on amd64 */
	/** Domains reach domain 0 and themselves, and no other; a port can only be made for a
	 * domain that exists. Debian's Xen has it on arm64, unless told otherwise. */
	GNTSIM_XSM_SILO,
};

/** Whether the domains' kernels are built with CONFIG_XEN_GNTDEV_DMABUF: dmabuf.h. */
enum gntsim_dmabufs {
	GNTSIM_DMABUFS_NONE,  /**< they are not, as Debian's */
	GNTSIM_DMABUFS_LINUX, /**< as Linux's driver has them, where Xen lets it */
	/** In every domain, with the calls that tell of an offset, and to be mapped by processes */
	GNTSIM_DMABUFS_ALL,
};

enum gntsim_arch {
	GNTSIM_ARCH_AMD64,
	GNTSIM_ARCH_ARM64, /**< every guest is auto-translated; a domain may map its own grants */
};

/** The version for a name such as "4.17"; -EINVAL if there is none. */
int gntsim_xen_by_name(const char *name, enum gntsim_xen *out);
/** "4.17"; NULL if there is none. Numbered from the oldest on, from GNTSIM_XEN_DEFAULT + 1. */
const char *gntsim_xen_name(enum gntsim_xen xen);
/** "dummy", "silo"; "amd64", "arm64"; NULL past the last. Constant strings. */
const char *gntsim_xsm_name(enum gntsim_xsm xsm);
const char *gntsim_arch_name(enum gntsim_arch arch);

/** What a machine is made of. Zero means the default in every member but @ref frames. */
struct gntsim_config {
	/** Page frames, page-aligned, zero-filled, owned by the caller and outliving the
	 * machine. The machine writes to them only to clear bytes, to copy (GRANT_COPY), to
	 * zero a page before its reuse, and in frames that show a grant table
	 * (gntsim_acquire_resource()). */
	void *frames;
	uint32_t n_frames;                        /**< in pages; 1 or more */
	const struct gntsim_allocator *allocator; /**< copied; default malloc/free */
	enum gntsim_xen xen;
	enum gntsim_xsm xsm;
	enum gntsim_arch arch;
	enum gntsim_dmabufs dmabufs;
};

/**
 * Makes a machine without domains, at virtual time 0.
 * @param[out] out the machine; free it with gntsim_machine_free()
 * @retval -EINVAL frames is NULL or not page-aligned, n_frames is 0, or there is no such Xen
 * @retval -ENOMEM
 */
int gntsim_machine_new(const struct gntsim_config *config, struct gntsim_machine **out);

/** Frees the machine and every domain, file and address space in it. NULL is allowed. */
void gntsim_machine_free(struct gntsim_machine *m);

/** Virtual time in nanoseconds since the machine was made. */
uint64_t gntsim_machine_now(const struct gntsim_machine *m);

/**
 * Lets @p ns nanoseconds pass and runs the timers that expire on the way, in order. The
 * only timer is the grant table's deferred-free timer of each domain (one second, 10
 * entries a tick unless limits.h says otherwise; Linux grant-table.c).
 */
void gntsim_machine_advance(struct gntsim_machine *m, uint64_t ns);

/** Nanoseconds until the next timer expires; UINT64_MAX when none is armed. */
uint64_t gntsim_machine_next_timer(const struct gntsim_machine *m);

/** How many page frames the machine has: gntsim_config.n_frames. */
uint32_t gntsim_machine_frames(const struct gntsim_machine *m);

/** The address of a frame's first byte in the memory handed in; NULL for a bad frame. */
void *gntsim_frame_ptr(const struct gntsim_machine *m, gntsim_frame frame);

/** "MAJOR.MINOR.PATCH" of the library. A constant string. */
const char *gntsim_version(void);

#ifdef __cplusplus
}
#endif

#include <gntsim/dmabuf.h>
#include <gntsim/domain.h>
#include <gntsim/effects.h>
#include <gntsim/event_channel.h>
#include <gntsim/evtchn.h>
#include <gntsim/file.h>
#include <gntsim/gntalloc.h>
#include <gntsim/gntdev.h>
#include <gntsim/grant_table.h>
#include <gntsim/inspect.h>
#include <gntsim/ioctl.h>
#include <gntsim/limits.h>
#include <gntsim/mm.h>
#include <gntsim/observe.h>
#include <gntsim/origin.h>
#include <gntsim/pin.h>

#endif
