/* SPDX-License-Identifier: MIT */
/* What is known of real domains before anything is played in them. */
#include <string.h>

#include "fixture.h"
#include "lang/layout.h"
#include "substrates/leg.h"
#include "substrates/real/self_map.h"

static void guests_of_a_name(void)
{
	enum scn_guest guest[2] = {SCN_PV, SCN_PV};

	CU_ASSERT_TRUE(scn_leg_guests("pvh+pv", guest));
	CU_ASSERT_EQUAL(guest[0], SCN_PVH);
	CU_ASSERT_EQUAL(guest[1], SCN_PV);
	CU_ASSERT_TRUE(scn_leg_guests("arm64+arm64", guest));
	CU_ASSERT_EQUAL(guest[0], SCN_PVH);
	CU_ASSERT_EQUAL(guest[1], SCN_PVH);
	CU_ASSERT_TRUE(scn_leg_guests("pv", guest));
	CU_ASSERT_EQUAL(guest[1], SCN_PV);
	guest[0] = SCN_PVH;
	CU_ASSERT_FALSE(scn_leg_guests("pv+hvm", guest));
	CU_ASSERT_FALSE(scn_leg_guests("", guest));
	CU_ASSERT_FALSE(scn_leg_guests("pv+", guest));
	CU_ASSERT_EQUAL(guest[0], SCN_PVH);
}

/* struct ioctl_gntdev_map_grant_ref with two references. */
struct map {
	uint32_t count, pad;
	uint64_t index;
	struct {
		uint32_t domid, ref;
	} refs[2];
};

static void a_map_of_one_of_its_own_grants(void)
{
	static const char name[] = "IOCTL_GNTDEV_MAP_GRANT_REF";
	const struct map map = {.count = 2, .refs = {{5, 8}, {0x10003, 9}}};
	struct scn_call call = {
	    .kind = SCN_IOCTL, .image = (const uint8_t *)&map, .image_len = sizeof(map)};

	call.arg[1] = scn_ioctl_by_name((struct scn_str){name, sizeof(name) - 1})->number;
	CU_ASSERT_TRUE(scn_maps_from(&call, 5));
	CU_ASSERT_TRUE(scn_maps_from(&call, 3));
	CU_ASSERT_FALSE(scn_maps_from(&call, 8));
	call.image_len = sizeof(map) - sizeof(map.refs[1]);
	CU_ASSERT_FALSE(scn_maps_from(&call, 3));
	call.image = NULL;
	CU_ASSERT_FALSE(scn_maps_from(&call, 5));
	call.image = (const uint8_t *)&map;
	call.arg[1]++;
	CU_ASSERT_FALSE(scn_maps_from(&call, 5));
}

/* Whatever this host is, no domain on Arm and no PV domain loses a page to a map of its own. */
static void who_loses_no_page(void)
{
	struct scn_platform platform = {.arch = SCN_ARM64};

	CU_ASSERT_FALSE(scn_self_map_loses(SCN_PVH, &platform));
	platform.arch = SCN_AMD64;
	CU_ASSERT_FALSE(scn_self_map_loses(SCN_PV, &platform));
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"guests of a name", guests_of_a_name},
	    {"a map of one of its own grants", a_map_of_one_of_its_own_grants},
	    {"who loses no page", who_loses_no_page},
	};

	return lang_run("real domains", tests, sizeof(tests) / sizeof(tests[0]));
}
