/* SPDX-License-Identifier: MIT */
/*
 * /dev/xen/gntdev (Linux drivers/xen/gntdev.c): maps, and their life. On PV, Xen writes the
 * process's page table, so that an mmu notifier must unmap before the range changes, and the
 * kernel maps each page a second time; elsewhere all is unmapped at the last put.
 */
#include <string.h>

#include "model.h"

#define NO_HANDLE GNTSIM_INVALID_HANDLE
/* Where offsets, which the driver computes in an int, stop being the index times a page. */
#define SANE_PAGES (1u << (31 - GNTSIM_PAGE_SHIFT))

static bool is_pv(const struct map *map)
{
	return map->file->dom->guest == GNTSIM_GUEST_PV;
}

static size_t map_bytes(uint32_t count)
{
	return sizeof(struct map) + count * sizeof(struct map_page);
}

static struct map *map_of(struct tree_node *node)
{
	return node ? container_of(node, struct map, node) : NULL;
}

/* ---- the file's maps, by index, with the widest gap below each ---- */

static void summarise(struct tree_node *node)
{
	struct map *map = map_of(node);
	const struct map *l = map_of(node->left), *r = map_of(node->right);

	map->max_gap = map->gap;
	if (l && l->max_gap > map->max_gap)
		map->max_gap = l->max_gap;
	if (r && r->max_gap > map->max_gap)
		map->max_gap = r->max_gap;
}

/* The first map with a gap before it that is strictly wider than count. */
static struct map *first_fit(const struct gntdev_file *priv, uint32_t count)
{
	struct map *map = map_of(priv->maps.root);

	if (!map || map->max_gap <= count)
		return NULL;
	for (;;) {
		struct map *l = map_of(map->node.left);

		if (l && l->max_gap > count)
			map = l;
		else if (map->gap > count)
			return map;
		else
			map = map_of(map->node.right);
	}
}

void gs_map_add(struct map *map)
{
	struct gntdev_file *priv = &map->file->u.gntdev;
	struct map *after = first_fit(priv, map->count);
	struct tree_node *parent, **link;

	if (after) {
		map->index = after->index - after->gap;
		map->gap = 0;
		after->gap -= map->count;
		parent = &after->node;
		link = &after->node.left;
		if (*link) {
			parent = gs_tree_prev(&after->node);
			link = &parent->right;
		}
		gs_tree_changed(&priv->maps, &after->node);
	} else {
		struct map *last = map_of(gs_tree_last(&priv->maps));

		map->index = last ? last->index + last->count : 0;
		map->gap = 0;
		parent = last ? &last->node : NULL;
		link = last ? &last->node.right : &priv->maps.root;
	}
	map->listed = true;
	gs_tree_insert(&priv->maps, parent, link, &map->node);
}

void gs_map_unlist(struct map *map)
{
	struct gntdev_file *priv = &map->file->u.gntdev;
	struct map *next = map_of(gs_tree_next(&map->node));

	gs_tree_remove(&priv->maps, &map->node);
	map->listed = false;
	if (next) {
		next->gap += map->gap + map->count;
		gs_tree_changed(&priv->maps, &next->node);
	}
}

/* The map that ends above a page. */
static struct map *find_above(const struct gntdev_file *priv, uint32_t page)
{
	struct tree_node *n = priv->maps.root;
	struct map *found = NULL;

	while (n) {
		struct map *map = map_of(n);

		if (map->index + map->count > page) {
			found = map;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return found;
}

/* gntdev_find_map_index(): the index comes in an int. */
static struct map *find_index(const struct gntdev_file *priv, uint64_t page, uint32_t count)
{
	struct map *map = find_above(priv, (uint32_t)page);

	if (!map || map->index != (uint32_t)page || (count && map->count != count))
		return NULL;
	return map;
}

static uint64_t int_offset(uint32_t pages)
{
	return (uint64_t)(int64_t)(int32_t)(pages << GNTSIM_PAGE_SHIFT);
}

uint64_t gs_map_offset(const struct map *map)
{
	return int_offset(map->index);
}

uint32_t gs_map_live(const struct map *map)
{
	uint32_t live = 0, i;

	for (i = 0; i < map->count; i++)
		live += map->pages[i].handle != NO_HANDLE;
	return live;
}

/*
 * The map whose offsets hold a byte, as SET_UNMAP_NOTIFY looks for it. Beyond 2 GiB the driver's
 * offsets wrap, and the first map that seems to fit is taken.
 */
static struct map *find_offset(const struct gntdev_file *priv, uint64_t offset)
{
	struct map *map;

	if (offset / PAGE < SANE_PAGES) {
		map = find_above(priv, (uint32_t)(offset / PAGE));
		if (map && map->index <= offset / PAGE)
			return map;
	}
	map = find_above(priv, SANE_PAGES - 1);
	for (; map; map = map_of(gs_tree_next(&map->node)))
		if (offset >= gs_map_offset(map) && offset < int_offset(map->index + map->count))
			return map;
	return NULL;
}

/* ---- a map's life ---- */

struct map *gs_map_alloc(struct gntsim_file *file, uint32_t count)
{
	struct map *map = gs_mem_alloc(file->m, map_bytes(count));
	uint32_t i;

	if (!map)
		return NULL;
	memset(map, 0, sizeof(*map));
	map->file = file;
	map->count = count;
	map->users = 1;
	for (i = 0; i < count; i++)
		map->pages[i] = (struct map_page){.handle = NO_HANDLE, .khandle = NO_HANDLE};
	list_add_tail(&file->u.gntdev.all, &map->all);
	file->m->totals.gntdev_maps++;
	return map;
}

/* A kernel address of a page of a map: nobody looks at it, it must only be the same again. */
static uint64_t kernel_address(const struct map *map, uint32_t i)
{
	return (UINT64_C(0xffff) << 48) + (uint64_t)(uintptr_t)&map->pages[i] * 8;
}

static uint64_t host_address(const struct map *map, uint32_t i)
{
	return is_pv(map) ? map->start + i * PAGE : kernel_address(map, i);
}

static void clear_byte(struct map *map)
{
	struct gntsim_machine *m = map->file->m;
	const struct map_page *p = &map->pages[map->notify.offset / GNTSIM_PAGE_SIZE];
	bool pv = is_pv(map);

	map->notify.flags &= ~NOTIFY_CLEAR_BYTE;
	if ((pv ? p->khandle : p->handle) == NO_HANDLE) {
		/* PVH: a write to where no memory is. PV: a kernel page fault. */
		if (pv)
			gs_hazard(m, HAZARD_CLEAR_UNMAPPED);
	} else if (map->flags & GNTSIM_GNTMAP_READONLY) {
		gs_hazard(m, HAZARD_CLEAR_READONLY);
	} else {
		frame_bytes(&m->frames, p->frame)[map->notify.offset % GNTSIM_PAGE_SIZE] = 0;
	}
}

static void unmap_handle(struct map *map, uint32_t *handle, uint64_t host_addr)
{
	struct gntsim_unmap_grant_ref op = {.handle = *handle, .host_addr = host_addr};

	if (*handle == NO_HANDLE)
		return;
	gntsim_gnttab_unmap(map->file->dom, &op);
	*handle = NO_HANDLE;
	map->live--;
}

/* __unmap_grant_pages(): pages that are all still there. */
static void unmap_run(struct map *map, uint32_t from, uint32_t end)
{
	uint32_t page = map->notify.offset / GNTSIM_PAGE_SIZE, i;

	if ((map->notify.flags & NOTIFY_CLEAR_BYTE) && page >= from && page < end)
		clear_byte(map);
	for (i = from; i < end; i++)
		unmap_handle(map, &map->pages[i].handle, host_address(map, i));
	if (!is_pv(map))
		return;
	for (i = from; i < end; i++)
		unmap_handle(map, &map->pages[i].khandle, kernel_address(map, i));
}

/* unmap_grant_pages(): the runs of pages in [from, end) that were not removed before. */
static void unmap_pages(struct map *map, uint32_t from, uint32_t end)
{
	uint32_t run;

	/* When the domain is destroyed, Xen ends its mappings. */
	if (!map->live || map->file->dom->dying)
		return;
	while (from < end) {
		if (map->pages[from].removed) {
			from++;
			continue;
		}
		for (run = from; run < end && !map->pages[run].removed; run++)
			map->pages[run].removed = true;
		unmap_run(map, from, run);
		from = run;
	}
}

void gs_map_put(struct map *map)
{
	struct gntsim_domain *dom = map->file->dom;

	if (--map->users)
		return;
	if (!is_pv(map))
		unmap_pages(map, 0, map->count);
	if ((map->notify.flags & NOTIFY_SEND_EVENT) && !dom->dying) {
		(void)gntsim_port_send(dom, map->notify.port);
		gs_port_put(dom, map->notify.port);
	}
	list_del(&map->all);
	dom->m->totals.gntdev_maps--;
	gs_mem_free(dom->m, map, map_bytes(map->count));
}

static bool map_page(struct map *map, uint32_t i, uint32_t flags, uint64_t host_addr,
		     uint32_t *handle)
{
	struct map_page *p = &map->pages[i];
	struct gntsim_map_grant_ref op = {
	    .host_addr = host_addr,
	    .flags = flags,
	    .ref = p->ref,
	    .domid = (uint16_t)p->domid,
	};

	gntsim_gnttab_map(map->file->dom, &op);
	if (op.status != GNTSIM_GNTST_OKAY)
		return false;
	*handle = op.handle;
	p->frame = op.frame;
	map->live++;
	return true;
}

/* gntdev_map_grant_pages(): all for the process, then on PV all for the kernel. */
static int map_pages(struct map *map)
{
	const uint32_t user = GNTSIM_GNTMAP_APPLICATION_MAP | GNTSIM_GNTMAP_CONTAINS_PTE;
	uint32_t flags = map->flags | (is_pv(map) ? user : 0), i;
	bool good = true;

	for (i = 0; i < map->count; i++)
		good &= map_page(map, i, flags, host_address(map, i), &map->pages[i].handle);
	if (is_pv(map))
		for (i = 0; i < map->count; i++)
			good &= map_page(map, i, map->flags, kernel_address(map, i),
					 &map->pages[i].khandle);
	return good ? 0 : -EINVAL;
}

/* ---- calls ---- */

int gntsim_gntdev_map(struct gntsim_file *file, uint32_t count, const struct gntsim_grant *grants,
		      uint64_t *index)
{
	int rc = gs_file_check(file, GNTSIM_DEV_GNTDEV);
	struct map *map;
	uint32_t i;

	if (rc < 0)
		return rc;
	if (!count || count > file->dom->gntdev_limit)
		return -EINVAL;
	map = gs_map_alloc(file, count);
	if (!map)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		map->pages[i].domid = grants[i].domid;
		map->pages[i].ref = grants[i].ref;
	}
	gs_map_add(map);
	*index = gs_map_offset(map);
	return 0;
}

int gntsim_gntdev_unmap(struct gntsim_file *file, uint64_t index, uint32_t count)
{
	int rc = gs_file_check(file, GNTSIM_DEV_GNTDEV);
	struct map *map;

	if (rc < 0)
		return rc;
	map = find_index(&file->u.gntdev, index / PAGE, count);
	if (!map)
		return -ENOENT;
	gs_map_unlist(map);
	gs_map_put(map);
	return 0;
}

int gntsim_gntdev_get_offset_for_vaddr(struct gntsim_file *file, struct gntsim_mm *mm,
				       uint64_t vaddr, uint64_t *offset, uint32_t *count)
{
	int rc = gs_file_check(file, GNTSIM_DEV_GNTDEV);
	const struct vma *vma;

	if (rc < 0)
		return rc;
	vma = mm ? gs_vma_find(mm, vaddr) : NULL;
	if (!vma || vma->file->device != GNTSIM_DEV_GNTDEV)
		return -EINVAL;
	*offset = gs_map_offset(vma->u.map);
	*count = vma->u.map->count;
	return 0;
}

int gntsim_gntdev_set_unmap_notify(struct gntsim_file *file, uint64_t index, uint32_t action,
				   gntsim_port port)
{
	int rc = gs_file_check(file, GNTSIM_DEV_GNTDEV);
	struct notify drop = {.flags = action, .port = port};
	struct map *map;

	if (rc < 0)
		return rc;
	if (action & ~NOTIFY_ALL)
		return -EINVAL;
	/* The new port first: it may be the old one, held by nothing else. */
	if ((action & NOTIFY_SEND_EVENT) && gs_port_get(file->dom, port) < 0)
		return -EINVAL;
	map = find_offset(&file->u.gntdev, index);
	if (!map) {
		rc = -ENOENT;
	} else if ((action & NOTIFY_CLEAR_BYTE) && (map->flags & GNTSIM_GNTMAP_READONLY)) {
		rc = -EINVAL;
	} else {
		drop = map->notify;
		map->notify.flags = action;
		map->notify.offset = (uint32_t)(index - gs_map_offset(map));
		map->notify.port = port;
	}
	if (drop.flags & NOTIFY_SEND_EVENT)
		gs_port_put(file->dom, drop.port);
	return rc;
}

/* ---- the file and its mappings ---- */

static void gntdev_open(struct gntsim_file *file)
{
	file->u.gntdev = (struct gntdev_file){.maps = {.summarise = summarise}};
	list_init(&file->u.gntdev.all);
}

static void gntdev_release(struct gntsim_file *file)
{
	struct map *map;

	while ((map = map_of(gs_tree_first(&file->u.gntdev.maps)))) {
		gs_map_unlist(map);
		gs_map_put(map);
	}
}

/* Undoes a mapping that failed. Elsewhere than on PV, what did map stays until the last put. */
static int give_up(struct map *map, int rc)
{
	if (is_pv(map))
		unmap_pages(map, 0, map->count);
	gs_map_put(map);
	return rc;
}

static int gntdev_mmap(struct gntsim_file *file, struct vma *vma)
{
	bool write = vma->prot & 2;
	struct map *map;
	int rc;

	if (write && !vma->shared)
		return -EINVAL;
	map = find_index(&file->u.gntdev, vma->offset / PAGE,
			 (uint32_t)((vma->end - vma->start) / PAGE));
	if (!map || map->in_use)
		return -EINVAL;
	map->in_use = true;
	map->users++;
	map->flags = GNTSIM_GNTMAP_HOST_MAP | (write ? 0 : GNTSIM_GNTMAP_READONLY);
	map->start = vma->start;
	vma->u.map = map;
	vma->dontcopy = is_pv(map);
	rc = map_pages(map);
	/* The driver cuts the number of pages to 32 bits before it compares. */
	if (rc == 0 && (vma->end - vma->start) / PAGE != map->count)
		rc = -ENXIO;
	return rc < 0 ? give_up(map, rc) : 0;
}

static void gntdev_vma_open(struct vma *vma)
{
	vma->u.map->users++;
}

static void gntdev_vma_close(struct vma *vma)
{
	gs_map_put(vma->u.map);
}

/*
 * The notifier knows the range that was mapped first, not where its pieces are now; a piece that
 * moved lost its grants in moving.
 */
static void gntdev_invalidate(struct vma *vma, uint64_t start, uint64_t end)
{
	struct map *map = vma->u.map;
	uint64_t map_end = map->start + map->count * PAGE;

	if (!is_pv(map) || map->start >= end || map_end <= start)
		return;
	if (start < map->start)
		start = map->start;
	if (end > map_end)
		end = map_end;
	unmap_pages(map, (uint32_t)((start - map->start) / PAGE),
		    (uint32_t)((end - map->start) / PAGE));
}

static gntsim_frame gntdev_page(const struct vma *vma, uint64_t addr, bool *writable)
{
	const struct map *map = vma->u.map;
	uint64_t page = (vma->offset + (addr - vma->start)) / PAGE - map->index;

	*writable = !(map->flags & GNTSIM_GNTMAP_READONLY);
	if (page >= map->count || map->pages[page].handle == NO_HANDLE)
		return GNTSIM_NO_FRAME;
	return map->pages[page].frame;
}

/* <xen/gntdev.h> */
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

struct unmap_notify {
	uint64_t index;
	uint32_t action, port;
};

struct grant_copy {
	uint32_t count, pad;
	uint64_t segments;
};

#define CMD(nr, type) ((uint32_t)sizeof(type) << 16 | 'G' << 8 | (nr))
#define REFS_CHUNK    64u

static long read_grants(struct map *map, uint64_t addr, const struct gntsim_user_memory *um)
{
	struct gntsim_grant grants[REFS_CHUNK];
	uint32_t done, n, i;

	for (done = 0; done < map->count; done += n) {
		n = map->count - done < REFS_CHUNK ? map->count - done : REFS_CHUNK;
		if (um->read(um->ctx, addr + done * sizeof(*grants), grants, n * sizeof(*grants)))
			return -EFAULT;
		for (i = 0; i < n; i++) {
			map->pages[done + i].domid = grants[i].domid;
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
	if (um->write(um->ctx, arg, &op, sizeof(op))) {
		gs_map_unlist(map);
		gs_map_put(map);
		return -EFAULT;
	}
	return 0;
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

/* Debian builds without CONFIG_XEN_GNTDEV_DMABUF: the dma-buf calls are unknown numbers. */
static long gntdev_ioctl(struct gntsim_file *file, struct gntsim_mm *mm, uint32_t cmd, uint64_t arg,
			 const struct gntsim_user_memory *um)
{
	struct unmap_grant_ref unmap;
	struct unmap_notify notify;

	switch (cmd) {
	case CMD(0, struct map_grant_ref):
		return ioctl_map(file, arg, um);
	case CMD(1, struct unmap_grant_ref):
		if (um->read(um->ctx, arg, &unmap, sizeof(unmap)))
			return -EFAULT;
		return gntsim_gntdev_unmap(file, unmap.index, unmap.count);
	case CMD(2, struct get_offset_for_vaddr):
		return ioctl_get_offset(file, mm, arg, um);
	case CMD(7, struct unmap_notify):
		if (um->read(um->ctx, arg, &notify, sizeof(notify)))
			return -EFAULT;
		return gntsim_gntdev_set_unmap_notify(file, notify.index, notify.action,
						      notify.port);
	case CMD(8, struct grant_copy):
		return gs_gntdev_copy(file, arg, um);
	default:
		return -ENOTTY;
	}
}

const struct driver gs_gntdev_driver = {
    .open = gntdev_open,
    .release = gntdev_release,
    .mmap = gntdev_mmap,
    .vma_open = gntdev_vma_open,
    .vma_close = gntdev_vma_close,
    .invalidate = gntdev_invalidate,
    .page = gntdev_page,
    .ioctl = gntdev_ioctl,
};
