/* SPDX-License-Identifier: MIT */
/*
 * The server serves one client after the other in one page, of which it clears what it knows. Of a client that is
 * killed while it has the lock the next one waits for it.
 *
 *     CASE server ::: --domain 1 --wait-for met -- CASE client ::: --domain 1 -- CASE client
 */
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void serve(struct side *s, int meeting)
{
	s->page->produced = s->page->consumed = 0;
#ifdef MENDED
	s->page->lock = 0;
#endif
	publish(meeting, s);
	if (!hear(meeting) || !await(s, &s->page->produced, &s->page->client_live))
		return;
	snprintf(s->page->text, sizeof(s->page->text), "%u", s->page->at);
	s->page->consumed = 1;
	notify(s);
	while (s->page->client_live)
		wait_event(s);
}

int server(void)
{
	int place = meet_open();
	struct side s = {0};

	CHECK(share(&s, 1));
	s.page->server_live = 1;
	CHECK(arm(&s, SERVER_LIVE, CLEAR_BYTE | SEND_EVENT));
	for (int i = 0; i < 2; i++)
		serve(&s, meet_accept(place));
	leave(&s);
	return 0;
}

int client(void)
{
	int meeting = meet();
	struct side s = {0};
	struct offer offer;

	if (!take_offer(meeting, &offer) || !map(&s, 0, offer))
		return gone(&s, "server");
	CHECK(arm(&s, CLIENT_LIVE, CLEAR_BYTE | SEND_EVENT));
	s.page->client_live = 1;
	report(meeting);
	while (s.page->lock) {
		if (!s.page->server_live)
			return gone(&s, "server");
		wait_event(&s);
	}
	s.page->lock = 2;
	s.page->at = (uint32_t)getpid();
	s.page->produced = 1;
	notify(&s); /* here */
	if (!await(&s, &s.page->consumed, &s.page->server_live))
		return gone(&s, "server");
	CHECK(atoi(s.page->text) == getpid());
	s.page->lock = 0;
	/* The port before the page, which tells the server: the next one binds to the same. */
	close(s.events);
	s.events = 0;
	leave(&s);
	return 0;
}
