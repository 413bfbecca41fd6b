/* SPDX-License-Identifier: MIT */
/*
 * The server's index of the ring is moved in the page, and then brought back into the ring, by a store each. Of one
 * that is killed between the two the client finds an index beyond the ring. No device call is near: it shows at
 * stores alone.
 */
#include "pair.h"

#include <string.h>

#define RING  sizeof(((struct page *)NULL)->text)
#define START (RING - 8)

static void produce(struct page *page, const char *message)
{
	uint32_t at = page->at, len = (uint32_t)strlen(message);

	for (uint32_t i = 0; i < len; i++)
		page->text[(at + i) % RING] = message[i];
#ifdef MENDED
	page->at = (at + len) % (uint32_t)RING;
#else
	page->at += len; /* here */
	if (page->at >= RING)
		page->at -= (uint32_t)RING;
#endif
}

int server(void)
{
	int meeting = meet_accept(meet_open());
	struct side s = {0};

	CHECK(share(&s, 1));
	s.page->at = START;
	s.page->server_live = 1;
	CHECK(arm(&s, SERVER_LIVE, CLEAR_BYTE | SEND_EVENT));
	publish(meeting, &s);
	if (!hear(meeting))
		return gone(&s, "client");
	wait_event(&s);
	if (!s.page->asked)
		return gone(&s, "client");
	produce(s.page, MESSAGE);
	s.page->produced = 1;
	notify(&s);
	if (!await(&s, &s.page->consumed, &s.page->client_live))
		return gone(&s, "client");
	leave(&s);
	return 0;
}

/* What is there is taken, also of who is dead. */
static bool take(struct page *page)
{
	uint32_t end = page->at, at = START;
	char got[sizeof(MESSAGE)] = "";

	CHECK(end < RING);
	for (size_t i = 0; at != end && i < sizeof(got) - 1; i++, at = (at + 1) % RING)
		got[i] = page->text[at];
	return !strcmp(got, MESSAGE);
}

int client(void)
{
	int meeting = meet();
	struct side s = {0};
	struct offer offer;
	bool all;

	if (!take_offer(meeting, &offer) || !map(&s, 0, offer))
		return gone(&s, "server");
	CHECK(arm(&s, CLIENT_LIVE, CLEAR_BYTE | SEND_EVENT));
	s.page->client_live = 1;
	report(meeting);
	s.page->asked = 1;
	notify(&s);
	await(&s, &s.page->produced, &s.page->server_live);
	all = take(s.page);
	if (!all)
		return gone(&s, "server");
	s.page->consumed = 1;
	notify(&s);
	leave(&s);
	return 0;
}
