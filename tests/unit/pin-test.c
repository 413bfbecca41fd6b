/* SPDX-License-Identifier: MIT */
/* Pages that the kernel still uses when a mapping is given up (gnttab_unmap_refs_async()). */
#include <gntsim/pin.h>

#include "support/four.h"
#include "support/mapping.h"

static bool had_hazard(const char *name)
{
	struct gntsim_effect e;
	bool had = false;

	while (gntsim_next_effect(fx.m, &e))
		had |= e.kind == GNTSIM_EFFECT_HAZARD && !strcmp(e.hazard, name);
	return had;
}

static void give_up(struct mapping *m)
{
	EXPECT_EQ(gntsim_munmap(m->mm, VA, 2 * PAGE), 0);
	gntsim_close(m->dev);
	m->dev = NULL;
}

/* PVH: the byte goes at once; the grant and the event wait for the last pin of any of the pages. */
static void a_map_waits_for_its_pages(void)
{
	struct mapping m = mapping_notified_at(fx.dom2, 2, 5);
	struct gntsim_pin *first = NULL, *second = NULL;

	REQUIRE_EQ(gntsim_pin(m.mm, VA + 17, &first), 0);
	REQUIRE_EQ(gntsim_pin(m.mm, VA + PAGE, &second), 0);
	give_up(&m);
	EXPECT_EQ(byte_of(granted_refs[0], 5), 0);
	EXPECT_EQ(fx_totals().maptrack, 2);
	EXPECT_EQ(fx_totals().gntdev_maps, 1);
	EXPECT_EQ(fx_events(m.c.there), 0);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	gntsim_unpin(first);
	EXPECT_EQ(fx_totals().maptrack, 2);
	EXPECT_EQ(fx_events(m.c.there), 0);
	gntsim_unpin(second);
	EXPECT_EQ(fx_totals().maptrack, 0);
	EXPECT_EQ(fx_totals().gntdev_maps, 0);
	EXPECT_EQ(fx_events(m.c.there), 1);
	EXPECT(!had_hazard("pv-unmap-of-a-page-in-use"));
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	mapping_end(&m);
}

/* Let go before, it makes no difference. */
static void a_pin_that_ends_first(void)
{
	struct mapping m = mapping_notified_at(fx.dom2, 2, 5);
	struct gntsim_pin *pin = NULL;

	REQUIRE_EQ(gntsim_pin(m.mm, VA, &pin), 0);
	gntsim_unpin(pin);
	EXPECT_EQ(byte_of(granted_refs[0], 5), 0xFF);
	give_up(&m);
	EXPECT_EQ(fx_events(m.c.there), 1);
	mapping_end(&m);
}

/* PV: a hazard, of the pages that are in use and no others; the pin outlives the map. */
static void on_pv(void)
{
	struct mapping m = mapping_notified_at(fx.dom0, 2, 5);
	struct gntsim_pin *pin = NULL;

	REQUIRE_EQ(gntsim_pin(m.mm, VA + PAGE, &pin), 0);
	EXPECT_EQ(gntsim_munmap(m.mm, VA, PAGE), 0);
	EXPECT(!had_hazard("pv-unmap-of-a-page-in-use"));
	EXPECT_EQ(byte_of(granted_refs[0], 5), 0);
	EXPECT_EQ(gntsim_munmap(m.mm, VA + PAGE, PAGE), 0);
	EXPECT(had_hazard("pv-unmap-of-a-page-in-use"));
	gntsim_close(m.dev);
	m.dev = NULL;
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	gntsim_unpin(pin);
	mapping_end(&m);
}

/* A page of the domain's own is not used again before it is let go. */
static void a_granted_page(void)
{
	struct four f = four();
	struct gntsim_pin *pin = NULL;

	REQUIRE_EQ(gntsim_pin(f.mm, VA, &pin), 0);
	four_end(&f);
	EXPECT_EQ(fx_totals().grants, 0);
	EXPECT_EQ(fx_totals().frames, 1);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	gntsim_unpin(pin);
	EXPECT_EQ(fx_totals().frames, 0);
}

static void what_cannot_be_pinned(void)
{
	struct four f = four();
	struct gntsim_pin *pin = NULL;

	EXPECT_EQ(gntsim_pin(f.mm, VA - PAGE, &pin), -EFAULT);
	EXPECT_EQ(gntsim_mprotect(f.mm, VA, PAGE, PROT_NONE), 0);
	EXPECT_EQ(gntsim_pin(f.mm, VA, &pin), -EFAULT);
	EXPECT_EQ(gntsim_madvise(f.mm, VA + PAGE, PAGE, MADV_DONTNEED), 0);
	EXPECT_EQ(gntsim_pin(f.mm, VA + PAGE, &pin), -EFAULT);
	fx.allocator.fail_at = fx.allocator.calls + 1;
	EXPECT_EQ(gntsim_pin(f.mm, VA + 2 * PAGE, &pin), -ENOMEM);
	fx.allocator.fail_at = 0;
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	four_end(&f);
}

/* What the domain's kernel used goes with it, be it of a map that waits or of one that is there. */
static void a_destroyed_domain(void)
{
	struct mapping m = mapping_notified_at(fx.dom2, 1, 5);
	struct gntsim_file *other = fx_open(fx.dom2, GNTSIM_DEV_GNTDEV);
	uint64_t index = fx_mapv(other, 1, 1, granted_refs + 1);
	struct gntsim_pin *waits = NULL, *lives = NULL;

	REQUIRE_EQ(fx_mmap(m.mm, other, VA + 8 * PAGE, 1, index), 0);
	REQUIRE_EQ(gntsim_pin(m.mm, VA, &waits), 0);
	REQUIRE_EQ(gntsim_pin(m.mm, VA + 8 * PAGE, &lives), 0);
	give_up(&m);
	gntsim_domain_destroy(fx.dom2);
	EXPECT_EQ(fx_totals().gntdev_maps, 0);
	EXPECT_EQ(fx_totals().maptrack, 0);
	EXPECT_EQ(fx_events(m.c.there), 0);
	gntsim_unpin(waits);
	gntsim_unpin(lives);
	EXPECT_EQ(fx_events(m.c.there), 0);
	EXPECT(gntsim_machine_check(fx.m) == NULL);
	gntsim_close(other);
	mapping_end(&m);
}

/* A pin whose holder does not end it goes with the machine: the fixture sees what is left. */
static void the_machine_ends_first(void)
{
	struct mapping m = mapping_notified_at(fx.dom2, 1, 5);
	struct gntsim_pin *pin = NULL;

	REQUIRE_EQ(gntsim_pin(m.mm, VA, &pin), 0);
	gntsim_domain_destroy(fx.dom2);
	EXPECT_EQ(fx_totals().maptrack, 0);
	EXPECT_EQ(gntsim_pin(m.mm, VA, &pin), -ENODEV);
	mapping_end(&m);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"a map waits for its pages", a_map_waits_for_its_pages},
	    {"a pin that ends first", a_pin_that_ends_first},
	    {"on PV", on_pv},
	    {"a granted page", a_granted_page},
	    {"what cannot be pinned", what_cannot_be_pinned},
	    {"a destroyed domain", a_destroyed_domain},
	    {"the machine ends first", the_machine_ends_first},
	};

	return UNIT_MAIN("pin", tests);
}
