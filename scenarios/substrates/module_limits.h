/* SPDX-License-Identifier: MIT */
/* The limits that the real drivers have as module parameters, and how to put them back. */
#ifndef SCN_MODULE_LIMITS_H
#define SCN_MODULE_LIMITS_H

#include "player/substrate.h"

/* The first so many limits of gntsim/limits.h are. */
#define SCN_MODULE_LIMITS (GNTSIM_LIMIT_FREE_PER_ITERATION + 1)

struct scn_module_limits {
	long saved[SCN_MODULE_LIMITS]; /* before a scenario changed them; -1 */
};

void scn_module_limits_init(struct scn_module_limits *m);
/* The capabilities of those that can be set here. */
uint64_t scn_module_limits_capabilities(void);
enum scn_status scn_module_limits_set(struct scn_module_limits *m, enum gntsim_limit limit,
				      uint64_t value, struct scn_buf *why);
void scn_module_limits_restore(struct scn_module_limits *m);

#endif
