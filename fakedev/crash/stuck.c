/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "crash/stuck.h"

#include "broker/processes/process-status.h"
#include "broker/processes/program.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

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

static bool is_gntsim(pid_t pid)
{
	struct stat its, self;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return stat(path, &its) == 0 && stat("/proc/self/exe", &self) == 0 &&
	       its.st_ino == self.st_ino && its.st_dev == self.st_dev;
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

		/* Who is stopped does not move, and nobody waits for that to change. */
		awake |= p->state != 'S' && p->state != 'T';
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
		   {SYS_accept, "accept"},
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

void stuck_tell(struct scn_buf *out, pid_t root)
{
	struct processes list = processes_of(root);

	for (size_t i = 0; i < list.n; i++) {
		struct program program;
		char path[64];
		const char *name = NULL;
		long number;
		FILE *in;

		if (list.all[i].serves)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/syscall", (int)list.all[i].pid);
		in = fopen(path, "re");
		if (in && fscanf(in, "%ld", &number) == 1)
			name = call_name(number);
		if (in)
			fclose(in);
		program_look(&program, (uint32_t)list.all[i].pid);
		scn_buf_printf(out, "%s%s waits", out->len ? "; " : "", program.name);
		if (name)
			scn_buf_printf(out, " in %s", name);
	}
	free(list.all);
}
