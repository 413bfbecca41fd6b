/* SPDX-License-Identifier: MIT */
/*
 * robust-mutex share PEER-DOMID ROUNDS [die|repair]
 * robust-mutex map PEER-DOMID REF PORT ROUNDS [die|repair]
 *
 * Two domains count together under a mutex in a shared page. The first says "REF PORT" for the
 * second. With "die" a side kills itself in the middle of its last round, holding the mutex: the
 * other gets it all the same, is told so, repairs the count and ends its own rounds. With "repair" it
 * goes on until it had to.
 */
#include "robust-mutex.h"

#include <gnttab/gntshr.h>
#include <gnttab/gnttab.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct page {
	struct robust_mutex mutex;
	uint32_t first, second; /* equal, but while one is counting */
};

static int failed(const char *what)
{
	perror(what);
	return 1;
}

enum what { JUST_COUNT, DIE, REPAIR };

static int count(struct page *p, int side, struct evtchn *events, uint32_t port, long rounds,
		 enum what what)
{
	long repaired = 0;

	for (long i = 0; i < rounds || (what == REPAIR && !repaired); i++) {
		int status = robust_lock(&p->mutex, side, events);

		if (status < 0 && status != -EOWNERDEAD)
			return failed("robust-mutex: lock");
		if (status == -EOWNERDEAD) {
			p->second = p->first;
			repaired++;
		}
		if (p->first != p->second)
			return fputs("robust-mutex: somebody else was here\n", stderr), 3;
		p->first++;
		if (what == DIE && i == rounds - 1)
			raise(SIGKILL);
		p->second++;
		/* ENOTCONN and the like cannot be; that nobody listens any more is no error. */
		if (robust_unlock(&p->mutex, side, events, port) < 0)
			return failed("robust-mutex: unlock");
	}
	fprintf(stderr, "side %d: done, repaired %ld\n", side, repaired);
	return 0;
}

static struct gnttab_notify at_my_end(int side, uint32_t port)
{
	return (struct gnttab_notify){.actions = GNTTAB_CLEAR_BYTE | GNTTAB_SEND_EVENT,
				      .offset = offsetof(struct page, mutex.side) + (size_t)side,
				      .port = port};
}

static int share(struct evtchn *events, uint16_t peer, long rounds, enum what what)
{
	GNTSHR_AUTO_CLOSE struct gntshr *shr = gntshr_open();
	struct gntshr_share *s;
	struct gnttab_notify end;
	uint32_t port;

	if (!shr)
		return failed("robust-mutex: open");
	s = gntshr_share(shr, peer, 1, true);
	if (!s || evtchn_bind_unbound(events, peer, &port) < 0)
		return failed("robust-mutex: share");
	end = at_my_end(0, port);
	if (gntshr_set_notify(s, &end) < 0)
		return failed("robust-mutex: notification");
	printf("%" PRIu32 " %" PRIu32 "\n", gntshr_ref(s, 0), port);
	fflush(stdout);
	/* The other's first event is that it has bound. */
	if (evtchn_wait(events, -1, &port) < 0)
		return failed("robust-mutex: wait");
	return count(gntshr_bytes(s), 0, events, end.port, rounds, what);
}

static int map(struct evtchn *events, uint16_t peer, uint32_t ref, uint32_t remote_port,
	       long rounds, enum what what)
{
	GNTTAB_AUTO_CLOSE struct gnttab *tab = gnttab_open();
	struct gnttab_mapping *m;
	struct gnttab_notify end;
	uint32_t port;

	if (!tab)
		return failed("robust-mutex: open");
	m = gnttab_map(tab, peer, ref, true);
	if (!m || evtchn_bind_interdomain(events, peer, remote_port, &port) < 0)
		return failed("robust-mutex: map");
	end = at_my_end(1, port);
	if (gnttab_set_notify(m, &end) < 0 || evtchn_notify(events, port) < 0)
		return failed("robust-mutex: notification");
	return count(gnttab_bytes(m), 1, events, port, rounds, what);
}

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
	EVTCHN_AUTO_CLOSE struct evtchn *events = evtchn_open();
	const char *last = argv[argc - 1];
	enum what what = strcmp(last, "die") == 0      ? DIE
			 : strcmp(last, "repair") == 0 ? REPAIR
						       : JUST_COUNT;
	int n = argc - (what != JUST_COUNT);

	if (!events)
		return failed("robust-mutex: open");
	if (n == 4 && strcmp(argv[1], "share") == 0)
		return share(events, (uint16_t)number(argv[2]), atol(argv[3]), what);
	if (n == 6 && strcmp(argv[1], "map") == 0)
		return map(events, (uint16_t)number(argv[2]), number(argv[3]), number(argv[4]),
			   atol(argv[5]), what);
	fputs("usage: robust-mutex share PEER-DOMID ROUNDS [die|repair]\n"
	      "       robust-mutex map PEER-DOMID REF PORT ROUNDS [die|repair]\n",
	      stderr);
	return 2;
}
