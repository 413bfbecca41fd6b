/* SPDX-License-Identifier: MIT */
/*
 * producer CONSUMER-DOMID: shares a page, says "REF PORT" on the first line of its output, and
 * sends its standard input to the consumer. The consumer sees the end of it in the byte that the
 * kernel clears, however this program ends.
 */
#include "channel.h"

#include <errno.h>
#include <gnttab/evtchn.h>
#include <gnttab/gntshr.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int failed(const char *what)
{
	perror(what);
	return 1;
}

/* One that has not come yet is waited for. */
static bool consumer_is_gone(struct channel *c)
{
	return c->consumer_came && !c->consumer_alive;
}

/* Puts bytes into the ring; waits for room, which a consumer that is gone makes no more. */
static int send_bytes(struct channel *c, struct evtchn *events, uint32_t port,
		      const unsigned char *bytes, size_t n)
{
	uint32_t at = c->produced, got;

	for (size_t i = 0; i < n; i++) {
		/* What the other side wrote is not trusted, but it can only make us wait. */
		while (at - c->consumed >= RING_SIZE) {
			if (consumer_is_gone(c)) {
				errno = EPIPE;
				return -1;
			}
			if (evtchn_notify(events, port) < 0 || evtchn_wait(events, -1, &got) < 0)
				return -1;
		}
		c->ring[at++ % RING_SIZE] = bytes[i];
		c->produced = at;
	}
	return evtchn_notify(events, port);
}

int main(int argc, char **argv)
{
	EVTCHN_AUTO_CLOSE struct evtchn *events = evtchn_open();
	GNTSHR_AUTO_CLOSE struct gntshr *shr = gntshr_open();
	struct gntshr_share *share;
	struct gnttab_notify end = {.actions = GNTTAB_CLEAR_BYTE | GNTTAB_SEND_EVENT,
				    .offset = offsetof(struct channel, producer_alive)};
	unsigned char bytes[300];
	uint16_t consumer;
	ssize_t n;

	if (argc != 2)
		return fputs("usage: producer CONSUMER-DOMID\n", stderr), 2;
	consumer = (uint16_t)atoi(argv[1]);
	if (!events || !shr)
		return failed("producer: open");
	share = gntshr_share(shr, consumer, 1, true);
	if (!share || evtchn_bind_unbound(events, consumer, &end.port) < 0)
		return failed("producer: share");
	struct channel *c = gntshr_bytes(share);

	c->producer_alive = 1;
	if (gntshr_set_notify(share, &end) < 0)
		return failed("producer: notification");
	printf("%" PRIu32 " %" PRIu32 "\n", gntshr_ref(share, 0), end.port);
	fflush(stdout);
	while ((n = read(0, bytes, sizeof(bytes))) > 0)
		if (send_bytes(c, events, end.port, bytes, (size_t)n) < 0)
			return failed("producer: send");
	return n < 0 ? failed("producer: read") : 0;
}
