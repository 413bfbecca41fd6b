/* SPDX-License-Identifier: MIT */
#include "model.h"

int gntsim_machine_new(const struct gntsim_config *config, struct gntsim_machine **out)
{
	struct gntsim_machine *m;
	unsigned int i;

	if (!config->frames || !config->n_frames || (uintptr_t)config->frames % GNTSIM_PAGE_SIZE)
		return -EINVAL;
	if (!gs_xen_profile(config->xen))
		return -EINVAL;
	m = gs_mem_create(config->allocator);
	if (!m)
		return -ENOMEM;
	m->xen = gs_xen_profile(config->xen);
	m->xsm = config->xsm;
	m->arch = config->arch;
	m->dmabufs = config->dmabufs;
	list_init(&m->timers);
	list_init(&m->effects);
	list_init(&m->releases);
	list_init(&m->dead_files);
	list_init(&m->dead_mms);
	list_init(&m->dead_pins);
	list_init(&m->dead_waits);
	for (i = 0; i < N_HAZARDS; i++)
		gs_effect_init(&m->hazards[i], GNTSIM_EFFECT_HAZARD);
	if (gs_frames_init(m, config->frames, config->n_frames) < 0) {
		gs_mem_destroy(m);
		return -ENOMEM;
	}
	*out = m;
	return 0;
}

static bool destroy_one(void *ctx, struct gntsim_domain *dom)
{
	(void)ctx;
	/* Its death ends the zombies that only it kept; they come later or went already. */
	if (!dom->dying)
		gntsim_domain_destroy(dom);
	return true;
}

void gntsim_machine_free(struct gntsim_machine *m)
{
	unsigned int i;

	if (!m)
		return;
	gs_for_each_domain(m, destroy_one, NULL);
	while (!list_empty(&m->dead_files))
		gs_file_free(container_of(m->dead_files.next, struct gntsim_file, link));
	gs_pins_free(m);
	while (!list_empty(&m->dead_waits))
		gntsim_wait_end(container_of(m->dead_waits.next, struct gntsim_wait, link));
	while (!list_empty(&m->dead_mms))
		gs_mm_free(container_of(m->dead_mms.next, struct gntsim_mm, link));
	for (i = 0; i < DOM_LEAVES; i++)
		if (m->domains[i])
			gs_mem_free(m, m->domains[i], DOMS_PER_LEAF * sizeof(*m->domains[i]));
	gs_mem_free(m, m->frames.all, m->frames.n * sizeof(*m->frames.all));
	gs_mem_destroy(m);
}

uint64_t gntsim_machine_now(const struct gntsim_machine *m)
{
	return m->now;
}

uint32_t gntsim_machine_frames(const struct gntsim_machine *m)
{
	return m->frames.n;
}

void *gntsim_frame_ptr(const struct gntsim_machine *m, gntsim_frame frame)
{
	return frame < m->frames.n ? frame_bytes(&m->frames, frame) : NULL;
}

const char *gntsim_version(void)
{
	return GNTSIM_VERSION;
}
