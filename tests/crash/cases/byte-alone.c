/* SPDX-License-Identifier: MIT */
/*
 * The server's notification clears the byte and sends no event: "the port is closed anyway". The end of a port is
 * no event; who waits goes on waiting.
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
#else
	CHECK(arm(&s, SERVER_LIVE, CLEAR_BYTE));
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
