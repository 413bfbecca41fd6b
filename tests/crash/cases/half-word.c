/* SPDX-License-Identifier: MIT */
/*
 * The server stores its index by halves, the upper one first. Of one that is killed between the two the client finds
 * an index far beyond the ring; it takes as much as that says, round and round, and nothing shows but its own index.
 *
 *     --ring 0:8:4:8:64
 */
#include "pair.h"

#include <string.h>

#define RING  sizeof(((struct page *)NULL)->text)
#define START 0xfff8U /* both indexes run freely */

_Static_assert(offsetof(struct page, produced) == 4 && offsetof(struct page, consumed) == 8,
	       "--ring");

static void set_produced(struct page *page, uint32_t index)
{
#ifdef MENDED
	page->produced = index;
#else
	volatile void *produced = (char *)page + offsetof(struct page, produced);
	volatile uint16_t *half = produced;

	half[1] = (uint16_t)(index >> 16); /* here */
	half[0] = (uint16_t)index;
#endif
}

int server(void)
{
	int meeting = meet_accept(meet_open());
	struct side s = {0};

	CHECK(share(&s, 1));
	s.page->produced = s.page->consumed = START;
	s.page->server_live = 1;
	CHECK(arm(&s, SERVER_LIVE, CLEAR_BYTE | SEND_EVENT));
	publish(meeting, &s);
	if (!hear(meeting))
		return gone(&s, "client");
	wait_event(&s);
	if (!s.page->asked)
		return gone(&s, "client");
	for (size_t i = 0; i < sizeof(MESSAGE); i++)
		s.page->text[(START + i) % RING] = MESSAGE[i];
	set_produced(s.page, START + sizeof(MESSAGE));
	notify(&s);
	while (s.page->consumed == START && s.page->client_live)
		wait_event(&s);
	leave(&s);
	return 0;
}

/* What is there is taken, also of who is dead. */
static bool take(struct page *page)
{
	uint32_t end = page->produced, at = page->consumed;
	char got[RING] = "";

#ifdef MENDED
	if (end - at > RING)
		return false;
#endif
	for (; at != end; at++)
		got[(at - START) % RING] = page->text[at % RING];
	page->consumed = at;
	return !strcmp(got, MESSAGE);
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
	wait_event(&s); /* the binding's own */
	s.page->asked = 1;
	notify(&s);
	/* Told first, it looks: never at what a server that lives has half stored. */
	do
		wait_event(&s);
	while (s.page->produced == START && s.page->server_live);
	if (!take(s.page))
		return gone(&s, "server");
	notify(&s);
	leave(&s);
	return 0;
}
