/* SPDX-License-Identifier: MIT */
/* The same in CUnit: each test has a machine of its own, made and freed around it. */
#include "pair.h"

#include <CUnit/Basic.h>

static struct pair p;

static void start(void)
{
	CU_ASSERT_FATAL(pair_start(&p, -1) == 0);
	CU_ASSERT_FATAL(pair_connect(&p) == 0);
}

static void end(void)
{
	CU_ASSERT_PTR_NULL(gntsim_machine_check(p.machine));
	pair_end(&p);
}

static void what_one_stores_the_other_loads(void)
{
	char got[6] = "";

	CU_ASSERT_EQUAL(gntsim_mm_store(p.mm0, HERE + 100, "hello", 6), GNTSIM_ACCESS_OK);
	CU_ASSERT_EQUAL(gntsim_mm_load(p.mm1, THERE + 100, got, 6), GNTSIM_ACCESS_OK);
	CU_ASSERT_STRING_EQUAL(got, "hello");
	CU_ASSERT_EQUAL(gntsim_mm_store(p.mm1, THERE + 4090, "too long", 9), GNTSIM_ACCESS_SEGV);
}

static void death_is_noticed(void)
{
	gntsim_port events[4];
	char alive = 1;

	gntsim_mm_store(p.mm0, HERE + 5, &alive, 1);
	CU_ASSERT_EQUAL(gntsim_evtchn_read(p.events1, sizeof(events), events), 4);
	CU_ASSERT_EQUAL(gntsim_evtchn_write(p.events1, 4, events), 4);
	pair_kill_process_of_dom0(&p);
	CU_ASSERT_EQUAL(gntsim_mm_load(p.mm1, THERE + 5, &alive, 1), GNTSIM_ACCESS_OK);
	CU_ASSERT_EQUAL(alive, 0);
	CU_ASSERT_EQUAL(gntsim_evtchn_read(p.events1, sizeof(events), events), 4);
	CU_ASSERT_EQUAL(events[0], p.port1);
	CU_ASSERT_EQUAL(pair_live_grants(&p), 1);
}

static void second_mmap_is_refused(void)
{
	CU_ASSERT_EQUAL(gntsim_mmap(p.mm1, p.gntdev, 0x90000, GNTSIM_PAGE_SIZE, PROT_READ,
				    MAP_SHARED, p.index1),
			-EINVAL);
}

static void the_limit_is_the_drivers(void)
{
	gntsim_gref ref;
	uint64_t index;

	gntsim_domain_set_gntalloc_limit(p.dom0, 1);
	CU_ASSERT_EQUAL(gntsim_gntalloc_alloc(p.gntalloc, 1, 1, 1, &index, &ref), -ENOSPC);
}

int main(void)
{
	CU_TestInfo tests[] = {
	    {"what one stores the other loads", what_one_stores_the_other_loads},
	    {"death is noticed", death_is_noticed},
	    {"second mmap is refused", second_mmap_is_refused},
	    {"the limit is the driver's", the_limit_is_the_drivers},
	    CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = {
	    {"a page between two domains", NULL, NULL, start, end, tests},
	    CU_SUITE_INFO_NULL,
	};
	unsigned failures = 1;

	if (CU_initialize_registry() == CUE_SUCCESS && CU_register_suites(suites) == CUE_SUCCESS) {
		CU_basic_set_mode(CU_BRM_VERBOSE);
		CU_basic_run_tests();
		failures = CU_get_number_of_failures();
	}
	CU_cleanup_registry();
	return failures != 0;
}
