/* SPDX-License-Identifier: MIT */
#include "model.h"
const char *gntsim_machine_check(struct gntsim_machine *m)
{
	(void)m;
	return NULL;
}
