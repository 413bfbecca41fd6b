/* SPDX-License-Identifier: MIT */
/*
 * Kernel versions. A new one is a row here; a rule that differs is a member of struct profile
 * that the room with the rule asks.
 */
#include <string.h>

#include "model.h"

static const struct profile profiles[] = {
    [GNTSIM_KERNEL_6_1] =
	{
	    .name = "6.1",
	    .deferred_batch = 10,
	    .private_may_write = true,
	},
    [GNTSIM_KERNEL_6_12] =
	{
	    .name = "6.12",
	    .deferred_batch = 10,
	    .bind_static = true,
	},
};

const struct profile *gs_profile(enum gntsim_kernel kernel)
{
	if (kernel == GNTSIM_KERNEL_DEFAULT)
		kernel = GNTSIM_KERNEL_6_1;
	if (kernel >= sizeof(profiles) / sizeof(*profiles) || !profiles[kernel].name)
		return NULL;
	return &profiles[kernel];
}

int gntsim_kernel_by_name(const char *name, enum gntsim_kernel *out)
{
	unsigned int i;

	for (i = 0; i < sizeof(profiles) / sizeof(*profiles); i++) {
		if (profiles[i].name && !strcmp(profiles[i].name, name)) {
			*out = (enum gntsim_kernel)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *gntsim_kernel_name(enum gntsim_kernel kernel)
{
	const struct profile *profile = gs_profile(kernel);

	return profile ? profile->name : NULL;
}
