/* SPDX-License-Identifier: MIT */
/* Virtual time, and its one timer: pages whose grant ended while the peer has them mapped. Rules:
 * gnttab_handle_deferred() of drivers/xen/grant-table.c. */
#include "support/fixture.h"

static void time_passes_when_told(void)
{
	EXPECT_EQ(gntsim_machine_now(fx.m), 0);
	EXPECT(gntsim_machine_next_timer(fx.m) == UINT64_MAX);
	gntsim_machine_advance(fx.m, 0);
	EXPECT_EQ(gntsim_machine_now(fx.m), 0);
	gntsim_machine_advance(fx.m, 7);
	gntsim_machine_advance(fx.m, 5 * SECOND);
	EXPECT_EQ(gntsim_machine_now(fx.m), 5 * SECOND + 7);
}

/* Grants and maps n pages, ends the grants: n deferred entries in `granter`. */
static void defer(struct gntsim_domain *granter, struct gntsim_domain *mapper, unsigned n,
		  struct gntsim_map_grant_ref *ops)
{
	struct gntsim_file *alloc = fx_open(granter, GNTSIM_DEV_GNTALLOC);

	for (unsigned i = 0; i < n; i++) {
		ops[i] = (struct gntsim_map_grant_ref){
		    .flags = GNTSIM_GNTMAP_HOST_MAP,
		    .host_addr = (i + 1) * PAGE,
		    .domid = gntsim_domain_id(granter),
		    .ref = fx_alloc(alloc, gntsim_domain_id(mapper), NULL)};
		gntsim_gnttab_map(mapper, &ops[i]);
		REQUIRE_EQ(ops[i].status, 0);
	}
	gntsim_close(alloc);
}

static void unmap(struct gntsim_domain *mapper, const struct gntsim_map_grant_ref *op)
{
	struct gntsim_unmap_grant_ref u = {.host_addr = op->host_addr, .handle = op->handle};

	gntsim_gnttab_unmap(mapper, &u);
	EXPECT_EQ(u.status, 0);
}

/* gnttab_handle_deferred(): one second after the first entry, ten entries a tick. */
static void deferred_frees_ten_a_second(void)
{
	struct gntsim_map_grant_ref ops[25];

	gntsim_machine_advance(fx.m, 3);
	defer(fx.dom1, fx.dom2, 25, ops);
	EXPECT_EQ(fx_totals().deferred, 25);
	EXPECT_EQ(gntsim_machine_next_timer(fx.m), SECOND);
	for (unsigned i = 0; i < 25; i++)
		unmap(fx.dom2, &ops[i]);
	EXPECT_EQ(fx_totals().deferred, 25);
	gntsim_machine_advance(fx.m, SECOND - 1);
	EXPECT_EQ(fx_totals().deferred, 25);
	EXPECT_EQ(gntsim_machine_next_timer(fx.m), 1);
	gntsim_machine_advance(fx.m, 1);
	EXPECT_EQ(fx_totals().deferred, 15);
	EXPECT_EQ(fx_totals().grants, 15);
	EXPECT_EQ(fx_totals().frames, 15);
	EXPECT_EQ(gntsim_machine_next_timer(fx.m), SECOND);
	gntsim_machine_advance(fx.m, SECOND);
	EXPECT_EQ(fx_totals().deferred, 5);
	gntsim_machine_advance(fx.m, SECOND);
	EXPECT_EQ(fx_totals().deferred, 0);
	EXPECT_EQ(fx_totals().frames, 0);
	EXPECT(gntsim_machine_next_timer(fx.m) == UINT64_MAX);
}

/* A long leap runs every tick on its way. */
static void leap_over_many_ticks(void)
{
	struct gntsim_map_grant_ref ops[25];

	defer(fx.dom1, fx.dom2, 25, ops);
	for (unsigned i = 0; i < 25; i++)
		unmap(fx.dom2, &ops[i]);
	gntsim_machine_advance(fx.m, 3 * SECOND - 1);
	EXPECT_EQ(fx_totals().deferred, 5);
	gntsim_machine_advance(fx.m, 100 * SECOND);
	EXPECT_EQ(fx_totals().deferred, 0);
	EXPECT_EQ(gntsim_machine_now(fx.m), 103 * SECOND - 1);
}

/* An entry still mapped is looked at, counts among the ten, and goes to the end of the list. */
static void pinned_entries_go_to_the_end(void)
{
	struct gntsim_map_grant_ref ops[12];

	defer(fx.dom1, fx.dom2, 12, ops);
	unmap(fx.dom2, &ops[11]);
	gntsim_machine_advance(fx.m, SECOND);
	EXPECT_EQ(fx_totals().deferred, 12);
	gntsim_machine_advance(fx.m, SECOND);
	EXPECT_EQ(fx_totals().deferred, 11);
	/* The list is 8, 9, 10, 0 to 7 now. */
	unmap(fx.dom2, &ops[0]);
	gntsim_machine_advance(fx.m, SECOND);
	EXPECT_EQ(fx_totals().deferred, 10);
	for (unsigned i = 1; i < 11; i++)
		unmap(fx.dom2, &ops[i]);
	gntsim_machine_advance(fx.m, SECOND);
	EXPECT_EQ(fx_totals().deferred, 0);
}

/* The timer goes on ticking while the peer keeps its mapping. */
static void timer_stays_armed_while_mapped(void)
{
	struct gntsim_map_grant_ref op;

	defer(fx.dom1, fx.dom2, 1, &op);
	gntsim_machine_advance(fx.m, 100 * SECOND + SECOND / 2);
	EXPECT_EQ(fx_totals().deferred, 1);
	EXPECT_EQ(gntsim_machine_next_timer(fx.m), SECOND / 2);
	unmap(fx.dom2, &op);
	gntsim_machine_advance(fx.m, SECOND / 2);
	EXPECT_EQ(fx_totals().deferred, 0);
}

/* Each kernel has its own timer. */
static void timers_of_two_domains(void)
{
	struct gntsim_map_grant_ref a, b;

	defer(fx.dom1, fx.dom2, 1, &a);
	gntsim_machine_advance(fx.m, SECOND / 4);
	defer(fx.dom2, fx.dom1, 1, &b);
	EXPECT_EQ(gntsim_machine_next_timer(fx.m), SECOND - SECOND / 4);
	unmap(fx.dom2, &a);
	unmap(fx.dom1, &b);
	gntsim_machine_advance(fx.m, SECOND - SECOND / 4);
	EXPECT_EQ(fx_totals().deferred, 1);
	EXPECT_EQ(gntsim_machine_next_timer(fx.m), SECOND / 4);
	gntsim_machine_advance(fx.m, SECOND / 4);
	EXPECT_EQ(fx_totals().deferred, 0);
}

/* An entry that joins a waiting list waits for the timer that is already armed. */
static void late_entry_shares_the_armed_timer(void)
{
	struct gntsim_map_grant_ref a, b;

	defer(fx.dom1, fx.dom2, 1, &a);
	gntsim_machine_advance(fx.m, SECOND - 1);
	defer(fx.dom1, fx.dom2, 1, &b);
	EXPECT_EQ(gntsim_machine_next_timer(fx.m), 1);
	unmap(fx.dom2, &a);
	unmap(fx.dom2, &b);
	gntsim_machine_advance(fx.m, 1);
	EXPECT_EQ(fx_totals().deferred, 0);
}

/* The order in which n entries of domain 1 come free when they are unmapped `seconds` after the
 * first was deferred, by one leap of time or second by second. */
static void order_of_freeing(unsigned n, unsigned seconds, bool leap, gntsim_gref *order)
{
	struct gntsim_map_grant_ref ops[40], bystander;
	gntsim_frame frame;

	fx_restart(NULL);
	defer(fx.dom1, fx.dom2, n, ops);
	gntsim_machine_advance(fx.m, SECOND / 3);
	defer(fx.dom0, fx.dom2, 1, &bystander);
	if (leap)
		gntsim_machine_advance(fx.m, seconds * SECOND);
	for (unsigned i = 0; i < seconds && !leap; i++)
		gntsim_machine_advance(fx.m, SECOND);
	EXPECT_EQ(fx_totals().deferred, n + 1);
	for (unsigned i = 0; i < n; i++)
		unmap(fx.dom2, &ops[i]);
	unmap(fx.dom2, &bystander);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	gntsim_machine_advance(fx.m, 5 * SECOND);
	EXPECT_EQ(fx_totals().deferred, 0);
	REQUIRE_EQ(gntsim_frame_alloc(fx.dom1, &frame), 0);
	for (unsigned i = 0; i < n; i++)
		order[n - 1 - i] = (gntsim_gref)gntsim_grant_access(fx.dom1, 2, frame, false);
	for (unsigned i = 0; i < n; i++)
		EXPECT(gntsim_grant_try_end(fx.dom1, order[i]));
	EXPECT_EQ(gntsim_frame_free(fx.dom1, frame), 0);
}

/* Entries turn in their list while they wait; a leap of time turns them as the seconds would. */
static void a_leap_is_its_seconds(void)
{
	static const unsigned numbers[] = {1, 9, 10, 11, 20, 23, 40};
	static const unsigned times[] = {1, 2, 3, 7, 41, 230};

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		for (unsigned j = 0; j < sizeof(times) / sizeof(times[0]); j++) {
			gntsim_gref leap[40], steps[40];

			order_of_freeing(numbers[i], times[j], true, leap);
			order_of_freeing(numbers[i], times[j], false, steps);
			for (unsigned k = 0; k < numbers[i]; k++)
				if (!EXPECT_EQ(leap[k], steps[k]))
					return;
		}
	}
}

/* Timers that end at the same moment both do their work. */
static void timers_that_end_together(void)
{
	struct gntsim_map_grant_ref a, b;

	defer(fx.dom1, fx.dom2, 1, &a);
	defer(fx.dom2, fx.dom1, 1, &b);
	unmap(fx.dom2, &a);
	unmap(fx.dom1, &b);
	gntsim_machine_advance(fx.m, SECOND);
	EXPECT_EQ(fx_totals().deferred, 0);
}

/* What still waits of n entries when the kth is unmapped `before` seconds after it began to wait,
 * and the others not, `after` seconds later. Another domain's entry is stuck all the time. */
static uint32_t left_waiting(unsigned n, unsigned k, unsigned before, unsigned after, bool leap)
{
	struct gntsim_map_grant_ref ops[40], bystander;
	uint32_t left;

	fx_restart(NULL);
	defer(fx.dom0, fx.dom2, 1, &bystander);
	gntsim_machine_advance(fx.m, SECOND / 3);
	defer(fx.dom1, fx.dom2, n, ops);
	gntsim_machine_advance(fx.m, before * SECOND);
	unmap(fx.dom2, &ops[k]);
	if (leap)
		gntsim_machine_advance(fx.m, after * SECOND);
	for (unsigned i = 0; i < after && !leap; i++)
		gntsim_machine_advance(fx.m, SECOND);
	left = fx_totals().deferred;
	for (unsigned i = 0; i < n; i++)
		if (i != k)
			unmap(fx.dom2, &ops[i]);
	unmap(fx.dom2, &bystander);
	gntsim_machine_advance(fx.m, 5 * SECOND);
	EXPECT_EQ(fx_totals().deferred, 0);
	return left;
}

/* A leap passes over no entry that comes free: what was stuck in an earlier one, or in another
 * domain, says nothing of it. */
static void a_leap_finds_what_came_free(void)
{
	static const unsigned numbers[] = {11, 15};
	static const unsigned befores[] = {0, 5};

	for (unsigned i = 0; i < 2; i++)
		for (unsigned j = 0; j < 2; j++)
			for (unsigned k = 0; k < numbers[i]; k++)
				for (unsigned s = 1; s <= 13; s++)
					EXPECT_EQ(
					    left_waiting(numbers[i], k, befores[j], s, true),
					    left_waiting(numbers[i], k, befores[j], s, false));
}

/* Ten of the list's first are looked at in each second: after two seconds 23 entries have turned by
 * 20, so the 21st is freed first. */
static void waiting_entries_turn(void)
{
	gntsim_gref order[40];

	order_of_freeing(23, 2, false, order);
	for (unsigned i = 0; i < 23; i++)
		EXPECT_EQ(order[i], 8 + (20 + i) % 23);
}

/* grant_table's parameter, while the domain lives: so many a second, 0 is no limit. */
static void as_many_as_the_parameter_says(void)
{
	static const struct {
		uint32_t limit, left;
	} cases[] = {{25, 15}, {1000, 0}, {0, 0}, {1, 39}};
	struct gntsim_map_grant_ref ops[40];

	for (unsigned c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		defer(fx.dom1, fx.dom2, 40, ops);
		for (unsigned i = 0; i < 40; i++)
			unmap(fx.dom2, &ops[i]);
		EXPECT_EQ(gntsim_domain_set_limit(fx.dom1, GNTSIM_LIMIT_FREE_PER_ITERATION,
						  cases[c].limit),
			  0);
		gntsim_machine_advance(fx.m, SECOND);
		EXPECT_EQ(fx_totals().deferred, cases[c].left);
		gntsim_machine_advance(fx.m, 60 * SECOND);
		EXPECT_EQ(fx_totals().deferred, 0);
	}
}

/* A year goes by at once, whatever waits. */
static void a_year(void)
{
	struct gntsim_map_grant_ref a[12], b[3];
	const uint64_t year = 365 * 86400 * SECOND;

	defer(fx.dom1, fx.dom2, 12, a);
	gntsim_machine_advance(fx.m, 7);
	defer(fx.dom2, fx.dom1, 3, b);
	gntsim_machine_advance(fx.m, 100 * year);
	EXPECT_EQ(gntsim_machine_now(fx.m), 100 * year + 7);
	EXPECT_EQ(fx_totals().deferred, 15);
	EXPECT(gntsim_machine_next_timer(fx.m) <= SECOND);
	for (unsigned i = 0; i < 12; i++)
		unmap(fx.dom2, &a[i]);
	for (unsigned i = 0; i < 3; i++)
		unmap(fx.dom1, &b[i]);
	gntsim_machine_advance(fx.m, 3 * SECOND);
	EXPECT_EQ(fx_totals().deferred, 0);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"time passes when told", time_passes_when_told},
	    {"deferred frees, ten a second", deferred_frees_ten_a_second},
	    {"leap over many ticks", leap_over_many_ticks},
	    {"pinned entries go to the end", pinned_entries_go_to_the_end},
	    {"timer stays armed while mapped", timer_stays_armed_while_mapped},
	    {"timers of two domains", timers_of_two_domains},
	    {"late entry shares the armed timer", late_entry_shares_the_armed_timer},
	    {"a leap is its seconds", a_leap_is_its_seconds},
	    {"timers that end together", timers_that_end_together},
	    {"a leap finds what came free", a_leap_finds_what_came_free},
	    {"waiting entries turn", waiting_entries_turn},
	    {"as many as the parameter says", as_many_as_the_parameter_says},
	    {"a year", a_year},
	};

	return UNIT_MAIN("deferred", tests);
}
