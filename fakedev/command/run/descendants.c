/* SPDX-License-Identifier: MIT */
#include "descendants.h"

#include "broker/processes/process-status.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct process {
	pid_t pid, parent, group;
	bool ended; /* a zombie, which somebody has to wait for */
	bool ours;
};

struct table {
	struct process *all;
	size_t n, room;
};

static bool look(pid_t pid, struct process *out)
{
	struct process_status s;

	if (!process_status((uint32_t)pid, 0, &s))
		return false;
	*out = (struct process){.pid = pid,
				.parent = (pid_t)s.parent,
				.group = getpgid(pid),
				.ended = s.state == 'Z' || s.state == 'X'};
	return true;
}

static bool add(struct table *t, const struct process *p)
{
	if (t->n == t->room) {
		size_t room = t->room ? 2 * t->room : 256;
		struct process *all = reallocarray(t->all, room, sizeof(*all));

		if (!all)
			return false;
		t->all = all;
		t->room = room;
	}
	t->all[t->n++] = *p;
	return true;
}

/* @return 0; or a negative errno, and not all are in it */
static int list(struct table *t)
{
	DIR *proc = opendir("/proc");
	const struct dirent *d;
	struct process p;
	int err = proc ? 0 : -errno;

	while (!err && (d = readdir(proc))) {
		if (d->d_name[0] >= '1' && d->d_name[0] <= '9' && look(atoi(d->d_name), &p) &&
		    !add(t, &p))
			err = -ENOMEM;
	}
	if (proc)
		closedir(proc);
	return err;
}

static bool is_spared(const struct spared *spared, pid_t pid)
{
	for (unsigned int i = 0; i < spared->n; i++)
		if (spared->pids[i] == pid)
			return true;
	return false;
}

static bool is_ours(const struct table *t, pid_t pid)
{
	if (pid == getpid())
		return true;
	for (size_t i = 0; i < t->n; i++)
		if (t->all[i].pid == pid)
			return t->all[i].ours;
	return false;
}

/* A child may stand before its parent in the list: again, until nothing is found any more. */
static void find_ours(struct table *t, const struct spared *spared)
{
	for (bool found = true; found;) {
		found = false;
		for (size_t i = 0; i < t->n; i++) {
			struct process *p = &t->all[i];

			if (p->ours || is_spared(spared, p->pid) || !is_ours(t, p->parent))
				continue;
			p->ours = found = true;
		}
	}
}

unsigned int descendants_signal(int signal, pid_t but_group, const struct spared *spared)
{
	struct table t = {0};
	unsigned int n = 0;

	list(&t);
	find_ours(&t, spared);
	for (size_t i = 0; i < t.n; i++) {
		const struct process *p = &t.all[i];

		if (!p->ours || p->ended)
			continue;
		n++;
		if (signal && (!but_group || p->group != but_group))
			kill(p->pid, signal);
	}
	free(t.all);
	return n;
}

int spared_find(struct spared *spared)
{
	struct table t = {0};
	int err = list(&t);

	*spared = (struct spared){.pids = calloc(t.n + 1, sizeof(*spared->pids))};
	for (size_t i = 0; spared->pids && i < t.n; i++)
		if (t.all[i].parent == getpid())
			spared->pids[spared->n++] = t.all[i].pid;
	free(t.all);
	/* Who is missing would be taken for a program's. */
	return err < 0 || spared->pids ? err : -ENOMEM;
}

void spared_forget(struct spared *spared, pid_t pid)
{
	for (unsigned int i = 0; i < spared->n; i++)
		if (spared->pids[i] == pid)
			spared->pids[i] = 0;
}

void spared_free(struct spared *spared)
{
	free(spared->pids);
	*spared = (struct spared){0};
}

void descendants_visit(const struct spared *spared,
		       void (*visit)(void *ctx, pid_t pid, bool spared), void *ctx)
{
	struct table t = {0};

	list(&t);
	find_ours(&t, spared);
	for (size_t i = 0; i < t.n; i++) {
		bool is_spare = is_spared(spared, t.all[i].pid);

		if (!t.all[i].ended && (t.all[i].ours || is_spare))
			visit(ctx, t.all[i].pid, is_spare);
	}
	free(t.all);
}
