/* SPDX-License-Identifier: MIT */
/* WIRE_DESTROY. The domain ends at once; the answer waits until its processes have been killed, and the
 * machine goes on meanwhile: one that executes a program may wait for us. */
#include "broker/store.h"
#include "broker/trace-internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

struct destroying {
	struct endpoint endpoint; /* first; at its end when all is done */
	struct link link;         /* in the broker's list until then */
	uint32_t domid;
	struct client *client; /* NULL: it is gone */
	struct domain_kill *kill;
	struct survivors survivors;
};

static void done(struct broker *b, struct endpoint *e, uint32_t events)
{
	struct destroying *d = (struct destroying *)e;
	struct client *c = d->client;

	(void)events;
	domain_kill_end(d->kill, &d->survivors);
	d->kill = NULL;
	link_del(&d->link);
	d->client = NULL;
	broker_end_endpoint(b, e);
	if (!c)
		return;
	c->destroying = NULL;
	client_answer(c, WIRE_DESTROY, 0, d->survivors.text, d->survivors.len);
}

static void destroying_destroy(struct endpoint *e)
{
	struct destroying *d = (struct destroying *)e;

	domain_kill_end(d->kill, NULL);
	link_del(&d->link);
	free(d);
}

bool request_destroys(const struct broker *b, uint32_t domid)
{
	for (struct link *l = b->destroying.next; l != &b->destroying; l = l->next) {
		const struct destroying *d =
		    (const struct destroying *)(void *)((char *)l -
							offsetof(struct destroying, link));

		if (d->domid == domid)
			return true;
	}
	return false;
}

void request_destroy_forget(struct client *c)
{
	if (c->destroying)
		c->destroying->client = NULL;
	c->destroying = NULL;
}

/* @param c who waits for the answer; NULL: nobody */
static int start(struct broker *b, struct client *c, uint32_t domid)
{
	struct destroying *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->survivors = b->survivors;
	d->endpoint = (struct endpoint){
	    .ready = done, .destroy = destroying_destroy, .fd = -1, .kind = ENDPOINT_OTHER};
	err = domain_kill_start(b->listening.path, domid, c ? c->program.pid : 0, &d->kill,
				&d->endpoint.fd);
	if (err == 0)
		err = broker_add_endpoint(b, &d->endpoint, EPOLLIN);
	if (err < 0) {
		if (d->endpoint.fd >= 0)
			close(d->endpoint.fd);
		domain_kill_end(d->kill, NULL);
		free(d);
		return err;
	}
	link_add(&b->destroying, &d->link);
	d->domid = domid;
	d->client = c;
	if (c)
		c->destroying = d;
	return 0;
}

/* The domain's processes die with it. Who cannot be killed is told of. */
int request_destroy(struct client *c, const struct wire_in *in)
{
	struct survivors *s = &c->broker->survivors;
	struct gntsim_domain *dom;
	uint32_t domid;
	int n, err;

	if (!client_payload(in, &domid, sizeof(domid)))
		return -EPROTO;
	dom = domid <= UINT16_MAX ? gntsim_domain_find(c->broker->machine, (uint16_t)domid) : NULL;
	if (!dom || c->destroying)
		return client_reply(c, in, dom ? -EBUSY : -ESRCH, NULL, 0, NULL, 0);
	s->len = 0;
	store_domain_goes(c->broker, (uint16_t)domid);
	gntsim_domain_destroy(dom);
	broker_effects(c->broker);
	err = start(c->broker, c, domid);
	if (err == 0) {
		trace_request(c, in, 0, NULL, 0);
		return 0;
	}
	n = snprintf(s->text + s->len, sizeof(s->text) - s->len,
		     "who uses no device may live on: %s\n", strerror(-err));
	if (n > 0 && (size_t)n < sizeof(s->text) - s->len)
		s->len += (uint32_t)n;
	return client_reply(c, in, 0, s->text, s->len, NULL, 0);
}

void request_destroy_domain(struct broker *b, uint32_t domid)
{
	struct gntsim_domain *dom = gntsim_domain_find(b->machine, (uint16_t)domid);

	if (!dom)
		return;
	b->survivors.len = 0;
	store_domain_goes(b, (uint16_t)domid);
	gntsim_domain_destroy(dom);
	broker_effects(b);
	if (start(b, NULL, domid) < 0)
		fprintf(stderr, "gntsim: who uses no device of domain %u may live on\n", domid);
}
