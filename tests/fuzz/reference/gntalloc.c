/* SPDX-License-Identifier: MIT */
/* Rules: GA-*. */
#include <errno.h>
#include <sys/mman.h>

#include "reference.h"

static bool in_a_run(const struct reference *r, int gref)
{
	for (unsigned int i = 0; i < R_ROWS; i++)
		for (unsigned int k = 0; r->run[i].used && k < r->run[i].count; k++)
			if (r->run[i].gref[k] == gref)
				return true;
	return false;
}

/* No user is left: the byte, the event, the port, and then the grant. */
static void reap(struct reference *r, int gref)
{
	struct r_gref *g = &r->gref[gref];
	int domain = r->file[g->file].domain;

	if (g->listed || in_a_run(r, gref))
		return;
	if (g->action & 1)
		r->page[g->memory].bytes[g->offset] = 0;
	if (g->action & 2) {
		r_port_send(r, domain, g->port);
		r_port_put(r, domain, g->port);
	}
	g->used = false;
	r->domain[domain].live--;
	r_grant_end(r, domain, g->grant);
}

static int find(const struct reference *r, int file, uint64_t page)
{
	for (int i = 0; i < (int)R_ROWS; i++)
		if (r->gref[i].used && r->gref[i].listed && r->gref[i].file == file &&
		    r->gref[i].page == page)
			return i;
	return R_NOBODY;
}

static void alloc(struct reference *r, int file, const struct call *c, struct outcome *out)
{
	struct r_file *f = &r->file[file];
	struct r_domain *d = &r->domain[f->domain];
	uint32_t count = call_count(c->c);

	if (count > 65537) {
		out->skipped = true;
		return;
	}
	if (count > d->limit || d->live + count > d->limit) {
		out->value = -ENOSPC;
		return;
	}
	put(out, f->next_page * PAGE);
	for (uint32_t i = 0; i < count; i++) {
		int row = R_ROW(r, gref), page = r_page_take(r, f->domain);

		if (page == R_NOBODY) {
			/* The driver's undo counts wrong from here on. */
			out->value = -ENOMEM;
			out->n = 0;
			r_hazard(r, "gntalloc-undo-miscounts");
			return;
		}
		r->gref[row] = (struct r_gref){
		    .used = true,
		    .file = file,
		    .page = f->next_page + i,
		    .born = ++r->births,
		    .listed = true,
		    .memory = page,
		    .grant = r_grant(r, f->domain, (uint16_t)call_domid(c->a), page, !(c->b & 1)),
		};
		put(out, (uint64_t)r->gref[row].grant + 8);
	}
	f->next_page += count;
	d->live += count;
}

static void dealloc(struct reference *r, int file, const struct call *c, struct outcome *out)
{
	uint32_t count = call_count(c->b);

	if (c->e & (PAGE - 1) || !count) {
		out->value = -EINVAL;
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (find(r, file, (uint64_t)c->c + i) == R_NOBODY) {
			out->value = -EINVAL;
			return;
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		int gref = find(r, file, (uint64_t)c->c + i);

		r->gref[gref].listed = false;
		reap(r, gref);
	}
}

static void set_notify(struct reference *r, int file, const struct call *c, struct outcome *out)
{
	int gref = find(r, file, c->c), domain = r->file[file].domain;
	struct r_gref *g;

	if (gref == R_NOBODY) {
		out->value = -ENOENT;
		return;
	}
	g = &r->gref[gref];
	if (c->d & 4 || (c->d & 2 && !r_port_get(r, domain, call_port(c->b)))) {
		out->value = -EINVAL;
		return;
	}
	if (g->action & 2)
		r_port_put(r, domain, g->port);
	g->action = c->d & 3;
	g->offset = c->e & (PAGE - 1);
	g->port = call_port(c->b);
}

int r_gntalloc_mmap(struct reference *r, struct r_vma *v, int file)
{
	uint64_t n = (v->end - v->start) / PAGE;
	int run = R_ROW(r, run);

	if (!v->shared)
		return -EINVAL;
	for (uint64_t i = 0; i < n; i++) {
		int gref = find(r, file, v->page + i);

		if (gref == R_NOBODY)
			return -ENOENT;
		r->run[run].gref[i] = gref;
	}
	r->run[run].used = true;
	r->run[run].count = (unsigned int)n;
	r->run[run].pieces = 1;
	v->run = run;
	return 0;
}

static bool others_between(const struct reference *r, int first, int second)
{
	const struct r_gref *a = &r->gref[first], *b = &r->gref[second];

	for (unsigned int i = 0; i < R_ROWS; i++) {
		const struct r_gref *g = &r->gref[i];

		if (g->used && r->file[g->file].domain == r->file[a->file].domain &&
		    g->born > a->born && g->born < b->born)
			return true;
	}
	return false;
}

void r_run_put(struct reference *r, int run)
{
	struct r_run *u = &r->run[run];

	if (--u->pieces)
		return;
	for (unsigned int i = 1; i < u->count; i++)
		if (others_between(r, u->gref[i - 1], u->gref[i]))
			r_hazard(r, "gntalloc-vma-close-walks-global-list");
	u->used = false;
	for (unsigned int i = 0; i < u->count; i++)
		reap(r, u->gref[i]);
}

void r_gntalloc_release(struct reference *r, int file)
{
	for (uint64_t page = 0; page < r->file[file].next_page; page++) {
		int gref = find(r, file, page);

		if (gref == R_NOBODY)
			continue;
		r->gref[gref].listed = false;
		reap(r, gref);
	}
}

void r_gntalloc_call(struct reference *r, int file, const struct call *c, struct outcome *out)
{
	switch ((int)c->op) {
	case CALL_ALLOC:
		alloc(r, file, c, out);
		break;
	case CALL_DEALLOC:
		dealloc(r, file, c, out);
		break;
	default:
		set_notify(r, file, c, out);
		break;
	}
}
