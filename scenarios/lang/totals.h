/* SPDX-License-Identifier: MIT */
/* What a machine holds in all, by name: what `expect {…}` looks at. */
#ifndef SCN_TOTALS_H
#define SCN_TOTALS_H

#include "text.h"

enum scn_total {
	SCN_TOTAL_DOMAINS,
	SCN_TOTAL_ZOMBIES,
	SCN_TOTAL_FILES,
	SCN_TOTAL_MMS,
	SCN_TOTAL_VMAS,
	SCN_TOTAL_FRAMES,
	SCN_TOTAL_GRANTS,
	SCN_TOTAL_DEFERRED,
	SCN_TOTAL_GNTDEV_MAPS,
	SCN_TOTAL_MAPTRACK,
	SCN_TOTAL_PORTS,
	SCN_N_TOTALS,
};

struct scn_totals {
	uint64_t of[SCN_N_TOTALS];
};

const char *scn_total_name(enum scn_total total);
/* The total of that name, or -1. */
int scn_total_find(struct scn_str name);

#endif
