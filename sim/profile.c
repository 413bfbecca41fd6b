/* SPDX-License-Identifier: MIT */
/*
 * Kernel and hypervisor versions. A new one is a row here; a rule that differs is a member of the row
 * that the room with the rule asks.
 */
#include <string.h>

#include "model.h"

#define MOST_PATCH 100000u /* more are as many */

static const struct profile profiles[] = {
    [GNTSIM_KERNEL_5_10_260] =
	{
	    .name = "5.10.260",
	    .private_may_write = true,
	    .counts_late = true,
	    .empties_first = true,
	    .keeps_unwritten = true,
	},
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

/* The length of the series in a version, "6.1.192" or "6.1"; *patch: UINT32_MAX where none is said. 0: no version. */
static size_t series_of(const char *version, uint32_t *patch)
{
	size_t digits = strspn(version, "0123456789"), minor, len;
	const char *p;

	*patch = UINT32_MAX;
	if (!digits || version[digits] != '.')
		return 0;
	minor = strspn(version + digits + 1, "0123456789");
	len = digits + 1 + minor;
	if (!minor || !version[len])
		return minor ? len : 0;
	*patch = 0;
	for (p = version + len + 1; *p >= '0' && *p <= '9'; p++)
		*patch = *patch < MOST_PATCH ? *patch * 10 + (uint32_t)(*p - '0') : MOST_PATCH;
	return version[len] == '.' && p > version + len + 1 && !*p ? len : 0;
}

int gntsim_kernel_by_name(const char *name, enum gntsim_kernel *out)
{
	uint32_t patch, last;
	size_t len = series_of(name, &patch);

	/* Those of a series lie from the oldest on. */
	for (unsigned int i = GNTSIM_KERNEL_DEFAULT + 1;
	     len && i < sizeof(profiles) / sizeof(*profiles); i++) {
		if (series_of(profiles[i].name, &last) == len &&
		    !strncmp(profiles[i].name, name, len) && patch <= last) {
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
