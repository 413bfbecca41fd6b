/* SPDX-License-Identifier: MIT */
/* Kernel versions. */
#include "support/mapping.h"

/* The profile that holds at a version. */
static const struct {
	const char *name;
	enum gntsim_kernel kernel;
} versions[] = {
    {"6.1", GNTSIM_KERNEL_6_1},           {"6.12", GNTSIM_KERNEL_6_12},
    {"6.1.192", GNTSIM_KERNEL_6_1},       {"5.10.0", GNTSIM_KERNEL_5_10_260},
    {"5.10.260", GNTSIM_KERNEL_5_10_260}, {"5.10.261", GNTSIM_KERNEL_5_10},
    {"5.10", GNTSIM_KERNEL_5_10},         {"5.10.99999999999", GNTSIM_KERNEL_5_10},
};

static void kernel_names(void)
{
	enum gntsim_kernel kernel = GNTSIM_KERNEL_DEFAULT;
	struct gntsim_domain *dom = NULL;
	struct gntsim_domain_config config = {.kernel = GNTSIM_KERNEL_6_1};

	for (unsigned i = 0; i < 6; i++) {
		static const char *const oldest_first[] = {"5.10.260", "5.10", "6.1",
							   "6.12",     "6.18", "7.3"};

		kernel = (enum gntsim_kernel)(GNTSIM_KERNEL_DEFAULT + 1 + i);
		EXPECT(strcmp(gntsim_kernel_name(kernel), oldest_first[i]) == 0);
	}
	/* No other number has a name. */
	for (unsigned i = GNTSIM_KERNEL_7_3 + 1; i < GNTSIM_KERNEL_7_3 + 20; i++)
		EXPECT(gntsim_kernel_name((enum gntsim_kernel)i) == NULL);
	EXPECT(gntsim_kernel_name((enum gntsim_kernel)INT32_MAX) == NULL);
	EXPECT_EQ(gntsim_kernel_by_name("6.", &kernel), -EINVAL);
	for (unsigned i = 0; i < 7; i++) {
		static const char *const none[] = {"6.1.", "6.1.x", "6.1.1.1", ".1",
						   "6.x",  "61",    "6.2.1"};

		EXPECT_EQ(gntsim_kernel_by_name(none[i], &kernel), -EINVAL);
	}
	for (unsigned i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		EXPECT_EQ(gntsim_kernel_by_name(versions[i].name, &kernel), 0);
		EXPECT_EQ(kernel, versions[i].kernel);
	}
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

/* A private gntdev mapping cannot be made writable. (Measured.) */
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

/* A machine of another make in the test's place. */
static struct gntsim_machine *machine(const struct gntsim_config *like,
				      struct gntsim_domain *dom[3])
{
	static _Alignas(4096) unsigned char frames[16 * GNTSIM_PAGE_SIZE];
	struct gntsim_config config = *like;
	struct gntsim_machine *m = NULL;

	memset(frames, 0, sizeof(frames));
	config.frames = frames;
	config.n_frames = 16;
	REQUIRE_EQ(gntsim_machine_new(&config, &m), 0);
	for (uint16_t i = 0; i < 3; i++)
		REQUIRE_EQ(gntsim_domain_create(m, i, NULL, &dom[i]), 0);
	return m;
}

static int16_t status_of_map(struct gntsim_domain *mapper, uint16_t granter, gntsim_gref ref)
{
	struct gntsim_map_grant_ref op = {
	    .flags = GNTSIM_GNTMAP_HOST_MAP, .host_addr = PAGE, .domid = granter, .ref = ref};

	gntsim_gnttab_map(mapper, &op);
	return op.status;
}

static int16_t copy_status(struct gntsim_domain *dom, struct gntsim_copy_ptr from,
			   struct gntsim_copy_ptr to, uint16_t len)
{
	struct gntsim_copy op = {
	    .source = from,
	    .dest = to,
	    .len = len,
	    .flags = GNTSIM_GNTCOPY_SOURCE_GREF | GNTSIM_GNTCOPY_DEST_GREF,
	};

	gntsim_gnttab_copy(dom, &op);
	return op.status;
}

/* Xen xsm/silo.c: domain 0 and oneself, on either side or as who asks. */
static void silo(void)
{
	struct gntsim_domain *dom[3];
	struct gntsim_machine *m = machine(&(struct gntsim_config){.xsm = GNTSIM_XSM_SILO}, dom);
	struct gntsim_file *alloc = fx_open(dom[1], GNTSIM_DEV_GNTALLOC);
	gntsim_gref for2 = fx_alloc(alloc, 2, NULL), for0 = fx_alloc(alloc, 0, NULL);
	gntsim_gref for1 = fx_alloc(alloc, 1, NULL), other = fx_alloc(alloc, 2, NULL);

	EXPECT_EQ(gntsim_port_alloc_unbound(dom[1], 77), -ESRCH);
	EXPECT_EQ(gntsim_port_alloc_unbound(dom[1], 2), -EPERM);
	EXPECT_EQ(gntsim_port_alloc_unbound(dom[1], 0), 1);
	EXPECT_EQ(gntsim_port_alloc_unbound(dom[1], 1), 2);
	EXPECT_EQ(gntsim_port_alloc_unbound(dom[0], 2), 1);
	EXPECT_EQ(status_of_map(dom[2], 1, for2), GNTSIM_GNTST_PERMISSION_DENIED);
	EXPECT_EQ(status_of_map(dom[2], 77, for2), GNTSIM_GNTST_BAD_DOMAIN);
	EXPECT_EQ(status_of_map(dom[0], 1, for0), GNTSIM_GNTST_OKAY);
	EXPECT_EQ(status_of_map(dom[1], 1, for1), GNTSIM_GNTST_OKAY);
	/* Of a copy both sides are looked at, and who asks: between two of another's own pages it may. */
	EXPECT_EQ(copy_status(dom[2], (struct gntsim_copy_ptr){for2, 1, 0},
			      (struct gntsim_copy_ptr){other, 1, 0}, 8),
		  GNTSIM_GNTST_OKAY);
	EXPECT_EQ(copy_status(dom[2], (struct gntsim_copy_ptr){for2, 1, 0},
			      (struct gntsim_copy_ptr){for2, GNTSIM_DOMID_SELF, 0}, 8),
		  GNTSIM_GNTST_PERMISSION_DENIED);
	gntsim_close(alloc);
	gntsim_machine_free(m);
}

static void hypervisors(void)
{
	static const enum gntsim_xen xens[] = {GNTSIM_XEN_DEFAULT, GNTSIM_XEN_4_17, GNTSIM_XEN_4_19,
					       GNTSIM_XEN_4_20, GNTSIM_XEN_4_21};
	const struct gntsim_copy_ptr nowhere = {5000000, 77, 0};
	enum gntsim_xen xen = GNTSIM_XEN_DEFAULT;

	EXPECT_EQ(gntsim_xen_by_name("4.20", &xen), 0);
	EXPECT_EQ(xen, GNTSIM_XEN_4_20);
	EXPECT_EQ(gntsim_xen_by_name("4.2", &xen), -EINVAL);
	EXPECT_EQ(gntsim_xen_by_name("", &xen), -EINVAL);
	EXPECT(strcmp(gntsim_xen_name(GNTSIM_XEN_DEFAULT), "4.17") == 0);
	EXPECT(!gntsim_xen_name(GNTSIM_XEN_4_21 + 1));
	for (unsigned i = 0; i < sizeof(xens) / sizeof(xens[0]); i++) {
		struct gntsim_domain *dom[3];
		struct gntsim_machine *m = machine(&(struct gntsim_config){.xen = xens[i]}, dom);
		bool guarded = xens[i] >= GNTSIM_XEN_4_21;

		EXPECT_EQ(gntsim_port_bind_virq(dom[1], 8), guarded ? -EBUSY : 1);
		EXPECT_EQ(gntsim_port_bind_virq(dom[1], 11), guarded ? 1 : 2);
		EXPECT_EQ(gntsim_port_bind_virq(dom[0], 8), 1);
		EXPECT_EQ(copy_status(dom[1], nowhere, nowhere, 0),
			  xens[i] >= GNTSIM_XEN_4_19 ? GNTSIM_GNTST_OKAY : GNTSIM_GNTST_BAD_DOMAIN);
		EXPECT_EQ(copy_status(dom[1], nowhere, nowhere, 1), GNTSIM_GNTST_BAD_DOMAIN);
		gntsim_machine_free(m);
	}
}

static void arm64(void)
{
	const enum gntsim_guest pv = GNTSIM_GUEST_PV;
	struct gntsim_domain_config config = {.guest = &pv};
	struct gntsim_domain *dom[3], *more;
	struct gntsim_machine *m = machine(&(struct gntsim_config){.arch = GNTSIM_ARCH_ARM64}, dom);

	EXPECT_EQ(gntsim_domain_guest(dom[0]), GNTSIM_GUEST_PVH);
	EXPECT_EQ(gntsim_domain_create(m, 5, &config, &more), -EINVAL);
	EXPECT(strcmp(gntsim_arch_name(GNTSIM_ARCH_ARM64), "arm64") == 0);
	EXPECT(strcmp(gntsim_xsm_name(GNTSIM_XSM_SILO), "silo") == 0);
	gntsim_machine_free(m);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"kernel names", kernel_names},
	    {"private map on 6.12", private_map_on_6_12},
	    {"a private map on 6.12", a_private_map_on_6_12},
	    {"silo", silo},
	    {"hypervisors", hypervisors},
	    {"arm64", arm64},
	};

	return UNIT_MAIN("profile", tests);
}
