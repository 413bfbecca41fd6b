/* SPDX-License-Identifier: MIT */
#include "totals.h"

static const char *const names[SCN_N_TOTALS] = {
    [SCN_TOTAL_DOMAINS] = "domains",   [SCN_TOTAL_ZOMBIES] = "zombies",
    [SCN_TOTAL_FILES] = "files",       [SCN_TOTAL_MMS] = "mms",
    [SCN_TOTAL_VMAS] = "vmas",         [SCN_TOTAL_FRAMES] = "frames",
    [SCN_TOTAL_GRANTS] = "grants",     [SCN_TOTAL_DEFERRED] = "deferred",
    [SCN_TOTAL_MAPTRACK] = "maptrack", [SCN_TOTAL_GNTDEV_MAPS] = "gntdev_maps",
    [SCN_TOTAL_PORTS] = "ports",
};

const char *scn_total_name(enum scn_total total)
{
	return names[total];
}

int scn_total_find(struct scn_str name)
{
	for (int i = 0; i < SCN_N_TOTALS; i++) {
		if (scn_str_is(name, names[i]))
			return i;
	}
	return -1;
}
