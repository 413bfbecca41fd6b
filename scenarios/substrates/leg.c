/* SPDX-License-Identifier: MIT */
#include "leg.h"

#include <string.h>

/* On Arm every domain is auto-translated, as a PVH one is. */
static const struct scn_leg legs[] = {
    {"pv", 1, {SCN_PV, SCN_PV}, false},           {"pv+pvh", 2, {SCN_PV, SCN_PVH}, false},
    {"pv+pv", 2, {SCN_PV, SCN_PV}, false},        {"arm64", 1, {SCN_PVH, SCN_PVH}, true},
    {"arm64+arm64", 2, {SCN_PVH, SCN_PVH}, true},
};

const struct scn_leg *scn_leg_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(legs) / sizeof(legs[0]); i++) {
		if (!strcmp(legs[i].name, name))
			return &legs[i];
	}
	return NULL;
}

static bool take_guest(const char *name, size_t n, enum scn_guest *out)
{
	*out = n == 2 && !strncmp(name, "pv", n) ? SCN_PV : SCN_PVH;
	return *out == SCN_PV || (n == 3 && !strncmp(name, "pvh", n)) ||
	       (n == 5 && !strncmp(name, "arm64", n));
}

bool scn_leg_guests(const char *name, enum scn_guest guest[2])
{
	size_t first = strcspn(name, "+");
	const char *second = name[first] ? name + first + 1 : name;
	enum scn_guest found[2];

	if (!take_guest(name, first, &found[0]) ||
	    !take_guest(second, strcspn(second, "+"), &found[1]))
		return false;
	memcpy(guest, found, sizeof(found));
	return true;
}
