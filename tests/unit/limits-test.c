/* SPDX-License-Identifier: MIT */
/* The table of limits. */
#include "support/mapping.h"

static void each_limit_has_its_name(void)
{
	enum gntsim_limit found;

	for (int i = 0; i < GNTSIM_N_LIMITS; i++) {
		const struct gntsim_limit_info *info = gntsim_limit((enum gntsim_limit)i);

		REQUIRE_EQ(gntsim_limit_by_name(info->name, &found), 0);
		EXPECT_EQ((int)found, i);
		EXPECT(info->normal <= info->most);
	}
	EXPECT_EQ(gntsim_limit_by_name("", &found), -EINVAL);
	EXPECT_EQ(gntsim_limit_by_name("port", &found), -EINVAL);
}

/* Each of a domain's has a member of its own, and Xen's are bounded where the domain is made. */
static void each_limit_has_its_member(void)
{
	for (int i = 0; i < GNTSIM_N_LIMITS; i++) {
		const struct gntsim_limit_info *info = gntsim_limit((enum gntsim_limit)i);
		struct gntsim_domain_config config = {0};
		uint32_t *member = gntsim_limit_member(&config, (enum gntsim_limit)i);
		struct gntsim_domain *dom = NULL;

		EXPECT_EQ(member == NULL, info->of_machine);
		if (!member || info->later)
			continue;
		*member = info->most + 1;
		EXPECT_EQ(gntsim_domain_create(fx.m, 7, &config, &dom), -EINVAL);
		*member = 1;
		REQUIRE_EQ(gntsim_domain_create(fx.m, 7, &config, &dom), 0);
		gntsim_domain_destroy(dom);
	}
}

static void module_parameters_can_change(void)
{
	struct gntsim_file *alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	struct gntsim_file *dev = fx_open(fx.dom1, GNTSIM_DEV_GNTDEV);
	const struct gntsim_grant refs[3] = {{.ref = 8}, {.ref = 9}, {.ref = 10}};
	gntsim_gref ref;
	uint64_t index;

	EXPECT_EQ(gntsim_domain_set_limit(fx.dom1, GNTSIM_LIMIT_GNTALLOC, 0), 0);
	EXPECT_EQ(gntsim_gntalloc_alloc(alloc, 0, 0, 1, &index, &ref), -ENOSPC);
	EXPECT_EQ(gntsim_domain_set_limit(fx.dom1, GNTSIM_LIMIT_GNTALLOC, 1), 0);
	EXPECT_EQ(gntsim_gntalloc_alloc(alloc, 0, 0, 1, &index, &ref), 0);
	EXPECT_EQ(gntsim_domain_set_limit(fx.dom1, GNTSIM_LIMIT_GNTDEV, 2), 0);
	EXPECT_EQ(gntsim_domain_set_limit(fx.dom1, GNTSIM_LIMIT_FREE_PER_ITERATION, 3), 0);
	/* And be asked for; what Xen sets, and the machine's, is not the domain's to tell. */
	EXPECT_EQ(gntsim_domain_limit(fx.dom1, GNTSIM_LIMIT_GNTALLOC), 1);
	EXPECT_EQ(gntsim_domain_limit(fx.dom1, GNTSIM_LIMIT_GNTDEV), 2);
	EXPECT_EQ(gntsim_domain_limit(fx.dom1, GNTSIM_LIMIT_FREE_PER_ITERATION), 3);
	EXPECT_EQ(gntsim_domain_limit(fx.dom1, GNTSIM_LIMIT_PORTS), 0);
	EXPECT_EQ(gntsim_domain_limit(fx.dom2, GNTSIM_LIMIT_GNTDEV), 65536);
	EXPECT_EQ(gntsim_gntdev_map(dev, 3, refs, &index), -EINVAL);
	EXPECT_EQ(gntsim_gntdev_map(dev, 2, refs, &index), 0);
	gntsim_close(dev);
	gntsim_close(alloc);
}

static void what_xen_sets_stays(void)
{
	EXPECT_EQ(gntsim_domain_set_limit(fx.dom1, GNTSIM_LIMIT_FREE_PER_ITERATION, 0), 0);
	EXPECT_EQ(gntsim_domain_set_limit(fx.dom1, GNTSIM_LIMIT_PORTS, 9), -EPERM);
	EXPECT_EQ(gntsim_domain_set_limit(fx.dom1, GNTSIM_LIMIT_GRANT_FRAMES, 9), -EPERM);
	EXPECT_EQ(gntsim_domain_set_limit(fx.dom1, GNTSIM_LIMIT_MAPTRACK_FRAMES, 9), -EPERM);
	EXPECT_EQ(gntsim_domain_set_limit(fx.dom1, GNTSIM_LIMIT_FRAMES, 9), -EPERM);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"each limit has its name", each_limit_has_its_name},
	    {"each limit has its member", each_limit_has_its_member},
	    {"module parameters can change", module_parameters_can_change},
	    {"what Xen sets stays", what_xen_sets_stays},
	};

	return UNIT_MAIN("limits", tests);
}
