/* SPDX-License-Identifier: MIT */
/*
 * Pages that the kernel still uses. A frame that was granted is not used again before (its page has a
 * count of its own); a map of gntdev waits for them: gs_map_put().
 */
#include "model.h"

static struct gntsim_pin *pin_of(struct list *l)
{
	return container_of(l, struct gntsim_pin, link);
}

/* NULL: the pages are no grants. */
static struct map *map_behind(const struct vma *vma)
{
	if (vma->file->device == GNTSIM_DEV_DMABUF)
		return vma->file->u.dmabuf.map;
	return vma->file->device == GNTSIM_DEV_GNTDEV ? vma->u.map : NULL;
}

/* In the map. */
static uint32_t page_of(const struct vma *vma, uint64_t addr)
{
	if (vma->file->device == GNTSIM_DEV_DMABUF)
		return gs_dmabuf_page(vma, addr);
	return (uint32_t)((vma->offset + (addr - vma->start)) / PAGE - vma->u.map->index);
}

int gntsim_pin(struct gntsim_mm *mm, uint64_t addr, struct gntsim_pin **out)
{
	const struct vma *vma = gs_vma_find(mm, addr);
	struct gntsim_page page;
	struct gntsim_pin *pin;

	if (!mm->dom)
		return -ENODEV;
	if (gntsim_mm_page(mm, addr, &page) < 0 || !page.readable || page.frame == GNTSIM_NO_FRAME)
		return -EFAULT;
	pin = gs_mem_zalloc(mm->m, sizeof(*pin));
	if (!pin)
		return -ENOMEM;
	pin->m = mm->m;
	pin->frame = GNTSIM_NO_FRAME;
	if (gs_own_page(mm, addr - PAGE_OFFSET(addr)) || !map_behind(vma)) {
		pin->frame = page.frame;
		gs_frame_pin(mm->m, page.frame);
		mm->m->frames.held++;
	} else {
		pin->map = map_behind(vma);
		pin->page = page_of(vma, addr);
		gs_map_pin(pin->map, pin->page);
	}
	list_add_tail(&mm->dom->pins, &pin->link);
	*out = pin;
	return 0;
}

/* Whatever it held. */
static void let_go(struct gntsim_pin *pin)
{
	struct map *map = pin->map;

	if (pin->frame != GNTSIM_NO_FRAME)
		gntsim_frame_unhold(pin->m, pin->frame);
	pin->frame = GNTSIM_NO_FRAME;
	pin->map = NULL;
	if (map)
		gs_map_unpin(map, pin->page);
}

void gntsim_unpin(struct gntsim_pin *pin)
{
	list_del(&pin->link);
	let_go(pin);
	gs_mem_free(pin->m, pin, sizeof(*pin));
}

void gs_pins_forget(struct gntsim_domain *dom, const struct map *map)
{
	struct list *l;

	for (l = dom->pins.next; l != &dom->pins; l = l->next) {
		if (pin_of(l)->map == map)
			pin_of(l)->map = NULL;
	}
}

void gs_pins_kill(struct gntsim_domain *dom)
{
	while (!list_empty(&dom->pins)) {
		struct gntsim_pin *pin = pin_of(dom->pins.next);

		let_go(pin);
		list_del(&pin->link);
		list_add_tail(&dom->m->dead_pins, &pin->link);
	}
}

void gs_pins_free(struct gntsim_machine *m)
{
	while (!list_empty(&m->dead_pins))
		gntsim_unpin(pin_of(m->dead_pins.next));
}
