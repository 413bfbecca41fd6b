/* SPDX-License-Identifier: MIT */
/*
 * One side of a real libxenvchan connection is killed after each device call it makes, from the
 * first of libxenvchan_server_init or client_init to the last of libxenvchan_close. A survivor that
 * was connected notices by an event; afterwards the machine is empty.
 */
#include "check.h"
#include "count.h"
#include "peer.h"
#include "vchan/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum side { SERVER, CLIENT };

static const uint32_t ring_size = 8192;

static long arm(void *arg)
{
	die_after(*(unsigned *)arg);
	return device_calls();
}

/* The conversation, step by step: who does what. */
static const struct step {
	enum side side;
	peer_fn *fn;
} steps[] = {
    {SERVER, session_serve},   {CLIENT, session_connect}, {CLIENT, session_send},
    {SERVER, session_receive}, {SERVER, session_send},    {CLIENT, session_receive},
    {CLIENT, session_close},   {SERVER, session_close},
};

enum {
	CONNECTED = 2,   /* after this many steps both are */
	FIRST_CLOSE = 6, /* this step is the first to close */
	STEPS = sizeof(steps) / sizeof(steps[0]),
};

/* Returns false if the conversation came to its end before the victim had made n calls. */
static bool kill_after(unsigned n, enum side killed, bool server_closes_first)
{
	struct peer *peers[2] = {peer_start(us()), peer_start(them())};
	struct session_params params[2] = {
	    {.domid = them()->id, .left = ring_size, .right = ring_size},
	    {.domid = us()->id},
	};
	static struct session_data data;
	uint64_t files = machine_totals().files;
	unsigned i;

	for (int k = 0; k < 2; k++)
		snprintf(params[k].path, sizeof(params[k].path), "/local/domain/%u/data/vchan/k",
			 us()->id);
	strcpy(data.bytes, "data");
	data.size = 5;
	CHECK(peer_call(peers[killed], arm, &n, sizeof(n)) >= 0, "arm");
	for (i = 0; i < STEPS; i++) {
		struct step step = steps[i];
		bool init = i < CONNECTED;
		long result;

		if (i >= FIRST_CLOSE && server_closes_first)
			step.side = step.side == SERVER ? CLIENT : SERVER;
		result = peer_try(peers[step.side], step.fn,
				  init ? (void *)&params[step.side] : (void *)&data,
				  init ? sizeof(params[0]) : sizeof(data));
		if (result == -ESRCH)
			break;
		CHECK(result >= 0, "step %u after %u calls of the other: %ld", i, n, result);
	}
	if (i < STEPS) {
		peer_wait(peers[killed]);
		/* In its close the victim has cleared the byte itself. */
		if (i >= CONNECTED && i <= FIRST_CLOSE)
			CHECK_IS(peer_call(peers[!killed], session_wait_closed, NULL, 0), 0);
	} else {
		peer_stop(peers[killed]);
	}
	peer_stop(peers[!killed]);
	MACHINE_AWAIT(files, files);
	return i < STEPS;
}

void test(void)
{
	unsigned kills = 0;

	for (int side = SERVER; side <= CLIENT; side++)
		for (int first = 0; first < 2; first++) {
			unsigned n = 1;

			while (kill_after(n, (enum side)side, first))
				n++;
			CHECK(n > 15, "the side makes %u calls only", n - 1);
			kills += n - 1;
		}
	printf("%u kills\n", kills);
}
