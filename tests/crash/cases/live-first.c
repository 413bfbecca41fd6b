/* SPDX-License-Identifier: MIT */
/*
 * The client says that it lives, and then arms its notification. Of one that is killed in between the server finds
 * the flag set for ever. It does not wait for it, and nothing hangs; but whom it tells of its clients it tells of one
 * that is dead.
 */
#include "pair.h"

#include <stdio.h>
#include <string.h>

int server(void)
{
	int meeting = meet_accept(meet_open());
	struct side s = {0};

	CHECK(share(&s, 1));
	s.page->server_live = 1;
	CHECK(arm(&s, SERVER_LIVE, CLEAR_BYTE | SEND_EVENT));
	publish(meeting, &s);
	if (!hear(meeting)) {
		printf("clients: %u\n", s.page->client_live);
		return gone(&s, "client");
	}
	wait_event(&s);
	if (!s.page->asked)
		return gone(&s, "client");
	strcpy(s.page->text, MESSAGE);
	s.page->produced = 1;
	notify(&s);
	if (!await(&s, &s.page->consumed, &s.page->client_live))
		return gone(&s, "client");
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
#ifdef MENDED
	CHECK(arm(&s, CLIENT_LIVE, CLEAR_BYTE | SEND_EVENT));
	s.page->client_live = 1;
#else
	s.page->client_live = 1;
	CHECK(arm(&s, CLIENT_LIVE, CLEAR_BYTE | SEND_EVENT)); /* here */
#endif
	report(meeting);
	s.page->asked = 1;
	notify(&s);
	if (!await(&s, &s.page->produced, &s.page->server_live))
		return gone(&s, "server");
	CHECK(!strcmp(s.page->text, MESSAGE));
	s.page->consumed = 1;
	notify(&s);
	leave(&s);
	return 0;
}
