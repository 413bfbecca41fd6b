/* SPDX-License-Identifier: MIT */
/* Pages, grants and who maps them; domains' deaths. Rules: GA-REFS, GA-DEFER*, XEN-MAP-*, XEN-ZOMBIE. */
#include "reference.h"

#include <string.h>

#define FIRST_REF 8
#define TICK      (10 * TENTH_SECOND)

int r_page_take(struct reference *r, int domain)
{
	for (unsigned int i = 0; i < r->setup.n_frames; i++) {
		if (!r->page[i].used) {
			r->page[i] = (struct r_page){.used = true, .owners = 1, .domain = domain};
			return (int)i;
		}
	}
	return R_NOBODY;
}

static void page_look(struct reference *r, int page)
{
	struct r_page *p = &r->page[page];

	p->used = p->owners || p->pins;
	if (!p->used)
		r_bury(r, p->domain);
}

void r_page_give(struct reference *r, int page)
{
	r->page[page].owners--;
	page_look(r, page);
}

void r_page_pin(struct reference *r, int page)
{
	r->page[page].pins++;
}

void r_page_unpin(struct reference *r, int page)
{
	r->page[page].pins--;
	page_look(r, page);
}

int r_domain_by_id(const struct reference *r, uint32_t domid)
{
	for (int i = 0; i < (int)R_DOMAINS; i++)
		if (r->domain[i].used && r->domain[i].domid == domid)
			return i;
	return R_NOBODY;
}

bool r_may_meet(const struct reference *r, int a, int b)
{
	return r->setup.xsm != GNTSIM_XSM_SILO || a == b || !r->domain[a].domid ||
	       !r->domain[b].domid;
}

int r_grant(struct reference *r, int domain, uint16_t domid, int page, bool readonly)
{
	struct r_domain *d = &r->domain[domain];
	int grant = d->n_freed ? d->freed[--d->n_freed] : (int)d->fresh++;

	if (grant >= (int)R_GRANTS) {
		r->open_question = true;
		return 0;
	}
	d->grants[grant].used = true;
	d->grants[grant].of_import = false;
	d->grants[grant].deferred = false;
	d->grants[grant].domid = d->grants[grant].was_for = domid;
	d->grants[grant].memory = page;
	d->grants[grant].readonly = readonly;
	return grant;
}

static bool try_end(struct reference *r, int domain, int grant)
{
	struct r_domain *d = &r->domain[domain];
	struct r_grant *g = &d->grants[grant];
	int page = g->memory;

	if (g->readers || g->writers)
		return false;
	g->used = false;
	d->freed[d->n_freed++] = grant;
	if (!g->of_import || g->deferred)
		r_page_give(r, page);
	return true;
}

void r_grant_end(struct reference *r, int domain, int grant)
{
	struct r_domain *d = &r->domain[domain];

	if (try_end(r, domain, grant))
		return;
	/* Who waits for the mapper keeps the page. */
	if (d->grants[grant].of_import)
		r->page[d->grants[grant].memory].owners++;
	d->grants[grant].deferred = true;
	d->deferred[d->n_deferred++] = grant;
	if (!d->timer) {
		d->timer = true;
		d->expires = r->now + TICK;
	}
}

void r_tick(struct reference *r, int domain)
{
	struct r_domain *d = &r->domain[domain];
	unsigned int looks = d->per_tick ? d->per_tick : UINT32_MAX;
	int stuck = R_NOBODY;

	while (looks-- && d->n_deferred && d->deferred[0] != stuck) {
		int grant = d->deferred[0];

		d->n_deferred--;
		memmove(d->deferred, d->deferred + 1, d->n_deferred * sizeof(*d->deferred));
		if (try_end(r, domain, grant))
			continue;
		if (stuck == R_NOBODY)
			stuck = grant;
		d->deferred[d->n_deferred++] = grant;
	}
	d->timer = d->n_deferred > 0;
	d->expires += TICK;
}

/* GNTTABOP_map_grant_ref, in the order of its checks. */
bool r_map_one(struct reference *r, int mapper, struct r_map_page *p, bool readonly)
{
	int granter = r_domain_by_id(r, p->domid);
	struct r_domain *d;
	struct r_grant *g;

	if (granter == R_NOBODY || !r_may_meet(r, mapper, granter))
		return false;
	d = &r->domain[granter];
	if (p->ref < FIRST_REF || p->ref >= FIRST_REF + R_GRANTS)
		return false;
	g = &d->grants[p->ref - FIRST_REF];
	if (!g->used)
		return false;
	if (g->readers + g->writers && g->mapper != mapper)
		return false;
	/* The entry counts at the first, and where a reader would write. */
	if (!(g->readers + g->writers) || (!readonly && !g->writers)) {
		if (g->domid != r->domain[mapper].domid || (g->readonly && !readonly) || d->dying)
			return false;
	}
	/* Only one's own pages can be granted. */
	if (r->page[g->memory].domain != granter)
		return false;
	if (readonly)
		g->readers++;
	else
		g->writers++;
	g->mapper = mapper;
	p->granter = granter;
	p->memory = g->memory;
	r_page_pin(r, g->memory);
	return true;
}

void r_unmap_one(struct reference *r, int mapper, struct r_map_page *p, bool readonly)
{
	struct r_grant *g = &r->domain[p->granter].grants[p->ref - FIRST_REF];

	(void)mapper;
	if (readonly)
		g->readers--;
	else
		g->writers--;
	r_page_unpin(r, p->memory);
}

/* The last of a dead domain: its domid is free again. */
void r_bury(struct reference *r, int domain)
{
	struct r_domain *d = &r->domain[domain];
	int dom0;

	if (!d->used || !d->dying)
		return;
	for (unsigned int i = 0; i < N_FRAMES; i++)
		if (r->page[i].used && r->page[i].domain == domain)
			return;
	d->used = false;
	dom0 = r_domain_by_id(r, 0);
	if (dom0 != R_NOBODY && !r->domain[dom0].dying)
		r_raise(r, dom0, GNTSIM_VIRQ_DOM_EXC);
}

static void drop_mappings(struct reference *r, int domain)
{
	for (unsigned int i = 0; i < R_ROWS; i++) {
		struct r_map *m = &r->map[i];

		if (!m->used || r->file[m->file].domain != domain || r->file[m->file].dead)
			continue;
		for (unsigned int k = 0; k < m->count; k++) {
			if (!m->pages[k].live)
				continue;
			m->pages[k].live = false;
			for (unsigned int n = 0; n < m->pins; n++)
				r_unmap_one(r, domain, &m->pages[k], m->readonly);
		}
		m->used = false;
	}
}

static void drop_programs(struct reference *r, int domain)
{
	for (unsigned int i = 0; i < R_ROWS; i++) {
		struct r_vma *v = &r->vma[i];
		struct r_own *o = &r->own[i];

		if (v->used && r->mm[v->mm].domain == domain && !r->mm[v->mm].dead)
			v->used = false;
		if (o->used && r->mm[o->mm].domain == domain && !r->mm[o->mm].dead)
			o->used = false;
	}
	for (unsigned int i = 0; i < R_ROWS; i++) {
		if (r->dmabuf[i].used && r->file[r->dmabuf[i].file].domain == domain)
			r->dmabuf[i].used = false;
		if (r->import[i].used && r->file[r->import[i].file].domain == domain)
			r->import[i].used = false;
	}
	for (unsigned int i = 0; i < R_ROWS; i++) {
		struct r_file *f = &r->file[i];

		if (r->run[i].used && r->file[r->gref[r->run[i].gref[0]].file].domain == domain)
			r->run[i].used = false;
		if (!f->used || f->dead || f->domain != domain)
			continue;
		f->dead = true;
		/* Only a mapping kept it. */
		f->used = f->open;
	}
	for (unsigned int i = 0; i < R_ROWS; i++) {
		if (r->gref[i].used && r->file[r->gref[i].file].domain == domain)
			r->gref[i].used = false;
		if (r->mm[i].used && r->mm[i].domain == domain)
			r->mm[i].dead = true;
	}
}

static void destroy(struct reference *r, int domain)
{
	struct r_domain *d = &r->domain[domain];
	int dom0;

	d->dying = true;
	d->timer = false;
	d->n_deferred = 0;
	for (gntsim_port port = 1; port < R_PORTS; port++)
		r_port_close(r, domain, port);
	dom0 = r_domain_by_id(r, 0);
	if (dom0 != R_NOBODY && dom0 != domain)
		r_raise(r, dom0, GNTSIM_VIRQ_DOM_EXC);
	drop_mappings(r, domain);
	drop_programs(r, domain);
	for (unsigned int i = 0; i < N_FRAMES; i++) {
		struct r_page *p = &r->page[i];

		if (p->used && p->domain == domain) {
			p->owners = 0;
			p->used = p->pins > 0;
		}
	}
	r_bury(r, domain);
}

static void create(struct reference *r, const struct call *c, struct outcome *out)
{
	unsigned int n = c->self % N_DOMAINS;
	const struct gntsim_domain_config *config = &r->setup.config;
	bool pv = r->setup.arch == GNTSIM_ARCH_AMD64 && c->a & 1;
	int row;

	out->skipped = r->domain_at[n] != R_NOBODY;
	if (out->skipped)
		return;
	if (r_domain_by_id(r, n) != R_NOBODY) {
		out->value = -17; /* EEXIST */
		return;
	}
	row = R_ROW(r, domain);
	r->domain[row] = (struct r_domain){
	    .used = true,
	    .domid = (uint16_t)n,
	    .pv = pv,
	    .kernel = config->kernel,
	    .limit = config->gntalloc_limit ? config->gntalloc_limit : 1024,
	    .map_limit = config->gntdev_limit ? config->gntdev_limit : 65536,
	    .per_tick = config->free_per_iteration ? config->free_per_iteration : 10,
	    .max_ports = config->max_ports ? config->max_ports : 131072,
	};
	r->domain_at[n] = row;
}

static void set_limit(struct r_domain *d, const struct call *c, struct outcome *out)
{
	uint32_t value = c->c & 31;

	switch (c->a % GNTSIM_LIMIT_FRAMES) {
	case GNTSIM_LIMIT_GNTALLOC:
		d->limit = value;
		break;
	case GNTSIM_LIMIT_GNTDEV:
		d->map_limit = value;
		break;
	case GNTSIM_LIMIT_FREE_PER_ITERATION:
		d->per_tick = value;
		break;
	default:
		out->value = -1; /* EPERM */
		break;
	}
}

/* Deferred pages are freed in time. */
static void advance(struct reference *r, const struct call *c, struct outcome *out)
{
	uint64_t end = r->now + c->a * TENTH_SECOND, next;

	for (;;) {
		int first = R_NOBODY;

		next = UINT64_MAX;
		for (int i = 0; i < (int)R_DOMAINS; i++) {
			const struct r_domain *d = &r->domain[i];

			if (d->used && d->timer && d->expires < next) {
				next = d->expires;
				first = i;
			}
		}
		if (first == R_NOBODY || next > end)
			break;
		r->now = next;
		r_tick(r, first);
	}
	r->now = end;
	put(out, end);
	put(out, next == UINT64_MAX ? next : next - end);
}

void r_domain_call(struct reference *r, const struct call *c, struct outcome *out)
{
	int *at = &r->domain_at[c->self % N_DOMAINS];

	switch ((int)c->op) {
	case CALL_ADVANCE:
		advance(r, c, out);
		return;
	case CALL_INTERRUPT:
		r->interrupt = c->a & 3;
		return;
	case CALL_DOMAIN_CREATE:
		create(r, c, out);
		return;
	default:
		break;
	}
	out->skipped = *at == R_NOBODY;
	if (out->skipped)
		return;
	if (c->op == CALL_LIMIT) {
		set_limit(&r->domain[*at], c, out);
	} else if (c->op == CALL_RAISE_VIRQ) {
		r_raise(r, *at, c->b & 31);
	} else {
		destroy(r, *at);
		*at = R_NOBODY;
	}
}
