/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "device.h"
#include "uapi.h"

#include <gnttab/gntshr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int gntshr_try_open(struct gntshr **out)
{
	return device_open(KIND_GNTSHR, "/dev/xen/gntalloc", 0, (void **)out);
}

struct gntshr *gntshr_open(void)
{
	struct gntshr *g;

	return gntshr_try_open(&g) < 0 ? NULL : g;
}

int gntshr_close(struct gntshr *g)
{
	return device_close(g, KIND_GNTSHR);
}

/* Allocates the pages: their index and references. */
static int allocate(struct device *d, uint16_t domid, bool writable, struct region *r)
{
	struct ioctl_gntalloc_alloc_gref *alloc;
	int number;

	alloc = calloc(1, sizeof(*alloc) + r->count * sizeof(alloc->gref_ids[0]));
	if (!alloc)
		return fail(ENOMEM);
	alloc->domid = domid;
	alloc->flags = writable ? GNTALLOC_FLAG_WRITABLE : 0;
	alloc->count = (uint32_t)r->count;
	number = ioctl(d->fd, IOCTL_GNTALLOC_ALLOC_GREF, alloc) < 0 ? errno : 0;
	r->index = alloc->index;
	/* Past the struct's own end by design of the interface: its array is as long as count. */
	if (!number)
		memcpy(r->refs,
		       (const char *)alloc + offsetof(struct ioctl_gntalloc_alloc_gref, gref_ids),
		       r->count * sizeof(r->refs[0]));
	free(alloc);
	return number ? fail(number) : 0;
}

int gntshr_try_share(struct gntshr *g, uint16_t domid, size_t count, bool writable,
		     struct gntshr_share **out)
{
	DEVICE_AUTO_PUT struct device *d = NULL;
	struct region *r;
	int status;

	if (!out)
		return fail(EFAULT);
	*out = NULL;
	d = device_get(g, KIND_GNTSHR);
	if (!d)
		return fail(EBADF);
	/* To the driver no pages are a success, but there would be nothing to map. */
	if (count == 0)
		return fail(EINVAL);
	/* Beyond any limit of the driver's; here nothing may overflow. */
	if (count > INT32_MAX / GNTTAB_PAGE_SIZE)
		return fail(ENOSPC);
	r = calloc(1, sizeof(*r) + count * sizeof(r->refs[0]));
	if (!r)
		return fail(ENOMEM);
	r->count = count;
	status = allocate(d, domid, writable, r);
	/* The index is kept until the end, for gntshr_set_notify(). */
	if (!status)
		status = region_map(d, KIND_SHARE, r, PROT_READ | PROT_WRITE, (void **)out);
	if (status) {
		free(r);
		return fail(-status);
	}
	return 0;
}

struct gntshr_share *gntshr_share(struct gntshr *g, uint16_t domid, size_t count, bool writable)
{
	struct gntshr_share *s;

	return gntshr_try_share(g, domid, count, writable, &s) < 0 ? NULL : s;
}

void *gntshr_bytes(const struct gntshr_share *s)
{
	return region_bytes(s, KIND_SHARE);
}

size_t gntshr_length(const struct gntshr_share *s)
{
	return region_length(s, KIND_SHARE);
}

int gntshr_refs(const struct gntshr_share *s, uint32_t *refs, size_t count)
{
	const struct region *r;
	int number = EBADF;

	handles_lock();
	r = handle_find(s, KIND_SHARE);
	if (r) {
		number = count > r->count ? EINVAL : count && !refs ? EFAULT : 0;
		if (!number && count)
			memcpy(refs, r->refs, count * sizeof(*refs));
	}
	handles_unlock();
	return number ? fail(number) : 0;
}

uint32_t gntshr_ref(const struct gntshr_share *s, size_t page)
{
	const struct region *r;
	uint32_t ref = 0;

	handles_lock();
	r = handle_find(s, KIND_SHARE);
	if (r && page < r->count)
		ref = r->refs[page];
	handles_unlock();
	if (!ref)
		errno = r ? EINVAL : EBADF;
	return ref;
}

int gntshr_unshare(struct gntshr_share *s)
{
	return region_end(s, KIND_SHARE);
}

int gntshr_set_notify(struct gntshr_share *s, const struct gnttab_notify *notify)
{
	return notify ? region_set_notify(s, KIND_SHARE, notify) : fail(EINVAL);
}

int gntshr_with(int (*body)(struct gntshr *g, void *ctx), void *ctx)
{
	GNTSHR_AUTO_CLOSE struct gntshr *g = NULL;
	int status = gntshr_try_open(&g);

	return status < 0 ? status : body(g, ctx);
}

int gntshr_with_share(struct gntshr *g, uint16_t domid, size_t count, bool writable,
		      int (*body)(struct gntshr_share *s, void *ctx), void *ctx)
{
	GNTSHR_AUTO_UNSHARE struct gntshr_share *s = gntshr_share(g, domid, count, writable);

	return body(s, ctx);
}
