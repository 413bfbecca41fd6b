/* SPDX-License-Identifier: MIT */
/* The queue of effects: at most one of a kind for one object, oldest first, and never one of an
 * object that is gone. */
#include "support/fixture.h"

static void queue_is_empty_at_first(void)
{
	struct gntsim_effect e = {.addr = 4711};

	EXPECT(!gntsim_next_effect(fx.m, &e));
	EXPECT_EQ(e.addr, 4711);
}

static void event(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);
	struct gntsim_effect e;

	fx_drain();
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	REQUIRE(gntsim_next_effect(fx.m, &e));
	EXPECT_EQ(e.kind, GNTSIM_EFFECT_EVENT);
	EXPECT(e.file == c.there);
	EXPECT(!gntsim_next_effect(fx.m, &e));
	fx_channel_close(&c);
}

/* No entry, no effect: a port not re-enabled, an unbound peer, a port nobody holds. */
static void no_event_without_an_entry(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);

	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	fx_drain();
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT_EQ(fx_drain(), 0);
	EXPECT_EQ(gntsim_evtchn_unbind(c.there, c.port_there), 0);
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT_EQ(fx_drain(), 0);
	fx_channel_close(&c);
}

/* write() that re-enables a port sent to meanwhile makes an entry, and so an effect. */
static void event_by_write(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);

	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	fx_drain();
	EXPECT_EQ(gntsim_evtchn_write(c.there, 4, &c.port_there), 4);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_EVENT), 1);
	fx_channel_close(&c);
}

/* Binding sets the binder's port pending: one effect, on the binder's file. */
static void event_by_binding(void)
{
	struct gntsim_file *a = fx_open(fx.dom1, GNTSIM_DEV_EVTCHN);
	struct gntsim_file *b = fx_open(fx.dom2, GNTSIM_DEV_EVTCHN);
	struct gntsim_effect e;

	EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 2), 1);
	EXPECT_EQ(fx_drain(), 0);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(b, 1, 1), 1);
	REQUIRE(gntsim_next_effect(fx.m, &e));
	EXPECT_EQ(e.kind, GNTSIM_EFFECT_EVENT);
	EXPECT(e.file == b);
	EXPECT_EQ(fx_drain(), 0);
	gntsim_close(a);
	gntsim_close(b);
}

/* An overflow wakes readers, too. */
static void event_by_overflow(void)
{
	struct gntsim_file *a = fx_open(fx.dom1, GNTSIM_DEV_EVTCHN);
	struct gntsim_file *b = fx_open(fx.dom2, GNTSIM_DEV_EVTCHN);

	for (unsigned i = 1; i <= 64; i++) {
		EXPECT_EQ(gntsim_evtchn_bind_unbound(a, 2), i);
		EXPECT_EQ(gntsim_evtchn_bind_interdomain(b, 1, i), i);
	}
	EXPECT_EQ(gntsim_evtchn_unbind(b, 1), 0);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_EVENT), 1);
	EXPECT_EQ(gntsim_evtchn_bind_interdomain(b, 1, 1), 1);
	EXPECT_EQ(gntsim_evtchn_poll(b), POLLERR);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_EVENT), 1);
	gntsim_close(a);
	gntsim_close(b);
}

/* @return of the one effect there is: whether it is one for SIGIO */
static bool is_for_sigio(void)
{
	struct gntsim_effect e = {.kind = GNTSIM_EFFECT_HAZARD};

	EXPECT(gntsim_next_effect(fx.m, &e));
	EXPECT_EQ(e.kind, GNTSIM_EFFECT_EVENT);
	EXPECT_EQ(fx_drain(), 0);
	return e.sigio;
}

/* SIGIO is sent for an event that finds the ring empty, also if another one follows it before the effect is
 * taken. */
static void sigio_of_the_first_event(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);
	int more = gntsim_evtchn_bind_unbound(c.there, 1);
	int here = gntsim_evtchn_bind_interdomain(c.here, 2, (gntsim_port)more);

	fx_events(c.here);
	fx_drain();
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT(is_for_sigio());
	EXPECT_EQ(gntsim_evtchn_notify(c.here, (gntsim_port)here), 0);
	EXPECT(!is_for_sigio());
	EXPECT_EQ(fx_events(c.there), 2);
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT_EQ(gntsim_evtchn_notify(c.here, (gntsim_port)here), 0);
	EXPECT(is_for_sigio());
	EXPECT_EQ(fx_events(c.there), 2);
	fx_channel_close(&c);
}

/* Many events on one file are one effect; two files are two, the one that was first in front. */
static void one_effect_for_one_object(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2), d = fx_channel(fx.dom1, fx.dom0);
	struct gntsim_effect e;
	int more = gntsim_evtchn_bind_unbound(c.there, 1);

	REQUIRE(more > 0);
	REQUIRE(gntsim_evtchn_bind_interdomain(c.here, 2, (gntsim_port)more) > 0);
	fx_events(c.here);
	fx_drain();
	EXPECT_EQ(gntsim_evtchn_notify(d.here, d.port_here), 0);
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	EXPECT_EQ(gntsim_evtchn_notify(c.here, 3), 0);
	EXPECT_EQ(gntsim_evtchn_notify(d.here, d.port_here), 0);
	REQUIRE(gntsim_next_effect(fx.m, &e));
	EXPECT(e.file == d.there);
	REQUIRE(gntsim_next_effect(fx.m, &e));
	EXPECT(e.file == c.there);
	EXPECT(!gntsim_next_effect(fx.m, &e));
	EXPECT_EQ(fx_events(c.there), 2);
	fx_channel_close(&c);
	fx_channel_close(&d);
}

/* Taken, it may come again. */
static void effect_after_it_was_taken(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);

	fx_drain();
	for (unsigned i = 0; i < 3; i++) {
		EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
		EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_EVENT), 1);
		EXPECT_EQ(fx_events(c.there), 1);
	}
	fx_channel_close(&c);
}

/* A file that is closed takes its effect with it. */
static void closed_file_has_no_effect(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);

	fx_drain();
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	gntsim_close(c.there);
	c.there = NULL;
	EXPECT_EQ(fx_drain(), 0);
	fx_channel_close(&c);
}

/* FILE_DEAD and MM_DEAD: one for each file and address space of the destroyed domain. */
static void death_of_a_domain(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);
	struct gntsim_file *evtchn = fx_open(fx.dom1, GNTSIM_DEV_EVTCHN);
	struct gntsim_effect e;
	unsigned files = 0, mms = 0;

	fx_drain();
	gntsim_domain_destroy(fx.dom1);
	while (gntsim_next_effect(fx.m, &e)) {
		if (e.kind == GNTSIM_EFFECT_FILE_DEAD) {
			EXPECT(e.file == s.alloc || e.file == evtchn);
			files++;
		} else if (e.kind == GNTSIM_EFFECT_MM_DEAD) {
			EXPECT(e.mm == s.granter);
			mms++;
		} else {
			EXPECT(e.kind == GNTSIM_EFFECT_EVENT);
		}
	}
	EXPECT_EQ(files, 2);
	EXPECT_EQ(mms, 1);
	gntsim_close(evtchn);
	fx_share_close(&s);
}

/* What is freed before its effect was taken leaves none behind. */
static void death_not_taken(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom2);

	fx_drain();
	gntsim_domain_destroy(fx.dom1);
	gntsim_mm_destroy(s.granter);
	s.granter = NULL;
	gntsim_close(s.alloc);
	s.alloc = NULL;
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_FILE_DEAD), 0);
	gntsim_domain_destroy(fx.dom2);
	fx_share_close(&s);
	EXPECT_EQ(fx_drain(), 0);
}

/* The events of a file whose domain is destroyed are nobody's: only its death is told. */
static void event_of_a_dead_file(void)
{
	struct fx_channel c = fx_channel(fx.dom1, fx.dom2);
	struct gntsim_effect e;

	fx_drain();
	EXPECT_EQ(gntsim_evtchn_notify(c.here, c.port_here), 0);
	gntsim_domain_destroy(fx.dom2);
	REQUIRE(gntsim_next_effect(fx.m, &e));
	EXPECT_EQ(e.kind, GNTSIM_EFFECT_FILE_DEAD);
	EXPECT(e.file == c.there);
	EXPECT_EQ(fx_drain(), 0);
	fx_channel_close(&c);
}

/* REVOKED: the pages of a PV mapping whose protection changed; several calls may be one effect,
 * whose range then covers them all. */
static void revoked(void)
{
	struct gntsim_file *alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	struct gntsim_file *dev = fx_open(fx.dom0, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(fx.dom0);
	struct gntsim_effect e;
	gntsim_gref refs[8];
	uint64_t index;
	unsigned covered = 0;

	REQUIRE_EQ(gntsim_gntalloc_alloc(alloc, 0, 1, 8, &index, refs), 0);
	REQUIRE_EQ(fx_mmap(mm, dev, VA, 8, fx_mapv(dev, 1, 8, refs)), 0);
	fx_drain();
	EXPECT_EQ(gntsim_mprotect(mm, VA + PAGE, PAGE, PROT_READ), 0);
	EXPECT_EQ(gntsim_mprotect(mm, VA + 5 * PAGE, 2 * PAGE, PROT_READ), 0);
	while (gntsim_next_effect(fx.m, &e)) {
		EXPECT_EQ(e.kind, GNTSIM_EFFECT_REVOKED);
		EXPECT(e.mm == mm);
		EXPECT(e.addr >= VA && e.addr + e.len <= VA + 8 * PAGE);
		for (unsigned i = 0; i < 8; i++)
			if (e.addr <= VA + i * PAGE && VA + (i + 1) * PAGE <= e.addr + e.len)
				covered |= 1u << i;
	}
	EXPECT_EQ(covered & 0x62u, 0x62u);
	EXPECT_EQ(gntsim_mprotect(mm, VA, PAGE, PROT_READ), 0);
	gntsim_mm_destroy(mm);
	EXPECT_EQ(fx_drain(), 0);
	gntsim_close(dev);
	gntsim_close(alloc);
}

/* An address space whose domain is destroyed has nothing left to be revoked. */
static void revoked_of_the_dead(void)
{
	struct fx_share s = fx_share(fx.dom1, fx.dom0);

	EXPECT_EQ(gntsim_mprotect(s.mapper, VA, PAGE, PROT_READ), 0);
	gntsim_domain_destroy(fx.dom0);
	EXPECT_EQ(fx_drain_kind(GNTSIM_EFFECT_REVOKED), 0);
	fx_share_close(&s);
}

/* HAZARD names its rule. */
static void hazard(void)
{
	struct gntsim_file *alloc = fx_open(fx.dom1, GNTSIM_DEV_GNTALLOC);
	struct gntsim_file *dev = fx_open(fx.dom0, GNTSIM_DEV_GNTDEV);
	struct gntsim_mm *mm = fx_mm(fx.dom0);
	gntsim_gref refs[2] = {fx_alloc(alloc, 0, NULL), 400};
	uint64_t index = fx_mapv(dev, 1, 2, refs);
	struct gntsim_effect e;

	EXPECT_EQ(gntsim_gntdev_set_unmap_notify(dev, index + PAGE, CLEAR_BYTE, 0), 0);
	fx_drain();
	EXPECT_EQ(fx_mmap(mm, dev, VA, 2, index), -EINVAL);
	REQUIRE(gntsim_next_effect(fx.m, &e));
	EXPECT_EQ(e.kind, GNTSIM_EFFECT_HAZARD);
	EXPECT(e.hazard != NULL && strlen(e.hazard) > 0);
	EXPECT(!gntsim_next_effect(fx.m, &e));
	gntsim_mm_destroy(mm);
	gntsim_close(dev);
	gntsim_close(alloc);
}

/* The rules have names, each its own, as far as they go. */
static void names_of_hazards(void)
{
	const char *name;
	uint32_t n, i;

	for (n = 0; (name = gntsim_hazard_name(n)); n++) {
		REQUIRE(n < 64 && strlen(name) > 0);
		for (i = 0; i < n; i++)
			EXPECT(strcmp(name, gntsim_hazard_name(i)) != 0);
	}
	EXPECT(n > 0);
	REQUIRE(gntsim_hazard_name(0) != NULL);
	EXPECT(strcmp(gntsim_hazard_name(0), "gntalloc-undo-miscounts") == 0);
	EXPECT(gntsim_hazard_name(UINT32_MAX) == NULL);
}

int main(void)
{
	static const struct unit_test tests[] = {
	    {"queue is empty at first", queue_is_empty_at_first},
	    {"event", event},
	    {"no event without an entry", no_event_without_an_entry},
	    {"event by write", event_by_write},
	    {"event by binding", event_by_binding},
	    {"event by overflow", event_by_overflow},
	    {"SIGIO of the first event", sigio_of_the_first_event},
	    {"one effect for one object", one_effect_for_one_object},
	    {"effect after it was taken", effect_after_it_was_taken},
	    {"closed file has no effect", closed_file_has_no_effect},
	    {"death of a domain", death_of_a_domain},
	    {"death not taken", death_not_taken},
	    {"event of a dead file", event_of_a_dead_file},
	    {"revoked", revoked},
	    {"revoked of the dead", revoked_of_the_dead},
	    {"hazard", hazard},
	    {"names of hazards", names_of_hazards},
	};

	return UNIT_MAIN("effects", tests);
}
