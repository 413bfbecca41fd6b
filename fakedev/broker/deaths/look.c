/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "look.h"

#include "broker/broker-internal.h"
#include "broker/processes/catch.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The signal, which it can't hold back, is to stop it: who traces sees it before anything comes of it. */
bool look_ask(struct broker *b, uint32_t pid, uint32_t tid)
{
	const struct client *c = client_of_process(b, pid);

	return c && c->traced && wire_send(c->endpoint.fd, WIRE_LOOK, tid, NULL, 0, NULL, 0) == 0 &&
	       syscall(SYS_tgkill, pid, tid, SIGSTOP) == 0;
}

struct snapshot *look_take(struct broker *b, uint32_t tid)
{
	struct snapshot *s = b->looked && b->looked->tid == tid ? b->looked : NULL;

	if (s)
		b->looked = NULL;
	return s;
}

void look_receive(struct client *c, const struct wire_in *in)
{
	if (!c->traced)
		return;
	snapshot_free(c->broker->looked);
	c->broker->looked = snapshot_unpack(in->payload, in->msg.payload);
}
