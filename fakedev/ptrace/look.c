/* SPDX-License-Identifier: MIT */
/* What a thread was like where it ends or waits: who traces it tells, since nobody else can look. */
#include "follower.h"

#include "broker/processes/catch.h"

#include <stdlib.h>
#include <sys/socket.h>

void look_tell(const struct thread *t, enum wire_op op)
{
	struct snapshot *s = catch_look((uint32_t)t->process->pid, (uint32_t)t->tid);
	size_t len = 0;
	void *bytes = s ? snapshot_pack(s, &len) : NULL;

	lib_tell(op, bytes, bytes ? len : 0);
	free(bytes);
	snapshot_free(s);
}

void look_note(struct space *s, struct wire_in *in)
{
	if (in->msg.op == WIRE_LOOK)
		s->look = (pid_t)in->msg.result;
	wire_in_done(in);
}

bool look_may_be_due(const struct thread *t)
{
	const struct space *s = t->space;
	char byte;

	return s && s->fd >= 0 && !s->broken &&
	       (s->look || recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0);
}

bool look_at_stop(struct thread *t)
{
	struct space *s = t->space;
	struct wire_in in;

	if (!s || s->fd < 0 || s->broken)
		return false;
	if (!s->look && wire_recv(s->fd, MSG_DONTWAIT, follower->buffer, &in) == 0)
		look_note(s, &in);
	if (s->look != t->tid)
		return false;
	s->look = 0;
	follower->now = t;
	look_tell(t, WIRE_LOOK);
	return true;
}
