/* SPDX-License-Identifier: MIT */
#include "world.h"

#include <stdlib.h>
#include <string.h>

static _Alignas(GNTSIM_PAGE_SIZE) unsigned char frames[N_FRAMES * GNTSIM_PAGE_SIZE];

static void *take(void *ctx, size_t size)
{
	struct world *w = ctx;

	if (w->fail_in && --w->fail_in == 0)
		return NULL;
	return malloc(size);
}

static void give(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)size;
	free(p);
}

static bool add_domains(struct world *w)
{
	for (unsigned int i = 0; i < w->setup.n_domains; i++) {
		struct gntsim_domain_config config = w->setup.config;

		config.guest = &w->setup.guest[i];
		if (gntsim_domain_create(w->m, (uint16_t)i, &config, &w->domain[i]) < 0)
			return false;
	}
	return true;
}

bool world_begin(struct world *w, const struct setup *setup)
{
	const struct gntsim_allocator allocator = {take, give, w};
	struct gntsim_config config = {
	    .frames = frames,
	    .n_frames = setup->n_frames,
	    .xen = setup->xen,
	    .xsm = setup->xsm,
	    .arch = setup->arch,
	    .dmabufs = setup->dmabufs,
	    /* What is asked for piece by piece is slower. */
	    .allocator = setup->fail_at ? &allocator : NULL,
	};

	memset(w, 0, offsetof(struct world, scratch));
	memset(w->scratch, 0, w->scratch_used);
	w->scratch_used = 0;
	w->setup = *setup;
	w->fail_in = setup->fail_at;
	if (gntsim_machine_new(&config, &w->m) < 0)
		return false;
	if (add_domains(w))
		return true;
	world_end(w);
	return false;
}

void world_end(struct world *w)
{
	/* Those never given out are zero. */
	uint32_t n = world_frames_given(w->m);

	gntsim_machine_free(w->m);
	w->m = NULL;
	for (uint32_t i = 0; i < n; i++) {
		unsigned char *page = frames + (size_t)i * GNTSIM_PAGE_SIZE;

		if (page[0] || memcmp(page, page + 1, GNTSIM_PAGE_SIZE - 1))
			memset(page, 0, GNTSIM_PAGE_SIZE);
	}
}

struct gntsim_domain *world_domain(const struct world *w, uint8_t n)
{
	return w->domain[n % N_DOMAINS];
}

struct gntsim_file **world_file(struct world *w, uint8_t n)
{
	return &w->file[n % N_FILES];
}

struct gntsim_mm **world_mm(struct world *w, uint8_t n)
{
	return &w->mm[n % N_MMS];
}

int world_told(const struct world *w, const struct gntsim_effect *effect)
{
	for (unsigned int i = 0; i < N_WAITS; i++)
		if (effect->kind == GNTSIM_EFFECT_RELEASED && w->wait[i] == effect->wait)
			return (int)i;
	return -1;
}

void world_call(struct world *w, const struct call *c, struct outcome *out)
{
	out->skipped = false;
	out->value = 0;
	out->n = 0;
	if (!apply_device(w, c, out) && !apply_memory(w, c, out) && !apply_user(w, c, out) &&
	    !apply_dmabuf(w, c, out) && !apply_domain(w, c, out) && !apply_kernel(w, c, out))
		out->skipped = true;
}
