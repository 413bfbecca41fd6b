/* SPDX-License-Identifier: MIT */
/*
 * gntdev's dma-bufs (Linux drivers/xen/gntdev-dmabuf.c). An export is a map of the file, held by a
 * dma-buf that in turn holds the file; an import grants the pages of a dma-buf, and holds that. Both
 * are known to the file by the number of a descriptor, whatever has become of that since.
 */
#include <string.h>

#include "model.h"

/* ---- <xen/gntdev.h>; the second versions are in no release of Linux ---- */

struct exp_from_refs {
	uint32_t flags, count, fd, domid;
	uint32_t refs[1];
};

struct exp_from_refs_v2 {
	uint32_t flags, count, data_ofs, fd, domid;
	uint32_t refs[1];
};

struct exp_wait_released {
	uint32_t fd, wait_to_ms;
};

struct imp_to_refs {
	uint32_t fd, count, domid, reserved;
	uint32_t refs[1];
};

struct imp_to_refs_v2 {
	uint32_t fd, count, domid, reserved, data_ofs;
	uint32_t refs[1];
};

struct imp_release {
	uint32_t fd, reserved;
};

#define CMD(nr, type)        ((uint32_t)sizeof(type) << 16 | 'G' << 8 | (nr))
#define DMABUF_EXP           CMD(9, struct exp_from_refs)
#define DMABUF_WAIT_RELEASED CMD(10, struct exp_wait_released)
#define DMABUF_IMP           CMD(11, struct imp_to_refs)
#define DMABUF_IMP_RELEASE   CMD(12, struct imp_release)
#define DMABUF_EXP_V2        CMD(13, struct exp_from_refs_v2)
#define DMABUF_IMP_V2        CMD(14, struct imp_to_refs_v2)

#define FLAG_WC       1u
#define FLAG_COHERENT 2u

/* An imported dma-buf. */
struct import {
	struct list link; /* in the file's */
	struct gntsim_file *dmabuf;
	uint32_t fd, count;
	struct gref *grefs[];
};

static size_t import_bytes(uint32_t count)
{
	return offsetof(struct import, grefs) + count * sizeof(struct gref *);
}

static void add_first(struct list *head, struct list *l)
{
	list_add_tail(head->next, l);
}

/* ---- export ---- */

static struct gntsim_file *export_of(struct list *l)
{
	return container_of(l, struct gntsim_file, u.dmabuf.link);
}

int gs_export_find(const struct gntsim_file *file, uint32_t fd, struct gntsim_file **out)
{
	const struct list *head = &file->u.gntdev.exports;
	struct list *l;

	for (l = head->next; l != head; l = l->next) {
		*out = export_of(l);
		if ((*out)->u.dmabuf.fd == fd)
			return 0;
	}
	return -ENOENT;
}

/* dmabuf_exp_remove_map() */
static void remove_map(struct map *map)
{
	if (map->listed)
		gs_map_unlist(map);
	gs_map_put(map);
}

void gs_export_release(struct gntsim_file *dmabuf)
{
	struct dmabuf_file *b = &dmabuf->u.dmabuf;

	remove_map(b->map);
	list_del(&b->link);
	gs_file_put(b->exporter);
	b->exporter = NULL;
}

/* Only a domain's end comes before theirs. */
void gs_exports_kill(struct gntsim_file *file)
{
	struct list *head = &file->u.gntdev.exports;

	while (!list_empty(head)) {
		struct dmabuf_file *b = &export_of(head->next)->u.dmabuf;

		remove_map(b->map);
		list_del(&b->link);
		b->map = NULL;
		b->exporter = NULL;
		file->vmas--;
	}
}

static uint16_t flags_of_map(const struct gntsim_machine *m)
{
	/* What makes it fail wherever the guest is no PV one: Xen maps nothing for its devices. */
	if (m->dmabufs == GNTSIM_DMABUFS_LINUX && m->arch == GNTSIM_ARCH_AMD64)
		return GNTSIM_GNTMAP_HOST_MAP | GNTSIM_GNTMAP_DEVICE_MAP;
	return GNTSIM_GNTMAP_HOST_MAP;
}

/* dmabuf_exp_from_pages() */
static int make_export(struct gntsim_file *file, struct map *map, uint32_t offset,
		       const struct gntsim_user_memory *um, struct gntsim_file **out)
{
	struct gntsim_file *dmabuf;
	struct dmabuf_file *b;
	int fd;

	if (gs_dmabuf_new(file->dom, map->count, &dmabuf) < 0)
		return -ENOMEM;
	fd = um->install ? um->install(um->ctx, dmabuf) : -EMFILE;
	if (fd < 0) {
		gs_file_free(dmabuf);
		return fd;
	}
	b = &dmabuf->u.dmabuf;
	b->offset = offset;
	b->map = map;
	b->exporter = file;
	b->fd = (uint32_t)fd;
	gs_file_get(file);
	add_first(&file->u.gntdev.exports, &b->link);
	*out = dmabuf;
	return 0;
}

/* dmabuf_exp_from_refs(), with a map whose grants are filled in */
static int export(struct gntsim_file *file, struct map *map, const struct exp_from_refs_v2 *op,
		  const struct gntsim_user_memory *um, struct gntsim_file **out)
{
	int rc;

	gs_map_add(map);
	map->exported = true;
	map->flags = flags_of_map(file->m);
	rc = gs_map_pages(map);
	if (rc == 0)
		rc = make_export(file, map, op->data_ofs, um, out);
	if (rc < 0)
		remove_map(map);
	return rc;
}

#define REFS_CHUNK 64u

static int read_refs(struct map *map, uint64_t addr, uint32_t domid,
		     const struct gntsim_user_memory *um)
{
	uint32_t refs[REFS_CHUNK], done, n, i;

	for (done = 0; done < map->count; done += n) {
		n = map->count - done < REFS_CHUNK ? map->count - done : REFS_CHUNK;
		if (um->read(um->ctx, addr + done * sizeof(*refs), refs, n * sizeof(*refs)))
			return -EFAULT;
		for (i = 0; i < n; i++) {
			map->pages[done + i].domid = (uint16_t)domid;
			map->pages[done + i].ref = refs[i];
		}
	}
	return 0;
}

static bool bad_count(const struct gntsim_file *file, uint32_t count)
{
	return !count || count > file->dom->gntdev_limit;
}

/* What follows the copying in of the fixed part, which @p refs lies at the end of. */
static long export_refs(struct gntsim_file *file, struct exp_from_refs_v2 *op, uint64_t refs,
			const struct gntsim_user_memory *um)
{
	struct gntsim_file *dmabuf;
	struct map *map;
	int rc;

	if (bad_count(file, op->count))
		return -EINVAL;
	map = gs_map_alloc(file, op->count);
	if (!map)
		return -ENOMEM;
	rc = read_refs(map, refs, op->domid, um);
	if (rc == 0 && (op->flags & FLAG_WC) && (op->flags & FLAG_COHERENT))
		rc = -EINVAL;
	if (rc < 0) {
		gs_map_put(map);
		return rc;
	}
	rc = export(file, map, op, um, &dmabuf);
	if (rc == 0)
		op->fd = dmabuf->u.dmabuf.fd;
	return rc;
}

/* gntdev_ioctl_dmabuf_exp_from_refs() first of all looks what the guest is. */
static bool may_export(const struct gntsim_file *file)
{
	return file->m->dmabufs == GNTSIM_DMABUFS_ALL || file->dom->guest != GNTSIM_GUEST_PV;
}

static long ioctl_export(struct gntsim_file *file, uint32_t cmd, uint64_t arg,
			 const struct gntsim_user_memory *um)
{
	struct exp_from_refs_v2 op = {0};
	struct exp_from_refs first;
	bool second = cmd == DMABUF_EXP_V2;
	size_t fixed = second ? sizeof(op) : sizeof(first);
	long rc;

	if (!may_export(file))
		return -EINVAL;
	if (um->read(um->ctx, arg, second ? (void *)&op : &first, fixed))
		return -EFAULT;
	if (!second)
		op = (struct exp_from_refs_v2){
		    .flags = first.flags, .count = first.count, .domid = first.domid};
	/* The references are the last of it. */
	rc = export_refs(file, &op, arg + fixed - sizeof(op.refs), um);
	first.fd = op.fd;
	/* The descriptor stays, whether or not its number arrives. */
	if (rc == 0 && um->write(um->ctx, arg, second ? (void *)&op : &first, fixed))
		return -EFAULT;
	return rc;
}

/* While a call is made nothing else happens here: what is not released by now is not in time. */
static long ioctl_wait(const struct gntsim_file *file, uint64_t arg,
		       const struct gntsim_user_memory *um)
{
	struct exp_wait_released op;
	struct gntsim_file *dmabuf;
	int rc;

	if (um->read(um->ctx, arg, &op, sizeof(op)))
		return -EFAULT;
	rc = gs_export_find(file, op.fd, &dmabuf);
	return rc < 0 ? rc : -ETIMEDOUT;
}

/* ---- import ---- */

/* gnttab_end_foreign_access() of the first @p n, and all memory. */
static void end_import(struct gntsim_domain *dom, struct import *imp, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		struct gref *g = imp->grefs[i];

		/* No driver runs in a domain that is destroyed. */
		if (dom->dying) {
			gntsim_frame_unhold(dom->m, g->frame);
			gs_mem_free(dom->m, g, sizeof(*g));
		} else {
			gs_grant_end(dom, g);
		}
	}
	gs_mem_free(dom->m, imp, import_bytes(imp->count));
}

static void release_import(struct gntsim_file *file, struct import *imp)
{
	struct gntsim_file *dmabuf = imp->dmabuf;

	list_del(&imp->link);
	end_import(file->dom, imp, imp->count);
	gs_file_put(dmabuf);
}

static int imp_release(struct gntsim_file *file, uint32_t fd)
{
	struct list *head = &file->u.gntdev.imports, *l;

	for (l = head->next; l != head; l = l->next) {
		struct import *imp = container_of(l, struct import, link);

		if (imp->fd == fd) {
			release_import(file, imp);
			return 0;
		}
	}
	return -ENOENT;
}

void gs_imports_release(struct gntsim_file *file)
{
	struct list *head = &file->u.gntdev.imports;

	while (!list_empty(head))
		release_import(file, container_of(head->next, struct import, link));
}

static int grant_page(struct gntsim_domain *dom, uint16_t domid, gntsim_frame frame,
		      struct gref **out)
{
	struct gref *g = gs_mem_alloc(dom->m, sizeof(*g));
	int ref;

	if (!g)
		return -ENOMEM;
	*g = (struct gref){.frame = frame, .borrowed = true};
	ref = gs_grant(dom, domid, frame, false, SLOT_IMPORT, g);
	if (ref < 0) {
		gs_mem_free(dom->m, g, sizeof(*g));
		return ref;
	}
	g->ref = (gntsim_gref)ref;
	gs_frame_pin(dom->m, frame);
	dom->m->frames.held++;
	*out = g;
	return 0;
}

/* All references, or none: gnttab_alloc_grant_references(). */
static int grant_pages(struct gntsim_domain *dom, uint16_t domid, struct import *imp)
{
	int rc = gs_grants_room(dom, imp->count) ? 0 : -ENOSPC;
	uint32_t i;

	for (i = 0; i < imp->count && rc == 0; i++)
		rc = grant_page(dom, domid, gs_dmabuf_frame(imp->dmabuf, i), &imp->grefs[i]);
	if (rc < 0)
		end_import(dom, imp, i ? i - 1 : 0);
	return rc;
}

/* dmabuf_imp_to_refs() */
static int import(struct gntsim_file *file, struct imp_to_refs_v2 *op, bool tells_offset,
		  const struct gntsim_user_memory *um, struct import **out)
{
	struct gntsim_domain *dom = file->dom;
	struct gntsim_file *dmabuf;
	struct import *imp;
	int rc = um->dmabuf ? um->dmabuf(um->ctx, op->fd, &dmabuf) : -EBADF;

	if (rc < 0)
		return rc;
	/* One kernel knows nothing of another's. */
	if (dmabuf->device != GNTSIM_DEV_DMABUF || dmabuf->dom != dom)
		return -EINVAL;
	if ((!tells_offset && PAGE_OFFSET(dmabuf->u.dmabuf.offset)) ||
	    dmabuf->u.dmabuf.count != op->count)
		return -EINVAL;
	imp = gs_mem_alloc(dom->m, import_bytes(op->count));
	if (!imp)
		return -ENOMEM;
	imp->dmabuf = dmabuf;
	imp->fd = op->fd;
	imp->count = op->count;
	rc = grant_pages(dom, (uint16_t)op->domid, imp);
	if (rc < 0)
		return rc;
	gs_file_get(dmabuf);
	add_first(&file->u.gntdev.imports, &imp->link);
	op->data_ofs = (uint32_t)PAGE_OFFSET(dmabuf->u.dmabuf.offset);
	*out = imp;
	return 0;
}

static int write_refs(const struct import *imp, uint64_t addr, const struct gntsim_user_memory *um)
{
	uint32_t refs[REFS_CHUNK], done, n, i;

	for (done = 0; done < imp->count; done += n) {
		n = imp->count - done < REFS_CHUNK ? imp->count - done : REFS_CHUNK;
		for (i = 0; i < n; i++)
			refs[i] = imp->grefs[done + i]->ref;
		if (um->write(um->ctx, addr + done * sizeof(*refs), refs, n * sizeof(*refs)))
			return -EFAULT;
	}
	return 0;
}

static long ioctl_import(struct gntsim_file *file, uint32_t cmd, uint64_t arg,
			 const struct gntsim_user_memory *um)
{
	struct imp_to_refs_v2 op = {0};
	bool second = cmd == DMABUF_IMP_V2;
	/* The second one's begins as the first's, but for what is written alone. */
	size_t fixed = second ? sizeof(op) : sizeof(struct imp_to_refs);
	struct import *imp;
	int rc;

	if (um->read(um->ctx, arg, &op, fixed))
		return -EFAULT;
	if (bad_count(file, op.count))
		return -EINVAL;
	rc = import(file, &op, second, um, &imp);
	if (rc == 0 &&
	    (write_refs(imp, arg + fixed - sizeof(op.refs), um) ||
	     (second && um->write(um->ctx, arg + offsetof(struct imp_to_refs_v2, data_ofs),
				  &op.data_ofs, sizeof(op.data_ofs))))) {
		(void)imp_release(file, op.fd);
		return -EFAULT;
	}
	return rc;
}

static long ioctl_imp_release(struct gntsim_file *file, uint64_t arg,
			      const struct gntsim_user_memory *um)
{
	struct imp_release op;

	if (um->read(um->ctx, arg, &op, sizeof(op)))
		return -EFAULT;
	return imp_release(file, op.fd);
}

static long dispatch(struct gntsim_file *file, uint32_t cmd, uint64_t arg,
		     const struct gntsim_user_memory *um)
{
	switch (cmd) {
	case DMABUF_EXP:
	case DMABUF_EXP_V2:
		return ioctl_export(file, cmd, arg, um);
	case DMABUF_WAIT_RELEASED:
		return ioctl_wait(file, arg, um);
	case DMABUF_IMP:
	case DMABUF_IMP_V2:
		return ioctl_import(file, cmd, arg, um);
	case DMABUF_IMP_RELEASE:
		return ioctl_imp_release(file, arg, um);
	default:
		return -ENOTTY;
	}
}

long gs_gntdev_dmabuf(struct gntsim_file *file, uint32_t cmd, uint64_t arg,
		      const struct gntsim_user_memory *um)
{
	struct gntsim_machine *m = file->m;
	bool second = cmd == DMABUF_EXP_V2 || cmd == DMABUF_IMP_V2;
	long rc;

	if (m->dmabufs == GNTSIM_DMABUFS_NONE || (second && m->dmabufs == GNTSIM_DMABUFS_LINUX))
		return -ENOTTY;
	rc = dispatch(file, cmd, arg, um);
	gs_file_run_releases(m);
	return rc;
}

/* ---- the check ---- */

const char *gs_check_dmabufs(struct gntsim_file *file)
{
	const struct list *l, *head;

	if (file->device != GNTSIM_DEV_GNTDEV)
		return NULL;
	head = &file->u.gntdev.exports;
	for (l = head->next; l != head; l = l->next) {
		const struct gntsim_file *dmabuf =
		    container_of(l, const struct gntsim_file, u.dmabuf.link);

		file->seen++;
		dmabuf->u.dmabuf.map->seen_export = true;
		if (dmabuf->u.dmabuf.exporter != file || dmabuf->u.dmabuf.map->file != file ||
		    !dmabuf->u.dmabuf.map->exported)
			return "a dma-buf and who exported it";
	}
	head = &file->u.gntdev.imports;
	for (l = head->next; l != head; l = l->next)
		container_of(l, const struct import, link)->dmabuf->seen++;
	return NULL;
}
