/* SPDX-License-Identifier: MIT */
/* Whose making something is; the stamps are set where things are made (gs_origin()). */
#include "model.h"

void gntsim_machine_set_origin(struct gntsim_machine *m, uint32_t origin)
{
	m->origin = origin;
	m->origin_used = false;
}

bool gntsim_machine_origin_used(const struct gntsim_machine *m)
{
	return m->origin_used;
}
