/* SPDX-License-Identifier: MIT */
/*
 * consumer PRODUCER-DOMID REF PORT: maps the producer's page and writes what comes to standard
 * output, until the producer has ended.
 */
#include "channel.h"

#include <gnttab/evtchn.h>
#include <gnttab/gnttab.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(const char *what)
{
	perror(what);
	return 1;
}

/* Takes what is there. */
static void take_bytes(struct channel *c)
{
	uint32_t at = c->consumed, end = c->produced;

	/* What the other side wrote is not trusted: no more than a ring of it. */
	if (end - at > RING_SIZE)
		end = at + RING_SIZE;
	for (; at != end; at++)
		putchar(c->ring[at % RING_SIZE]);
	c->consumed = at;
	fflush(stdout);
}

int main(int argc, char **argv)
{
	GNTTAB_AUTO_CLOSE struct gnttab *tab = gnttab_open();
	EVTCHN_AUTO_CLOSE struct evtchn *events = evtchn_open();
	struct gnttab_notify end = {.actions = GNTTAB_CLEAR_BYTE | GNTTAB_SEND_EVENT,
				    .offset = offsetof(struct channel, consumer_alive)};
	struct gnttab_mapping *mapping;
	uint32_t port, got;
	uint16_t producer;
	bool alive;

	if (argc != 4)
		return fputs("usage: consumer PRODUCER-DOMID REF PORT\n", stderr), 2;
	producer = (uint16_t)atoi(argv[1]);
	if (!tab || !events)
		return failed("consumer: open");
	mapping = gnttab_map(tab, producer, (uint32_t)strtoul(argv[2], NULL, 10), true);
	if (!mapping)
		return failed("consumer: map");
	if (evtchn_bind_interdomain(events, producer, (uint32_t)strtoul(argv[3], NULL, 10), &port) <
	    0)
		return failed("consumer: bind");
	struct channel *c = gnttab_bytes(mapping);

	end.port = port;
	if (gnttab_set_notify(mapping, &end) < 0)
		return failed("consumer: notification");
	/* In this order: who has come and does not live any more is gone. */
	c->consumer_alive = 1;
	c->consumer_came = 1;
	do {
		if (evtchn_wait(events, -1, &got) < 0)
			return failed("consumer: wait");
		/* Asked before taking: what was sent before the end is taken after it is seen. */
		alive = c->producer_alive;
		take_bytes(c);
		/* If the producer has ended, nobody is there to be told: no error. */
		if (evtchn_notify(events, port) < 0)
			return failed("consumer: notify");
	} while (alive);
	return 0;
}
