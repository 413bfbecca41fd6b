/* SPDX-License-Identifier: MIT */
/* What not every substrate can do. A scenario that needs what is missing is skipped. */
#ifndef SCN_CAPABILITY_H
#define SCN_CAPABILITY_H

#include <stdint.h>

#include "text.h"

enum scn_capability {
	SCN_CAP_ADVANCE,        /* time can be let pass */
	SCN_CAP_CHECK_ORDER,    /* every check is the driver's, bad pointers in its order */
	SCN_CAP_DESTROY_DOMAIN, /* a whole domain can be destroyed */
	SCN_CAP_DISCARD, /* stores to pages that Xen holds read-only vanish, without a fault */
	SCN_CAP_DISTINCT_DOMAINS, /* two domains of a script are two domains */
	SCN_CAP_EMPTY_MACHINE,    /* nothing else uses grants, ports and limits */
	SCN_CAP_ENOSYS,           /* an ioctl can answer ENOSYS */
	SCN_CAP_FAIL_ALLOCATION,  /* the Nth allocation can be made to fail */
	SCN_CAP_FRAMES,           /* the number of page frames can be set */
	SCN_CAP_GNTALLOC_LIMIT,
	SCN_CAP_GNTDEV_LIMIT,
	SCN_CAP_GRANT_FRAMES,
	SCN_CAP_INSPECT,      /* the machine's totals can be read */
	SCN_CAP_INVALIDATION, /* mprotect and mremap are known to the driver */
	SCN_CAP_MAPPED_COPY,  /* GRANT_COPY knows what its caller has mapped */
	SCN_CAP_MAPTRACK_FRAMES,
	SCN_CAP_PORTS, /* the number of event-channel ports can be set */
	SCN_CAP_RAISE_VIRQ,
	SCN_CAP_SURVIVE_CRASH, /* a crashing kernel costs no more than the scenario */
	SCN_N_CAPABILITIES,
};

#define SCN_CAP(name) (1u << SCN_CAP_##name)

/* The name that scripts and messages use. A constant string. */
const char *scn_capability_name(enum scn_capability cap);
/* One line on what it means. */
const char *scn_capability_summary(enum scn_capability cap);
/* Returns false if there is none of that name. */
bool scn_capability_find(struct scn_str name, enum scn_capability *out);
/* The first capability that is in `needed` and not in `offered`; -1 if none. */
int scn_capability_missing(uint32_t needed, uint32_t offered);

/* The limits of a domain, or of the machine, that a script can set. */
enum scn_limit {
	SCN_LIMIT_GNTALLOC,
	SCN_LIMIT_GNTDEV,
	SCN_LIMIT_GRANT_FRAMES,
	SCN_LIMIT_MAPTRACK_FRAMES,
	SCN_LIMIT_PORTS,
	SCN_LIMIT_FRAMES,
	SCN_N_LIMITS,
};

const char *scn_limit_name(enum scn_limit limit);
bool scn_limit_find(struct scn_str name, enum scn_limit *out);
/* What a substrate must be able to do for it. */
enum scn_capability scn_limit_capability(enum scn_limit limit);

#endif
