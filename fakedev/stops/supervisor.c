/* SPDX-License-Identifier: MIT */
/* The process that traces: who is followed, and what they are stopped for. */
#define _GNU_SOURCE
#include "supervisor.h"
#include "wire.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_CALL UINT64_MAX

static struct thread *find(const struct supervisor *s, pid_t tid)
{
	for (struct thread *t = s->threads; t; t = t->next)
		if (t->tid == tid)
			return t;
	return NULL;
}

static struct thread *add(struct supervisor *s, pid_t tid)
{
	struct thread *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->tid = t->pid = tid;
	t->state = STOPPED;
	t->next = s->threads;
	s->threads = t;
	return t;
}

static void drop(struct supervisor *s, struct thread *t)
{
	struct thread **p = &s->threads;

	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
	space_release(t->space);
	handlers_release(t->handlers);
	free(t->call.pieces);
	free(t);
}

void thread_resume(struct thread *t, int signal)
{
	t->state = RUNS;
	/* A handler runs with a mask of its own. */
	if (signal)
		t->segv_blocked = false;
	ptrace(PTRACE_SYSCALL, t->tid, 0, signal);
}

static void kill_program(const struct supervisor *s, unsigned int program, int signal)
{
	for (const struct thread *t = s->threads; t; t = t->next)
		if (t->program == program && t->pid == t->tid)
			kill(t->pid, signal);
}

void refuse(struct supervisor *s, const struct thread *t, const char *format, ...)
{
	struct board *b = s->board;
	va_list args;

	if (!atomic_load(&b->refused)) {
		int n = snprintf(b->why, sizeof(b->why), "process %d: ", (int)t->pid);

		va_start(args, format);
		vsnprintf(b->why + n, sizeof(b->why) - (size_t)n, format, args);
		va_end(args);
		atomic_store(&b->refused, true);
	}
	kill_program(s, t->program, SIGKILL);
}

uint64_t count_store(struct supervisor *s, const struct thread *t)
{
	return atomic_fetch_add(&s->board->stores[t->program], 1) + 1;
}

void tell_store(struct supervisor *s, const struct thread *t, uint64_t number, uint64_t addr,
		const struct region *r, const unsigned char *bytes, uint64_t len, bool by_kernel)
{
	struct stops_store told = {.addr = addr,
				   .offset = r->offset + (addr - r->start),
				   .number = number,
				   .pid = t->space->pid,
				   .tid = t->tid,
				   .program = t->program,
				   .len = (uint32_t)len,
				   .by_kernel = by_kernel};

	if (s->tell < 0)
		return;
	memcpy(told.bytes, bytes, len);
	while (send(s->tell, &told, offsetof(struct stops_store, bytes) + len, MSG_NOSIGNAL) < 0 &&
	       errno == EINTR)
		;
}

/* ---- stops ---- */

static uint64_t clone_clear_tid(const struct thread *t, uint64_t flags)
{
	struct clone_args args = {0};

	if (!(flags & CLONE_CHILD_CLEARTID))
		return 0;
	if (t->call.nr == SYS_clone)
		return t->call.args[3];
	tracee_read(t->tid, t->call.args[0], &args, CLONE_ARGS_SIZE_VER0);
	return args.child_tid;
}

static void born(struct supervisor *s, const struct thread *t, pid_t tid)
{
	uint64_t flags = tracee_clone_flags(t->tid, t->call.nr, t->call.args);
	struct thread *child = find(s, tid);

	if (!child)
		child = add(s, tid);
	child->program = t->program;
	child->pid = flags & CLONE_THREAD ? t->pid : child->tid;
	child->segv_blocked = t->segv_blocked;
	child->clear_tid = clone_clear_tid(t, flags);
	if (flags & CLONE_VM) {
		child->space = t->space;
		child->space->refs++;
	} else {
		child->space = space_new(child->pid, t->space);
	}
	if (flags & CLONE_SIGHAND) {
		child->handlers = t->handlers;
		child->handlers->refs++;
	} else {
		child->handlers = handlers_new(t->handlers);
	}
}

static void born_by_stop(struct supervisor *s, const struct thread *t)
{
	unsigned long tid = 0;

	ptrace(PTRACE_GETEVENTMSG, t->tid, 0, &tid);
	born(s, t, (pid_t)tid);
}

static bool is_untold(void *ctx, pid_t tid)
{
	const struct thread *child = find(ctx, tid);
	char state = child ? 0 : tracee_status(tid).state;

	return child ? !child->space : state && state != 'Z' && state != 'X';
}

/* It ends, in a call that has made a process maybe: of that no stop of its tells any more. */
static void born_untold(struct supervisor *s, const struct thread *t)
{
	pid_t child = 0;

	if (t->in_call && !t->call.skipped && tracee_makes_others(t->call.nr))
		child = tracee_find_child(t->pid, t->tid, is_untold, s);
	if (child)
		born(s, t, child);
}

/* The thread that executed has its process's number from now on, and nobody else is left of that. */
static void executed(struct supervisor *s, struct thread *t)
{
	unsigned long former = 0;
	struct thread *was;

	ptrace(PTRACE_GETEVENTMSG, t->tid, 0, &former);
	was = (pid_t)former == t->tid ? NULL : find(s, (pid_t)former);
	if (was) {
		t->call = was->call;
		was->call.pieces = NULL;
		t->in_call = was->in_call;
		t->segv_blocked = was->segv_blocked;
		drop(s, was);
	}
	space_release(t->space);
	handlers_release(t->handlers);
	t->space = space_new(t->pid, NULL);
	t->handlers = handlers_new(NULL);
	t->bounce = t->bounce_len = t->clear_tid = 0;
	t->dying = false;
}

static void at_call(struct supervisor *s, struct thread *t)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof(info), &info) < 0) {
		/* Linux has it since 5.3. */
		if (errno != ESRCH)
			refuse(s, t, "the kernel does not say which system call it makes");
		thread_resume(t, 0);
	} else if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		/* Of 32 bits they have other numbers: such programs have no devices. */
		t->call =
		    (struct call){.nr = info.arch == AUDIT_ARCH_X86_64 ? info.entry.nr : NO_CALL};
		memcpy(t->call.args, info.entry.args, sizeof(t->call.args));
		/* Or that stop would end the call: let it come between. */
		if (t->interrupted)
			call_later(t);
		else
			call_begins(s, t);
	} else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
		call_ends(s, t, info.exit.rval);
	} else {
		thread_resume(t, 0);
	}
}

static void at_event(struct supervisor *s, struct thread *t, int event, int signal)
{
	switch (event) {
	case PTRACE_EVENT_STOP:
		if (signal != SIGTRAP) {
			ptrace(PTRACE_LISTEN, t->tid, 0, 0);
			return;
		}
		if (!watch_begins(s, t))
			return;
		break;
	case PTRACE_EVENT_CLONE:
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
		born_by_stop(s, t);
		break;
	case PTRACE_EVENT_EXEC:
		executed(s, t);
		break;
	case PTRACE_EVENT_EXIT:
		born_untold(s, t);
		last_stores(s, t);
		t->dying = true;
		break;
	default:
		break;
	}
	thread_resume(t, 0);
}

static void handle(struct supervisor *s, struct thread *t, int status)
{
	bool at_a_call = WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80);

	t->queued = false;
	t->state = STOPPED;
	ask_no_more(s, t);
	if (!at_a_call)
		t->interrupted = false;
	if (!WIFSTOPPED(status))
		drop(s, t);
	else if (status >> 16)
		at_event(s, t, status >> 16, WSTOPSIG(status));
	else if (at_a_call)
		at_call(s, t);
	else if (WSTOPSIG(status) != SIGSEGV || !store_at_fault(s, t))
		thread_resume(t, WSTOPSIG(status));
}

/* A thread that is killed with its process before the stop of who made it was seen, which then never comes: nothing
 * is to be done at its end but to let it end. */
static bool dies_unborn(struct thread *t)
{
	if (!WIFSTOPPED(t->status))
		return t->dying;
	t->dying = t->status >> 16 == PTRACE_EVENT_EXIT && tracee_status(t->tid).pid != t->tid;
	return t->dying;
}

static void handle_queued(struct supervisor *s)
{
	for (struct thread *t = s->threads; t;) {
		struct thread *next = t->next;

		if (t->queued && t->space) {
			handle(s, t, t->status);
			/* Threads may have come and gone. */
			next = s->threads;
		} else if (t->queued && dies_unborn(t)) {
			t->queued = false;
			if (WIFSTOPPED(t->status))
				ptrace(PTRACE_CONT, t->tid, 0, 0);
			else
				drop(s, t);
		}
		t = next;
	}
}

static void take_stops(struct supervisor *s)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		struct thread *t = find(s, tid);

		if (!t)
			t = add(s, tid);
		t->queued = true;
		t->status = status;
		handle_queued(s);
	}
}

/* ---- who comes ---- */

static int seize(struct supervisor *s, pid_t pid, unsigned int program)
{
	struct thread *t;

	if (ptrace(PTRACE_SEIZE, pid, 0, STOPS_TRACED) < 0)
		return -errno;
	t = add(s, pid);
	t->program = program;
	t->space = space_new(pid, NULL);
	t->handlers = handlers_new(NULL);
	t->state = RUNS;
	/* From its next stop on each of its calls is one. */
	if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
		return -errno;
	return 0;
}

/* In a call a thread comes to its end by itself. */
static void stop_all(struct supervisor *s)
{
	for (struct thread *t = s->threads; t; t = t->next)
		if (t->state == RUNS && !t->in_call && !t->dying &&
		    ptrace(PTRACE_INTERRUPT, t->tid, 0, 0) == 0)
			t->interrupted = true;
}

/* "Follow me", with the descriptor to answer to; or, empty, that a ring is to be watched. @return false: nobody will ask any
 * more */
static bool take_request(struct supervisor *s)
{
	static unsigned char buffer[WIRE_BUFFER];
	int32_t who[2], err;
	struct wire_in in;
	int fd;

	err = wire_recv(s->control, MSG_DONTWAIT, buffer, &in);
	if (err < 0)
		return err == -EAGAIN;
	fd = wire_in_take_fd(&in, 0);
	if (in.msg.payload == 0)
		stop_all(s);
	if (in.msg.payload == sizeof(who) && fd >= 0) {
		memcpy(who, in.payload, sizeof(who));
		err = seize(s, who[0], (unsigned int)who[1] % STOPS_PROGRAMS);
		send(fd, &err, sizeof(err), MSG_NOSIGNAL);
	}
	if (fd >= 0)
		close(fd);
	wire_in_done(&in);
	return true;
}

int supervise(struct supervisor *s)
{
	struct signalfd_siginfo info;
	sigset_t all;
	struct pollfd p[3];

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&all);
	sigaddset(&all, SIGCHLD);
	p[0] =
	    (struct pollfd){.fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK), .events = POLLIN};
	p[1] = (struct pollfd){.fd = s->control, .events = POLLIN};
	p[2] = (struct pollfd){.fd = s->ask, .events = POLLIN};
	if (p[0].fd < 0)
		return 1;
	for (;;) {
		take_stops(s);
		if (poll(p, 3, -1) < 0)
			return 1;
		while (read(p[0].fd, &info, sizeof(info)) == sizeof(info))
			;
		if ((p[1].revents & (POLLIN | POLLHUP)) && !take_request(s))
			return 0;
		if (p[2].revents & POLLIN)
			answers_come(s);
	}
}
