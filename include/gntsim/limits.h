/* SPDX-License-Identifier: MIT */
/**
 * @file limits.h
 * What a domain, or the machine, can run out of: one table of names, defaults and bounds, for whoever
 * lets somebody set them.
 *
 *     struct gntsim_domain_config small = {0};
 *     struct gntsim_domain *dom3;
 *     *gntsim_limit_member(&small, GNTSIM_LIMIT_PORTS) = 4;
 *     gntsim_domain_create(m, 3, &small, &dom3);
 *     assert(gntsim_domain_set_limit(dom3, GNTSIM_LIMIT_PORTS, 8) < 0);
 */
#ifndef GNTSIM_LIMITS_H
#define GNTSIM_LIMITS_H

#include <gntsim/domain.h>

#ifdef __cplusplus
extern "C" {
#endif

enum gntsim_limit {
	GNTSIM_LIMIT_GNTALLOC,
	GNTSIM_LIMIT_GNTDEV,
	GNTSIM_LIMIT_FREE_PER_ITERATION,
	GNTSIM_LIMIT_GRANT_FRAMES,
	GNTSIM_LIMIT_MAPTRACK_FRAMES,
	GNTSIM_LIMIT_PORTS,
	GNTSIM_LIMIT_FRAMES, /**< of the machine: gntsim_config.n_frames */
	GNTSIM_N_LIMITS,
};

struct gntsim_limit_info {
	const char *name; /**< "gntalloc_limit" */
	const char *what; /**< a few words: of what there may be so many */
	uint32_t normal; /**< without a word; Linux's or Xen's. 0: whoever makes the machine says */
	uint32_t most;
	bool of_machine; /**< else of a domain */
	bool later;      /**< can change while the domain lives: a module parameter in Linux */
};

/** One row of the table. A constant. */
const struct gntsim_limit_info *gntsim_limit(enum gntsim_limit limit);

/** The limit of that name; -EINVAL if there is none. */
int gntsim_limit_by_name(const char *name, enum gntsim_limit *out);

/** The member of a domain's configuration; NULL for a limit of the machine. */
uint32_t *gntsim_limit_member(struct gntsim_domain_config *config, enum gntsim_limit limit);

/**
 * Changes a limit of a domain that lives, as writing to the module's parameter in /sys does. No page
 * at all of gntalloc is a limit of 0; free_per_iteration is without a limit then.
 * @retval -EPERM it stays as it was when the domain was made
 */
int gntsim_domain_set_limit(struct gntsim_domain *dom, enum gntsim_limit limit, uint32_t value);

/** The limit as it is now, as the module's parameter in /sys tells it; 0 for one that can't change while the
 * domain lives. */
uint32_t gntsim_domain_limit(const struct gntsim_domain *dom, enum gntsim_limit limit);

#ifdef __cplusplus
}
#endif
#endif
