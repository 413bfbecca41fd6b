/* SPDX-License-Identifier: MIT */
#include "model.h"

static const char *const hazard_names[N_HAZARDS] = {
    [HAZARD_ALLOC_UNDO] = "gntalloc-undo-miscounts",
    [HAZARD_GLOBAL_LIST] = "gntalloc-vma-close-walks-global-list",
    [HAZARD_CLEAR_UNMAPPED] = "pv-clear-byte-after-failed-mmap",
    [HAZARD_CLEAR_READONLY] = "pv-clear-byte-on-readonly-map",
    [HAZARD_PVH_SELF_MAP] = "pvh-maps-own-grant",
    [HAZARD_CLEAR_ARM] = "arm-clear-byte-after-failed-mmap",
    [HAZARD_ARM_READONLY] = "arm-store-to-a-read-only-grant",
    [HAZARD_STATIC_KERNELS] = "evtchn-bind-static-of-a-kernels-port",
    [HAZARD_STATIC_SHARED] = "evtchn-bind-static-of-a-bound-port",
    [HAZARD_STATIC_LOST] = "evtchn-unbind-of-a-lost-port",
    [HAZARD_STATIC_ZERO] = "evtchn-bind-static-of-port-0",
    [HAZARD_PINNED_PV] = "pv-unmap-of-a-page-in-use",
    [HAZARD_STATIC_FORGETS] = "evtchn-refused-port-forgets-the-others",
    [HAZARD_DMABUF_UNMAP] = "gntdev-unmap-of-a-dma-bufs-map",
};

const char *gntsim_hazard_name(uint32_t number)
{
	return number < N_HAZARDS ? hazard_names[number] : NULL;
}

void gs_effect_init(struct effect *e, enum gntsim_effect_kind kind)
{
	list_init(&e->queue);
	e->kind = kind;
}

void gs_effect_raise(struct gntsim_machine *m, struct effect *e)
{
	if (list_empty(&e->queue))
		list_add_tail(&m->effects, &e->queue);
}

void gs_effect_drop(struct effect *e)
{
	list_del(&e->queue);
}

void gs_hazard(struct gntsim_machine *m, enum hazard hazard)
{
	gs_effect_raise(m, &m->hazards[hazard]);
}

void gs_revoked(struct gntsim_mm *mm, uint64_t start, uint64_t end)
{
	bool merge = !list_empty(&mm->revoked.queue);

	if (!merge || start < mm->revoked_start)
		mm->revoked_start = start;
	if (!merge || end > mm->revoked_end)
		mm->revoked_end = end;
	gs_effect_raise(mm->m, &mm->revoked);
	GS_SAW(mm->m, .kind = GNTSIM_SAW_REVOKED, .domid = mm->dom ? mm->dom->id : 0, .mm = mm,
	       .addr = start, .len = end - start);
}

bool gntsim_next_effect(struct gntsim_machine *m, struct gntsim_effect *out)
{
	struct gntsim_mm *mm;
	struct effect *e;

	if (list_empty(&m->effects))
		return false;
	e = container_of(m->effects.next, struct effect, queue);
	gs_effect_drop(e);
	*out = (struct gntsim_effect){.kind = e->kind};
	switch (e->kind) {
	case GNTSIM_EFFECT_EVENT:
		out->file = container_of(e, struct gntsim_file, event);
		out->sigio = out->file->u.evtchn.began;
		out->file->u.evtchn.began = false;
		break;
	case GNTSIM_EFFECT_FILE_DEAD:
		out->file = container_of(e, struct gntsim_file, dead);
		break;
	case GNTSIM_EFFECT_REVOKED:
		mm = container_of(e, struct gntsim_mm, revoked);
		out->mm = mm;
		out->addr = mm->revoked_start;
		out->len = mm->revoked_end - mm->revoked_start;
		break;
	case GNTSIM_EFFECT_MM_DEAD:
		out->mm = container_of(e, struct gntsim_mm, dead);
		break;
	case GNTSIM_EFFECT_KERNEL_EVENT:
		out->dom = container_of(e, struct gntsim_domain, heard);
		break;
	case GNTSIM_EFFECT_RELEASED:
		out->wait = container_of(e, struct gntsim_wait, released);
		break;
	case GNTSIM_EFFECT_HAZARD:
		out->hazard = hazard_names[e - m->hazards];
		break;
	}
	return true;
}
