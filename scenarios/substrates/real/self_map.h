/* SPDX-License-Identifier: MIT */
/*
 * Maps of a domain's own grants. A PVH domain on amd64 must not make one: Xen takes the alias out of the
 * domain's physical memory, the page is no longer where the granter has it, and the kernel crashes sooner or
 * later. Xen on Arm takes nothing out, and a PV domain has no such memory.
 */
#ifndef SCN_SELF_MAP_H
#define SCN_SELF_MAP_H

#include "lang/ast.h"
#include "lang/call.h"

/* Why such a call is not made. */
#define SCN_SELF_MAP_LOSES                                                                         \
	"a PVH guest can't map its own grants: Xen takes the page away from its first address"

/* Whether a real domain of this kind loses pages that it maps from itself; never where there is no real
 * Xen. */
bool scn_self_map_loses(enum scn_guest guest, const struct scn_platform *platform);
/* Whether a call maps grants of that domain. */
bool scn_maps_from(const struct scn_call *call, uint16_t domid);

#endif
