/* SPDX-License-Identifier: MIT */
/*
 * Page frames. A frame that was never used is known to be zero; one that was is zeroed when it
 * is given out again. A frame that its owner gave back while somebody maps it is an orphan: it
 * is not used again until the last mapping ends.
 */
#include <string.h>

#include "model.h"

int gs_frames_init(struct gntsim_machine *m, void *memory, uint32_t n)
{
	struct frames *f = &m->frames;

	f->all = gs_mem_alloc(m, (size_t)n * sizeof(*f->all));
	if (!f->all)
		return -ENOMEM;
	f->memory = memory;
	f->n = n;
	f->free = GNTSIM_NO_FRAME;
	return 0;
}

static void link_frame(struct gntsim_domain *dom, gntsim_frame frame)
{
	struct frame *all = dom->m->frames.all, *f = &all[frame];

	f->prev = GNTSIM_NO_FRAME;
	f->next = dom->first_frame;
	if (f->next != GNTSIM_NO_FRAME)
		all[f->next].prev = frame;
	dom->first_frame = frame;
	dom->n_frames++;
}

static void unlink_frame(struct frame *all, const struct frame *f)
{
	if (f->next != GNTSIM_NO_FRAME)
		all[f->next].prev = f->prev;
	if (f->prev != GNTSIM_NO_FRAME)
		all[f->prev].next = f->next;
	else
		f->owner->first_frame = f->next;
	f->owner->n_frames--;
}

int gs_frame_take(struct gntsim_domain *dom, enum frame_use use, gntsim_frame *out)
{
	struct frames *f = &dom->m->frames;
	gntsim_frame frame = f->free;

	if (frame != GNTSIM_NO_FRAME) {
		f->free = f->all[frame].next;
		memset(frame_bytes(f, frame), 0, GNTSIM_PAGE_SIZE);
	} else if (f->fresh < f->n) {
		frame = f->fresh++;
	} else {
		return -ENOMEM;
	}
	f->all[frame] = (struct frame){.owner = dom, .use = use};
	link_frame(dom, frame);
	dom->m->totals.frames++;
	*out = frame;
	return 0;
}

static void release(struct gntsim_machine *m, gntsim_frame frame)
{
	struct frame *f = &m->frames.all[frame];
	struct gntsim_domain *owner = f->owner;

	if (f->use == FRAME_TABLE)
		gs_shown_end(owner, frame);
	unlink_frame(m->frames.all, f);
	f->use = FRAME_FREE;
	f->owner = NULL;
	f->next = m->frames.free;
	m->frames.free = frame;
	m->totals.frames--;
	if (owner->dying && !owner->n_frames)
		gs_domain_bury(owner);
}

void gs_frame_give(struct gntsim_machine *m, gntsim_frame frame)
{
	struct frame *f = &m->frames.all[frame];

	f->use = FRAME_ORPHAN;
	if (!f->pins)
		release(m, frame);
}

void gs_frame_pin(struct gntsim_machine *m, gntsim_frame frame)
{
	m->frames.all[frame].pins++;
}

void gs_frame_unpin(struct gntsim_machine *m, gntsim_frame frame)
{
	struct frame *f = &m->frames.all[frame];

	if (!--f->pins && (f->use == FRAME_ORPHAN || f->use == FRAME_TABLE))
		release(m, frame);
}

bool gs_frame_owned(const struct gntsim_domain *dom, gntsim_frame frame)
{
	const struct frames *f = &dom->m->frames;

	return frame < f->fresh && f->all[frame].owner == dom &&
	       f->all[frame].use != FRAME_ORPHAN && f->all[frame].use != FRAME_TABLE;
}

int gntsim_frame_alloc(struct gntsim_domain *dom, gntsim_frame *out)
{
	return gs_frame_take(dom, FRAME_RAW, out);
}

int gntsim_frame_free(struct gntsim_domain *dom, gntsim_frame frame)
{
	if (!gs_frame_owned(dom, frame) || dom->m->frames.all[frame].use != FRAME_RAW)
		return -EINVAL;
	gs_frame_give(dom->m, frame);
	return 0;
}

int gntsim_frame_hold(struct gntsim_domain *dom, gntsim_frame frame)
{
	if (!gs_frame_owned(dom, frame))
		return -EINVAL;
	gs_frame_pin(dom->m, frame);
	dom->m->frames.held++;
	return 0;
}

void gntsim_frame_unhold(struct gntsim_machine *m, gntsim_frame frame)
{
	m->frames.held--;
	gs_frame_unpin(m, frame);
}
