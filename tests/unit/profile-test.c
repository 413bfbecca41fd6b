/* SPDX-License-Identifier: MIT */
/* Kernel versions. */
#include "support/mapping.h"

static void kernel_names(void)
{
	enum gntsim_kernel kernel = GNTSIM_KERNEL_DEFAULT;
	struct gntsim_domain *dom = NULL;
	struct gntsim_domain_config config = {.kernel = GNTSIM_KERNEL_6_1};

	EXPECT_EQ(gntsim_kernel_by_name("6.1", &kernel), 0);
	EXPECT_EQ(kernel, GNTSIM_KERNEL_6_1);
	EXPECT_EQ(gntsim_kernel_by_name("6.12", &kernel), 0);
	EXPECT_EQ(kernel, GNTSIM_KERNEL_6_12);
	EXPECT_EQ(gntsim_kernel_by_name("6.", &kernel), -EINVAL);
	EXPECT_EQ(gntsim_kernel_by_name("6.1.192", &kernel), -EINVAL);
	EXPECT_EQ(gntsim_kernel_by_name("", &kernel), -EINVAL);
	REQUIRE_EQ(gntsim_domain_create(fx.m, 5, &config, &dom), 0);
	EXPECT(strcmp(gntsim_domain_kernel_name(dom), "6.1") == 0);
}

/* 6.12 refuses to make a private gntdev mapping writable, and leaves it alone; a shared one it lets. (Measured.) */
static void private_map_on_6_12(void)
{
	const enum gntsim_guest guest[2] = {GNTSIM_GUEST_PV, GNTSIM_GUEST_PVH};

	for (unsigned i = 0; i < 2; i++) {
		const struct gntsim_domain_config c = {.guest = &guest[i],
						       .kernel = GNTSIM_KERNEL_6_12};
		struct fx_config config = {.domain = {NULL, NULL, &c}};
		struct gntsim_file *alloc, *dev;
		struct gntsim_mm *mm;

		fx_restart(&config);
		EXPECT(strcmp(gntsim_domain_kernel_name(fx.dom2), "6.12") == 0);
		alloc = granted(fx.dom2);
		dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
		mm = fx_mm(fx.dom2);
		EXPECT_EQ(gntsim_mmap(mm, dev, VA, PAGE, PROT_READ, MAP_PRIVATE,
				      fx_map(dev, 1, granted_refs[0])),
			  0);
		EXPECT_EQ(gntsim_mprotect(mm, VA, PAGE, PROT_READ | PROT_WRITE), -EACCES);
		EXPECT_EQ(fx_peek(mm, VA), 0xFF);
		EXPECT_EQ(fx_try_store(mm, VA), GNTSIM_ACCESS_SEGV);
		EXPECT_EQ(gntsim_mmap(mm, dev, VA, PAGE, PROT_READ, MAP_SHARED,
				      fx_map(dev, 1, granted_refs[1])),
			  0);
		EXPECT_EQ(gntsim_mprotect(mm, VA, PAGE, PROT_READ | PROT_WRITE), 0);
		gntsim_mm_destroy(mm);
		gntsim_close(dev);
		gntsim_close(alloc);
	}
}

/* 6.12 differs from 6.1 in one thing (measured): a private gntdev mapping cannot be made writable. */
static void a_private_map_on_6_12(void)
{
	const struct gntsim_domain_config c = {.kernel = GNTSIM_KERNEL_6_12};
	struct fx_config config = {.domain = {NULL, NULL, &c}};
	struct gntsim_file *alloc, *dev;
	struct gntsim_mm *mm;
	enum gntsim_kernel kernel = GNTSIM_KERNEL_DEFAULT;

	EXPECT_EQ(gntsim_kernel_by_name("6.12", &kernel), 0);
	EXPECT_EQ(kernel, GNTSIM_KERNEL_6_12);
	fx_restart(&config);
	EXPECT(strcmp(gntsim_domain_kernel_name(fx.dom2), "6.12") == 0);
	alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	dev = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	mm = fx_mm(fx.dom2);
	EXPECT_EQ(gntsim_mmap(mm, dev, VA, PAGE, PROT_READ, MAP_PRIVATE,
			      fx_map(dev, 1, fx_alloc(alloc, 2, NULL))),
		  0);
	EXPECT_EQ(gntsim_mmap(mm, dev, VA + PAGE, PAGE, PROT_READ, MAP_SHARED,
			      fx_map(dev, 1, fx_alloc(alloc, 2, NULL))),
		  0);
	EXPECT_EQ(gntsim_mprotect(mm, VA, PAGE, PROT_READ | PROT_WRITE), -EACCES);
	EXPECT_EQ(fx_try_load(mm, VA), GNTSIM_ACCESS_OK);
	EXPECT_EQ(fx_try_store(mm, VA), GNTSIM_ACCESS_SEGV);
	EXPECT_EQ(gntsim_mprotect(mm, VA + PAGE, PAGE, PROT_READ | PROT_WRITE), 0);
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"kernel names", kernel_names},
	    {"private map on 6.12", private_map_on_6_12},
	    {"a private map on 6.12", a_private_map_on_6_12},
	};

	return UNIT_MAIN("profile", tests);
}
