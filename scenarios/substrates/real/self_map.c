/* SPDX-License-Identifier: MIT */
#include "self_map.h"

#include <string.h>
#include <unistd.h>

#include "lang/layout.h"

bool scn_self_map_loses(enum scn_guest guest, const struct scn_platform *platform)
{
	return guest == SCN_PVH && platform->arch == SCN_AMD64 &&
	       access("/sys/hypervisor/version/major", F_OK) == 0;
}

bool scn_maps_from(const struct scn_call *call, uint16_t domid)
{
	static const char map[] = "IOCTL_GNTDEV_MAP_GRANT_REF";
	const uint32_t refs_at = 16, ref_size = 8;

	if (call->kind != SCN_IOCTL || !call->image ||
	    call->arg[1] != scn_ioctl_by_name((struct scn_str){map, sizeof(map) - 1})->number)
		return false;
	for (uint32_t at = refs_at; at + ref_size <= call->image_len; at += ref_size) {
		uint32_t granter;

		memcpy(&granter, call->image + at, sizeof(granter));
		/* The driver takes its low half. */
		if ((uint16_t)granter == domid)
			return true;
	}
	return false;
}
