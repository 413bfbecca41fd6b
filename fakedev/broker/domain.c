/* SPDX-License-Identifier: MIT */
/* The broker's domains: what each is made with. */
#include "store.h"

#include <errno.h>

static const struct broker_domain *settings_of(const struct broker *b, uint32_t domid)
{
	for (unsigned int i = 0; i < b->config.n_domains; i++)
		if (b->config.domains[i].domid == domid)
			return &b->config.domains[i];
	return NULL;
}

/* A limit of the domain's own goes before that of all. */
static void set_limits(struct gntsim_domain_config *config, const uint32_t *of_all,
		       const uint32_t *own)
{
	for (unsigned int i = 0; i < GNTSIM_N_LIMITS; i++) {
		uint32_t *member = gntsim_limit_member(config, (enum gntsim_limit)i);

		if (member)
			*member = own && own[i] ? own[i] : of_all[i];
	}
}

int broker_add_domain(struct broker *b, uint32_t domid, uint32_t guest, const uint32_t *limits)
{
	const struct broker_domain *s = settings_of(b, domid);
	struct gntsim_domain_config config = {.kernel = b->config.kernel};
	struct gntsim_domain *dom;
	enum gntsim_guest kind;
	int err;

	if (domid > UINT16_MAX || guest > 2)
		return -EINVAL;
	if (!guest && s)
		guest = s->guest;
	else if (s && s->guest && s->guest != guest)
		return -EEXIST;
	kind = guest == 1 ? GNTSIM_GUEST_PV : GNTSIM_GUEST_PVH;
	dom = gntsim_domain_find(b->machine, (uint16_t)domid);
	if (dom && limits)
		return -EALREADY;
	if (dom)
		return guest && gntsim_domain_guest(dom) != kind ? -EEXIST : 0;
	/* One of its processes, which dies now, must not make it again. */
	if (request_destroys(b, domid))
		return -EBUSY;
	config.guest = guest ? &kind : NULL;
	set_limits(&config, b->config.limits, s ? s->limits : NULL);
	if (limits)
		set_limits(&config, b->config.limits, limits);
	err = gntsim_domain_create(b->machine, (uint16_t)domid, &config, &dom);
	if (err == -EEXIST) /* a zombie has the number */
		err = -EBUSY;
	if (err == 0)
		err = store_domain_came(b, dom);
	return err;
}
