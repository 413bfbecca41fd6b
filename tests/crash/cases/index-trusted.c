/* SPDX-License-Identifier: MIT */
/*
 * The client marks its place in the page as busy while it writes; the server waits until it is not, or the client
 * gone, and then uses it as a place.
 */
#include "pair.h"

#include <stdio.h>

#define BUSY 0x7fffffffU

int server(void)
{
	int meeting = meet_accept(meet_open());
	struct side s = {0};

	CHECK(share(&s, 1));
	s.page->at = BUSY;
	s.page->server_live = 1;
	CHECK(arm(&s, SERVER_LIVE, CLEAR_BYTE | SEND_EVENT));
	publish(meeting, &s);
	if (!hear(meeting))
		return gone(&s, "client");
	while (s.page->at == BUSY && s.page->client_live)
		wait_event(&s);
#ifdef MENDED
	if (s.page->at >= sizeof(s.page->text))
		return gone(&s, "client");
#endif
	puts(s.page->text + s.page->at);
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
	copy_in(&s, 8, MESSAGE); /* here */
	s.page->at = 8;
	notify(&s);
	leave(&s);
	return 0;
}
