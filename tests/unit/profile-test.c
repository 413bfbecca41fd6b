/* SPDX-License-Identifier: MIT */
/* Kernel versions. */
#include "fixture.h"

static void kernel_names(void)
{
	enum gntsim_kernel kernel = GNTSIM_KERNEL_DEFAULT;
	struct gntsim_domain *dom = NULL;
	struct gntsim_domain_config config = {.kernel = GNTSIM_KERNEL_6_1};

	EXPECT_EQ(gntsim_kernel_by_name("6.1", &kernel), 0);
	EXPECT_EQ(kernel, GNTSIM_KERNEL_6_1);
	EXPECT_EQ(gntsim_kernel_by_name("6.", &kernel), -EINVAL);
	EXPECT_EQ(gntsim_kernel_by_name("6.1.192", &kernel), -EINVAL);
	EXPECT_EQ(gntsim_kernel_by_name("", &kernel), -EINVAL);
	REQUIRE_EQ(gntsim_domain_create(fx.m, 5, &config, &dom), 0);
	EXPECT(strcmp(gntsim_domain_kernel_name(dom), "6.1") == 0);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"kernel names", kernel_names},
	};

	return UNIT_MAIN("profile", tests);
}
