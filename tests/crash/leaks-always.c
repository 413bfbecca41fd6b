/* SPDX-License-Identifier: MIT */
/*
 * A server that gives nothing back, whatever comes, and a client that gives nothing back when the server is gone: one
 * leak hides the other from who only counts. And the client's last word is no line.
 */
#include "pair.h"

#include <stdio.h>

int server(void)
{
	int meeting = meet_accept(meet_open());
	struct side s = {0};

	CHECK(share(&s, 1));
	publish(meeting, &s);
	wait_event(&s);
	notify(&s);
	report(meeting);
	return 0;
}

int client(void)
{
	int meeting = meet();
	struct side s = {0};
	struct offer offer;

	if (!take_offer(meeting, &offer) || !map(&s, 0, offer))
		return gone(&s, "server");
	notify(&s);
	if (hear(meeting)) {
		leave(&s);
		return 0;
	}
	printf("the server is gone");
	fflush(stdout);
#ifdef MENDED
	leave(&s);
#endif
	return 1;
}
