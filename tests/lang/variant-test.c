/* SPDX-License-Identifier: MIT */
/* Which machines a script is played on. */
#include "lang/parse/parser.h"
#include "player/variant.h"
#include "substrates/real/platform.h"
#include <stdio.h>
#include <string.h>

#include "fixture.h"

static const struct scn_platform platform = {.xen = {4, 17, -1}};

static struct scn_scenario parsed(const char *text)
{
	struct scn_source source = {.name = "t.scn", .text = text, .len = strlen(text)};
	struct scn_errors errors = {0};
	struct scn_scenario s = {0};

	CU_ASSERT_EQUAL_FATAL(scn_parse(&source, &s, &errors), 0);
	scn_errors_free(&errors);
	return s;
}

static void expect_variant(const struct scn_scenario *s, const struct scn_filter *filter,
			   uint32_t n, const char *name)
{
	struct scn_setup setup;
	struct scn_buf got = {0};

	scn_variant(s, filter, (struct scn_version){6, 1, -1}, &platform, n, &setup, &got);
	EXPECT_TEXT(scn_buf_text(&got), name);
	scn_buf_free(&got);
}

static void each_mix_of_guests(void)
{
	struct scn_scenario s = parsed("domain dom0 pv|pvh\ndomain dom1 pv|pvh\ndomain dom2\n");
	struct scn_filter filter = {0};

	CU_ASSERT_EQUAL(scn_variant_count(&s, &filter), 4);
	expect_variant(&s, &filter, 1, "dom0 pvh, dom1 pv");
	expect_variant(&s, &filter, 2, "dom0 pv, dom1 pvh");
	filter = (struct scn_filter){.has_guest = true, .guest = SCN_PVH};
	CU_ASSERT_EQUAL(scn_variant_count(&s, &filter), 1);
	expect_variant(&s, &filter, 0, "dom0 pvh, dom1 pvh, dom2 pvh");
	scn_scenario_free(&s);
}

static void seats_take_the_domains_in_order_or_swapped(void)
{
	struct scn_scenario s = parsed("domain dom3\ndomain dom1 pv|pvh\n");
	struct scn_filter filter = {.seats = {.there = true, .guest = {SCN_PV, SCN_PVH}}};
	struct scn_setup setup;
	struct scn_buf name = {0};

	CU_ASSERT_EQUAL(scn_variant_count(&s, &filter), 1);
	expect_variant(&s, &filter, 0, "dom3 as dom0 pv, dom1 as domU pvh");
	filter.seats.swapped = true;
	scn_variant(&s, &filter, (struct scn_version){6, 1, -1}, &platform, 0, &setup, &name);
	EXPECT_TEXT(scn_buf_text(&name), "dom3 as domU pvh, dom1 as dom0 pv");
	CU_ASSERT_TRUE(setup.domains[0].second_seat && setup.domains[0].guest == SCN_PVH);
	CU_ASSERT_TRUE(!setup.domains[1].second_seat && setup.domains[1].guest == SCN_PV);
	scn_buf_free(&name);
	scn_scenario_free(&s);
}

static void expect_fit(const char *text, bool plain, bool swapped)
{
	struct scn_scenario s = parsed(text);
	struct scn_seats seats = {.there = true, .guest = {SCN_PV, SCN_PVH}};

	CU_ASSERT_EQUAL(scn_seats_fit(&s, &seats), plain);
	seats.swapped = true;
	CU_ASSERT_EQUAL(scn_seats_fit(&s, &seats), swapped);
	scn_scenario_free(&s);
}

static void a_script_fits_where_its_guests_are(void)
{
	expect_fit("domain dom0\n", true, true);
	expect_fit("domain dom0 pv\n", true, false);
	expect_fit("domain dom0\ndomain dom1 pv\n", false, true);
	expect_fit("domain dom0\ndomain dom1 pvh\n", true, false);
	expect_fit("domain dom0 pv|pvh\ndomain dom1 pv|pvh\n", true, true);
	expect_fit("domain dom0 pv\ndomain dom1 pv\n", false, false);
}

/* Whether a file that begins so holds for that kernel, Xen, machine. */
static bool holds(const char *declaration, const char *kernel, const char *xen, enum scn_arch arch,
		  enum scn_xsm xsm)
{
	struct scn_setup setup = {.platform = {.arch = arch, .xsm = xsm}};
	char text[200];
	struct scn_scenario s;
	bool result;

	snprintf(text, sizeof(text), "%s\ndomain dom0\n", declaration);
	s = parsed(text);
	CU_ASSERT_EQUAL(scn_version_parse(kernel, &setup.kernel), 0);
	CU_ASSERT_EQUAL(scn_version_parse(xen, &setup.platform.xen), 0);
	result = scn_condition_holds(s.holds_for, &setup, NULL);
	scn_scenario_free(&s);
	return result;
}

static bool for_kernel(const char *declaration, const char *kernel)
{
	return holds(declaration, kernel, "4.17", SCN_AMD64, SCN_XSM_DUMMY);
}

/* A series without a patch level is any of it; a machine whose patch level is not known has the newest. */
static void conditions_by_patch_level(void)
{
	CU_ASSERT_TRUE(for_kernel("kernel >= 6.1.170", "6.1.170"));
	CU_ASSERT_FALSE(for_kernel("kernel >= 6.1.170", "6.1.169"));
	CU_ASSERT_TRUE(for_kernel("kernel >= 6.1.170", "6.1"));
	CU_ASSERT_TRUE(for_kernel("kernel >= 6.1.170", "6.12"));
	CU_ASSERT_FALSE(for_kernel("kernel >= 6.1.170", "5.10.262"));
	CU_ASSERT_TRUE(for_kernel("kernel == 6.1", "6.1.169"));
	CU_ASSERT_FALSE(for_kernel("kernel > 6.1", "6.1.169"));
	CU_ASSERT_TRUE(for_kernel("kernel < 6.1.170", "6.1.169"));
	CU_ASSERT_TRUE(for_kernel("kernel >= 6.1.170 and kernel != 6.12", "6.1.192"));
	CU_ASSERT_FALSE(for_kernel("kernel >= 6.1.170 and kernel != 6.12", "6.12.1"));
}

static void conditions_by_machine(void)
{
	CU_ASSERT_TRUE(holds("xen < 4.21", "6.1", "4.20", SCN_AMD64, SCN_XSM_DUMMY));
	CU_ASSERT_FALSE(holds("xen < 4.21", "6.1", "4.21", SCN_AMD64, SCN_XSM_DUMMY));
	CU_ASSERT_TRUE(holds("xen >= 4.17.3", "6.1", "4.17.3", SCN_AMD64, SCN_XSM_DUMMY));
	CU_ASSERT_TRUE(holds("arch == arm64", "6.1", "4.17", SCN_ARM64, SCN_XSM_DUMMY));
	CU_ASSERT_FALSE(holds("arch == arm64", "6.1", "4.17", SCN_AMD64, SCN_XSM_DUMMY));
	CU_ASSERT_TRUE(holds("arch != arm64", "6.1", "4.17", SCN_AMD64, SCN_XSM_DUMMY));
	CU_ASSERT_TRUE(holds("xsm == silo", "6.1", "4.17", SCN_AMD64, SCN_XSM_SILO));
	CU_ASSERT_FALSE(holds("xsm == dummy", "6.1", "4.17", SCN_AMD64, SCN_XSM_SILO));
	CU_ASSERT_FALSE(
	    holds("kernel >= 6.1 and xsm != silo", "6.1", "4.17", SCN_AMD64, SCN_XSM_SILO));
}

static void expect_kernel(const char *release, const char *version, const char *expected)
{
	struct scn_buf got = {0};

	scn_version_print(&got, scn_kernel_of(release, version));
	EXPECT_TEXT(scn_buf_text(&got), expected);
	scn_buf_free(&got);
}

/* Debian's name for a kernel has the patch level that its series began with. */
static void a_kernel_says_its_patch_level(void)
{
	expect_kernel("6.1.0-56-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)",
		      "6.1.192");
	expect_kernel("6.12.117+deb12-amd64", "#1 SMP Debian 6.12.117-1~deb12u1 (2026-11-14)",
		      "6.12.117");
	expect_kernel("6.19.0-rc3-mine", "#7 SMP Mon Jan 1 2027", "6.19.0");
	expect_kernel("7.3.4", "#1 SMP Debian of my own", "7.3.4");
	expect_kernel("7.4-rc1", "#1", "7.4");
	expect_kernel("unknown", "#1 SMP Debian 6.1.192-2", "0.0");
}

int main(void)
{
	static const struct lang_test tests[] = {
	    {"each mix of guests", each_mix_of_guests},
	    {"seats take the domains in order or swapped",
	     seats_take_the_domains_in_order_or_swapped},
	    {"a script fits where its guests are", a_script_fits_where_its_guests_are},
	    {"conditions by patch level", conditions_by_patch_level},
	    {"conditions by machine", conditions_by_machine},
	    {"a kernel says its patch level", a_kernel_says_its_patch_level},
	};

	return lang_run("variants", tests, sizeof(tests) / sizeof(tests[0]));
}
