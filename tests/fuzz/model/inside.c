/* SPDX-License-Identifier: MIT */
/* The one question to the machine that no public call answers. */
#include "model.h"

bool world_frame_used(const struct gntsim_machine *m, gntsim_frame frame);

bool world_frame_used(const struct gntsim_machine *m, gntsim_frame frame)
{
	return frame < m->frames.fresh && m->frames.all[frame].use != FRAME_FREE;
}
