/* SPDX-License-Identifier: MIT */
/*
 * The references that Linux counts on a port that was bound through /dev/xen/evtchn (evtchn_get(), evtchn_put() in
 * drivers/xen/events/events_base.c): the file's and each notification's. It counts them for a number, whether Xen gave
 * it (struct port) or BIND_STATIC took it as it is (struct static_port).
 */
#include <limits.h>

#include "model.h"

static struct static_port *kept(const struct gntsim_domain *dom, gntsim_port port)
{
	const struct list *statics = &dom->kept_statics;

	for (struct list *l = statics->next; l != statics; l = l->next) {
		struct static_port *s = container_of(l, struct static_port, of_file);

		if (s->number == port)
			return s;
	}
	return NULL;
}

bool gs_evtchn_is_kept(const struct gntsim_domain *dom, gntsim_port port)
{
	return kept(dom, port);
}

int gs_evtchn_get(struct gntsim_domain *dom, gntsim_port port)
{
	const struct port *p = gs_port(dom, port);
	struct static_port *s;

	if (p && p->refs)
		return gs_port_get(dom, port);
	s = gs_evtchn_static(dom, port, 1);
	if (!s)
		s = kept(dom, port);
	if (!s || s->refs == SHRT_MAX)
		return -EINVAL;
	s->refs++;
	dom->static_refs++;
	return 0;
}

static void drop(struct gntsim_domain *dom, struct static_port *s)
{
	list_del(&s->of_file);
	gs_mem_free(dom->m, s, sizeof(*s));
}

void gs_evtchn_put_static(struct gntsim_domain *dom, struct static_port *s)
{
	if (--s->refs && !dom->dying) {
		list_del(&s->of_file);
		list_add_tail(&dom->kept_statics, &s->of_file);
	} else {
		drop(dom, s);
	}
}

/* A notification's, on a number that a file has, or none any more. */
static bool put_static(struct gntsim_domain *dom, gntsim_port port)
{
	struct static_port *s = kept(dom, port);

	if (!s)
		s = gs_evtchn_static(dom, port, 2);
	if (!s)
		return false;
	dom->static_refs--;
	if (--s->refs == 0)
		drop(dom, s);
	return true;
}

void gs_evtchn_put(struct gntsim_domain *dom, gntsim_port port)
{
	if (!dom->dying && !(dom->static_refs && put_static(dom, port)))
		gs_port_put(dom, port);
}

void gs_evtchn_forget_kept(struct gntsim_domain *dom)
{
	while (!list_empty(&dom->kept_statics))
		drop(dom, container_of(dom->kept_statics.next, struct static_port, of_file));
	dom->static_refs = 0;
}
