/* SPDX-License-Identifier: MIT */
/* The limits that the real drivers have as module parameters, and how to put them back. */
#ifndef SCN_MODULE_LIMITS_H
#define SCN_MODULE_LIMITS_H

#include "player/substrate.h"

struct scn_module_limits {
	long saved[2]; /* of gntalloc and gntdev, before a scenario changed them; -1 */
};

void scn_module_limits_init(struct scn_module_limits *m);
/* GNTALLOC_LIMIT and GNTDEV_LIMIT, if these can be set here. */
uint64_t scn_module_limits_capabilities(void);
enum scn_status scn_module_limits_set(struct scn_module_limits *m, enum gntsim_limit limit,
				      uint64_t value, struct scn_buf *why);
void scn_module_limits_restore(struct scn_module_limits *m);

#endif
