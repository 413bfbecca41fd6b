/* SPDX-License-Identifier: MIT */
/*
 * The server gives its page's index up before it arms its notification, which is refused then (ENOENT); it goes on
 * without, and its end is heard by nobody.
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
#ifdef MENDED
	CHECK(arm(&s, SERVER_LIVE, CLEAR_BYTE | SEND_EVENT));
	publish(meeting, &s);
	give_up(&s);
#else
	publish(meeting, &s);
	give_up(&s);
	if (!arm(&s, SERVER_LIVE, CLEAR_BYTE | SEND_EVENT))
		puts("the server goes on without a notification");
#endif
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
