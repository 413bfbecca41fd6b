/* SPDX-License-Identifier: MIT */
/*
 * The server asks for two bytes of one page to be cleared. A page has one notification: the second takes the place of
 * the first, and the byte that the client looks at stays.
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
#ifndef MENDED
	s.page->helper_live = 1;
	CHECK(arm(&s, HELPER_LIVE, CLEAR_BYTE | SEND_EVENT));
#endif
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
	return asking_client();
}
