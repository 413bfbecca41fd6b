/* SPDX-License-Identifier: MIT */
/*
 * /dev/xen/gntdev (Linux drivers/xen/gntdev.c): maps, and their life. On PV, Xen writes the
 * process's page table, so that an mmu notifier must unmap before the range changes, and the
 * kernel maps each page a second time; elsewhere all is unmapped at the last put.
 */
#include <string.h>

#include "model.h"

#define NO_HANDLE GNTSIM_INVALID_HANDLE

/* A dma-buf's pages are the kernel's alone. */
static bool is_pv(const struct map *map)
{
	return map->dom->guest == GNTSIM_GUEST_PV && !map->exported;
}

static size_t map_bytes(uint32_t count)
{
	return offsetof(struct map, pages) + count * sizeof(struct map_page);
}

uint32_t gs_map_live(const struct map *map)
{
	uint32_t live = 0, i;

	for (i = 0; i < map->count; i++)
		live += map->pages[i].handle != NO_HANDLE;
	return live;
}

/* ---- a map's life ---- */

struct map *gs_map_alloc(struct gntsim_file *file, uint32_t count)
{
	struct map *map = gs_mem_alloc(file->m, map_bytes(count));
	uint32_t i;

	if (!map)
		return NULL;
	memset(map, 0, offsetof(struct map, pages));
	map->file = file;
	map->dom = file->dom;
	map->count = count;
	map->users = 1;
	map->origin = gs_origin(file->m);
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
	struct gntsim_machine *m = map->dom->m;
	const struct map_page *p = &map->pages[map->notify.offset / GNTSIM_PAGE_SIZE];
	bool pv = is_pv(map);

	map->notify.flags &= ~NOTIFY_CLEAR_BYTE;
	if ((pv ? p->khandle : p->handle) == NO_HANDLE) {
		/* PVH on amd64: a write to where no memory is. PV: a kernel page fault. */
		if (pv)
			gs_hazard(m, HAZARD_CLEAR_UNMAPPED);
		else if (m->arch == GNTSIM_ARCH_ARM64)
			gs_hazard(m, HAZARD_CLEAR_ARM);
	} else if (map->flags & GNTSIM_GNTMAP_READONLY) {
		/* PVH: Xen discards a write to a page granted read-only, on amd64. */
		if (pv)
			gs_hazard(m, HAZARD_CLEAR_READONLY);
		else if (m->arch == GNTSIM_ARCH_ARM64)
			gs_hazard(m, HAZARD_ARM_READONLY);
	} else {
		frame_bytes(&m->frames, p->frame)[map->notify.offset % GNTSIM_PAGE_SIZE] = 0;
		GS_SAW(m, .kind = GNTSIM_SAW_NOTIFY_BYTE, .domid = map->dom->id,
		       .device = GNTSIM_DEV_GNTDEV, .index = gs_map_offset(map), .ref = p->ref,
		       .frame = p->frame, .offset = map->notify.offset);
	}
}

static void unmap_handle(struct map *map, uint32_t *handle, uint64_t host_addr)
{
	struct gntsim_unmap_grant_ref op = {.handle = *handle, .host_addr = host_addr};

	if (*handle == NO_HANDLE)
		return;
	gntsim_gnttab_unmap(map->dom, &op);
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
	for (i = from; i < end; i++) {
		unmap_handle(map, &map->pages[i].khandle, kernel_address(map, i));
		if (map->pages[i].pins)
			gs_hazard(map->dom->m, HAZARD_PINNED_PV);
	}
}

/* unmap_grant_pages(): the runs of pages in [from, end) that were not removed before. */
static void unmap_pages(struct map *map, uint32_t from, uint32_t end)
{
	uint32_t run;

	/* When the domain is destroyed, Xen ends its mappings. */
	if (!map->live || map->dom->dying)
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

/* The last user is gone, and no page of it is in use. */
static void end_map(struct map *map)
{
	struct gntsim_domain *dom = map->dom;

	if (!is_pv(map))
		unmap_pages(map, 0, map->count);
	if ((map->notify.flags & NOTIFY_SEND_EVENT) && !dom->dying) {
		GS_SAW(dom->m, .kind = GNTSIM_SAW_NOTIFY_EVENT, .domid = dom->id,
		       .device = GNTSIM_DEV_GNTDEV, .index = gs_map_offset(map),
		       .port = map->notify.port);
		(void)gntsim_port_send(dom, map->notify.port);
		gs_evtchn_put(dom, map->notify.port);
	}
	GS_SAW(dom->m, .kind = GNTSIM_SAW_MAP_FREED, .domid = dom->id, .device = GNTSIM_DEV_GNTDEV,
	       .file = map->file, .index = gs_map_offset(map), .count = map->count);
	if (map->pins)
		gs_pins_forget(dom, map);
	list_del(&map->all);
	dom->m->totals.gntdev_maps--;
	gs_mem_free(dom->m, map, map_bytes(map->count));
}

/* gnttab_unmap_refs_async() comes again later, as long as it must; the byte was cleared before it. */
static void wait_for_pins(struct map *map)
{
	if (map->notify.flags & NOTIFY_CLEAR_BYTE)
		clear_byte(map);
	list_del(&map->all);
	list_add_tail(&map->dom->waiting, &map->all);
	map->file = NULL;
}

void gs_map_put(struct map *map)
{
	if (--map->users)
		return;
	if (!is_pv(map) && map->pins && map->live && !map->dom->dying)
		wait_for_pins(map);
	else
		end_map(map);
}

void gs_map_pin(struct map *map, uint32_t page)
{
	map->pages[page].pins++;
	map->pins++;
}

void gs_map_unpin(struct map *map, uint32_t page)
{
	map->pages[page].pins--;
	if (!--map->pins && !map->users && !map->dom->dying)
		end_map(map);
}

void gs_maps_kill_waiting(struct gntsim_domain *dom)
{
	while (!list_empty(&dom->waiting))
		end_map(container_of(dom->waiting.next, struct map, all));
}

static bool map_page(struct map *map, uint32_t i, uint32_t flags, uint64_t host_addr,
		     uint32_t *handle)
{
	struct map_page *p = &map->pages[i];
	struct gntsim_map_grant_ref op = {
	    .host_addr = host_addr,
	    .flags = flags,
	    .ref = p->ref,
	    .domid = p->domid,
	};

	gntsim_gnttab_map(map->dom, &op);
	if (op.status != GNTSIM_GNTST_OKAY)
		return false;
	*handle = op.handle;
	p->frame = op.frame;
	map->live++;
	return true;
}

/* All for the process, then on PV all for the kernel. */
int gs_map_pages(struct map *map)
{
	const uint32_t user = GNTSIM_GNTMAP_APPLICATION_MAP | GNTSIM_GNTMAP_CONTAINS_PTE;
	uint32_t flags = map->flags | (is_pv(map) ? user : 0), i;
	bool good = true;

	if (!is_pv(map) && map->pages[0].handle != NO_HANDLE)
		return 0;
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
		map->pages[i].domid = (uint16_t)grants[i].domid;
		map->pages[i].ref = grants[i].ref;
	}
	gs_map_add(map);
	*index = gs_map_offset(map);
	return 0;
}

bool gntsim_gntdev_keeps_unwritten(const struct gntsim_file *file)
{
	return gs_file_check(file, GNTSIM_DEV_GNTDEV) == 0 && file->dom->profile->keeps_unwritten;
}

int gntsim_gntdev_unmap(struct gntsim_file *file, uint64_t index, uint32_t count)
{
	int rc = gs_file_check(file, GNTSIM_DEV_GNTDEV);
	struct map *map;

	if (rc < 0)
		return rc;
	map = gs_map_at(&file->u.gntdev, index / PAGE, count);
	if (!map)
		return -ENOENT;
	gs_map_unlist(map);
	if (map->exported)
		gs_hazard(file->m, HAZARD_DMABUF_UNMAP);
	else
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
	if ((action & NOTIFY_SEND_EVENT) && gs_evtchn_get(file->dom, port) < 0)
		return -EINVAL;
	map = gs_map_holding(&file->u.gntdev, index);
	if (!map) {
		rc = -ENOENT;
	} else if ((action & NOTIFY_CLEAR_BYTE) && (map->flags & GNTSIM_GNTMAP_READONLY)) {
		rc = -EINVAL;
	} else {
		drop = map->notify;
		GS_SAW(file->m, .kind = GNTSIM_SAW_NOTIFY_SET, .domid = file->dom->id,
		       .device = GNTSIM_DEV_GNTDEV, .index = gs_map_offset(map),
		       .offset = (uint32_t)(index - gs_map_offset(map)), .action = action,
		       .port = port, .replaced = drop.flags);
		map->notify.flags = action;
		map->notify.offset = (uint32_t)(index - gs_map_offset(map));
		map->notify.port = port;
		map->notify.origin = gs_origin(file->m);
	}
	if (drop.flags & NOTIFY_SEND_EVENT)
		gs_evtchn_put(file->dom, drop.port);
	return rc;
}

/* ---- the file and its mappings ---- */

static void gntdev_open(struct gntsim_file *file)
{
	file->u.gntdev = (struct gntdev_file){.maps = {.summarise = gs_map_summarise}};
	list_init(&file->u.gntdev.all);
	list_init(&file->u.gntdev.exports);
	list_init(&file->u.gntdev.imports);
}

static void gntdev_release(struct gntsim_file *file)
{
	struct way maps = {0};
	struct map *map;

	gs_exports_kill(file);
	while ((map = gs_map_first(&file->u.gntdev))) {
		gs_mem_ahead(&maps, map);
		gs_map_unlist(map);
		gs_map_put(map);
	}
	gs_imports_release(file);
}

/* Undoes a mapping that failed. Elsewhere than on PV, what did map stays until the last put. */
static int give_up(struct map *map, int rc)
{
	if (is_pv(map))
		unmap_pages(map, 0, map->count);
	gs_map_put(map);
	return rc;
}

void gntsim_interrupt_mmap(struct gntsim_machine *m, uint64_t nth)
{
	m->interrupted_mmap = nth;
}

/* mm_take_all_locks(), for the notifier: it gives up at a signal, and the map is in use for ever. */
static bool is_interrupted(const struct map *map)
{
	struct gntsim_machine *m = map->file->m;

	return is_pv(map) && m->interrupted_mmap && --m->interrupted_mmap == 0;
}

static int gntdev_mmap(struct gntsim_file *file, struct vma *vma)
{
	bool write = vma->prot & 2;
	struct map *map;
	int rc;

	if (write && !vma->shared)
		return -EINVAL;
	map = gs_map_at(&file->u.gntdev, vma->offset / PAGE,
			(uint32_t)((vma->end - vma->start) / PAGE));
	if (!map || map->in_use)
		return -EINVAL;
	map->in_use = true;
	map->users++;
	if (!map->flags)
		map->flags =
		    (uint16_t)(GNTSIM_GNTMAP_HOST_MAP | (write ? 0 : GNTSIM_GNTMAP_READONLY));
	map->start = vma->start;
	vma->u.map = map;
	vma->dontcopy = is_pv(map);
	vma->may_write &= vma->shared || file->dom->profile->private_may_write;
	if (is_interrupted(map))
		return give_up(map, -EINTR);
	rc = gs_map_pages(map);
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

static void gntdev_page(const struct vma *vma, uint64_t addr, struct gntsim_page *out)
{
	const struct map *map = vma->u.map;
	uint64_t page = (vma->offset + (addr - vma->start)) / PAGE - map->index;
	bool there = page < map->count && map->pages[page].handle != NO_HANDLE;

	out->frame = there ? map->pages[page].frame : GNTSIM_NO_FRAME;
	out->readable = there && is_pv(map);
	out->writable = !(map->flags & GNTSIM_GNTMAP_READONLY);
}

const struct driver gs_gntdev_driver = {
    .open = gntdev_open,
    .release = gntdev_release,
    .mmap = gntdev_mmap,
    .vma_open = gntdev_vma_open,
    .vma_close = gntdev_vma_close,
    .invalidate = gntdev_invalidate,
    .page = gntdev_page,
};
