/* SPDX-License-Identifier: MIT */
/*
 * Grants that were ended while somebody had them mapped wait here, linked through their slots. A
 * timer of the domain looks at some of them each second and frees what is no longer mapped
 * (gnttab_handle_deferred()).
 */
#include "model.h"

#define PERIOD_NS UINT64_C(1000000000)

/* Every timer runs for the same time, so arming one puts it last. */
static void arm(struct gntsim_domain *dom)
{
	struct gntsim_machine *m = dom->m;

	dom->grants.timer_armed = true;
	dom->grants.expires = m->now + PERIOD_NS;
	list_add_tail(&m->timers, &dom->grants.timer);
	m->n_timers++;
}

static void disarm(struct gntsim_domain *dom)
{
	dom->grants.timer_armed = false;
	list_del(&dom->grants.timer);
	dom->m->n_timers--;
}

static void append(struct gntsim_domain *dom, gntsim_gref ref)
{
	struct grants *g = &dom->grants;

	slot_at(dom, ref)->link = NO_REF;
	if (g->deferred_last == NO_REF)
		g->deferred_first = ref;
	else
		slot_at(dom, g->deferred_last)->link = ref;
	g->deferred_last = ref;
}

static gntsim_gref take_first(struct gntsim_domain *dom)
{
	struct grants *g = &dom->grants;
	gntsim_gref ref = g->deferred_first;

	g->deferred_first = slot_at(dom, ref)->link;
	if (g->deferred_first == NO_REF)
		g->deferred_last = NO_REF;
	return ref;
}

void gs_defer(struct gntsim_domain *dom, gntsim_gref ref, gntsim_frame page)
{
	struct slot *slot = slot_at(dom, ref);

	slot->state = SLOT_DEFERRED;
	slot->u.page = page;
	slot->ended = gs_origin(dom->m);
	append(dom, ref);
	dom->grants.n_deferred++;
	dom->m->totals.deferred++;
	GS_SAW(dom->m, .kind = GNTSIM_SAW_DEFERRED, .domid = dom->id, .ref = ref, .frame = page);
	if (!dom->grants.timer_armed)
		arm(dom);
}

void gs_deferred_clear(struct gntsim_domain *dom)
{
	struct grants *g = &dom->grants;

	dom->m->totals.deferred -= g->n_deferred;
	g->n_deferred = 0;
	g->deferred_first = g->deferred_last = NO_REF;
	if (g->timer_armed)
		disarm(dom);
}

/* Returns whether an entry was freed. */
static bool try_entry(struct gntsim_domain *dom, gntsim_gref ref)
{
	gntsim_frame page = slot_at(dom, ref)->u.page;

	if (!gs_grant_try_end(dom, ref))
		return false;
	dom->grants.n_deferred--;
	dom->m->totals.deferred--;
	gs_frame_give(dom->m, page);
	return true;
}

/* The timer's handler. Returns whether all that waits is now known to be stuck. */
static bool tick(struct gntsim_domain *dom)
{
	struct grants *g = &dom->grants;
	uint32_t batch = dom->profile->deferred_batch;
	gntsim_gref first = NO_REF, ref;

	if (g->lap_epoch != dom->m->advances) {
		g->lap_epoch = dom->m->advances;
		g->lap = 0;
	}
	while (batch-- && g->deferred_first != NO_REF && g->deferred_first != first) {
		ref = take_first(dom);
		if (try_entry(dom, ref)) {
			g->lap = 0;
			continue;
		}
		g->lap++;
		append(dom, ref);
		if (first == NO_REF)
			first = ref;
	}
	return g->lap >= g->n_deferred;
}

static void rotate(struct gntsim_domain *dom, uint64_t steps)
{
	while (steps--)
		append(dom, take_first(dom));
}

/*
 * Nothing can change before @p target but the order of what waits: go there in one step. Keeps
 * the timers' order, since all move by the same time.
 */
static void skip(struct gntsim_machine *m, uint64_t target)
{
	uint64_t ticks;
	struct list *l;

	l = m->timers.next;
	ticks = container_of(l, struct gntsim_domain, grants.timer)->grants.expires;
	ticks = ticks > target ? 0 : (target - ticks) / PERIOD_NS;
	for (l = m->timers.next; l != &m->timers; l = l->next) {
		struct gntsim_domain *dom = container_of(l, struct gntsim_domain, grants.timer);
		uint32_t n = dom->grants.n_deferred, batch = dom->profile->deferred_batch;

		dom->grants.expires += ticks * PERIOD_NS;
		if (n > batch)
			rotate(dom, ticks % n * batch % n);
	}
}

void gntsim_machine_advance(struct gntsim_machine *m, uint64_t ns)
{
	uint64_t target = ns > UINT64_MAX - m->now ? UINT64_MAX : m->now + ns;
	uint32_t stuck = 0;

	m->advances++;
	while (!list_empty(&m->timers)) {
		struct gntsim_domain *dom =
		    container_of(m->timers.next, struct gntsim_domain, grants.timer);

		/* An expiry beyond the end of time wrapped, and never comes. */
		if (dom->grants.expires > target || dom->grants.expires < m->now)
			break;
		m->now = dom->grants.expires;
		disarm(dom);
		stuck = tick(dom) ? stuck + 1 : 0;
		if (dom->grants.n_deferred)
			arm(dom);
		else
			stuck = 0;
		if (m->n_timers && stuck >= m->n_timers) {
			skip(m, target);
			stuck = 0;
		}
	}
	m->now = target;
}

uint64_t gntsim_machine_next_timer(const struct gntsim_machine *m)
{
	const struct gntsim_domain *dom;

	if (list_empty(&m->timers))
		return UINT64_MAX;
	dom = container_of(m->timers.next, const struct gntsim_domain, grants.timer);
	return dom->grants.expires - m->now;
}
