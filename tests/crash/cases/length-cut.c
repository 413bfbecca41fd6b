/* SPDX-License-Identifier: MIT */
/*
 * The client marks the message as on its way while it writes; the server waits until it is not, or the client gone, and
 * then takes as much as the index says, but no more than there is room for: bytes that nobody has sent.
 *
 *     --ring 0:8:4:8:64:data=23
 */
#include "pair.h"

#include <stdio.h>
#include <string.h>

#define BUSY 0x7fffffffU

_Static_assert(offsetof(struct page, produced) == 4 && offsetof(struct page, consumed) == 8 &&
		   offsetof(struct page, text) == 23,
	       "as the ring is described");

int server(void)
{
	int meeting = meet_accept(meet_open());
	struct side s = {0};
	uint32_t n;

	CHECK(share(&s, 1));
	s.page->produced = BUSY;
	s.page->server_live = 1;
	CHECK(arm(&s, SERVER_LIVE, CLEAR_BYTE | SEND_EVENT));
	publish(meeting, &s);
	if (!hear(meeting))
		return gone(&s, "client");
	/* Each end of the client's sends an event, so that it is waited for in any case. */
	do
		wait_event(&s);
	while (s.page->produced == BUSY && s.page->client_live);
	n = s.page->produced - s.page->consumed;
#ifdef MENDED
	if (n > sizeof(s.page->text))
		return gone(&s, "client");
#endif
	for (uint32_t i = 0; i < n && i < sizeof(s.page->text); i++)
		putchar(((const volatile char *)s.page->text)[i]);
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
	copy_in(&s, 0, MESSAGE); /* here */
	s.page->produced = (uint32_t)strlen(MESSAGE);
	notify(&s);
	leave(&s);
	return 0;
}
