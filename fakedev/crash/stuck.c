/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "crash/stuck.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

struct process {
	pid_t pid, parent;
	char state, name[20];
	bool ours, serves; /* it came of the trial; it is gntsim's own */
};

struct processes {
	struct process *all;
	size_t n, room;
};

static bool read_process(const char *pid, struct process *p)
{
	char path[64], text[512], *end;
	FILE *in;
	size_t n;
	int parent;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	in = fopen(path, "re");
	if (!in)
		return false;
	n = fread(text, 1, sizeof(text) - 1, in);
	fclose(in);
	text[n] = '\0';
	/* A name may have anything in it. */
	end = strrchr(text, ')');
	if (!end || sscanf(end + 1, " %c %d", &p->state, &parent) != 2 || !strchr(text, '('))
		return false;
	*end = '\0';
	snprintf(p->name, sizeof(p->name), "%s", strchr(text, '(') + 1);
	p->pid = (pid_t)strtol(pid, NULL, 10);
	p->parent = parent;
	p->ours = p->serves = false;
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

/* How often its threads have been put to sleep or aside, in all. */
static unsigned long long switches(pid_t pid)
{
	char path[64], line[256];
	unsigned long long sum = 0, n;
	struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		FILE *in;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/status", (int)pid, entry->d_name);
		in = fopen(path, "re");
		while (in && fgets(line, sizeof(line), in))
			if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1 ||
			    sscanf(line, "nonvoluntary_ctxt_switches: %llu", &n) == 1)
				sum += n;
		if (in)
			fclose(in);
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
		seen.moves += switches(p->pid);
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
		scn_buf_printf(out, "%s%s waits", out->len ? "; " : "", list.all[i].name);
		if (name)
			scn_buf_printf(out, " in %s", name);
	}
	free(list.all);
}
