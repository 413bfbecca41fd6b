/* SPDX-License-Identifier: MIT */
/* What can be run out of: a limit is a row here, and asked by the room that has it. */
#include <stddef.h>
#include <string.h>

#include "model.h"

struct limit {
	struct gntsim_limit_info info;
	size_t member;
};

#define MEMBER(name) offsetof(struct gntsim_domain_config, name)

/* Xen's defaults, and Linux's of its modules. References, handles and pages are ints in both. */
static const struct limit limits[GNTSIM_N_LIMITS] = {
    [GNTSIM_LIMIT_GNTALLOC] = {{.name = "gntalloc_limit",
				.what = "pages that gntalloc gives a domain",
				.normal = 1024,
				.most = INT32_MAX,
				.later = true},
			       MEMBER(gntalloc_limit)},
    [GNTSIM_LIMIT_GNTDEV] = {{.name = "gntdev_limit",
			      .what = "grants of one call to gntdev",
			      .normal = 65536,
			      .most = INT32_MAX,
			      .later = true},
			     MEMBER(gntdev_limit)},
    [GNTSIM_LIMIT_FREE_PER_ITERATION] = {{.name = "free_per_iteration",
					  .what = "ended grants that are looked at in a tick",
					  .normal = 10,
					  .most = INT32_MAX,
					  .later = true},
					 MEMBER(free_per_iteration)},
    [GNTSIM_LIMIT_GRANT_FRAMES] = {{.name = "grant_frames",
				    .what = "frames of a grant table, of 512 entries",
				    .normal = 64,
				    .most = 1u << (31 - 9)},
				   MEMBER(max_grant_frames)},
    [GNTSIM_LIMIT_MAPTRACK_FRAMES] = {{.name = "maptrack_frames",
				       .what = "frames of map handles, of 256 each",
				       .normal = 1024,
				       .most = 1u << (31 - 8)},
				      MEMBER(max_maptrack_frames)},
    [GNTSIM_LIMIT_PORTS] = {{.name = "ports",
			     .what = "event-channel ports of a domain",
			     .normal = MAX_PORTS,
			     .most = MAX_PORTS},
			    MEMBER(max_ports)},
    [GNTSIM_LIMIT_FRAMES] = {{.name = "frames",
			      .what = "page frames of the machine",
			      .most = 1u << 20,
			      .of_machine = true},
			     0},
};

const struct gntsim_limit_info *gntsim_limit(enum gntsim_limit limit)
{
	return &limits[limit].info;
}

int gntsim_limit_by_name(const char *name, enum gntsim_limit *out)
{
	for (unsigned int i = 0; i < GNTSIM_N_LIMITS; i++) {
		if (strcmp(limits[i].info.name, name) == 0) {
			*out = (enum gntsim_limit)i;
			return 0;
		}
	}
	return -EINVAL;
}

uint32_t *gntsim_limit_member(struct gntsim_domain_config *config, enum gntsim_limit limit)
{
	if (limits[limit].info.of_machine)
		return NULL;
	return (uint32_t *)(void *)((char *)config + limits[limit].member);
}

int gntsim_domain_set_limit(struct gntsim_domain *dom, enum gntsim_limit limit, uint32_t value)
{
	if (!limits[limit].info.later)
		return -EPERM;
	if (limit == GNTSIM_LIMIT_GNTALLOC)
		dom->gntalloc_limit = value;
	else if (limit == GNTSIM_LIMIT_GNTDEV)
		dom->gntdev_limit = value;
	else
		dom->free_per_iteration = value;
	return 0;
}

uint32_t gntsim_domain_limit(const struct gntsim_domain *dom, enum gntsim_limit limit)
{
	if (!limits[limit].info.later)
		return 0;
	if (limit == GNTSIM_LIMIT_GNTALLOC)
		return dom->gntalloc_limit;
	return limit == GNTSIM_LIMIT_GNTDEV ? dom->gntdev_limit : dom->free_per_iteration;
}
