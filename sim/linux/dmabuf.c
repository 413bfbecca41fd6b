/* SPDX-License-Identifier: MIT */
/*
 * The dma-buf as a file (Linux drivers/dma-buf/dma-buf.c): of grants that gntdev mapped, or of the
 * domain's own memory. Its last descriptor, mapping or import releases it.
 */
#include <fcntl.h>

#include "model.h"

#define DMA_BUF_SYNC 0x40086200u /* _IOW('b', 0, uint64_t) */
#define SYNC_RW      3u
#define SYNC_ALL     7u /* with the word that an access has ended */

int gs_dmabuf_new(struct gntsim_domain *dom, uint32_t count, struct gntsim_file **out)
{
	int rc = gs_file_open(dom, GNTSIM_DEV_DMABUF, O_RDWR, out);

	if (rc < 0)
		return rc;
	(*out)->u.dmabuf = (struct dmabuf_file){.count = count};
	list_init(&(*out)->u.dmabuf.waits);
	list_init(&(*out)->u.dmabuf.link);
	return 0;
}

static void give_frames(struct gntsim_machine *m, struct dmabuf_file *b, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		gs_frame_give(m, b->frames[i]);
	gs_mem_free(m, b->frames, b->count * sizeof(*b->frames));
}

int gntsim_dmabuf_alloc(struct gntsim_domain *dom, uint32_t count, struct gntsim_file **out)
{
	struct gntsim_machine *m = dom->m;
	struct gntsim_file *file;
	struct dmabuf_file *b;
	uint32_t i;

	if (!m->dmabufs)
		return -ENOTTY;
	if (!count)
		return -EINVAL;
	if (count > m->frames.n || gs_dmabuf_new(dom, count, &file) < 0)
		return -ENOMEM;
	b = &file->u.dmabuf;
	b->frames = gs_mem_alloc(m, count * sizeof(*b->frames));
	for (i = 0; b->frames && i < count; i++)
		if (gs_frame_take(dom, FRAME_KERNEL, &b->frames[i]) < 0)
			break;
	if (i < count) {
		if (b->frames)
			give_frames(m, b, i);
		gs_file_free(file);
		return -ENOMEM;
	}
	*out = file;
	return 0;
}

gntsim_frame gs_dmabuf_frame(const struct gntsim_file *dmabuf, uint32_t page)
{
	const struct dmabuf_file *b = &dmabuf->u.dmabuf;

	return b->frames ? b->frames[page] : b->map->pages[page].frame;
}

uint32_t gs_dmabuf_page(const struct vma *vma, uint64_t addr)
{
	return (uint32_t)((vma->offset + (addr - vma->start)) / PAGE);
}

uint64_t gntsim_dmabuf_size(const struct gntsim_file *dmabuf)
{
	return dmabuf->device == GNTSIM_DEV_DMABUF ? dmabuf->u.dmabuf.count * PAGE : 0;
}

/* ---- who waits for the release ---- */

int gntsim_dmabuf_wait(struct gntsim_file *gntdev, uint32_t fd, void *data,
		       struct gntsim_wait **out)
{
	struct gntsim_file *dmabuf = NULL;
	int rc = gs_file_check(gntdev, GNTSIM_DEV_GNTDEV);
	struct gntsim_wait *wait;

	if (rc == 0)
		rc = gs_export_find(gntdev, fd, &dmabuf);
	if (rc < 0)
		return rc;
	wait = gs_mem_zalloc(gntdev->m, sizeof(*wait));
	if (!wait)
		return -ENOMEM;
	wait->m = gntdev->m;
	wait->data = data;
	gs_effect_init(&wait->released, GNTSIM_EFFECT_RELEASED);
	list_add_tail(&dmabuf->u.dmabuf.waits, &wait->link);
	*out = wait;
	return 0;
}

void *gntsim_wait_data(const struct gntsim_wait *wait)
{
	return wait->data;
}

void gntsim_wait_end(struct gntsim_wait *wait)
{
	gs_effect_drop(&wait->released);
	list_del(&wait->link);
	gs_mem_free(wait->m, wait, sizeof(*wait));
}

/* dmabuf_exp_wait_obj_signal() stops at the first that it finds: who came last. */
static void tell_waits(struct gntsim_file *file)
{
	struct dmabuf_file *b = &file->u.dmabuf;

	if (!list_empty(&b->waits) && !file->dom->dying)
		gs_effect_raise(file->m,
				&container_of(b->waits.prev, struct gntsim_wait, link)->released);
	while (!list_empty(&b->waits)) {
		struct list *l = b->waits.next;

		list_del(l);
		list_add_tail(&file->m->dead_waits, l);
	}
}

/* ---- the file ---- */

static void dmabuf_release(struct gntsim_file *file)
{
	struct dmabuf_file *b = &file->u.dmabuf;

	if (b->frames)
		give_frames(file->m, b, b->count);
	b->frames = NULL;
	tell_waits(file);
	if (b->exporter)
		gs_export_release(file);
}

/* dma_buf_mmap_internal(); of gntdev's the driver has no mmap. */
static int dmabuf_mmap(struct gntsim_file *file, struct vma *vma)
{
	const struct dmabuf_file *b = &file->u.dmabuf;
	uint64_t pages = (vma->end - vma->start) / PAGE;

	if (!b->frames && file->m->dmabufs != GNTSIM_DMABUFS_ALL)
		return -EINVAL;
	if (!vma->shared || vma->offset / PAGE > b->count || pages > b->count - vma->offset / PAGE)
		return -EINVAL;
	return 0;
}

static void dmabuf_vma_open(struct vma *vma)
{
	(void)vma;
}

static void dmabuf_vma_close(struct vma *vma)
{
	(void)vma;
}

static void dmabuf_page(const struct vma *vma, uint64_t addr, struct gntsim_page *out)
{
	*out = (struct gntsim_page){.frame = gs_dmabuf_frame(vma->file, gs_dmabuf_page(vma, addr)),
				    .writable = true};
}

const struct driver gs_dmabuf_driver = {
    .release = dmabuf_release,
    .mmap = dmabuf_mmap,
    .vma_open = dmabuf_vma_open,
    .vma_close = dmabuf_vma_close,
    .page = dmabuf_page,
};

/* dma_buf_ioctl() */
long gs_dmabuf_ioctl(uint32_t cmd, uint64_t arg, const struct gntsim_user_memory *um)
{
	uint64_t flags;

	if (cmd != DMA_BUF_SYNC)
		return -ENOTTY;
	if (um->read(um->ctx, arg, &flags, sizeof(flags)))
		return -EFAULT;
	return (flags & ~(uint64_t)SYNC_ALL) || !(flags & SYNC_RW) ? -EINVAL : 0;
}
