/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "thread-calls.h"

#include "broker/broker.h"
#include "broker/processes/current-call.h"
#include "broker/processes/process-status.h"

#include <dirent.h>
#include <errno.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* "/proc/self" is the side thread's process as well. */
static bool same_file(uint32_t pid, int fd, int own)
{
	char path[64], one[256], two[256];
	ssize_t n, m;

	snprintf(path, sizeof(path), "/proc/%u/fd/%d", pid, fd);
	n = readlink(path, one, sizeof(one));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", own);
	m = readlink(path, two, sizeof(two));
	return n > 0 && n == m && memcmp(one, two, (size_t)n) == 0;
}

/* What is read from outside of the run may come at any time. */
static bool is_from_within(uint32_t pid, int fd)
{
	char path[64], target[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/fd/%d", pid, fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	return !same_file(pid, fd, STDIN_FILENO) && strncmp(target, "/dev/tty", 8) &&
	       strncmp(target, "/dev/pts", 8);
}

struct known_call {
	long number;
	const char *name;
	enum { READS, POLLS_MS, POLLS_TIME, FUTEX, CHILD, EVER } kind;
	unsigned int arg; /* of the timeout */
};

static const struct known_call known[] = {
    {SYS_read, "read", READS, 0},
    {SYS_readv, "readv", READS, 0},
    {SYS_pread64, "pread64", READS, 0},
    {SYS_recvfrom, "recvfrom", READS, 0},
    {SYS_recvmsg, "recvmsg", READS, 0},
#ifdef SYS_accept
    {SYS_accept, "accept", READS, 0},
#endif
    {SYS_accept4, "accept4", READS, 0},
#ifdef SYS_poll
    {SYS_poll, "poll", POLLS_MS, 2},
#endif
    {SYS_ppoll, "ppoll", POLLS_TIME, 2},
#ifdef SYS_select
    {SYS_select, "select", POLLS_TIME, 4},
#endif
    {SYS_pselect6, "pselect6", POLLS_TIME, 4},
#ifdef SYS_epoll_wait
    {SYS_epoll_wait, "epoll_wait", POLLS_MS, 3},
#endif
    {SYS_epoll_pwait, "epoll_pwait", POLLS_MS, 3},
    {SYS_epoll_pwait2, "epoll_pwait2", POLLS_TIME, 3},
    {SYS_futex, "futex", FUTEX, 3},
    {SYS_wait4, "wait4", CHILD, 2},
    {SYS_waitid, "waitid", CHILD, 3},
#ifdef SYS_pause
    {SYS_pause, "pause", EVER, 0},
#endif
    {SYS_rt_sigsuspend, "rt_sigsuspend", EVER, 0},
    {SYS_rt_sigtimedwait, "rt_sigtimedwait", POLLS_TIME, 2},
};

static const struct known_call *find_call(long number)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].number == number)
			return &known[i];
	return NULL;
}

static bool waits_for_ever(const struct thread_call *c)
{
	const struct known_call *k = find_call(c->call);
	int op = (int)c->arg[1] & FUTEX_CMD_MASK;

	if (!k)
		return false;
	switch (k->kind) {
	case READS:
		return is_from_within(c->pid, (int)c->arg[0]);
	case POLLS_MS:
		return (int)c->arg[k->arg] < 0;
	case POLLS_TIME:
		return c->arg[k->arg] == 0;
	case FUTEX:
		return (op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET || op == FUTEX_LOCK_PI) &&
		       c->arg[k->arg] == 0;
	case CHILD:
		return !(c->arg[k->arg] & WNOHANG);
	case EVER:
		return true;
	}
	return false;
}

static void take_call(struct thread_call *c)
{
	struct current_call now;
	int told = current_call(c->pid, c->tid, &now);

	c->hidden = told == -ETIMEDOUT;
	if (told < 0)
		return;
	c->call = now.number;
	memcpy(c->arg, now.arg, sizeof(c->arg));
	if (waits_for_ever(c))
		c->waits = THREAD_WAITS_FOR_EVER;
}

/* @return false: it is gone */
static bool take_status(struct thread_call *c)
{
	struct process_status s;

	if (!process_status(c->pid, c->tid, &s))
		return false;
	c->switches = s.switches;
	/* Without memory it is ending, whatever that waits for. */
	c->waits = !s.has_memory                      ? THREAD_RUNS
		   : s.state == 'S' || s.state == 'D' ? THREAD_WAITS
		   : s.state == 'T' || s.state == 't' ? THREAD_STOPPED
						      : THREAD_RUNS;
	return s.state != 'Z' && s.state != 'X';
}

void thread_calls(uint32_t pid, void (*visit)(void *ctx, const struct thread_call *c), void *ctx)
{
	const struct dirent *d;
	char path[32];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	tasks = opendir(path);
	while (tasks && (d = readdir(tasks))) {
		struct thread_call c = {.pid = pid, .call = -1};

		c.tid = (uint32_t)strtoul(d->d_name, NULL, 10);
		if (!c.tid || !take_status(&c))
			continue;
		if (c.waits == THREAD_WAITS)
			take_call(&c);
		visit(ctx, &c);
	}
	if (tasks)
		closedir(tasks);
}

static bool is_evtchn(const struct thread_call *c, const struct broker *b)
{
	char path[64], target[256];
	unsigned long long inode;
	const char *slash;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/fd/%d", c->pid, (int)c->arg[0]);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	if (sscanf(target, "socket:[%llu]", &inode) == 1)
		return broker_has_evtchn(b, inode);
	slash = strrchr(target, '/');
	return slash && strcmp(slash, "/evtchn") == 0;
}

const char *thread_call_text(const struct thread_call *c, const struct broker *b,
			     char text[THREAD_CALL_TEXT])
{
	const struct known_call *k = find_call(c->call);

	if (c->waits == THREAD_STOPPED)
		snprintf(text, THREAD_CALL_TEXT, "stopped");
	else if (c->waits == THREAD_RUNS)
		snprintf(text, THREAD_CALL_TEXT, "running");
	else if (c->hidden)
		snprintf(text, THREAD_CALL_TEXT, "a call that the kernel does not tell");
	else if (!k)
		snprintf(text, THREAD_CALL_TEXT, "system call %ld", c->call);
	else
		snprintf(text, THREAD_CALL_TEXT, "%s%s", k->name,
			 k->kind == READS && is_evtchn(c, b) ? "(evtchn)" : "");
	return text;
}
