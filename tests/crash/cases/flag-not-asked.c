/* SPDX-License-Identifier: MIT */
/*
 * The client waits for the message, and after each event looks for the message alone: the event that tells of the
 * server's end is one among others, and the next wait has no end.
 */
#include "pair.h"

#include <string.h>

int server(void)
{
	int meeting = meet_accept(meet_open());
	struct side s = {0};

	CHECK(share(&s, 1));
	s.page->server_live = 1;
	CHECK(arm(&s, SERVER_LIVE, CLEAR_BYTE | SEND_EVENT));
	publish(meeting, &s);
	if (!hear(meeting))
		return gone(&s, "client");
	wait_event(&s);
	if (!s.page->asked)
		return gone(&s, "client");
	work(&s); /* here */
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
	CHECK(arm(&s, CLIENT_LIVE, CLEAR_BYTE | SEND_EVENT));
	s.page->client_live = 1;
	report(meeting);
	s.page->asked = 1;
	notify(&s);
#ifdef MENDED
	if (!await(&s, &s.page->produced, &s.page->server_live))
		return gone(&s, "server");
#else
	if (!s.page->server_live)
		return gone(&s, "server");
	while (!s.page->produced)
		wait_event(&s);
#endif
	CHECK(!strcmp(s.page->text, MESSAGE));
	s.page->consumed = 1;
	notify(&s);
	leave(&s);
	return 0;
}
