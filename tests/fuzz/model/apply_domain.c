/* SPDX-License-Identifier: MIT */
/* What a toolstack does, and what a test asks for: domains, limits, time, what is to fail. */
#include "world.h"

static void create_domain(struct world *w, const struct call *c, struct outcome *out)
{
	unsigned int n = c->self % N_DOMAINS;
	struct gntsim_domain_config config = w->setup.config;
	enum gntsim_guest guest =
	    c->a & 1 && w->setup.arch == GNTSIM_ARCH_AMD64 ? GNTSIM_GUEST_PV : GNTSIM_GUEST_PVH;

	out->skipped = w->domain[n] != NULL;
	if (out->skipped)
		return;
	config.guest = &guest;
	out->value = gntsim_domain_create(w->m, (uint16_t)n, &config, &w->domain[n]);
}

static void destroy_domain(struct world *w, const struct call *c, struct outcome *out)
{
	unsigned int n = c->self % N_DOMAINS;

	out->skipped = !w->domain[n];
	if (w->domain[n])
		gntsim_domain_destroy(w->domain[n]);
	w->domain[n] = NULL;
	for (unsigned int i = 0; i < N_RAW; i++)
		w->raw[i].used &= w->raw[i].domain != n;
}

static enum gntsim_gntst refuse(void *ctx, uint64_t number)
{
	const struct world *w = ctx;

	return number == w->maps_before_refusal ? w->refusal : GNTSIM_GNTST_OKAY;
}

static void refuse_map(struct world *w, const struct call *c)
{
	w->maps_before_refusal = gntsim_maps_asked(w->m) + 1 + (c->a & 3);
	w->refusal = (enum gntsim_gntst)(-(int)(c->b % 14));
	gntsim_refuse_maps(w->m, w->refusal ? refuse : NULL, w);
}

bool apply_domain(struct world *w, const struct call *c, struct outcome *out)
{
	struct gntsim_domain *dom = world_domain(w, c->self);

	switch ((int)c->op) {
	case CALL_ADVANCE:
		gntsim_machine_advance(w->m, c->a * TENTH_SECOND);
		put(out, gntsim_machine_now(w->m));
		put(out, gntsim_machine_next_timer(w->m));
		return true;
	case CALL_DOMAIN_CREATE:
		create_domain(w, c, out);
		return true;
	case CALL_DOMAIN_DESTROY:
		destroy_domain(w, c, out);
		return true;
	case CALL_RAISE_VIRQ:
		out->skipped = !dom;
		if (dom)
			gntsim_raise_virq(dom, c->b & 31);
		return true;
	case CALL_LIMIT:
		out->skipped = !dom;
		if (dom)
			out->value = gntsim_domain_set_limit(
			    dom, (enum gntsim_limit)(c->a % GNTSIM_LIMIT_FRAMES), c->c & 31);
		return true;
	case CALL_INTERRUPT:
		gntsim_interrupt_mmap(w->m, c->a & 3);
		return true;
	case CALL_REFUSE:
		refuse_map(w, c);
		return true;
	case CALL_FAIL:
		w->fail_in = w->setup.fail_at ? c->a : 0;
		return true;
	default:
		return false;
	}
}
