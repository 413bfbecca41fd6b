/* SPDX-License-Identifier: MIT */
/*
 * The client marks its place in the page as busy while it writes; the server waits until it is not, or the client
 * gone, and then reads from there. No index moves, and the page goes on behind the text: nothing but the read is wrong.
 *
 *     --ring 0:8:12:12:64:masked:data=23
 */
#include "pair.h"

#include <stdio.h>
#include <unistd.h>

#define BUSY 1000U

_Static_assert(offsetof(struct page, at) == 12 && offsetof(struct page, text) == 23,
	       "as the ring is described");

int server(void)
{
	int meeting = meet_accept(meet_open());
	struct side s = {0};
	const volatile char *text;

	CHECK(share(&s, 1));
	s.page->at = BUSY;
	s.page->server_live = 1;
	CHECK(arm(&s, SERVER_LIVE, CLEAR_BYTE | SEND_EVENT));
	publish(meeting, &s);
	if (!hear(meeting))
		return gone(&s, "client");
	while (s.page->at == BUSY && s.page->client_live)
		wait_event(&s);
	text = s.page->text + s.page->at;
#ifdef MENDED
	if (text >= s.page->text + sizeof(s.page->text)) {
		/* What there is, by the kernel: it is not kept from the page. */
		CHECK(write(STDERR_FILENO, s.page->text, sizeof(s.page->text)) ==
		      sizeof(s.page->text));
		return gone(&s, "client");
	}
#endif
	while (*text)
		putchar(*text++);
	putchar('\n');
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
	copy_in(&s, 5, MESSAGE); /* here */
	s.page->at = 5;
	notify(&s);
	leave(&s);
	return 0;
}
