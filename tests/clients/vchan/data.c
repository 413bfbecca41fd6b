/* SPDX-License-Identifier: MIT */
/*
 * libxenvchan carries data both ways, through rings in the one page and through rings of their
 * own, of the same and of different sizes.
 */
#include "check.h"
#include "peer.h"
#include "session.h"

#include <stdio.h>
#include <string.h>

static void carry(struct peer *peer, uint32_t left, uint32_t right, bool serve)
{
	static struct session_data out, in;
	uint64_t total = 0, sent = 0;
	char name[32];

	snprintf(name, sizeof(name), "%u-%u", left, right);
	session_connect_to(peer, serve, left, right, name);
	for (unsigned i = 0; i < 100; i++)
		total += i * 37 % 1000 + 1;
	peer_begin(peer, session_echo, &total, sizeof(total));
	for (unsigned i = 0; i < 100; i++) {
		out.size = in.size = i * 37 % 1000 + 1;
		for (unsigned k = 0; k < out.size; k++)
			out.bytes[k] = (char)(sent + k * 7);
		CHECK_IS(session_send(&out), out.size);
		CHECK_IS(session_receive(&in), in.size);
		CHECK(!memcmp(out.bytes, in.bytes, out.size), "message %u came back changed", i);
		sent += out.size;
	}
	CHECK_IS(peer_end(peer, &total, sizeof(total)), 0);
	session_close(NULL);
	CHECK_IS(peer_call(peer, session_wait_closed, NULL, 0), 0);
	CHECK_IS(peer_call(peer, session_close, NULL, 0), 0);
}

void test(void)
{
	struct peer *peer = peer_start(them());

	for (int serve = 0; serve < 2; serve++) {
		carry(peer, 1024, 2048, serve);
		carry(peer, 2048, 2048, serve);
		carry(peer, 4096, 65536, serve);
		carry(peer, 1 << 20, 8192, serve);
	}
}
