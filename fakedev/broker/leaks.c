/* SPDX-License-Identifier: MIT */
/* --leaks: what a process still held when it ended. A descriptor that closes because its process
 * exits looks like any close, so the kernel is asked whether the process is exiting. */
#define _GNU_SOURCE
#include "broker-internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PF_EXITING 0x4ul

/* /proc/PID/stat: pid (comm) state ppid pgrp session tty tpgid flags. Gone means exited. */
static bool is_exiting(uint32_t pid)
{
	char path[32], line[512];
	const char *p;
	unsigned long flags = 0;
	FILE *f;
	bool read;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return true;
	read = fgets(line, sizeof(line), f) != NULL;
	fclose(f);
	p = read ? strrchr(line, ')') : NULL;
	if (!p || sscanf(p, ") %*c %*d %*d %*d %*d %*d %lu", &flags) != 1)
		return true;
	return (flags & PF_EXITING) != 0;
}

static void note(struct broker *b, char *text)
{
	char **leaks = text ? reallocarray(b->leaks, b->n_leaks + 1, sizeof(*leaks)) : NULL;

	if (!leaks) {
		free(text);
		return;
	}
	b->leaks = leaks;
	b->leaks[b->n_leaks++] = text;
}

struct walk {
	struct broker *b;
	const struct device_file *file;
	uint32_t pid;
};

static bool note_grant(void *ctx, const struct gntsim_grant_info *g)
{
	const struct walk *w = ctx;
	char *text;

	if (g->file != w->file->file)
		return true;
	if (asprintf(&text,
		     "process %u: grant still allocated: domain %u, reference %u to domain %u "
		     "(%s), gntalloc index %#llx",
		     w->pid, g->granter, g->ref, g->grantee,
		     g->readonly ? "read-only" : "read-write", (unsigned long long)g->index) >= 0)
		note(w->b, text);
	return true;
}

static bool note_map(void *ctx, const struct gntsim_map_info *m)
{
	const struct walk *w = ctx;
	char *text;

	if (m->file != w->file->file || !m->listed)
		return true;
	if (asprintf(&text,
		     "process %u: grants still mapped: domain %u, gntdev index %#llx, %u page%s",
		     w->pid, m->domid, (unsigned long long)m->index, m->count,
		     m->count == 1 ? "" : "s") >= 0)
		note(w->b, text);
	return true;
}

void leaks_of_file(struct broker *b, const struct device_file *f)
{
	struct walk w = {b, f, f->exited};

	if (!b->config.leaks || f->device == WIRE_DEV_EVTCHN)
		return;
	for (struct link *l = f->holds.next; l != &f->holds; l = l->next) {
		const struct hold *h =
		    (struct hold *)(void *)((char *)l - offsetof(struct hold, of_file));

		if (h->client->endpoint.dead || !h->client->program.pid)
			continue;
		/* A holder that goes on has closed it. */
		if (!is_exiting(h->client->program.pid))
			return;
		w.pid = h->client->program.pid;
	}
	if (w.pid == 0)
		return;
	if (f->device == WIRE_DEV_GNTALLOC)
		gntsim_for_each_grant(b->machine, note_grant, &w);
	else
		gntsim_for_each_map(b->machine, note_map, &w);
}

void leaks_of_mm(struct broker *b, const struct client *c)
{
	struct gntsim_vma v;
	uint64_t addr = 0;

	if (!b->config.leaks || !c->program.pid || !is_exiting(c->program.pid))
		return;
	/* Its files may end a moment later. */
	for (uint32_t i = 0; i < c->n_holds; i++)
		if (c->holds[i])
			c->holds[i]->file->exited = c->program.pid;
	for (; gntsim_mm_find_vma(c->mm, addr, &v); addr = v.end) {
		char *text;

		if (asprintf(&text, "process %u: memory still mapped: %s, %llu page(s) at %#llx",
			     c->program.pid,
			     gntsim_file_device(v.file) == GNTSIM_DEV_GNTALLOC ? "gntalloc"
									       : "gntdev",
			     (unsigned long long)((v.end - v.start) / GNTSIM_PAGE_SIZE),
			     (unsigned long long)v.start) >= 0)
			note(b, text);
	}
}

unsigned int broker_report_leaks(const struct broker *b)
{
	for (unsigned int i = 0; i < b->n_leaks; i++)
		fprintf(stderr, "gntsim: leak: %s\n", b->leaks[i]);
	if (b->n_leaks)
		fprintf(stderr, "gntsim: %u leak%s\n", b->n_leaks, b->n_leaks == 1 ? "" : "s");
	return b->n_leaks;
}
