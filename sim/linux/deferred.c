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

static struct gref *gref_of(struct list *l)
{
	return container_of(l, struct gref, global);
}

static void defer(struct gntsim_domain *dom, struct gref *g)
{
	slot_at(dom, g->ref)->state = SLOT_DEFERRED;
	g->u.ended = gs_origin(dom->m);
	list_add_tail(&dom->grants.deferred, &g->global);
	dom->grants.n_deferred++;
	dom->m->totals.deferred++;
	GS_SAW(dom->m, .kind = GNTSIM_SAW_DEFERRED, .domid = dom->id, .ref = g->ref,
	       .frame = g->frame);
	if (!dom->grants.timer_armed)
		arm(dom);
}

/* put_page() */
static void put_page(struct gntsim_domain *dom, const struct gref *g)
{
	if (g->borrowed)
		gntsim_frame_unhold(dom->m, g->frame);
	else
		gs_frame_give(dom->m, g->frame);
}

/* Returns whether the entry was freed, and the page with it. */
static bool try_end(struct gntsim_domain *dom, struct gref *g)
{
	if (!gs_grant_try_end(dom, g->ref))
		return false;
	put_page(dom, g);
	return true;
}

void gs_grant_end(struct gntsim_domain *dom, struct gref *g)
{
	if (try_end(dom, g))
		gs_mem_free(dom->m, g, sizeof(*g));
	else
		defer(dom, g);
}

static void forget(struct gntsim_domain *dom, struct gref *g)
{
	list_del(&g->global);
	dom->grants.n_deferred--;
	dom->m->totals.deferred--;
	gs_mem_free(dom->m, g, sizeof(*g));
}

void gs_deferred_clear(struct gntsim_domain *dom)
{
	struct grants *g = &dom->grants;

	while (!list_empty(&g->deferred)) {
		struct gref *last = gref_of(g->deferred.next);

		/* The domain's own pages go with it. */
		if (last->borrowed)
			put_page(dom, last);
		forget(dom, last);
	}
	if (g->timer_armed)
		disarm(dom);
}

static void put_last(struct grants *g, struct list *l)
{
	list_del(l);
	list_add_tail(&g->deferred, l);
}

static uint32_t batch_of(const struct gntsim_domain *dom)
{
	return dom->free_per_iteration ? dom->free_per_iteration : UINT32_MAX;
}

/* The timer's handler. Returns whether all that waits is now known to be stuck. */
static bool tick(struct gntsim_domain *dom)
{
	struct grants *g = &dom->grants;
	uint32_t batch = batch_of(dom);
	const struct list *first = NULL;

	if (g->lap_epoch != dom->m->advances) {
		g->lap_epoch = dom->m->advances;
		g->lap = 0;
	}
	while (batch-- && !list_empty(&g->deferred) && g->deferred.next != first) {
		struct list *l = g->deferred.next;

		if (try_end(dom, gref_of(l))) {
			/* Those before it are as stuck as they were: the lap goes on. */
			forget(dom, gref_of(l));
			continue;
		}
		g->lap++;
		put_last(g, l);
		if (!first)
			first = l;
	}
	return g->lap >= g->n_deferred;
}

static void rotate(struct gntsim_domain *dom, uint64_t steps)
{
	while (steps--)
		put_last(&dom->grants, dom->grants.deferred.next);
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
		uint32_t n = dom->grants.n_deferred, batch = batch_of(dom);

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
