/* SPDX-License-Identifier: MIT */
/*
 * The server takes its notification back and then says good-bye. The client of one that is killed in between hears
 * neither.
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
	strcpy(s.page->text, MESSAGE);
	s.page->produced = 1;
	notify(&s);
	if (!await(&s, &s.page->consumed, &s.page->client_live))
		return gone(&s, "client");
#ifdef MENDED
	s.page->at = 1;
	s.page->server_live = 0;
	notify(&s);
	CHECK(arm(&s, SERVER_LIVE, 0));
#else
	CHECK(arm(&s, SERVER_LIVE, 0)); /* here */
	s.page->at = 1;
	notify(&s);
#endif
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
	if (!await(&s, &s.page->produced, &s.page->server_live))
		return gone(&s, "server");
	CHECK(!strcmp(s.page->text, MESSAGE));
	s.page->consumed = 1;
	notify(&s);
	if (!await(&s, &s.page->at, &s.page->server_live))
		return gone(&s, "server");
	leave(&s);
	return 0;
}
