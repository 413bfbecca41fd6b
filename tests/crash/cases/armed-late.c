/* SPDX-License-Identifier: MIT */
/*
 * The server tells its reference, and arms its notification when somebody has come. One that is killed in
 * between leaves a client that has its page and hears no more.
 */
#include "pair.h"

#include <string.h>

int server(void)
{
	int meeting = meet_accept(meet_open());
	struct side s = {0};

	CHECK(share(&s, 1));
	s.page->server_live = 1;
#ifdef MENDED
	CHECK(arm(&s, SERVER_LIVE, CLEAR_BYTE | SEND_EVENT));
#endif
	publish(meeting, &s);
	if (!hear(meeting))
		return gone(&s, "client");
#ifndef MENDED
	CHECK(arm(&s, SERVER_LIVE, CLEAR_BYTE | SEND_EVENT)); /* here */
#endif
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
	return asking_client();
}
