/* SPDX-License-Identifier: MIT */
/*
 * A unit test with nothing but assert: link with "pkg-config --libs gntsim" and run it anywhere.
 */
#undef NDEBUG
#include "pair.h"

#include <assert.h>
#include <stdio.h>

static void what_one_stores_the_other_loads(void)
{
	struct pair p;
	char got[6] = "";

	assert(pair_start(&p, -1) == 0 && pair_connect(&p) == 0);
	assert(gntsim_mm_store(p.mm0, HERE + 100, "hello", 6) == GNTSIM_ACCESS_OK);
	assert(gntsim_mm_load(p.mm1, THERE + 100, got, 6) == GNTSIM_ACCESS_OK);
	assert(strcmp(got, "hello") == 0);
	/* A store beyond what was mapped is what it is on Linux. */
	assert(gntsim_mm_store(p.mm1, THERE + 4090, "too long", 9) == GNTSIM_ACCESS_SEGV);
	pair_end(&p);
}

/* Domain 0 says that it lives, and domain 1 waits for an event. */
static void start_alive(struct pair *p)
{
	gntsim_port event;
	char alive = 1;

	assert(pair_start(p, -1) == 0 && pair_connect(p) == 0);
	gntsim_mm_store(p->mm0, HERE + 5, &alive, 1);
	/* The binder's first event is not the one waited for. */
	assert(gntsim_evtchn_read(p->events1, sizeof(event), &event) == 4);
	assert(gntsim_evtchn_write(p->events1, 4, &event) == 4);
}

static void death_is_noticed(void)
{
	struct pair p;
	gntsim_port events[4];
	char alive;

	start_alive(&p);
	pair_kill_process_of_dom0(&p);
	assert(gntsim_mm_load(p.mm1, THERE + 5, &alive, 1) == GNTSIM_ACCESS_OK && alive == 0);
	assert(gntsim_evtchn_read(p.events1, sizeof(events), events) == 4 && events[0] == p.port1);

	/* Its page is kept for domain 1, and freed by a timer after the last mapping is gone. */
	assert(pair_live_grants(&p) == 1);
	gntsim_machine_advance(p.machine, 1000000000);
	assert(pair_live_grants(&p) == 1);
	gntsim_mm_destroy(p.mm1);
	gntsim_close(p.gntdev);
	gntsim_machine_advance(p.machine, 1000000000);
	assert(pair_live_grants(&p) == 0);
	pair_end(&p);
}

static void a_destroyed_domain_says_nothing(void)
{
	struct pair p;
	gntsim_port events[4];
	char alive;

	start_alive(&p);
	gntsim_domain_destroy(p.dom0);
	assert(gntsim_mm_load(p.mm1, THERE + 5, &alive, 1) == GNTSIM_ACCESS_OK && alive == 1);
	assert(gntsim_evtchn_read(p.events1, sizeof(events), events) == -EAGAIN);
	pair_end(&p);
}

/* Every allocation of the kernel's fails once: each time an errno, and nothing is left. */
static void failures_are_clean(void)
{
	struct pair p;
	long n = 0;
	int status;

	do {
		status = pair_start(&p, n++);
		if (!status)
			status = pair_connect(&p);
		assert(status == 0 || status == -ENOMEM || status == -EINVAL);
		assert(!p.machine || !gntsim_machine_check(p.machine));
		pair_end(&p);
	} while (status);
	printf("%ld allocations failed cleanly\n", n - 1);
}

int main(void)
{
	what_one_stores_the_other_loads();
	death_is_noticed();
	a_destroyed_domain_says_nothing();
	failures_are_clean();
	printf("ok, gntsim %s\n", gntsim_version());
	return 0;
}
