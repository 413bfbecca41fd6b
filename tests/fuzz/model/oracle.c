/* SPDX-License-Identifier: MIT */
#include "oracle.h"

#include <poll.h>
#include <string.h>

/* Two for each file, two for each address space, one for each wait, and one for each hazard. */
#define EFFECTS_MOST 64u

/* ---- notifications: each at most once ---- */

static struct armed *find_armed(struct oracle *o, const struct gntsim_observation *saw)
{
	uint64_t where = saw->device == GNTSIM_DEV_GNTALLOC ? saw->ref : saw->index;
	struct armed *a;

	for (a = o->armed; a < o->armed + o->n_armed; a++)
		if (a->device == saw->device && a->domid == saw->domid && a->where == where)
			return a;
	if (o->n_armed == sizeof(o->armed) / sizeof(*o->armed))
		return NULL;
	*a = (struct armed){.device = saw->device, .domid = saw->domid, .where = where};
	o->n_armed++;
	return a;
}

/* Two files may have a map of one index: then this counts both. */
static void arm(struct armed *a, uint32_t action)
{
	if (a->device == GNTSIM_DEV_GNTALLOC)
		a->bytes = a->events = 0;
	a->bytes += action & 1;
	a->events += action >> 1 & 1;
}

static void look(void *ctx, const struct gntsim_observation *saw)
{
	struct oracle *o = ctx;
	struct armed *a;

	switch ((int)saw->kind) {
	case GNTSIM_SAW_NOTIFY_SET:
		a = find_armed(o, saw);
		if (a)
			arm(a, saw->action);
		break;
	case GNTSIM_SAW_NOTIFY_BYTE:
		a = find_armed(o, saw);
		if (a && !a->bytes--)
			o->wrong = "a notification's byte is cleared twice, or unasked";
		break;
	case GNTSIM_SAW_NOTIFY_EVENT:
		a = find_armed(o, saw);
		if (a && !a->events--)
			o->wrong = "a notification's event is sent twice, or unasked";
		break;
	default:
		break;
	}
}

/* ---- grants, handles and the maps that own them ---- */

#define ENTRIES 256u

struct pins {
	uint16_t domid;  /* the granter, or the mapper */
	uint32_t number; /* reference, or handle */
	uint32_t counted, claimed;
	uint16_t granter; /* of a handle */
	gntsim_gref ref;
};

struct books {
	struct world *w;
	struct pins grants[ENTRIES], handles[ENTRIES];
	unsigned int n_grants, n_handles;
	const char *wrong;
};

static struct pins *find(struct pins *all, unsigned int n, uint16_t domid, uint32_t number)
{
	for (unsigned int i = 0; i < n; i++)
		if (all[i].domid == domid && all[i].number == number)
			return &all[i];
	return NULL;
}

static bool note_grant(void *ctx, const struct gntsim_grant_info *g)
{
	struct books *b = ctx;

	if (g->frame >= gntsim_machine_frames(b->w->m) && !b->w->raw_entries)
		b->wrong = "a grant of a frame that there is not";
	if (g->pins && !g->reading && !b->w->raw_entries)
		b->wrong = "a pinned entry without its mark";
	if (b->n_grants < ENTRIES)
		b->grants[b->n_grants++] =
		    (struct pins){.domid = g->granter, .number = g->ref, .counted = g->pins};
	return true;
}

static bool note_handle(void *ctx, const struct gntsim_handle_info *h)
{
	struct books *b = ctx;
	struct pins *g = find(b->grants, b->n_grants, h->granter, h->ref);

	if (g)
		g->claimed += (h->flags & GNTSIM_GNTMAP_HOST_MAP ? 1u : 0u) +
			      (h->flags & GNTSIM_GNTMAP_DEVICE_MAP ? 1u : 0u);
	else if (!b->w->raw_entries && b->n_grants < ENTRIES)
		b->wrong = "a handle of a grant that there is not";
	if (b->n_handles < ENTRIES)
		b->handles[b->n_handles++] = (struct pins){
		    .domid = h->domid, .number = h->handle, .granter = h->granter, .ref = h->ref};
	return true;
}

static void claim(struct books *b, uint16_t domid, uint32_t handle, uint16_t granter,
		  gntsim_gref ref)
{
	struct pins *h;

	if (handle == GNTSIM_INVALID_HANDLE || b->n_handles == ENTRIES)
		return;
	h = find(b->handles, b->n_handles, domid, handle);
	if (!h)
		b->wrong = "a map's handle is free";
	else if (h->claimed++)
		b->wrong = "a handle with two owners";
	else if (h->granter != granter || h->ref != ref)
		b->wrong = "a map's handle is of another grant";
}

static uint16_t domid_of(const struct world *w, const struct gntsim_file *file)
{
	const struct gntsim_domain *dom = gntsim_file_domain(file);

	(void)w;
	return dom ? gntsim_domain_id(dom) : GNTSIM_DOMID_INVALID;
}

static bool note_page(void *ctx, const struct gntsim_map_page_info *p)
{
	struct books *b = ctx;
	uint16_t domid = domid_of(b->w, p->file);

	claim(b, domid, p->handle, p->granter, p->ref);
	claim(b, domid, p->kernel_handle, p->granter, p->ref);
	return true;
}

/* The machine has just counted all of that again: where there is none there is nothing to walk over. */
static const char *check_books(struct world *w, const struct gntsim_totals *t)
{
	static struct books b;

	b.w = w;
	b.n_grants = b.n_handles = 0;
	b.wrong = NULL;
	if (t->grants)
		gntsim_for_each_grant(w->m, note_grant, &b);
	if (t->maptrack)
		gntsim_for_each_handle(w->m, note_handle, &b);
	if (t->gntdev_maps)
		gntsim_for_each_map_page(w->m, note_page, &b);
	for (unsigned int i = 0; i < N_RAW; i++) {
		struct pins *h = w->raw[i].used ? find(b.handles, b.n_handles,
						       (uint16_t)w->raw[i].domain, w->raw[i].handle)
						: NULL;

		if (h)
			h->claimed++;
		else if (w->raw[i].used && b.n_handles < ENTRIES)
			return "a kernel's handle is free";
	}
	for (unsigned int i = 0; i < b.n_handles && !b.wrong; i++)
		if (b.handles[i].claimed != 1)
			b.wrong = "a handle without its owner";
	for (unsigned int i = 0; i < b.n_grants && !b.wrong && b.n_handles < ENTRIES; i++)
		if (b.grants[i].claimed != b.grants[i].counted)
			b.wrong = "an entry's pins are not its handles";
	return b.wrong;
}

/* ---- frames ---- */

struct frame_check {
	struct world *w;
	const char *wrong;
};

static bool check_vma(void *ctx, struct gntsim_mm *mm, const struct gntsim_vma *vma)
{
	struct frame_check *f = ctx;
	struct gntsim_page page;

	for (uint64_t at = vma->start; at < vma->end; at += PAGE) {
		if (gntsim_mm_page(mm, at, &page) < 0)
			f->wrong = "a page of a mapping is none";
		else if (page.frame == GNTSIM_NO_FRAME)
			continue;
		else if (page.frame >= gntsim_machine_frames(f->w->m))
			f->wrong = "a mapped frame that there is not";
		else if (!world_frame_used(f->w->m, page.frame))
			f->wrong = "a frame is both free and mapped";
	}
	return !f->wrong;
}

/* ---- events ---- */

static const char *check_rings(struct world *w)
{
	gntsim_port ports[N_OUT];

	for (unsigned int i = 0; i < N_FILES; i++) {
		struct gntsim_file *file = w->file[i];
		int n;
		short events;

		if (!file || gntsim_file_device(file) != GNTSIM_DEV_EVTCHN ||
		    !gntsim_file_domain(file))
			continue;
		n = gntsim_evtchn_peek(file, sizeof(ports), ports);
		events = gntsim_evtchn_poll(file);
		if (n == -27 ? events != POLLERR : (n > 0) != ((events & POLLIN) != 0) && n != -9)
			return "poll and read of a ring";
		if (n > (int)(gntsim_evtchn_ring_size(file) * sizeof(*ports)))
			return "more events than the ring has room for";
	}
	return NULL;
}

static bool is_ours(const struct world *w, const struct gntsim_effect *e)
{
	for (unsigned int i = 0; i < N_FILES && e->file; i++)
		if (w->file[i] == e->file)
			return true;
	for (unsigned int i = 0; i < N_MMS && e->mm; i++)
		if (w->mm[i] == e->mm)
			return true;
	for (unsigned int i = 0; i < N_DOMAINS && e->dom; i++)
		if (w->domain[i] == e->dom)
			return true;
	return (e->kind == GNTSIM_EFFECT_HAZARD && e->hazard) || world_told(w, e) >= 0;
}

static const char *take_effects(struct world *w)
{
	struct gntsim_effect effect = {0};
	unsigned int n = 0;
	int told;

	while (gntsim_next_effect(w->m, &effect)) {
		if (!is_ours(w, &effect))
			return "an effect of nobody's";
		told = world_told(w, &effect);
		if (told >= 0 && w->told[told])
			return "a wait is told twice";
		if (told >= 0)
			w->told[told] = true;
		if (++n > EFFECTS_MOST)
			return "more effects than objects";
		effect = (struct gntsim_effect){0};
	}
	return NULL;
}

void oracle_begin(struct oracle *o, struct world *w)
{
	o->n_armed = 0;
	o->wrong = NULL;
	gntsim_machine_observe(w->m, look, o);
}

const char *oracle_check(struct oracle *o, struct world *w)
{
	struct frame_check f = {w, NULL};
	const char *wrong = o->wrong;
	struct gntsim_totals t;

	if (!wrong)
		wrong = gntsim_machine_check(w->m);
	gntsim_machine_totals(w->m, &t);
	if (!wrong)
		wrong = check_books(w, &t);
	if (!wrong && t.vmas) {
		gntsim_for_each_vma(w->m, check_vma, &f);
		wrong = f.wrong;
	}
	if (!wrong)
		wrong = check_rings(w);
	return wrong ? wrong : take_effects(w);
}

/* ---- the end ---- */

static void end_programs(struct world *w)
{
	for (unsigned int i = 0; i < N_MMS; i++)
		if (w->mm[i])
			gntsim_mm_destroy(w->mm[i]);
	for (unsigned int i = 0; i < N_FILES; i++)
		if (w->file[i])
			gntsim_close(w->file[i]);
	for (unsigned int i = 0; i < N_WAITS; i++)
		if (w->wait[i])
			gntsim_wait_end(w->wait[i]);
	memset(w->wait, 0, sizeof(w->wait));
	memset(w->mm, 0, sizeof(w->mm));
	memset(w->file, 0, sizeof(w->file));
}

static void end_kernels(struct world *w)
{
	for (unsigned int i = 0; i < N_RAW; i++) {
		struct gntsim_unmap_grant_ref op = {.host_addr = w->raw[i].addr,
						    .handle = w->raw[i].handle};

		/* At address 0 it can't be unmapped, but by the domain's end. */
		if (w->raw[i].used && w->domain[w->raw[i].domain] &&
		    (op.host_addr || !w->raw[i].host)) {
			gntsim_gnttab_unmap(w->domain[w->raw[i].domain], &op);
			w->raw[i].used = false;
		}
	}
	while (w->n_held)
		gntsim_frame_unhold(w->m, w->held[--w->n_held]);
}

static void end_domains(struct world *w)
{
	for (unsigned int i = 0; i < N_DOMAINS; i++)
		if (w->domain[i])
			gntsim_domain_destroy(w->domain[i]);
	memset(w->domain, 0, sizeof(w->domain));
	for (unsigned int i = 0; i < N_RAW; i++)
		w->raw[i].used = false;
}

static bool only_kernels_left(const struct world *w)
{
	for (unsigned int i = 0; i < N_RAW; i++)
		if (w->raw[i].used)
			return true;
	return w->raw_entries;
}

const char *oracle_empty(struct oracle *o, struct world *w)
{
	struct gntsim_totals t;
	const char *wrong;

	w->fail_in = 0;
	if (w->setup.destroys)
		end_domains(w);
	end_programs(w);
	end_kernels(w);
	gntsim_machine_advance(w->m, 3600 * 10 * TENTH_SECOND);
	wrong = oracle_check(o, w);
	if (wrong)
		return wrong;
	gntsim_machine_totals(w->m, &t);
	if (t.mms || t.vmas || (!w->keeps_itself && (t.files || t.gntdev_maps)))
		return "programs are gone, and something of theirs is there";
	if (!only_kernels_left(w) && !w->keeps_itself && (t.grants || t.deferred || t.maptrack))
		return "programs are gone, and a grant or map is there";
	end_domains(w);
	gntsim_machine_totals(w->m, &t);
	if (t.domains || t.zombies || t.frames || t.grants || t.deferred || t.maptrack || t.ports)
		return "domains are gone, and something of theirs is there";
	return gntsim_machine_check(w->m);
}
