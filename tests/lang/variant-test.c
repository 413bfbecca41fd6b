/* SPDX-License-Identifier: MIT */
/* Which machines a script is played on. */
#include "lang/parse/parser.h"
#include "player/variant.h"
#include <string.h>

#include "fixture.h"

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

	scn_variant(s, filter, (struct scn_version){6, 1}, n, &setup, &got);
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
	scn_variant(&s, &filter, (struct scn_version){6, 1}, 0, &setup, &name);
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

int main(void)
{
	static const struct lang_test tests[] = {
	    {"each mix of guests", each_mix_of_guests},
	    {"seats take the domains in order or swapped",
	     seats_take_the_domains_in_order_or_swapped},
	    {"a script fits where its guests are", a_script_fits_where_its_guests_are},
	};

	return lang_run("variants", tests, sizeof(tests) / sizeof(tests[0]));
}
