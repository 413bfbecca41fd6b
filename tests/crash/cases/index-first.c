/* SPDX-License-Identifier: MIT */
/*
 * The client counts its message before it is in the page. The server of one that is killed in between finds the
 * message counted, and takes what is none.
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
	if (!s.page->produced)
		return gone(&s, "client");
	CHECK(!strcmp(s.page->text, MESSAGE));
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
#ifdef MENDED
	copy_in(&s, 0, MESSAGE);
	s.page->produced = 1;
#else
	s.page->produced = 1;
	copy_in(&s, 0, MESSAGE); /* here */
#endif
	notify(&s);
	leave(&s);
	return 0;
}
