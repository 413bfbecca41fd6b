/* SPDX-License-Identifier: MIT */
/* Domains: birth, lookup by id, death, and the time between death and burial. */
#include <string.h>

#include "model.h"

#define DOM0_KERNEL_VIRQS (1u << 0 | 1u << 2 | 1u << 9 | 1u << 16)
#define DOMU_KERNEL_VIRQS (1u << 0)
/* Its timer is no VIRQ there, and there are no drivers for the other two. */
#define ARM_DOM0_KERNEL_VIRQS (1u << 2)

/* Fills in the defaults. False: one is beyond what Linux or Xen could be given. */
static bool settle_limits(struct gntsim_domain_config *c)
{
	for (unsigned int i = 0; i < GNTSIM_N_LIMITS; i++) {
		const struct gntsim_limit_info *info = gntsim_limit((enum gntsim_limit)i);
		uint32_t *value = gntsim_limit_member(c, (enum gntsim_limit)i);

		if (value && !*value)
			*value = info->normal;
		/* A module's parameter takes any number. */
		if (value && !info->later && *value > info->most)
			return false;
	}
	return true;
}

struct gntsim_domain *gs_domain(const struct gntsim_machine *m, uint16_t domid)
{
	struct gntsim_domain **leaf;

	if (domid >= GNTSIM_DOMID_FIRST_RESERVED)
		return NULL;
	leaf = m->domains[domid / DOMS_PER_LEAF];
	return leaf ? leaf[domid % DOMS_PER_LEAF] : NULL;
}

struct gntsim_domain *gs_domain_any(struct gntsim_domain *self, uint16_t domid)
{
	return domid == GNTSIM_DOMID_SELF ? self : gs_domain(self->m, domid);
}

/* silo_mode_dom_check() */
bool gs_may_communicate(const struct gntsim_domain *self, const struct gntsim_domain *a,
			const struct gntsim_domain *b)
{
	return self->m->xsm != GNTSIM_XSM_SILO || !self->id || !a->id || !b->id || a == b;
}

static int enter(struct gntsim_domain *dom)
{
	struct gntsim_domain ***leaf = &dom->m->domains[dom->id / DOMS_PER_LEAF];

	if (!*leaf)
		*leaf = gs_mem_zalloc(dom->m, DOMS_PER_LEAF * sizeof(**leaf));
	if (!*leaf)
		return -ENOMEM;
	(*leaf)[dom->id % DOMS_PER_LEAF] = dom;
	return 0;
}

bool gs_for_each_domain(struct gntsim_machine *m,
			bool (*visit)(void *ctx, struct gntsim_domain *dom), void *ctx)
{
	/* Those that there are: few, most of the time, and the first. */
	uint32_t left = m->totals.domains + m->totals.zombies;
	unsigned int i, j;

	for (i = 0; i < DOM_LEAVES && left; i++) {
		for (j = 0; m->domains[i] && j < DOMS_PER_LEAF && left; j++) {
			struct gntsim_domain *dom = m->domains[i][j];

			left -= dom != NULL;
			if (dom && !visit(ctx, dom))
				return false;
		}
	}
	return true;
}

static int fill(struct gntsim_domain *dom, const struct gntsim_domain_config *given)
{
	struct gntsim_domain_config config = *given, *c = &config;
	uint32_t virqs = dom->id ? DOMU_KERNEL_VIRQS : DOM0_KERNEL_VIRQS;

	if (dom->m->arch == GNTSIM_ARCH_ARM64)
		virqs = dom->id ? 0 : ARM_DOM0_KERNEL_VIRQS;
	dom->profile = gs_profile(c->kernel);
	if (!dom->profile || !settle_limits(c))
		return -EINVAL;
	dom->guest =
	    dom->id || dom->m->arch == GNTSIM_ARCH_ARM64 ? GNTSIM_GUEST_PVH : GNTSIM_GUEST_PV;
	if (c->guest)
		dom->guest = *c->guest;
	if (dom->guest == GNTSIM_GUEST_PV && dom->m->arch == GNTSIM_ARCH_ARM64)
		return -EINVAL;
	dom->first_frame = GNTSIM_NO_FRAME;
	dom->gntalloc_limit = c->gntalloc_limit;
	dom->gntdev_limit = c->gntdev_limit;
	dom->free_per_iteration = c->free_per_iteration;
	list_init(&dom->files);
	list_init(&dom->mms);
	list_init(&dom->pins);
	list_init(&dom->waiting);
	list_init(&dom->kept_statics);
	list_init(&dom->grefs);
	gs_effect_init(&dom->heard, GNTSIM_EFFECT_KERNEL_EVENT);
	gs_maptrack_init(&dom->maptrack, c->max_maptrack_frames);
	gs_ports_init(&dom->ports, c->max_ports, c->kernel_virqs ? *c->kernel_virqs : virqs);
	return gs_grants_init(dom, c->max_grant_frames);
}

static void free_domain(struct gntsim_domain *dom)
{
	gs_table_clear(dom->m, &dom->grants.slots);
	gs_mem_free(dom->m, dom, sizeof(*dom));
}

int gntsim_domain_create(struct gntsim_machine *m, uint16_t domid,
			 const struct gntsim_domain_config *config, struct gntsim_domain **out)
{
	static const struct gntsim_domain_config defaults;
	struct gntsim_domain *dom;
	int rc;

	if (domid >= GNTSIM_DOMID_FIRST_RESERVED)
		return -EINVAL;
	if (gs_domain(m, domid))
		return -EEXIST;
	dom = gs_mem_zalloc(m, sizeof(*dom));
	if (!dom)
		return -ENOMEM;
	dom->m = m;
	dom->id = domid;
	rc = fill(dom, config ? config : &defaults);
	if (rc == 0)
		rc = enter(dom);
	if (rc < 0) {
		free_domain(dom);
		return rc;
	}
	m->totals.domains++;
	GS_SAW(m, .kind = GNTSIM_SAW_DOMAIN, .domid = domid);
	*out = dom;
	return 0;
}

static void tell_dom0(struct gntsim_machine *m)
{
	struct gntsim_domain *dom0 = gs_domain(m, 0);

	if (dom0 && !dom0->dying)
		gntsim_raise_virq(dom0, GNTSIM_VIRQ_DOM_EXC);
}

void gs_domain_bury(struct gntsim_domain *dom)
{
	struct gntsim_machine *m = dom->m;

	m->domains[dom->id / DOMS_PER_LEAF][dom->id % DOMS_PER_LEAF] = NULL;
	m->totals.zombies--;
	GS_SAW(m, .kind = GNTSIM_SAW_BURIED, .domid = dom->id);
	gs_grants_bury(dom);
	free_domain(dom);
	tell_dom0(m);
}

static void give_frames(struct gntsim_domain *dom)
{
	const struct frame *all = dom->m->frames.all;
	gntsim_frame frame = dom->first_frame, next;

	for (; frame != GNTSIM_NO_FRAME; frame = next) {
		next = all[frame].next;
		if (all[frame].use != FRAME_ORPHAN && all[frame].use != FRAME_TABLE)
			gs_frame_give(dom->m, frame);
	}
}

void gntsim_domain_destroy(struct gntsim_domain *dom)
{
	struct gntsim_machine *m = dom->m;

	GS_SAW(m, .kind = GNTSIM_SAW_DESTROY, .domid = dom->id);
	dom->dying = true;
	gs_effect_drop(&dom->heard);
	m->totals.domains--;
	m->totals.zombies++;
	/* One more than there are, lest the last one bury it under our hands. */
	dom->n_frames++;
	gs_maptrack_release(dom);
	gs_ports_clear(dom);
	gs_evtchn_forget_kept(dom);
	gs_pins_kill(dom);
	gs_maps_kill_waiting(dom);
	while (!list_empty(&dom->mms))
		gs_mm_kill(container_of(dom->mms.next, struct gntsim_mm, link));
	while (!list_empty(&dom->files))
		gs_file_kill(container_of(dom->files.next, struct gntsim_file, link));
	gs_deferred_clear(dom);
	gs_grants_clear(dom);
	give_frames(dom);
	tell_dom0(m);
	if (!--dom->n_frames)
		gs_domain_bury(dom);
}

struct gntsim_domain *gntsim_domain_find(const struct gntsim_machine *m, uint16_t domid)
{
	struct gntsim_domain *dom = gs_domain(m, domid);

	return dom && !dom->dying ? dom : NULL;
}

uint16_t gntsim_domain_id(const struct gntsim_domain *dom)
{
	return dom->id;
}

enum gntsim_guest gntsim_domain_guest(const struct gntsim_domain *dom)
{
	return dom->guest;
}

struct gntsim_machine *gntsim_domain_machine(const struct gntsim_domain *dom)
{
	return dom->m;
}

const char *gntsim_domain_kernel_name(const struct gntsim_domain *dom)
{
	return dom->profile->name;
}
