/* SPDX-License-Identifier: MIT */
/*
 * The client stores its message under a lock, a word of the page. The server of one that is killed with it waits for
 * the lock, not for who has it.
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
	if (!await(&s, &s.page->produced, &s.page->client_live))
		return gone(&s, "client");
	while (s.page->lock) {
#ifdef MENDED
		if (!s.page->client_live)
			return gone(&s, "client");
#endif
		wait_event(&s);
	}
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
	s.page->lock = 2;
	s.page->produced = 1;
	notify(&s);
	copy_in(&s, 0, MESSAGE); /* here */
	s.page->lock = 0;
	notify(&s);
	leave(&s);
	return 0;
}
