/* SPDX-License-Identifier: MIT */
#include "leg.h"

#include <string.h>

/* On Arm every domain is auto-translated, as a PVH one is. */
static const struct scn_leg legs[] = {
    {"pv", 1, {SCN_PV, SCN_PV}, false},
    {"pv+pvh", 2, {SCN_PV, SCN_PVH}, false},
    {"pv+pv", 2, {SCN_PV, SCN_PV}, false},
    {"arm64", 1, {SCN_PVH, SCN_PVH}, true},
};

const struct scn_leg *scn_leg_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(legs) / sizeof(legs[0]); i++) {
		if (!strcmp(legs[i].name, name))
			return &legs[i];
	}
	return NULL;
}
