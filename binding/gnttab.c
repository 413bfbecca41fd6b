/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "device.h"
#include "uapi.h"

#include <gnttab/gnttab.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int gnttab_try_open(struct gnttab **out)
{
	return device_open(KIND_GNTTAB, "/dev/xen/gntdev", 0, (void **)out);
}

struct gnttab *gnttab_open(void)
{
	struct gnttab *g;

	return gnttab_try_open(&g) < 0 ? NULL : g;
}

int gnttab_close(struct gnttab *g)
{
	return device_close(g, KIND_GNTTAB);
}

/* Reserves the grants' index. */
static int reserve(struct device *d, const struct gnttab_grant *grants, struct region *r)
{
	struct ioctl_gntdev_map_grant_ref *map;
	int number;

	map = calloc(1, sizeof(*map) + r->count * sizeof(map->refs[0]));
	if (!map)
		return fail(ENOMEM);
	map->count = (uint32_t)r->count;
	for (size_t i = 0; i < r->count; i++) {
		map->refs[i].domid = grants[i].domid;
		map->refs[i].ref = grants[i].ref;
	}
	number = ioctl(d->fd, IOCTL_GNTDEV_MAP_GRANT_REF, map) < 0 ? errno : 0;
	r->index = map->index;
	free(map);
	return number ? fail(number) : 0;
}

int gnttab_try_mapv(struct gnttab *g, const struct gnttab_grant *grants, size_t count,
		    bool writable, struct gnttab_mapping **out)
{
	DEVICE_AUTO_PUT struct device *d = NULL;
	struct region *r;
	int status;

	if (!out)
		return fail(EFAULT);
	*out = NULL;
	d = device_get(g, KIND_GNTTAB);
	if (!d)
		return fail(EBADF);
	/* The driver's limit is far below; here nothing may overflow. */
	if (count == 0 || count > INT32_MAX / GNTTAB_PAGE_SIZE)
		return fail(EINVAL);
	if (!grants)
		return fail(EFAULT);
	r = calloc(1, sizeof(*r));
	if (!r)
		return fail(ENOMEM);
	r->count = count;
	status = reserve(d, grants, r);
	if (!status)
		status = region_map(d, KIND_MAPPING, r, PROT_READ | (writable ? PROT_WRITE : 0),
				    (void **)out);
	if (status) {
		free(r);
		return fail(-status);
	}
	return 0;
}

struct gnttab_mapping *gnttab_mapv(struct gnttab *g, const struct gnttab_grant *grants,
				   size_t count, bool writable)
{
	struct gnttab_mapping *m;

	return gnttab_try_mapv(g, grants, count, writable, &m) < 0 ? NULL : m;
}

int gnttab_try_map(struct gnttab *g, uint16_t domid, uint32_t ref, bool writable,
		   struct gnttab_mapping **out)
{
	struct gnttab_grant grant = {.domid = domid, .ref = ref};

	return gnttab_try_mapv(g, &grant, 1, writable, out);
}

struct gnttab_mapping *gnttab_map(struct gnttab *g, uint16_t domid, uint32_t ref, bool writable)
{
	struct gnttab_mapping *m;

	return gnttab_try_map(g, domid, ref, writable, &m) < 0 ? NULL : m;
}

void *gnttab_bytes(const struct gnttab_mapping *m)
{
	return region_bytes(m, KIND_MAPPING);
}

size_t gnttab_length(const struct gnttab_mapping *m)
{
	return region_length(m, KIND_MAPPING);
}

int gnttab_unmap(struct gnttab_mapping *m)
{
	return region_end(m, KIND_MAPPING);
}

int gnttab_set_notify(struct gnttab_mapping *m, const struct gnttab_notify *notify)
{
	static const struct gnttab_notify nothing;

	return region_set_notify(m, KIND_MAPPING, notify ? notify : &nothing);
}

int gnttab_set_max_grants(struct gnttab *g, uint32_t count)
{
	DEVICE_AUTO_PUT struct device *d = device_get(g, KIND_GNTTAB);
	struct ioctl_gntdev_set_max_grants u = {.count = count};

	if (!d)
		return fail(EBADF);
	if (ioctl(d->fd, IOCTL_GNTDEV_SET_MAX_GRANTS, &u) < 0 && errno != ENOTTY)
		return fail_errno();
	return 0;
}

static struct gntdev_grant_copy_segment segment(const struct gnttab_copy *c)
{
	struct gntdev_grant_copy_segment s = {.len = c->length};

	if (c->from) {
		/* The kernel's type is not const; it only reads. */
		memcpy(&s.source.virt, &c->from, sizeof(s.source.virt));
	} else {
		s.source.foreign.ref = c->from_grant.ref;
		s.source.foreign.offset = c->from_grant.offset;
		s.source.foreign.domid = c->from_grant.domid;
		s.flags |= GNTCOPY_SOURCE_GREF;
	}
	if (c->to) {
		s.dest.virt = c->to;
	} else {
		s.dest.foreign.ref = c->to_grant.ref;
		s.dest.foreign.offset = c->to_grant.offset;
		s.dest.foreign.domid = c->to_grant.domid;
		s.flags |= GNTCOPY_DEST_GREF;
	}
	return s;
}

int gnttab_copy(struct gnttab *g, struct gnttab_copy *pieces, size_t count)
{
	DEVICE_AUTO_PUT struct device *d = device_get(g, KIND_GNTTAB);
	struct ioctl_gntdev_grant_copy u = {.count = (unsigned)count};
	int number, status = 0;

	if (!d)
		return fail(EBADF);
	if (count == 0)
		return 0;
	if (!pieces)
		return fail(EFAULT);
	if (count > INT32_MAX)
		return fail(EINVAL);
	u.segments = calloc(count, sizeof(*u.segments));
	if (!u.segments)
		return fail(ENOMEM);
	for (size_t i = 0; i < count; i++)
		u.segments[i] = segment(&pieces[i]);
	number = ioctl(d->fd, IOCTL_GNTDEV_GRANT_COPY, &u) < 0 ? errno : 0;
	for (size_t i = 0; i < count; i++) {
		/* After an error of the call a status may say "done" of what was not. */
		pieces[i].status = number ? -1 : u.segments[i].status;
		if (pieces[i].status)
			status = EREMOTEIO;
	}
	free(u.segments);
	if (number)
		status = number;
	return status ? fail(status) : 0;
}

int gnttab_with(int (*body)(struct gnttab *g, void *ctx), void *ctx)
{
	GNTTAB_AUTO_CLOSE struct gnttab *g = NULL;
	int status = gnttab_try_open(&g);

	return status < 0 ? status : body(g, ctx);
}

int gnttab_with_mapping(struct gnttab *g, const struct gnttab_grant *grants, size_t count,
			bool writable, int (*body)(struct gnttab_mapping *m, void *ctx), void *ctx)
{
	GNTTAB_AUTO_UNMAP struct gnttab_mapping *m = gnttab_mapv(g, grants, count, writable);

	return body(m, ctx);
}
