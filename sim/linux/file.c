/* SPDX-License-Identifier: MIT */
/* Open files: held by a descriptor of the caller's and by mappings. */
#include <fcntl.h>

#include "model.h"

static const struct driver *const drivers[] = {
    [GNTSIM_DEV_GNTALLOC] = &gs_gntalloc_driver,
    [GNTSIM_DEV_GNTDEV] = &gs_gntdev_driver,
    [GNTSIM_DEV_EVTCHN] = &gs_evtchn_driver,
    [GNTSIM_DEV_DMABUF] = &gs_dmabuf_driver,
};

int gntsim_open(struct gntsim_domain *dom, enum gntsim_device device, int open_flags,
		struct gntsim_file **out)
{
	return device == GNTSIM_DEV_DMABUF ? -EINVAL : gs_file_open(dom, device, open_flags, out);
}

int gs_file_open(struct gntsim_domain *dom, enum gntsim_device device, int open_flags,
		 struct gntsim_file **out)
{
	int mode = open_flags & O_ACCMODE;
	struct gntsim_file *file = gs_mem_zalloc(dom->m, sizeof(*file));

	if (!file)
		return -ENOMEM;
	file->dom = dom;
	file->m = dom->m;
	file->device = device;
	file->driver = drivers[device];
	file->readable = mode == O_RDONLY || mode == O_RDWR;
	file->writable = mode == O_WRONLY || mode == O_RDWR;
	file->open = true;
	gs_effect_init(&file->event, GNTSIM_EFFECT_EVENT);
	gs_effect_init(&file->dead, GNTSIM_EFFECT_FILE_DEAD);
	list_add_tail(&dom->files, &file->link);
	if (file->driver->open)
		file->driver->open(file);
	dom->m->totals.files++;
	*out = file;
	return 0;
}

void gs_file_free(struct gntsim_file *file)
{
	gs_effect_drop(&file->event);
	gs_effect_drop(&file->dead);
	list_del(&file->link);
	file->m->totals.files--;
	gs_mem_free(file->m, file, sizeof(*file));
}

/* (Of a dma-buf it is its map that is seen to go.) */
static void saw_release(struct gntsim_file *file)
{
	if (file->device == GNTSIM_DEV_DMABUF)
		return;
	GS_SAW(file->m, .kind = GNTSIM_SAW_RELEASE, .domid = file->dom->id, .device = file->device,
	       .file = file);
}

static void release(struct gntsim_file *file)
{
	/* A dead file's driver state went with the domain. */
	if (file->dom) {
		saw_release(file);
		file->driver->release(file);
	}
	gs_file_free(file);
}

void gntsim_close(struct gntsim_file *file)
{
	struct gntsim_machine *m = file->m;

	file->open = false;
	if (!file->vmas)
		release(file);
	gs_file_run_releases(m);
}

void gs_file_get(struct gntsim_file *file)
{
	file->vmas++;
}

void gs_file_put(struct gntsim_file *file)
{
	if (--file->vmas || file->open)
		return;
	list_del(&file->link);
	list_add_tail(&file->m->releases, &file->link);
}

void gs_file_run_releases(struct gntsim_machine *m)
{
	while (!list_empty(&m->releases))
		release(container_of(m->releases.prev, struct gntsim_file, link));
}

void gs_file_kill(struct gntsim_file *file)
{
	struct gntsim_machine *m = file->m;

	saw_release(file);
	file->driver->release(file);
	gs_effect_drop(&file->event);
	list_del(&file->link);
	list_add_tail(&m->dead_files, &file->link);
	file->dom = NULL;
	/* One that only other files held goes with them. */
	if (file->open)
		gs_effect_raise(m, &file->dead);
	else if (!file->vmas)
		gs_file_free(file);
	gs_file_run_releases(m);
}

int gs_file_check(const struct gntsim_file *file, enum gntsim_device device)
{
	if (!file->dom)
		return -ENODEV;
	return file->device == device ? 0 : -EINVAL;
}

enum gntsim_device gntsim_file_device(const struct gntsim_file *file)
{
	return file->device;
}

struct gntsim_domain *gntsim_file_domain(const struct gntsim_file *file)
{
	return file->dom;
}

void gntsim_file_set_data(struct gntsim_file *file, void *data)
{
	file->data = data;
}

void *gntsim_file_data(const struct gntsim_file *file)
{
	return file->data;
}
