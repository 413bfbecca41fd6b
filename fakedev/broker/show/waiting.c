/* SPDX-License-Identifier: MIT */
/* What a thread of a program waits for: the kernel tells the system call that it is in and its
 * arguments (/proc/PID/task/TID/syscall), to who may trace it. */
#define _GNU_SOURCE
#include "broker/processes/aside.h"
#include "show.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST_FDS   64u
#define MOST_POLLS 1024u

static bool read_text(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, room - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool peek(uint32_t pid, uint64_t addr, void *out, size_t len)
{
	struct iovec local = {out, len}, remote = {(void *)(uintptr_t)addr, len};

	return process_vm_readv((pid_t)pid, &local, 1, &remote, 1, 0) == (ssize_t)len;
}

static void add(struct waiting *w, int fd)
{
	if (w->n < MOST_FDS)
		w->fds[w->n++] = fd;
}

static void look_at_poll(uint32_t pid, uint64_t addr, uint64_t n, struct waiting *w)
{
	struct pollfd *p;

	n = n < MOST_POLLS ? n : MOST_POLLS;
	p = n ? calloc(n, sizeof(*p)) : NULL;
	if (p && peek(pid, addr, p, n * sizeof(*p)))
		for (uint64_t i = 0; i < n; i++)
			if (p[i].fd >= 0 && (p[i].events & (POLLIN | POLLRDNORM)))
				add(w, p[i].fd);
	free(p);
}

static void look_at_select(uint32_t pid, uint64_t n, uint64_t addr, struct waiting *w)
{
	fd_set set;

	n = n < FD_SETSIZE ? n : FD_SETSIZE;
	if (!addr || !peek(pid, addr, &set, sizeof(set)))
		return;
	for (uint64_t fd = 0; fd < n; fd++)
		if (FD_ISSET((int)fd, &set))
			add(w, (int)fd);
}

/* /proc/PID/fdinfo/FD has a line for each descriptor in an epoll set. */
static void look_at_epoll(uint32_t pid, uint64_t epoll, struct waiting *w)
{
	char path[48], line[256];
	unsigned int events;
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/fdinfo/%d", pid, (int)epoll);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "tfd: %d events: %x", &fd, &events) == 2 && (events & EPOLLIN))
			add(w, fd);
	fclose(f);
}

static void look_at_call(uint32_t pid, long call, const uint64_t arg[4], struct waiting *w)
{
	switch (call) {
	case SYS_read:
	case SYS_readv:
	case SYS_pread64:
	case SYS_recvfrom:
	case SYS_recvmsg:
		w->how = WAITS_READING;
		add(w, (int)arg[0]);
		break;
#ifdef SYS_poll
	case SYS_poll:
#endif
	case SYS_ppoll:
		w->how = WAITS_POLLING;
		look_at_poll(pid, arg[0], arg[1], w);
		break;
#ifdef SYS_select
	case SYS_select:
#endif
	case SYS_pselect6:
		w->how = WAITS_POLLING;
		look_at_select(pid, arg[0], arg[1], w);
		break;
#ifdef SYS_epoll_wait
	case SYS_epoll_wait:
#endif
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
		w->how = WAITS_POLLING;
		look_at_epoll(pid, arg[0], w);
		break;
	default:
		break;
	}
}

/* Asleep, as everybody may know. */
static bool sleeps(uint32_t pid, uint32_t tid)
{
	char path[48], text[512];
	const char *p;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/stat", pid, tid);
	p = read_text(path, text, sizeof(text)) ? strrchr(text, ')') : NULL;
	return p && (p[2] == 'S' || p[2] == 'D');
}

struct look {
	uint32_t pid, tid;
	struct waiting waiting;
};

static void look(void *args)
{
	struct look *l = args;
	char path[48], text[256];
	unsigned long long arg[4];
	long call;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/syscall", l->pid, l->tid);
	if (!read_text(path, text, sizeof(text))) {
		if (sleeps(l->pid, l->tid))
			l->waiting.how = WAITS_HIDDEN;
		return;
	}
	/* "running", or "-1 SP PC" outside of any call, has fewer numbers. */
	if (sscanf(text, "%ld %llx %llx %llx %llx", &call, &arg[0], &arg[1], &arg[2], &arg[3]) == 5)
		look_at_call(l->pid, call, (const uint64_t[]){arg[0], arg[1], arg[2], arg[3]},
			     &l->waiting);
}

bool waiting_look(uint32_t pid, uint32_t tid, unsigned int ms, struct waiting *out)
{
	struct look l = {.pid = pid, .tid = tid, .waiting.how = WAITS_NOT};
	bool in_time = aside(look, &l, sizeof(l), ms);

	*out = in_time ? l.waiting : (struct waiting){.how = WAITS_HIDDEN};
	return in_time;
}
