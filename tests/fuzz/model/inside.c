/* SPDX-License-Identifier: MIT */
/* What no public call of the machine's answers. */
#include "model.h"

uint32_t world_frames_given(const struct gntsim_machine *m);
bool world_frame_used(const struct gntsim_machine *m, gntsim_frame frame);

bool world_frame_used(const struct gntsim_machine *m, gntsim_frame frame)
{
	return frame < m->frames.fresh && m->frames.all[frame].use != FRAME_FREE;
}

uint32_t world_frames_given(const struct gntsim_machine *m)
{
	return m->frames.fresh;
}
