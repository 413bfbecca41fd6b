/* SPDX-License-Identifier: MIT */
/**
 * @file gntshr.h
 * Granting one's own pages to another domain (/dev/xen/gntalloc), after the Gntshr module of
 * OCaml's xen-gnt. types.h says how failures, handles and threads are dealt with.
 *
 *     GNTSHR_AUTO_CLOSE struct gntshr *g = gntshr_open();
 *     if (!g)
 *             return perror("/dev/xen/gntalloc"), 1;
 *     GNTSHR_AUTO_UNSHARE struct gntshr_share *s = gntshr_share(g, domid, 1, true);
 *     if (!s)
 *             return perror("gntshr_share"), 1;
 *     strcpy(gntshr_bytes(s), "hello");
 *     printf("reference %" PRIu32 "\n", gntshr_ref(s, 0));
 */
#ifndef GNTTAB_GNTSHR_H
#define GNTTAB_GNTSHR_H

#include <gnttab/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An interface to the device that allocates pages to share. */
struct gntshr;
/** Pages of this process, granted to one domain. */
struct gntshr_share;

/**
 * Opens an interface.
 * @return a handle, to be closed with gntshr_close(); NULL with errno as gnttab_open(), for
 *   /dev/xen/gntalloc
 */
struct gntshr *gntshr_open(void);
/** gntshr_open() with a status. */
int gntshr_try_open(struct gntshr **out);

/**
 * Unshares all that was shared through the interface, and closes it.
 * @return 0; -EBADF: closed already
 */
int gntshr_close(struct gntshr *g);

/**
 * Allocates pages, zeroed and side by side, and grants them to a domain.
 * @param domid the domain that may map them. It need not exist.
 * @param count in pages, 1 or more
 * @param writable false: the domain may only read; this process may write all the same
 * @return the share, to be ended with gntshr_unshare(); NULL with errno:
 *   EBADF: g is closed; EINVAL: count is 0;
 *   ENOSPC: the driver's limit of pages (1024 by default, for all processes of the domain
 *   together), or no reference is free; ENOMEM; EAGAIN as gnttab_mapv()
 */
struct gntshr_share *gntshr_share(struct gntshr *g, uint16_t domid, size_t count, bool writable);
/** gntshr_share() with a status. */
int gntshr_try_share(struct gntshr *g, uint16_t domid, size_t count, bool writable,
		     struct gntshr_share **out);

/** The first byte. NULL with EBADF: unshared. */
void *gntshr_bytes(const struct gntshr_share *s);
/** The length in bytes, a multiple of GNTTAB_PAGE_SIZE. 0 with EBADF: unshared. */
size_t gntshr_length(const struct gntshr_share *s);

/** The reference of page number @p page, counted from 0. 0, which is no page's reference, with
 * errno EBADF: unshared; or EINVAL: there is no such page. */
uint32_t gntshr_ref(const struct gntshr_share *s, size_t page);
/** Copies the references of the first @p count pages, in order. @return 0; -EBADF: unshared;
 * -EINVAL: there are not so many pages; -EFAULT: refs is NULL, and count is not 0 */
int gntshr_refs(const struct gntshr_share *s, uint32_t *refs, size_t count);

/**
 * Takes the pages back. Its bytes must not be touched again. A page that the other domain still
 * maps stays its to use, and is freed when it lets go.
 * @return 0; -EBADF: unshared already, by this function or by gntshr_close(); -ENOMEM as
 *   gnttab_unmap()
 */
int gntshr_unshare(struct gntshr_share *s);

/**
 * Says what happens when a page is taken back, also by the death of this process. There is one
 * notification for each page; offset says which page is meant, whatever the actions are. A second
 * call for a page replaces it; one with no actions removes it.
 * @return 0; -EBADF: unshared; -EINVAL: notify is NULL; other actions; offset is not inside the
 *   share; or port was not bound through evtchn in this domain
 */
int gntshr_set_notify(struct gntshr_share *s, const struct gnttab_notify *notify);

/**
 * Opens an interface, calls body with it and closes it on every way out, as gnttab_with().
 * @return what body returned; a negated errno as gntshr_open()'s if body was not called
 */
int gntshr_with(int (*body)(struct gntshr *g, void *ctx), void *ctx);

/**
 * Shares pages, calls body and unshares on every way out of it, as gnttab_with_mapping().
 * @param body gets NULL, with errno set, if there were no pages to share
 * @return what body returned
 */
int gntshr_with_share(struct gntshr *g, uint16_t domid, size_t count, bool writable,
		      int (*body)(struct gntshr_share *s, void *ctx), void *ctx);

/** For the macros below. */
static inline void gntshr_close_variable(struct gntshr **g)
{
	int saved = errno;

	if (*g)
		(void)gntshr_close(*g);
	errno = saved;
}

/** For the macros below. */
static inline void gntshr_unshare_variable(struct gntshr_share **s)
{
	int saved = errno;

	if (*s)
		(void)gntshr_unshare(*s);
	errno = saved;
}

/** As GNTTAB_AUTO_CLOSE, for a struct gntshr *. */
#define GNTSHR_AUTO_CLOSE __attribute__((cleanup(gntshr_close_variable)))
/** The same for a struct gntshr_share *. */
#define GNTSHR_AUTO_UNSHARE __attribute__((cleanup(gntshr_unshare_variable)))

#ifdef __cplusplus
}
#endif
#endif
