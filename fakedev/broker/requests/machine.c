/* SPDX-License-Identifier: MIT */
/* What a toolstack or an administrator asks of a machine. */
#include "broker/broker-internal.h"

#include <errno.h>
#include <stdio.h>

static int reply(struct client *c, const struct wire_in *in, int64_t result)
{
	return client_reply(c, in, result, NULL, 0, NULL, 0);
}

static struct gntsim_domain *find(const struct client *c, uint32_t domid)
{
	return domid <= UINT16_MAX ? gntsim_domain_find(c->broker->machine, (uint16_t)domid) : NULL;
}

static int status(struct client *c, const struct wire_in *in)
{
	struct gntsim_totals t;
	char text[512];
	int n;

	gntsim_machine_totals(c->broker->machine, &t);
	n = snprintf(text, sizeof(text),
		     "domains %u\nzombies %u\nfiles %u\nmms %u\nvmas %u\nframes %u\ngrants %u\n"
		     "deferred %u\ngntdev_maps %u\nmaptrack %u\nports %u\nbytes %llu\n",
		     t.domains, t.zombies, t.files, t.mms, t.vmas, t.frames, t.grants, t.deferred,
		     t.gntdev_maps, t.maptrack, t.ports, (unsigned long long)t.bytes);
	return client_reply(c, in, 0, text, (size_t)n, NULL, 0);
}

static int create(struct client *c, const struct wire_in *in)
{
	struct wire_create w;

	if (!client_payload(in, &w, sizeof(w)))
		return -EPROTO;
	return reply(c, in,
		     broker_add_domain(c->broker, w.domid, w.guest, w.limited ? w.limits : NULL));
}

static int advance(struct client *c, const struct wire_in *in)
{
	uint64_t ns;

	if (!client_payload(in, &ns, sizeof(ns)))
		return -EPROTO;
	broker_advance(c->broker, ns);
	return reply(c, in, 0);
}

static int limit(struct client *c, const struct wire_in *in)
{
	struct gntsim_domain *dom;
	struct wire_limit w;

	if (!client_payload(in, &w, sizeof(w)) || w.limit >= GNTSIM_N_LIMITS)
		return -EPROTO;
	dom = find(c, w.domid);
	return reply(c, in,
		     dom ? gntsim_domain_set_limit(dom, (enum gntsim_limit)w.limit, w.value)
			 : -ESRCH);
}

int request_machine(struct client *c, const struct wire_in *in)
{
	if (in->msg.op == WIRE_STATUS)
		return status(c, in);
	if (in->msg.op == WIRE_CREATE)
		return create(c, in);
	if (in->msg.op == WIRE_DESTROY)
		return request_destroy(c, in);
	return in->msg.op == WIRE_ADVANCE ? advance(c, in) : limit(c, in);
}
