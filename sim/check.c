/* SPDX-License-Identifier: MIT */
/*
 * gntsim_machine_check(): counts everything again. Objects that mappings share carry a mark,
 * "seen", that is 0 between checks.
 */
#include <string.h>

#include "model.h"

/* ---- address spaces ---- */

static const char *check_vma(struct vma *vma)
{
	if (PAGE_OFFSET(vma->start) || vma->start >= vma->end || vma->file->dom != vma->mm->dom)
		return "a mapping's range or file";
	vma->file->seen++;
	if (vma->file->device == GNTSIM_DEV_GNTALLOC)
		vma->u.run->seen++;
	else if (vma->file->device == GNTSIM_DEV_GNTDEV)
		vma->u.map->seen++;
	return NULL;
}

/* The pages that differ from what the driver put there, each in a mapping. */
static const char *check_own_pages(const struct gntsim_mm *mm)
{
	const struct tree_node *n;
	uint64_t end = 0;

	if (!gs_tree_sound(&mm->own_pages))
		return "an address space's own pages";
	for (n = gs_tree_first(&mm->own_pages); n; n = gs_tree_next(n)) {
		const struct own_page *p = container_of(n, const struct own_page, node);
		const struct vma *vma = gs_vma_find(mm, p->addr);

		if (p->addr < end || !vma || p->addr < vma->start)
			return "an own page's place";
		if (p->frame != GNTSIM_NO_FRAME && !gs_frame_owned(mm->dom, p->frame))
			return "an own page's frame";
		end = p->addr + PAGE;
	}
	return NULL;
}

/* Whether what gs_vma_find() remembers is what it would find. */
static bool hit_sound(const struct gntsim_mm *mm)
{
	struct vma_hit hit = *mm->hit;
	bool sound;

	*mm->hit = (struct vma_hit){0};
	sound = hit.from >= hit.to || gs_vma_find(mm, hit.from) == hit.vma;
	*mm->hit = (struct vma_hit){0};
	return sound && (hit.from >= hit.to || gs_vma_find(mm, hit.to - 1) == hit.vma);
}

static const char *mark_mms(struct recount *r, struct gntsim_domain *dom)
{
	const char *wrong = NULL;
	struct list *l;

	for (l = dom->mms.next; l != &dom->mms && !wrong; l = l->next) {
		struct gntsim_mm *mm = container_of(l, struct gntsim_mm, link);
		uint64_t end = 0;
		struct vma *vma;

		r->totals.mms++;
		if (mm->dom != dom || !gs_tree_sound(&mm->vmas) || !gs_vma_near_sound(mm) ||
		    !hit_sound(mm))
			return "an address space's tree";
		for (vma = gs_vma_find(mm, 0); vma && !wrong; vma = gs_vma_next(vma)) {
			r->totals.vmas++;
			wrong = vma->start < end || vma->mm != mm ? "order of mappings" : NULL;
			end = vma->end;
			if (!wrong)
				wrong = check_vma(vma);
		}
		if (!wrong)
			wrong = check_own_pages(mm);
	}
	return wrong;
}

/* A run is counted at the last of its pieces, which then finds all of them marked. */
static const char *check_runs(struct gntsim_domain *dom, uint64_t *users)
{
	struct list *l;

	for (l = dom->mms.next; l != &dom->mms; l = l->next) {
		const struct gntsim_mm *mm = container_of(l, struct gntsim_mm, link);
		struct vma *vma;

		for (vma = gs_vma_find(mm, 0); vma; vma = gs_vma_next(vma)) {
			struct gref_run *run = vma->u.run;

			if (vma->file->device != GNTSIM_DEV_GNTALLOC || !run->seen)
				continue;
			if (run->seen != run->users)
				return "pieces of a gntalloc mapping";
			run->seen = 0;
			*users += run->count;
		}
	}
	return NULL;
}

/* ---- files ---- */

static const char *check_notification(const struct gntsim_domain *dom, gntsim_port port,
				      uint64_t *refs)
{
	const struct port *p = gs_port(dom, port);

	++*refs;
	return (p && p->refs > 0) || dom->static_refs ? NULL : "a notification's port";
}

static const char *check_gref(const struct gref *g, const struct gntsim_file *file,
			      const struct gref *before, uint64_t *refs)
{
	const struct slot *slot = gs_slot(file->dom, g->ref);

	if (g->file != file || (before && before->index >= g->index) || !g->users)
		return "a gntalloc page's place in its file";
	if (!slot || slot->state != SLOT_PAGE || slot->gref != g)
		return "a gntalloc page's grant";
	if (g->notify_flags & NOTIFY_SEND_EVENT)
		return check_notification(file->dom, g->notify_port, refs);
	return NULL;
}

/* What a domain's gntalloc files add up to. */
struct sums {
	uint64_t grefs, users;
	uint64_t refs;        /* on ports */
	uint64_t static_refs; /* of these, notifications' on numbers that BIND_STATIC bound */
};

static const char *check_gntalloc(const struct gntsim_file *file, struct sums *sums)
{
	const struct tree *grefs = &file->u.gntalloc.grefs;
	const struct gref *before = NULL;
	const struct tree_node *n;
	const char *wrong = gs_tree_sound(grefs) ? NULL : "a gntalloc file's tree";

	for (n = gs_tree_first(grefs); n && !wrong; n = gs_tree_next(n)) {
		const struct gref *g = container_of(n, const struct gref, node);

		wrong = check_gref(g, file, before, &sums->refs);
		sums->grefs++;
		sums->users += g->users - g->listed;
		before = g;
	}
	return wrong;
}

static uint32_t live_handles(const struct gntsim_domain *dom, const struct map *map)
{
	uint32_t n = 0, i;

	for (i = 0; i < map->count; i++) {
		const struct map_page *p = &map->pages[i];
		const struct track *t;

		if (p->handle != GNTSIM_INVALID_HANDLE &&
		    p->handle < table_size(&dom->maptrack.entries)) {
			t = table_at(&dom->maptrack.entries, p->handle);
			n += t->flags && t->ref == p->ref && t->domid == p->domid;
		}
		n += p->khandle != GNTSIM_INVALID_HANDLE;
	}
	return n;
}

static const char *check_map(const struct gntsim_file *file, struct map *map, struct sums *sums)
{
	uint32_t seen = map->seen;

	/* The file's list and the dma-buf have one user between them. */
	seen += map->listed || map->seen_export;
	map->seen = 0;
	map->seen_export = false;
	if (map->file != file || map->users != seen || !map->users)
		return "users of a gntdev map";
	if (map->live != live_handles(file->dom, map))
		return "live grants of a gntdev map";
	if (map->notify.flags & NOTIFY_SEND_EVENT)
		return check_notification(file->dom, map->notify.port, &sums->refs);
	return NULL;
}

static const char *check_gaps(const struct tree *maps, uint32_t *listed)
{
	const struct tree_node *n;
	uint32_t end = 0;

	if (!gs_tree_sound(maps))
		return "a gntdev file's tree";
	for (n = gs_tree_first(maps); n; n = gs_tree_next(n), ++*listed) {
		const struct map *map = container_of(n, const struct map, node);
		uint32_t max = map->gap;

		if (n->left && container_of(n->left, const struct map, node)->max_gap > max)
			max = container_of(n->left, const struct map, node)->max_gap;
		if (n->right && container_of(n->right, const struct map, node)->max_gap > max)
			max = container_of(n->right, const struct map, node)->max_gap;
		if (!map->listed || map->index != end + map->gap || map->max_gap != max)
			return "a gap between gntdev maps";
		end = map->index + map->count;
	}
	return NULL;
}

static const char *check_gntdev(struct recount *r, struct gntsim_file *file, struct sums *sums)
{
	const struct list *head = &file->u.gntdev.all;
	uint32_t listed = 0;
	const char *wrong = check_gaps(&file->u.gntdev.maps, &listed);
	struct list *l;

	for (l = head->next; l != head && !wrong; l = l->next) {
		struct map *map = container_of(l, struct map, all);

		r->totals.gntdev_maps++;
		listed -= map->listed;
		wrong = check_map(file, map, sums);
	}
	return !wrong && listed ? "list of a gntdev file's maps" : wrong;
}

/* Maps that only pins keep. */
static const char *check_waiting(struct recount *r, const struct gntsim_domain *dom,
				 struct sums *sums)
{
	const struct list *l;

	for (l = dom->waiting.next; l != &dom->waiting; l = l->next) {
		const struct map *map = container_of(l, const struct map, all);

		r->totals.gntdev_maps++;
		if (map->file || map->users || !map->pins || map->live != live_handles(dom, map))
			return "a gntdev map that waits";
		if ((map->notify.flags & NOTIFY_SEND_EVENT) &&
		    check_notification(dom, map->notify.port, &sums->refs))
			return "the notification of a gntdev map that waits";
	}
	return NULL;
}

static const char *check_evtchn(const struct gntsim_file *file, struct sums *sums)
{
	const struct evtchn_file *u = &file->u.evtchn;
	const struct list *l;
	uint32_t n = 0;

	for (l = u->ports.next; l != &u->ports; l = l->next, n++)
		if (container_of(l, const struct port, of_file)->file != file)
			return "list of an evtchn file's ports";
	sums->refs += n;
	for (l = u->statics.next; l != &u->statics; l = l->next, n++) {
		int16_t refs = container_of(l, const struct static_port, of_file)->refs;

		if (refs < 1)
			return "a port bound by its number";
		sums->static_refs += (uint64_t)refs - 1;
	}
	if (n != u->n_ports || n > u->ring_size || u->prod - u->cons > u->ring_size)
		return "an evtchn file's ring";
	return NULL;
}

static const char *check_kept_statics(const struct gntsim_domain *dom, struct sums *sums)
{
	for (const struct list *l = dom->kept_statics.next; l != &dom->kept_statics; l = l->next) {
		int16_t refs = container_of(l, const struct static_port, of_file)->refs;

		if (refs < 1)
			return "a port's number that nobody holds";
		sums->static_refs += (uint64_t)refs;
	}
	return sums->static_refs == dom->static_refs ? NULL : "references on ports' numbers";
}

static const char *check_file(struct recount *r, struct gntsim_file *file, struct sums *sums)
{
	uint32_t seen = file->seen;

	r->totals.files++;
	file->seen = 0;
	if (file->vmas != seen || (!file->open && !file->vmas))
		return "mappings of a file";
	switch (file->device) {
	case GNTSIM_DEV_GNTALLOC:
		return check_gntalloc(file, sums);
	case GNTSIM_DEV_GNTDEV:
		return check_gntdev(r, file, sums);
	case GNTSIM_DEV_EVTCHN:
		return check_evtchn(file, sums);
	case GNTSIM_DEV_DMABUF:
		return NULL;
	}
	return "a file's device";
}

static const char *check_files(struct recount *r, struct gntsim_domain *dom)
{
	struct sums sums = {0};
	uint64_t run_users = 0;
	const char *wrong = check_runs(dom, &run_users);
	struct list *l;
	uint32_t n = 0;

	for (l = dom->files.next; l != &dom->files && !wrong; l = l->next)
		wrong = gs_check_dmabufs(container_of(l, struct gntsim_file, link));
	for (l = dom->files.next; l != &dom->files && !wrong; l = l->next)
		wrong = check_file(r, container_of(l, struct gntsim_file, link), &sums);
	if (!wrong)
		wrong = check_waiting(r, dom, &sums);
	for (l = dom->grefs.next; l != &dom->grefs; l = l->next)
		n++;
	if (!wrong && (n != dom->n_grefs || sums.grefs != n || sums.users != run_users))
		wrong = "number of gntalloc pages, or their users";
	/* ALLOC_GREF's undo may have made it too low. */
	if (!wrong && dom->gref_size > (int64_t)n)
		wrong = "gntalloc's count of pages";
	if (!wrong)
		wrong = check_kept_statics(dom, &sums);
	if (!wrong && sums.refs != r->port_refs + sums.static_refs)
		wrong = "references on ports";
	return wrong;
}

/* ---- the machine ---- */

static bool check_domain(void *ctx, struct gntsim_domain *dom)
{
	struct recount *r = ctx;

	if (dom->dying) {
		r->totals.zombies++;
		if (!dom->n_frames || !list_empty(&dom->files) || !list_empty(&dom->mms))
			r->wrong = "a zombie without cause";
	} else {
		r->totals.domains++;
	}
	if (!r->wrong)
		r->wrong = gs_check_xen(r, dom);
	if (!r->wrong)
		r->wrong = mark_mms(r, dom);
	if (!r->wrong)
		r->wrong = check_files(r, dom);
	return !r->wrong;
}

static const char *check_timers(const struct gntsim_machine *m)
{
	const struct list *l;
	uint64_t before = 0;
	uint32_t n = 0;

	for (l = m->timers.next; l != &m->timers; l = l->next, n++) {
		const struct gntsim_domain *dom =
		    container_of(l, const struct gntsim_domain, grants.timer);

		if (!dom->grants.timer_armed || dom->grants.expires < before)
			return "order of timers";
		before = dom->grants.expires;
	}
	return n == m->n_timers ? NULL : "number of timers";
}

const char *gntsim_machine_check(struct gntsim_machine *m)
{
	struct recount r;
	struct list *l;

	/* To be compared as bytes, padding and all. */
	memset(&r, 0, sizeof(r));
	gs_for_each_domain(m, check_domain, &r);
	if (r.wrong)
		return r.wrong;
	for (l = m->dead_files.next; l != &m->dead_files; l = l->next)
		r.totals.files++;
	for (l = m->dead_mms.next; l != &m->dead_mms; l = l->next)
		r.totals.mms++;
	if (memcmp(&r.totals, &m->totals, sizeof(r.totals)))
		return "the machine's totals";
	if (r.slot_pins != r.track_pins)
		return "mappings, as granters and mappers count them";
	if (r.held != m->frames.held)
		return "frames that are held";
	if (!list_empty(&m->releases))
		return "a release was forgotten";
	r.wrong = gs_check_machine_frames(m);
	return r.wrong ? r.wrong : check_timers(m);
}
