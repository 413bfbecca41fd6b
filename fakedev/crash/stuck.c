/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "crash/stuck.h"

#include "broker/processes/aside.h"
#include "broker/processes/current-call.h"
#include "broker/processes/process-status.h"
#include "broker/processes/program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* How long the kernel may take to tell. */
#define TELL_MS 200u

struct process {
	pid_t pid, parent;
	char state;
	bool ours, serves; /* it came of the trial; it is gntsim's own */
};

struct processes {
	struct process *all;
	size_t n, room;
};

static bool read_process(const char *name, struct process *p)
{
	uint32_t pid = (uint32_t)strtoul(name, NULL, 10);
	struct process_status s;

	if (!process_status(pid, 0, &s))
		return false;
	*p = (struct process){.pid = (pid_t)pid, .parent = (pid_t)s.parent, .state = s.state};
	return true;
}

static void read_all(struct processes *list)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		struct process p;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
		    !read_process(entry->d_name, &p))
			continue;
		if (list->n == list->room) {
			size_t room = list->room ? 2 * list->room : 128;
			struct process *all = reallocarray(list->all, room, sizeof(*all));

			if (!all)
				break;
			list->all = all;
			list->room = room;
		}
		list->all[list->n++] = p;
	}
	if (dir)
		closedir(dir);
}

/* Children may have lower numbers than their parents: until no more are found. */
static void find_ours(struct processes *list, pid_t root)
{
	bool more = true;

	for (size_t i = 0; i < list->n; i++)
		list->all[i].ours = list->all[i].pid == root;
	while (more) {
		more = false;
		for (size_t i = 0; i < list->n; i++)
			for (size_t k = 0; k < list->n && !list->all[i].ours; k++)
				if (list->all[k].ours && list->all[k].pid == list->all[i].parent)
					more = list->all[i].ours = true;
	}
}

struct compared {
	pid_t pid;
	bool same;
};

/* (What it executes may be a file of a server that is stopped, which is not asked.) */
static void compare_programs(void *args)
{
	struct compared *c = args;
	struct statx its, self;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)c->pid);
	c->same = statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO, &its) == 0 &&
		  statx(AT_FDCWD, "/proc/self/exe", AT_STATX_DONT_SYNC, STATX_INO, &self) == 0 &&
		  its.stx_ino == self.stx_ino && its.stx_dev_major == self.stx_dev_major &&
		  its.stx_dev_minor == self.stx_dev_minor;
}

/* Who executes a program, of whom the kernel may not tell which, serves nobody. */
static bool is_gntsim(pid_t pid)
{
	struct compared c = {.pid = pid};

	return aside(compare_programs, &c, sizeof(c), TELL_MS) && c.same;
}

/* The processes of a trial that have not ended. */
static struct processes processes_of(pid_t root)
{
	struct processes list = {0};
	size_t n = 0;

	read_all(&list);
	find_ours(&list, root);
	for (size_t i = 0; i < list.n; i++) {
		struct process *p = &list.all[i];

		if (!p->ours || p->state == 'Z' || p->state == 'X')
			continue;
		p->serves = is_gntsim(p->pid);
		list.all[n++] = *p;
	}
	list.n = n;
	return list;
}

/* How often its threads have left a processor, in all. */
static uint64_t switches(uint32_t pid)
{
	struct process_status s;
	const struct dirent *d;
	uint64_t sum = 0;
	char path[32];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	tasks = opendir(path);
	while (tasks && (d = readdir(tasks))) {
		uint32_t tid = (uint32_t)strtoul(d->d_name, NULL, 10);

		if (tid && process_status(pid, tid, &s))
			sum += s.switches;
	}
	if (tasks)
		closedir(tasks);
	return sum;
}

bool stuck_look(struct stuck *s, pid_t root, int64_t now, int64_t patience)
{
	struct processes list = processes_of(root);
	struct stuck seen = {.since = now};
	bool awake = false;

	for (size_t i = 0; i < list.n; i++) {
		const struct process *p = &list.all[i];

		/* Who is stopped does not move, and nobody waits for that to change; nor does who is
		 * in the kernel, and can't be killed there, if what he waits for does not come. */
		awake |= !strchr("STD", p->state);
		if (p->serves)
			continue;
		seen.moves += switches((uint32_t)p->pid);
		seen.programs++;
	}
	free(list.all);
	if (awake || !seen.programs || seen.moves != s->moves || seen.programs != s->programs) {
		*s = seen;
		return false;
	}
	return now - s->since >= patience;
}

static const char *call_name(long number)
{
	static const struct {
		long number;
		const char *name;
	} all[] = {{SYS_read, "read"},
		   {SYS_readv, "readv"},
		   {SYS_ppoll, "poll"},
		   {SYS_pselect6, "select"},
		   {SYS_epoll_pwait, "epoll_wait"},
		   {SYS_futex, "futex"},
		   {SYS_recvfrom, "recv"},
		   {SYS_recvmsg, "recvmsg"},
		   {SYS_accept4, "accept"},
#ifdef SYS_accept
		   {SYS_accept, "accept"},
#endif
		   {SYS_wait4, "wait"},
		   {SYS_waitid, "wait"},
		   {SYS_ioctl, "ioctl"},
		   {SYS_clock_nanosleep, "sleep"},
#ifdef SYS_poll
		   {SYS_poll, "poll"},
		   {SYS_select, "select"},
		   {SYS_epoll_wait, "epoll_wait"},
		   {SYS_pause, "pause"},
#endif
		   {SYS_write, "write"}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].number == number)
			return all[i].name;
	return NULL;
}

/* How it waits, where that is known. */
static void tell_call(struct scn_buf *out, pid_t pid)
{
	struct current_call now;
	int told = current_call((uint32_t)pid, (uint32_t)pid, &now);
	const char *name = told == 0 ? call_name(now.number) : NULL;

	if (told == -ETIMEDOUT)
		scn_buf_str(out, " in a call that the kernel does not tell");
	else if (name)
		scn_buf_printf(out, " in %s", name);
}

void stuck_tell(struct scn_buf *out, pid_t root)
{
	struct processes list = processes_of(root);

	for (size_t i = 0; i < list.n; i++) {
		struct program program;

		if (list.all[i].serves)
			continue;
		program_look(&program, (uint32_t)list.all[i].pid);
		scn_buf_printf(out, "%s%s waits", out->len ? "; " : "", program.name);
		tell_call(out, list.all[i].pid);
	}
	free(list.all);
}
