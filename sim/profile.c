/* SPDX-License-Identifier: MIT */
/*
 * Kernel and hypervisor versions. A new one is a row here; a rule that differs is a member of the row
 * that the room with the rule asks.
 */
#include <string.h>

#include "model.h"

static const struct profile profiles[] = {
    [GNTSIM_KERNEL_5_10] =
	{
	    .name = "5.10",
	    .private_may_write = true,
	    .counts_late = true,
	    .empties_first = true,
	},
    [GNTSIM_KERNEL_6_1] =
	{
	    .name = "6.1",
	    .private_may_write = true,
	},
    [GNTSIM_KERNEL_6_12] =
	{
	    .name = "6.12",
	    .bind_static = true,
	},
    [GNTSIM_KERNEL_6_18] =
	{
	    .name = "6.18",
	    .private_may_write = true,
	    .bind_static = true,
	    .counts_late = true,
	    .keeps_unwritten = true,
	    .moves_many = true,
	},
    [GNTSIM_KERNEL_7_3] =
	{
	    .name = "7.3",
	    .bind_static = true,
	    .moves_many = true,
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

static const struct xen_profile xens[] = {
    [GNTSIM_XEN_4_14] = {.name = "4.14"},
    [GNTSIM_XEN_4_17] = {.name = "4.17"},
    [GNTSIM_XEN_4_19] = {.name = "4.19", .copies_nothing = true},
    [GNTSIM_XEN_4_20] = {.name = "4.20", .copies_nothing = true},
    [GNTSIM_XEN_4_21] = {.name = "4.21", .copies_nothing = true, .guards_handlers = true},
};

const struct xen_profile *gs_xen_profile(enum gntsim_xen xen)
{
	if (xen == GNTSIM_XEN_DEFAULT)
		xen = GNTSIM_XEN_4_17;
	return xen < sizeof(xens) / sizeof(*xens) ? &xens[xen] : NULL;
}

int gntsim_xen_by_name(const char *name, enum gntsim_xen *out)
{
	unsigned int i;

	for (i = GNTSIM_XEN_DEFAULT + 1; i < sizeof(xens) / sizeof(*xens); i++) {
		if (!strcmp(xens[i].name, name)) {
			*out = (enum gntsim_xen)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *gntsim_xen_name(enum gntsim_xen xen)
{
	const struct xen_profile *profile = gs_xen_profile(xen);

	return profile ? profile->name : NULL;
}

const char *gntsim_xsm_name(enum gntsim_xsm xsm)
{
	static const char *const names[] = {
	    [GNTSIM_XSM_DUMMY] = "dummy", [GNTSIM_XSM_SILO] = "silo"};

	return xsm < sizeof(names) / sizeof(*names) ? names[xsm] : NULL;
}

const char *gntsim_arch_name(enum gntsim_arch arch)
{
	static const char *const names[] = {
	    [GNTSIM_ARCH_AMD64] = "amd64", [GNTSIM_ARCH_ARM64] = "arm64"};

	return arch < sizeof(names) / sizeof(*names) ? names[arch] : NULL;
}
