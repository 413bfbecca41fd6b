/* SPDX-License-Identifier: MIT */
#include "broker/ports.h"

#include <gntsim/inspect.h>
#include <gntsim/observe.h>

static struct hold *hold_at(struct link *l)
{
	return (struct hold *)(void *)((char *)l - offsetof(struct hold, of_file));
}

/* It must be a call where somebody decides when one is made, or is told of each. */
static bool is_asked_for(const struct broker *b)
{
	return b->config.trace || b->config.deaths || b->turns;
}

/* The model may not be called here. */
static void saw(void *ctx, const struct gntsim_observation *o)
{
	struct broker *b = ctx;

	if (o->kind != GNTSIM_SAW_PENDING || b->ports.n > PORTS_WAITING)
		return;
	if (b->ports.n < PORTS_WAITING)
		b->ports.waiting[b->ports.n] = (struct waiting_port){o->domid, o->port};
	b->ports.n++;
}

void ports_start(struct broker *b)
{
	if (!is_asked_for(b))
		gntsim_machine_observe(b->machine, saw, b);
}

static void unmask(struct client *c, uint32_t word)
{
	struct device_file *f = client_file(c, wire_port_file(word));
	gntsim_port port = wire_port_port(word);

	if (f && f->file && f->device == WIRE_DEV_EVTCHN)
		gntsim_evtchn_write(f->file, sizeof(port), &port);
}

/* @p all: and what was not unmasked yet has to be asked for. */
static void tell(struct client *c, bool all)
{
	const struct bell *bell = bells_of(c);

	for (uint32_t i = 0; bell && i < WIRE_BELL_PORTS; i++) {
		uint32_t word = bell_word_take(bell, i, all);

		if ((word & WIRE_PORT_SAYS) == WIRE_PORT_UNMASKED)
			unmask(c, word);
	}
}

void ports_tell_client(struct client *c)
{
	tell(c, false);
}

static void tell_holders(const struct device_file *f, bool all)
{
	if (f->device != WIRE_DEV_EVTCHN)
		return;
	for (struct link *l = f->holds.next; l != &f->holds; l = l->next)
		tell(hold_at(l)->client, all);
}

void ports_tell_file(const struct device_file *f)
{
	tell_holders(f, false);
}

void ports_forget(const struct device_file *f)
{
	tell_holders(f, true);
}

static void tell_file(void *ctx, struct device_file *f)
{
	(void)ctx;
	ports_tell_file(f);
}

void ports_tell_all(const struct broker *b)
{
	device_each(b, tell_file, NULL);
}

/* The event has come, and was not read: either it is now, or the next unmask asks. */
static void waits(const struct device_file *f, gntsim_port port)
{
	bool unmasked = false;

	for (struct link *l = f->holds.next; l != &f->holds; l = l->next) {
		const struct hold *h = hold_at(l);
		const struct bell *bell = bells_of(h->client);

		unmasked |= bell && bell_port_take(bell, h->id, port);
	}
	if (unmasked)
		gntsim_evtchn_write(f->file, sizeof(port), &port);
}

/* More than were noted: whatever port. */
static void any_waits(void *ctx, struct device_file *f)
{
	(void)ctx;
	ports_forget(f);
}

void ports_settle(struct broker *b)
{
	uint32_t n = b->ports.n;

	for (uint32_t i = 0; i < n && n <= PORTS_WAITING; i++) {
		const struct waiting_port *w = &b->ports.waiting[i];
		const struct gntsim_domain *dom = gntsim_domain_find(b->machine, w->domid);
		struct gntsim_port_info info;
		const struct device_file *f;

		if (!dom || gntsim_port_describe(dom, w->port, &info) < 0 || !info.file)
			continue;
		f = gntsim_file_data(info.file);
		if (f)
			waits(f, w->port);
	}
	if (n > PORTS_WAITING)
		device_each(b, any_waits, NULL);
	b->ports.n = 0;
}

void ports_fires(const struct device_file *f, uint32_t port)
{
	if (is_asked_for(f->broker))
		return;
	for (struct link *l = f->holds.next; l != &f->holds; l = l->next) {
		const struct hold *h = hold_at(l);
		const struct bell *bell = bells_of(h->client);
		uint32_t word = bell ? bell_port_fires(bell, h->id, port) : 0;

		if (word)
			unmask(h->client, word);
	}
}

void ports_sent(const struct device_file *f)
{
	for (struct link *l = f->holds.next; l != &f->holds; l = l->next) {
		const struct bell *bell = bells_of(hold_at(l)->client);

		if (bell)
			bell_event(bell);
	}
}

void ports_overflowed(const struct device_file *f)
{
	for (struct link *l = f->holds.next; l != &f->holds; l = l->next) {
		const struct bell *bell = bells_of(hold_at(l)->client);

		if (bell)
			bell_overflowed(bell);
	}
}

void ports_shared(const struct client *c)
{
	const struct bell *bell = bells_of(c);

	for (uint32_t i = 0; bell && i < c->n_holds; i++)
		if (c->holds[i] && c->holds[i]->file->overflowed)
			bell_overflowed(bell);
}
