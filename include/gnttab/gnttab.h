/* SPDX-License-Identifier: MIT */
/**
 * @file gnttab.h
 * Mapping pages that other domains granted (/dev/xen/gntdev), after the Gnttab module of OCaml's
 * xen-gnt. types.h says how failures, handles and threads are dealt with.
 *
 *     GNTTAB_AUTO_CLOSE struct gnttab *g = gnttab_open();
 *     if (!g)
 *             return perror("/dev/xen/gntdev"), 1;
 *     GNTTAB_AUTO_UNMAP struct gnttab_mapping *m = gnttab_map(g, domid, ref, true);
 *     if (!m)
 *             return perror("gnttab_map"), 1;
 *     strcpy(gnttab_bytes(m), "hello");
 *
 * A PV guest can map what it granted to itself. A PVH or HVM guest must not: Xen (4.17) takes such a
 * page away from its first address, and stores to that are lost.
 */
#ifndef GNTTAB_GNTTAB_H
#define GNTTAB_GNTTAB_H

#include <gnttab/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An interface to the grant device. */
struct gnttab;
/** One contiguous local mapping of one or more grants. */
struct gnttab_mapping;

/** A page that a domain granted to this one. */
struct gnttab_grant {
	uint16_t domid; /**< the granter */
	uint32_t ref;   /**< its grant reference */
};

/**
 * Opens an interface.
 * @return a handle, to be closed with gnttab_close(); NULL with errno:
 *   ENOENT, ENODEV, ENXIO: no /dev/xen/gntdev here; EACCES, EPERM: not allowed to use it;
 *   EMFILE, ENFILE: too many files are open; ENOMEM
 */
struct gnttab *gnttab_open(void);
/** gnttab_open() with a status. */
int gnttab_try_open(struct gnttab **out);

/**
 * Unmaps all that was mapped through the interface, and closes it.
 * @return 0; -EBADF: closed already
 */
int gnttab_close(struct gnttab *g);

/**
 * Maps one grant.
 * @param writable false: the memory can only be read, and a store to it is a SIGSEGV
 * @return the mapping, of GNTTAB_PAGE_SIZE bytes, to be ended with gnttab_unmap(); NULL with
 *   errno as gnttab_mapv()
 */
struct gnttab_mapping *gnttab_map(struct gnttab *g, uint16_t domid, uint32_t ref, bool writable);
/** gnttab_map() with a status. */
int gnttab_try_map(struct gnttab *g, uint16_t domid, uint32_t ref, bool writable,
		   struct gnttab_mapping **out);

/**
 * Maps many grants, of one domain or several, side by side in the order given. All of them, or
 * none: if one cannot be mapped, those that could are unmapped again before the call returns.
 * A grant may be named more than once.
 * @param grants copied
 * @param count 1 or more; the driver's limit is 65536 by default
 * @return the mapping, of count * GNTTAB_PAGE_SIZE bytes; NULL with errno:
 *   EBADF: g is closed;
 *   EINVAL: count is 0 or above the driver's limit; or Xen refused a grant: no such domain, no
 *   such reference, granted to another domain, read-only and asked for writable (the kernel does
 *   not tell these apart);
 *   EAGAIN: the kernel was for a second not able to (it is asked again until then);
 *   ENOMEM: no memory or no address space; EFAULT: grants is no readable memory
 */
struct gnttab_mapping *gnttab_mapv(struct gnttab *g, const struct gnttab_grant *grants,
				   size_t count, bool writable);
/** gnttab_mapv() with a status. */
int gnttab_try_mapv(struct gnttab *g, const struct gnttab_grant *grants, size_t count,
		    bool writable, struct gnttab_mapping **out);

/** The mapping's first byte. The memory is shared with another domain, which may change it at any
 * time. NULL with EBADF: unmapped. */
void *gnttab_bytes(const struct gnttab_mapping *m);
/** The mapping's length in bytes, a multiple of GNTTAB_PAGE_SIZE. 0 with EBADF: unmapped. */
size_t gnttab_length(const struct gnttab_mapping *m);

/**
 * Ends a mapping, with all its grants. Its bytes must not be touched again.
 * @return 0; -EBADF: unmapped already, by this function or by gnttab_close(); -ENOMEM: the kernel
 *   could not split an address range (only if the caller changed the mapping's protection in
 *   parts): the mapping is still there
 */
int gnttab_unmap(struct gnttab_mapping *m);

/**
 * Says what happens when the mapping ends. There is one notification for a mapping: a second call
 * replaces it, one with no actions (or NULL) removes it. The event comes when the mapping is
 * unmapped, also by the death of this process; the byte is cleared no later than that.
 * @return 0;
 *   -EBADF: unmapped; -EINVAL: other actions; offset is not inside the mapping; port was not bound
 *   through evtchn in this domain; or clear-byte on a mapping that is not writable
 */
int gnttab_set_notify(struct gnttab_mapping *m, const struct gnttab_notify *notify);

/**
 * Asks for room for this many grants. Kernels since 4.20 have no such call and need none, which is
 * a success.
 * @return 0; -EBADF; -EINVAL: an old kernel, and grants were mapped already; -ENOMEM
 */
int gnttab_set_max_grants(struct gnttab *g, uint32_t count);

/** Part of a granted page. */
struct gnttab_part {
	uint16_t domid;  /**< the granter */
	uint16_t offset; /**< bytes from the start of the page */
	uint32_t ref;
};

/** One piece of a copy. At least one side is a grant. */
struct gnttab_copy {
	const void *from; /**< local memory; NULL: from_grant is the source */
	struct gnttab_part from_grant;
	void *to; /**< local memory; NULL: to_grant is the destination */
	struct gnttab_part to_grant;
	uint16_t length; /**< in bytes; a grant's part must not leave its page */
	int16_t status;  /**< [out] 0, or Xen's GNTST_ number, all negative: -2 no such
					   domain, -3 no such reference, -1 not granted so, -9 bad page */
};

/**
 * Has Xen copy between local memory and granted pages, or between granted pages, without mapping
 * anything. The pieces are copied in order, and go on after one that fails.
 * @param count 0 is a success
 * @return 0: all is copied;
 *   -EREMOTEIO: at least one piece was not, see its status; the others were;
 *   -EBADF: g is closed;
 *   -EINVAL: a piece has no grant, or leaves its page; -EFAULT: local memory is not accessible
 *   so: in both cases any number of pieces may have been copied, and every status is -1;
 *   -ENOMEM: nothing was copied
 */
int gnttab_copy(struct gnttab *g, struct gnttab_copy *pieces, size_t count);

/**
 * Opens an interface, calls body with it and closes it on every way out of body: return,
 * pthread_exit(), cancellation, a C++ exception; but not longjmp().
 * @return what body returned; a negated errno as gnttab_open()'s if body was not called
 */
int gnttab_with(int (*body)(struct gnttab *g, void *ctx), void *ctx);

/**
 * Maps grants as gnttab_mapv(), calls body and unmaps on every way out of it.
 * @param body gets NULL, with errno set, if the grants could not be mapped. It may unmap itself.
 * @return what body returned
 */
int gnttab_with_mapping(struct gnttab *g, const struct gnttab_grant *grants, size_t count,
			bool writable, int (*body)(struct gnttab_mapping *m, void *ctx), void *ctx);

/** For the macros below. */
static inline void gnttab_close_variable(struct gnttab **g)
{
	int saved = errno;

	if (*g)
		(void)gnttab_close(*g);
	errno = saved;
}

/** For the macros below. */
static inline void gnttab_unmap_variable(struct gnttab_mapping **m)
{
	int saved = errno;

	if (*m)
		(void)gnttab_unmap(*m);
	errno = saved;
}

/** Before the declaration of a local struct gnttab *: it is closed when the variable's block is
 * left, if it is neither NULL nor closed by then. errno is kept. The variable must be
 * initialised. */
#define GNTTAB_AUTO_CLOSE __attribute__((cleanup(gnttab_close_variable)))
/** The same for a struct gnttab_mapping *. */
#define GNTTAB_AUTO_UNMAP __attribute__((cleanup(gnttab_unmap_variable)))

#ifdef __cplusplus
}
#endif
#endif
