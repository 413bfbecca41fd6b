/* SPDX-License-Identifier: MIT */
/* The legs of ci/xen-lab that scenarios are played on: which real domains there are. */
#ifndef SCN_LEG_H
#define SCN_LEG_H

#include <stdbool.h>
#include <stdint.h>

#include "lang/ast.h"

#define SCN_LEG_NAMES "pv, pv+pvh, pv+pv or arm64"

struct scn_leg {
	const char *name;
	uint32_t n_domains;
	enum scn_guest guest[2]; /* dom0 and domU */
	bool arm64;              /* else amd64 */
};

/* A leg, which lives for ever, or NULL: there is none of that name. */
const struct scn_leg *scn_leg_by_name(const char *name);

#endif
