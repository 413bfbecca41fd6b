/* SPDX-License-Identifier: MIT */
/*
 * The other side of a vchan closes it, exits, or is killed: it is noticed by an event and by
 * libxenvchan_is_open(), and what was sent before can still be read.
 */
#include "check.h"
#include "peer.h"
#include "session.h"

#include <string.h>

enum ending { CLOSES, EXITS, KILLED };

static void end(enum ending ending, bool serve, uint32_t size)
{
	uint64_t maptrack = machine_totals().maptrack;
	struct peer *peer = peer_start(them());
	static struct session_data data;

	session_connect_to(peer, serve, size, size, "closed");
	strcpy(data.bytes, "last words");
	data.size = 11;
	CHECK_IS(peer_call(peer, session_send, &data, sizeof(data)), 11);
	switch (ending) {
	case CLOSES:
		CHECK_IS(peer_call(peer, session_close, NULL, 0), 0);
		break;
	case EXITS:
		peer_stop(peer);
		break;
	case KILLED:
		peer_kill(peer);
	}
	CHECK_IS(session_wait_closed(NULL), 0);
	memset(&data, 0, sizeof(data));
	data.size = 11;
	CHECK_IS(session_receive(&data), 11);
	CHECK(!strcmp(data.bytes, "last words"), "%.11s", data.bytes);
	CHECK_IS(session_receive(&data), -1);
	CHECK_IS(session_send(&data), -1);
	CHECK_IS(session_close(NULL), 0);
	if (ending == CLOSES)
		peer_stop(peer);
	MACHINE_AWAIT(maptrack, maptrack);
}

void test(void)
{
	for (int serve = 0; serve < 2; serve++)
		for (uint32_t size = 1024; size <= 16384; size *= 16)
			for (int ending = CLOSES; ending <= KILLED; ending++)
				end((enum ending)ending, serve, size);
}
