/* SPDX-License-Identifier: MIT */
/*
 * ioctl(): numbers, the layout of arguments on 64-bit, and the order in which each driver copies
 * and checks them. What they then do is in the drivers' files.
 */
#include "model.h"

/* _IOC(_IOC_NONE, 'G' or 'E', nr, size) */
#define GRANT_CMD(nr, type)  ((uint32_t)sizeof(type) << 16 | 'G' << 8 | (nr))
#define EVTCHN_CMD(nr, size) ((uint32_t)(size) << 16 | 'E' << 8 | (nr))

/* ---- <xen/gntalloc.h> ---- */
struct alloc_gref {
	uint16_t domid, flags;
	uint32_t count;
	uint64_t index;
	uint32_t refs[1];
	uint32_t pad;
};

struct dealloc_gref {
	uint64_t index;
	uint32_t count, pad;
};

struct unmap_notify {
	uint64_t index;
	uint32_t action, port;
};

static long write_refs(const struct alloc_gref *op, const gntsim_gref *refs, uint64_t arg,
		       const struct gntsim_user_memory *um)
{
	if (um->write(um->ctx, arg, op, sizeof(*op)) ||
	    (op->count && um->write(um->ctx, arg + offsetof(struct alloc_gref, refs), refs,
				    op->count * sizeof(*refs))))
		return -EFAULT;
	return 0;
}

/* What the kernel's kmalloc() can give at once on x86, in references. */
#define MAX_REFS ((4u << 20) / (uint32_t)sizeof(gntsim_gref))

static long ioctl_alloc(struct gntsim_file *file, uint64_t arg, const struct gntsim_user_memory *um)
{
	struct alloc_gref op;
	gntsim_gref *refs;
	long rc;

	if (um->read(um->ctx, arg, &op, sizeof(op)))
		return -EFAULT;
	if (op.count > file->dom->gntalloc_limit &&
	    !(file->dom->profile->counts_late && op.count > MAX_REFS))
		return gntsim_gntalloc_alloc(file, op.domid, op.flags, op.count, &op.index, NULL);
	refs = op.count > MAX_REFS ? NULL : gs_mem_alloc(file->m, op.count * sizeof(*refs));
	if (!refs)
		return -ENOMEM;
	rc = gntsim_gntalloc_alloc(file, op.domid, op.flags, op.count, &op.index, refs);
	/* If this faults, the pages stay until the file is closed. */
	if (rc == 0)
		rc = write_refs(&op, refs, arg, um);
	gs_mem_free(file->m, refs, op.count * sizeof(*refs));
	return rc;
}

static long gntalloc_ioctl(struct gntsim_file *file, uint32_t cmd, uint64_t arg,
			   const struct gntsim_user_memory *um)
{
	struct dealloc_gref dealloc;
	struct unmap_notify notify;

	switch (cmd) {
	case GRANT_CMD(5, struct alloc_gref):
		return ioctl_alloc(file, arg, um);
	case GRANT_CMD(6, struct dealloc_gref):
		if (um->read(um->ctx, arg, &dealloc, sizeof(dealloc)))
			return -EFAULT;
		return gntsim_gntalloc_dealloc(file, dealloc.index, dealloc.count);
	case GRANT_CMD(7, struct unmap_notify):
		if (um->read(um->ctx, arg, &notify, sizeof(notify)))
			return -EFAULT;
		return gntsim_gntalloc_set_unmap_notify(file, notify.index, notify.action,
							notify.port);
	default:
		return -ENOTTY;
	}
}

/* ---- <xen/gntdev.h> ---- */
struct map_grant_ref {
	uint32_t count, pad;
	uint64_t index;
	struct gntsim_grant refs[1];
};

struct unmap_grant_ref {
	uint64_t index;
	uint32_t count, pad;
};

struct get_offset_for_vaddr {
	uint64_t vaddr, offset;
	uint32_t count, pad;
};

struct grant_copy {
	uint32_t count, pad;
	uint64_t segments;
};

#define REFS_CHUNK 64u

static long read_grants(struct map *map, uint64_t addr, const struct gntsim_user_memory *um)
{
	struct gntsim_grant grants[REFS_CHUNK];
	uint32_t done, n, i;

	for (done = 0; done < map->count; done += n) {
		n = map->count - done < REFS_CHUNK ? map->count - done : REFS_CHUNK;
		if (um->read(um->ctx, addr + done * sizeof(*grants), grants, n * sizeof(*grants)))
			return -EFAULT;
		for (i = 0; i < n; i++) {
			map->pages[done + i].domid = (uint16_t)grants[i].domid;
			map->pages[done + i].ref = grants[i].ref;
		}
	}
	return 0;
}

static long ioctl_map(struct gntsim_file *file, uint64_t arg, const struct gntsim_user_memory *um)
{
	struct map_grant_ref op;
	struct map *map;

	if (um->read(um->ctx, arg, &op, sizeof(op)))
		return -EFAULT;
	if (!op.count || op.count > file->dom->gntdev_limit)
		return -EINVAL;
	map = gs_map_alloc(file, op.count);
	if (!map)
		return -ENOMEM;
	if (read_grants(map, arg + offsetof(struct map_grant_ref, refs), um)) {
		gs_map_put(map);
		return -EFAULT;
	}
	gs_map_add(map);
	op.index = gs_map_offset(map);
	if (!um->write(um->ctx, arg, &op, sizeof(op)))
		return 0;
	if (!gntsim_gntdev_keeps_unwritten(file)) {
		gs_map_unlist(map);
		gs_map_put(map);
	}
	return -EFAULT;
}

static long ioctl_get_offset(struct gntsim_file *file, struct gntsim_mm *mm, uint64_t arg,
			     const struct gntsim_user_memory *um)
{
	struct get_offset_for_vaddr op;
	long rc;

	if (um->read(um->ctx, arg, &op, sizeof(op)))
		return -EFAULT;
	rc = gntsim_gntdev_get_offset_for_vaddr(file, mm, op.vaddr, &op.offset, &op.count);
	if (rc == 0 && um->write(um->ctx, arg, &op, sizeof(op)))
		return -EFAULT;
	return rc;
}

static long gntdev_ioctl(struct gntsim_file *file, struct gntsim_mm *mm, uint32_t cmd, uint64_t arg,
			 const struct gntsim_user_memory *um)
{
	struct unmap_grant_ref unmap;
	struct unmap_notify notify;

	switch (cmd) {
	case GRANT_CMD(0, struct map_grant_ref):
		return ioctl_map(file, arg, um);
	case GRANT_CMD(1, struct unmap_grant_ref):
		if (um->read(um->ctx, arg, &unmap, sizeof(unmap)))
			return -EFAULT;
		return gntsim_gntdev_unmap(file, unmap.index, unmap.count);
	case GRANT_CMD(2, struct get_offset_for_vaddr):
		return ioctl_get_offset(file, mm, arg, um);
	case GRANT_CMD(7, struct unmap_notify):
		if (um->read(um->ctx, arg, &notify, sizeof(notify)))
			return -EFAULT;
		return gntsim_gntdev_set_unmap_notify(file, notify.index, notify.action,
						      notify.port);
	case GRANT_CMD(8, struct grant_copy):
		return gs_gntdev_copy(file, mm, arg, um);
	default:
		return gs_gntdev_dmabuf(file, cmd, arg, um);
	}
}

/* ---- <xen/evtchn.h>: arguments are words ---- */
#define EVTCHN_BIND_VIRQ    EVTCHN_CMD(0, 4)
#define EVTCHN_INTERDOMAIN  EVTCHN_CMD(1, 8)
#define EVTCHN_BIND_UNBOUND EVTCHN_CMD(2, 4)
#define EVTCHN_UNBIND       EVTCHN_CMD(3, 4)
#define EVTCHN_NOTIFY       EVTCHN_CMD(4, 4)
#define EVTCHN_RESET        EVTCHN_CMD(5, 0)
#define EVTCHN_RESTRICT     EVTCHN_CMD(6, 2)
#define EVTCHN_BIND_STATIC  EVTCHN_CMD(7, 4)

static long evtchn_ioctl(struct gntsim_file *file, uint32_t cmd, uint64_t arg,
			 const struct gntsim_user_memory *um)
{
	bool restricted = file->u.evtchn.restricted;
	uint32_t words[2] = {0};
	uint16_t domid = 0;

	switch (cmd) {
	case EVTCHN_BIND_VIRQ:
		if (restricted)
			return -EACCES;
		if (um->read(um->ctx, arg, words, 4))
			return -EFAULT;
		return gntsim_evtchn_bind_virq(file, words[0]);
	case EVTCHN_INTERDOMAIN:
		if (um->read(um->ctx, arg, words, 8))
			return -EFAULT;
		return gntsim_evtchn_bind_interdomain(file, words[0], words[1]);
	case EVTCHN_BIND_UNBOUND:
		if (restricted)
			return -EACCES;
		if (um->read(um->ctx, arg, words, 4))
			return -EFAULT;
		return gntsim_evtchn_bind_unbound(file, words[0]);
	case EVTCHN_UNBIND:
		if (um->read(um->ctx, arg, words, 4))
			return -EFAULT;
		return gntsim_evtchn_unbind(file, words[0]);
	case EVTCHN_NOTIFY:
		if (um->read(um->ctx, arg, words, 4))
			return -EFAULT;
		return gntsim_evtchn_notify(file, words[0]);
	case EVTCHN_RESET:
		return gntsim_evtchn_reset(file);
	case EVTCHN_RESTRICT:
		if (restricted)
			return -EACCES;
		if (um->read(um->ctx, arg, &domid, 2))
			return -EFAULT;
		return gntsim_evtchn_restrict(file, domid);
	case EVTCHN_BIND_STATIC:
		if (!file->dom->profile->bind_static)
			return -ENOSYS;
		if (um->read(um->ctx, arg, words, 4))
			return -EFAULT;
		return gntsim_evtchn_bind_static(file, words[0]);
	default:
		return -ENOSYS;
	}
}

long gntsim_ioctl(struct gntsim_file *file, struct gntsim_mm *mm, uint32_t cmd, uint64_t arg,
		  const struct gntsim_user_memory *um)
{
	if (!file->dom)
		return -ENODEV;
	switch (file->device) {
	case GNTSIM_DEV_GNTALLOC:
		return gntalloc_ioctl(file, cmd, arg, um);
	case GNTSIM_DEV_GNTDEV:
		return gntdev_ioctl(file, mm, cmd, arg, um);
	case GNTSIM_DEV_EVTCHN:
		return evtchn_ioctl(file, cmd, arg, um);
	case GNTSIM_DEV_DMABUF:
		break;
	}
	return gs_dmabuf_ioctl(cmd, arg, um);
}
