/* SPDX-License-Identifier: MIT */
/* A program that takes free descriptors or system calls from itself for good can still map devices: the
 * page frames' descriptors are given to it before. */
#include "follower.h"

#include <sys/resource.h>
#include <unistd.h>

void keep_arena(struct thread *t)
{
	struct process *p = t->process;
	struct wire_in in;

	if (p->closed)
		channel_open(t);
	if (p->arena[0] < 0 && lib_call(WIRE_ARENA, NULL, 0, NULL, 0, &in) == 0) {
		for (int i = 0; i < 2; i++) {
			int fd = wire_in_take_fd(&in, i);

			p->arena[i] = fd < 0 ? -1 : call_give_high(t, fd);
			if (fd >= 0)
				close(fd);
			p->arena[i] = p->arena[i] < 0 ? -1 : p->arena[i];
		}
		wire_in_done(&in);
	}
}

bool keep_is_own(const struct process *p, int fd)
{
	return fd >= 0 && (fd == p->arena[0] || fd == p->arena[1] || fd == p->channel.theirs);
}

void keep_replaced(struct process *p, uint32_t first, uint32_t last)
{
	for (int i = 0; i < 2; i++)
		if (p->arena[i] >= 0 && (uint32_t)p->arena[i] >= first &&
		    (uint32_t)p->arena[i] <= last)
			p->arena[i] = -1;
	if (p->channel.theirs >= 0 && (uint32_t)p->channel.theirs >= first &&
	    (uint32_t)p->channel.theirs <= last)
		channel_forget(p);
}

void keep_before_limit(struct thread *t)
{
	const uint64_t *a = t->call.args;
	bool by_pid = t->call.nr == SYS_prlimit64;
	uint64_t at = by_pid ? a[2] : a[1];
	struct rlimit now, next;

	/* The soft limit alone can be lifted when need be. */
	if (at && (!by_pid || a[0] == 0 || (pid_t)a[0] == t->process->pid) &&
	    lib_copy_in(&next, at, sizeof(next)) == 0 &&
	    prlimit(t->process->pid, RLIMIT_NOFILE, NULL, &now) == 0 &&
	    next.rlim_max < now.rlim_max)
		keep_arena(t);
	if (t->held)
		call_finish(t, call_inject(t, t->call.nr, a));
	else
		call_pass(t, AFTER_NOTHING);
}
