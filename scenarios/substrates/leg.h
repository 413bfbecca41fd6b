/* SPDX-License-Identifier: MIT */
/* The legs of ci/xen-lab that scenarios are played on: which real domains there are. */
#ifndef SCN_LEG_H
#define SCN_LEG_H

#include <stdbool.h>
#include <stdint.h>

#include "lang/ast.h"

#define SCN_LEG_NAMES "pv, pv+pvh, pv+pv, arm64 or arm64+arm64"

struct scn_leg {
	const char *name;
	uint32_t n_domains;
	enum scn_guest guest[2]; /* dom0 and domU */
	bool arm64;              /* else amd64 */
};

/* A leg, which lives for ever, or NULL: there is none of that name. */
const struct scn_leg *scn_leg_by_name(const char *name);
/* The guests of a name like these, "pvh" or "pvh+pv", which need not be a leg of the lab's; false, and
 * nothing found: it is none. */
bool scn_leg_guests(const char *name, enum scn_guest guest[2]);

#endif
