/* SPDX-License-Identifier: MIT */
/* Who is born of whom. The parent's stop tells it, the child's may come before that one, and of a parent that is
 * killed in between none comes. */
#include "follower.h"
#include "tracee/tracee.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* A thread of the process of that number; NULL: none is traced. */
static const struct thread *thread_of(pid_t pid)
{
	for (const struct thread *t = follower->threads; t; t = t->next)
		if (t->process && t->process->pid == pid)
			return t;
	return NULL;
}

/* A thread has the address space that the others have, unless all have left it. */
static void join(struct thread *child, const struct thread *other)
{
	child->process = other->process;
	child->process->refs++;
	for (const struct thread *t = follower->threads; t && !child->space; t = t->next)
		if (t->process == other->process && t->space)
			child->space = t->space;
	if (child->space)
		child->space->refs++;
}

static void born(struct thread *t, struct thread *child, uint64_t flags, int fd)
{
	if (!child || (child->process && (flags & CLONE_THREAD))) {
		if (fd >= 0)
			close(fd);
		return;
	}
	if (flags & CLONE_THREAD) {
		join(child, t);
		return;
	}
	space_leave(child);
	process_release(child->process);
	child->process = process_new(child->tid, t->process);
	if ((flags & CLONE_VM) && t->space) {
		child->space = t->space;
		child->space->refs++;
		return;
	}
	child->space = space_begin(child->tid, t->space, fd);
	if (!t->space)
		return;
	for (size_t i = 0; i < t->space->ranges.n; i++) {
		const struct range *r = &t->space->ranges.range[i];

		follower->now = child;
		if (!r->dontfork)
			ranges_add(r->start, r->end - r->start, false);
	}
}

/* A child by its number. NULL: it has ended, and has been looked at or will be. */
static struct thread *child_of_number(pid_t tid)
{
	struct thread *child = thread_find(tid);
	char state = child ? 0 : tracee_status(tid).state;

	return child || !state || strchr("ZX", state) ? child : thread_add(tid);
}

/* Whom the thread's stop tells of. */
static struct thread *told(const struct thread *t)
{
	unsigned long tid = 0;

	ptrace(PTRACE_GETEVENTMSG, t->tid, 0, &tid);
	return child_of_number((pid_t)tid);
}

static int connection_of_child(struct thread *t)
{
	struct wire_in in;
	int fd = -1;

	if (t->space->fd < 0 || t->space->broken)
		return -1;
	if (lib_call(WIRE_FORK, NULL, 0, NULL, 0, &in) == 0)
		fd = wire_in_take_fd(&in, 0);
	wire_in_done(&in);
	return fd;
}

/* Of the call that it is in; -1: that makes nobody. */
static int64_t flags_of_call(const struct thread *t)
{
	struct registers r;
	struct call c;

	if (!registers_get(t->tid, &r))
		return -1;
	c = registers_call(&r);
	return tracee_makes_others(c.nr) ? (int64_t)tracee_clone_flags(t->tid, c.nr, c.args) : -1;
}

void birth_event(struct thread *t, int event)
{
	int64_t flags = flags_of_call(t);

	if (flags < 0 || event == PTRACE_EVENT_VFORK)
		flags = (flags < 0 ? 0 : flags) | CLONE_VM;
	born(t, told(t), (uint64_t)flags, -1);
}

static bool is_untold(void *ctx, pid_t tid)
{
	const struct thread *child = child_of_number(tid);

	(void)ctx;
	return child && !child->process;
}

int birth_untold(struct thread *t, int fd)
{
	int64_t flags = flags_of_call(t);
	pid_t child;

	if (flags < 0 || (flags & CLONE_THREAD) || !t->process)
		return fd;
	child = tracee_find_child(t->process->pid, t->tid, is_untold, NULL);
	if (!child)
		return fd;
	born(t, thread_find(child), (uint64_t)flags, fd);
	return -1;
}

bool birth_look(struct thread *t)
{
	struct tracee_status s = tracee_status(t->tid);
	const struct thread *other = thread_of(s.pid);

	if (other) {
		join(t, other);
		return true;
	}
	if (!s.pid || s.pid != t->tid || thread_of(s.parent))
		return false;
	t->process = process_new(t->tid, NULL);
	t->space = space_begin(t->tid, NULL, -1);
	return true;
}

/* Nobody else of the address space changes it until the copy is made. */
void fork_call(struct thread *t)
{
	uint64_t flags = tracee_clone_flags(t->tid, t->call.nr, t->call.args);
	int fd, status;

	if (flags & CLONE_VM) {
		call_pass(t, AFTER_NOTHING);
		return;
	}
	fd = connection_of_child(t);
	if (!t->held || call_reenter(t, &t->call))
		ptrace(PTRACE_SYSCALL, t->tid, 0, 0);
	while (!t->gone && thread_wait(t, &status) == 0) {
		int event = status >> 16;

		if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_CLONE ||
		    event == PTRACE_EVENT_VFORK) {
			born(t, told(t), flags, fd);
			ptrace(PTRACE_CONT, t->tid, 0, 0);
			return;
		}
		if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			ptrace(PTRACE_CONT, t->tid, 0, 0);
			break;
		}
		ptrace(PTRACE_SYSCALL, t->tid, 0, event ? 0 : WSTOPSIG(status));
	}
	if (t->queued && t->status >> 16 == PTRACE_EVENT_EXIT)
		fd = birth_untold(t, fd);
	if (fd >= 0)
		close(fd);
}
