/* SPDX-License-Identifier: MIT */
/* The process that traces: who is traced, and what they stop for. */
#include "follower.h"
#include "tracee/tracee.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct follower *follower;

struct thread *thread_find(pid_t tid)
{
	for (struct thread *t = follower->threads; t; t = t->next)
		if (t->tid == tid)
			return t;
	return NULL;
}

struct thread *thread_add(pid_t tid)
{
	struct thread *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->tid = tid;
	t->next = follower->threads;
	follower->threads = t;
	return t;
}

struct process *process_new(pid_t pid, const struct process *parent)
{
	struct process *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	*p = (struct process){
	    .refs = 1, .pid = pid, .pidfd = -1, .channel = {-1, -1}, .arena = {-1, -1}};
	if (parent) {
		channel_inherit(p, parent);
		p->closed = parent->closed;
		p->reach = parent->reach;
		p->strict = parent->strict;
		p->confined = parent->confined;
		memcpy(p->arena, parent->arena, sizeof(p->arena));
	}
	return p;
}

void process_release(struct process *p)
{
	if (!p || --p->refs > 0)
		return;
	if (p->pidfd >= 0)
		close(p->pidfd);
	channel_forget(p);
	free(p);
}

static void drop(struct thread *t)
{
	struct thread **p = &follower->threads;

	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
	space_leave(t);
	process_release(t->process);
	free(t);
}

/* It goes on as it was going: to the end of its call, if something is due then. */
static void resume(const struct thread *t, int signal)
{
	ptrace(t->after == AFTER_NOTHING ? PTRACE_CONT : PTRACE_SYSCALL, t->tid, 0, signal);
}

int thread_wait(struct thread *t, int *status)
{
	siginfo_t info = {0};
	int how = WEXITED | WSTOPPED | WNOWAIT | __WALL | (status ? 0 : WNOHANG), got = 0;

	while (waitid(P_PID, (id_t)t->tid, &info, how) < 0)
		if (errno != EINTR)
			return -1;
	if (!info.si_pid)
		return 0;
	/* Its end is looked at with all others'. */
	if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED)
		return -1;
	if (!status)
		return 1;
	if (waitpid(t->tid, &got, __WALL) != t->tid)
		return -1;
	*status = got;
	if (got >> 16 == PTRACE_EVENT_EXIT) {
		t->queued = true;
		t->status = got;
		return -1;
	}
	return 0;
}

/* ---- execution ---- */

static void look_at_program(struct thread *t)
{
	struct __ptrace_syscall_info info;
	char link[32], path[256];
	struct stat st, who;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)t->tid);
	n = readlink(link, path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = '\0';
	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof(info), &info) > 0 &&
	    info.arch != registers_architecture)
		say_to(t, "%s is a program of 32 bits: it gets no devices", path);
	if (stat(link, &st) < 0)
		return;
	snprintf(link, sizeof(link), "/proc/%d", (int)t->tid);
	if ((st.st_mode & (S_ISUID | S_ISGID)) && stat(link, &who) == 0 &&
	    (((st.st_mode & S_ISUID) && st.st_uid != who.st_uid) ||
	     ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != who.st_gid)))
		say_to(t,
		       "%s is executed without rights of its own (set-user-ID or set-group-ID): "
		       "it is traced",
		       path);
}

/* The thread that executed has its process's number from now on, and nobody else is left of that. */
static void executed(struct thread *t)
{
	unsigned long former = 0;
	struct thread *was;

	ptrace(PTRACE_GETEVENTMSG, t->tid, 0, &former);
	was = (pid_t)former == t->tid ? NULL : thread_find((pid_t)former);
	if (was) {
		t->after = was->after;
		t->call = was->call;
		drop(was);
	}
	space_leave(t);
	t->space = space_begin(t->process->pid, NULL, -1);
	/* Descriptors were closed by it, too. */
	t->process->arena[0] = t->process->arena[1] = -1;
	channel_forget(t->process);
	machine_sync();
	look_at_program(t);
}

/* ---- stops ---- */

static void at_event(struct thread *t, int event, int signal)
{
	t->standing = false;
	switch (event) {
	case PTRACE_EVENT_SECCOMP:
		/* A wait of ours, at which a program is stopped that has an evtchn. */
		if (t->after == AFTER_RELEASED)
			break;
		call_stopped(t);
		return;
	case PTRACE_EVENT_STOP:
		if (signal != SIGTRAP) {
			ptrace(PTRACE_LISTEN, t->tid, 0, 0);
			return;
		}
		break;
	case PTRACE_EVENT_CLONE:
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
		birth_event(t, event);
		break;
	case PTRACE_EVENT_EXEC:
		executed(t);
		break;
	case PTRACE_EVENT_EXIT:
		/* It executes nothing any more; its memory goes before its files. */
		t->after = AFTER_NOTHING;
		birth_untold(t, -1);
		space_leave(t);
		break;
	default:
		break;
	}
	resume(t, 0);
}

static void handle(struct thread *t)
{
	int status = t->status, event = status >> 16;

	t->queued = false;
	if (!WIFSTOPPED(status))
		drop(t);
	else if (event)
		at_event(t, event, WSTOPSIG(status));
	else if (WSTOPSIG(status) == SIGSTOP && look_at_stop(t))
		return;
	else if (WSTOPSIG(status) != (SIGTRAP | 0x80))
		resume(t, WSTOPSIG(status));
	else if (t->after != AFTER_NOTHING)
		call_made(t);
	else
		resume(t, 0);
}

static void handle_queued(void)
{
	for (struct thread *t = follower->threads; t;) {
		struct thread *next = t->next;

		if (t->queued && (!WIFSTOPPED(t->status) || t->process || birth_look(t))) {
			handle(t);
			/* Threads may have come and gone. */
			next = follower->threads;
		}
		t = next;
	}
}

/* Nobody whom we can't wait for would ever go on: they end with us. */
static void give_up(const char *what)
{
	const char *why = strerror(errno);
	struct thread *t = follower->threads;

	while (t && !t->process)
		t = t->next;
	if (t)
		say_to(t, "who traces can't wait for the program: %s fails: %s: it is killed", what,
		       why);
}

/* @return 1: there was one; 0: none; -1: it can't be known */
static int take_stop(int how)
{
	siginfo_t info = {0};
	struct thread *t;
	int status;
	pid_t tid;

	if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOWAIT | __WALL | how) < 0) {
		if (errno == ECHILD || errno == EINTR)
			return 0;
		give_up("waitid(2)");
		return -1;
	}
	if (!info.si_pid)
		return 0;
	t = thread_find(info.si_pid);
	if (!t)
		t = thread_add(info.si_pid);
	/* When its parent hears of the end, the machine has. */
	if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED) {
		space_leave(t);
		machine_sync();
	}
	tid = waitpid(info.si_pid, &status, __WALL | WNOHANG);
	if (tid < 0 && errno != ECHILD && errno != EINTR) {
		give_up("wait4(2)");
		return -1;
	}
	if (tid == info.si_pid) {
		t->queued = true;
		t->status = status;
	}
	return 1;
}

/* All who have stopped have their turn before one goes on and stops again: the kernel names the youngest first.
 * Of who waits for nothing else it may be waited for here. @return false: nobody's stops can be known any more */
static bool take_stops(bool wait)
{
	int more = 1;

	while (follower->threads && (more = take_stop(wait ? 0 : WNOHANG)) > 0) {
		while ((more = take_stop(WNOHANG)) > 0)
			;
		if (more < 0)
			return false;
		handle_queued();
		wait = wait && follower->control < 0;
	}
	return more >= 0;
}

void hear_program(void)
{
	static unsigned char buffer[WIRE_BUFFER];
	struct wire_in in;

	if (wire_recv(follower->control, MSG_DONTWAIT, buffer, &in) == 0) {
		int fd = wire_in_take_fd(&in, 0);

		wire_in_done(&in);
		if (fd >= 0) {
			follower->listener = fd;
			return;
		}
	}
	close(follower->control);
	follower->control = -1;
}

int follow(struct follower *f, pid_t first)
{
	struct signalfd_siginfo info;
	struct pollfd p[2];
	struct thread *t;

	follower = f;
	t = thread_add(first);
	t->process = process_new(first, NULL);
	t->space = space_begin(first, NULL, -1);
	for (;;) {
		if (!take_stops(f->control < 0))
			return 1;
		if (!follower->threads)
			return 0;
		p[0] = (struct pollfd){.fd = f->signals, .events = POLLIN};
		p[1] = (struct pollfd){.fd = f->control, .events = POLLIN};
		if (poll(p, 2, -1) < 0 && errno != EINTR) {
			give_up("poll(2)");
			return 1;
		}
		while (read(f->signals, &info, sizeof(info)) == sizeof(info))
			;
		if (p[1].revents)
			hear_program();
	}
}
