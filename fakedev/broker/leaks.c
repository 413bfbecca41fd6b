/* SPDX-License-Identifier: MIT */
/* --leaks: what a process still held when it ended. A descriptor that closes because its process
 * exits looks like any close, so the kernel is asked whether the process is exiting. */
#define _GNU_SOURCE
#include "broker-internal.h"

#include "broker/deaths.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than a report is good for. */
#define MOST_TEXT        (1u << 20)
#define MOST_GENERATIONS 64

static const struct client *client_of(const struct link *l)
{
	return (const struct client *)(const void *)((const char *)l -
						     offsetof(struct client, watching));
}

static struct client *watcher(const struct broker *b, uint32_t id)
{
	for (struct link *l = b->watchers.next; l != &b->watchers; l = l->next)
		if (client_of(l)->noted.id == id)
			return (struct client *)(void *)((char *)l -
							 offsetof(struct client, watching));
	return NULL;
}

bool leaks_are_noted(const struct broker *b)
{
	return b->config.leaks || b->watchers.next != &b->watchers;
}

uint32_t leaks_watch_of(const struct broker *b, uint32_t pid)
{
	if (b->watchers.next == &b->watchers)
		return 0;
	for (unsigned int i = 0; pid && i < MOST_GENERATIONS; i++) {
		for (const struct link *l = b->watchers.next; l != &b->watchers; l = l->next)
			if (client_of(l)->program.pid == pid)
				return client_of(l)->noted.id;
		pid = program_parent(pid);
	}
	return 0;
}

void leaks_watch(struct client *c)
{
	if (c->noted.id)
		return;
	c->noted.id = ++c->broker->last_watch;
	link_add(&c->broker->watchers, &c->watching);
}

void leaks_unwatch(struct client *c)
{
	link_del(&c->watching);
	free(c->noted.text);
	c->noted = (struct leak_watch){0};
}

static bool wanted(const struct broker *b, uint32_t pid, uint32_t watch)
{
	return pid != b->xenstored && (b->config.leaks || (watch && watcher(b, watch)));
}

static void keep(struct leak_watch *w, const char *line)
{
	size_t n = strlen(line);
	char *text = w->len + n < MOST_TEXT ? realloc(w->text, w->len + n + 1) : NULL;

	w->lost |= !text;
	if (!text)
		return;
	memcpy(text + w->len, line, n + 1);
	w->text = text;
	w->len += n;
}

struct walk {
	struct broker *b;
	const struct device_file *file;
	struct program program;
	const struct origin *last; /* call of the program; NULL: not known */
	uint32_t watch;
	int part; /* of which program it is, if programs are to end; -1: not known */
};

static void say(const struct walk *w, const char *line)
{
	struct client *c = watcher(w->b, w->watch);

	if (c)
		keep(&c->noted, line);
	if (w->b->config.leaks)
		fputs(line, stderr);
}

/* Below the leak: the call that made it, the one before the end. */
static void say_call(const struct walk *w, const char *which, const char *who,
		     const struct origin *o)
{
	char call[ORIGIN_TEXT], at[40] = "", line[ORIGIN_TEXT + 128];

	if (o->line)
		snprintf(at, sizeof(at), ", trace line %llu", (unsigned long long)o->line);
	snprintf(line, sizeof(line), "gntsim:   %s%s: %s%s\n", which, who, origin_text(o, call),
		 at);
	say(w, line);
}

__attribute__((format(printf, 4, 5))) static void note(const struct walk *w, uint32_t domid,
						       uint32_t origin, const char *format, ...)
{
	const struct origin *made = origins_find(w->b, origin);
	char what[160], who[PROGRAM_TEXT], line[320];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(line, sizeof(line), "gntsim: leak: domain %u, %s: %s\n", domid,
		 program_text(&w->program, who), what);
	say(w, line);
	if (made)
		say_call(w, "made by ", program_text(&made->call.program, who), made);
	if (w->last && w->last->id)
		say_call(w, "the last call before its end", "", w->last);
	w->b->n_leaks += w->b->config.leaks;
	deaths_leak(w->b->config.deaths, w->part, w->program.pid);
}

static bool note_grant(void *ctx, const struct gntsim_grant_info *g)
{
	const struct walk *w = ctx;

	if (g->file == w->file->file)
		note(w, g->granter, g->origin,
		     "grant still allocated: reference %u to domain %u (%s), gntalloc index %#llx",
		     g->ref, g->grantee, g->readonly ? "read-only" : "read-write",
		     (unsigned long long)g->index);
	return true;
}

static bool note_map(void *ctx, const struct gntsim_map_info *m)
{
	const struct walk *w = ctx;

	if (m->file == w->file->file && m->listed)
		note(w, m->domid, m->origin, "grants still mapped: gntdev index %#llx, %u page%s",
		     (unsigned long long)m->index, m->count, m->count == 1 ? "" : "s");
	return true;
}

/* The process that ended with the file open; false if none did. */
static bool find_culprit(const struct device_file *f, struct walk *w)
{
	bool held = false;

	w->program = f->exited;
	w->last = &f->last;
	w->watch = f->exited_watch;
	w->part = f->part;
	for (struct link *l = f->holds.next; l != &f->holds; l = l->next) {
		const struct hold *h =
		    (struct hold *)(void *)((char *)l - offsetof(struct hold, of_file));

		held = true;
		if (h->client->endpoint.dead || !h->client->program.pid || h->closed)
			continue;
		/* A holder that goes on has closed it, and so does an exec. */
		if (h->client->executing || !program_is_exiting(h->client->program.pid))
			return false;
		w->program = h->client->program;
		w->last = &h->client->last;
		w->watch = h->client->below;
		w->part = h->client->part;
	}
	/* Of who maps without help no more is known. */
	if (!held && !f->inode && !w->program.pid && f->opener.pid && !f->opener_closed &&
	    (f->told_of_closes || !f->front->ends_late) && program_is_exiting(f->opener.pid)) {
		w->program = f->opener;
		w->watch = f->opener_watch;
	}
	return w->program.pid != 0;
}

void leaks_of_file(struct broker *b, struct device_file *f)
{
	struct walk w = {.b = b, .file = f};

	if (!leaks_are_noted(b) || f->device == WIRE_DEV_EVTCHN || f->device == WIRE_DEV_DMABUF ||
	    f->leaks_said)
		return;
	if (!find_culprit(f, &w) || !wanted(b, w.program.pid, w.watch))
		return;
	f->leaks_said = true;
	if (f->device == WIRE_DEV_GNTALLOC)
		gntsim_for_each_grant(b->machine, note_grant, &w);
	else
		gntsim_for_each_map(b->machine, note_map, &w);
}

void leaks_of_mm(struct broker *b, const struct client *c)
{
	struct walk w = {
	    .b = b, .program = c->program, .last = &c->last, .watch = c->below, .part = c->part};
	struct gntsim_vma v;
	uint64_t addr = 0;

	/* Memory that an exec ends is given up. */
	if (c->executing)
		return;
	if (!c->program.pid || !wanted(b, c->program.pid, c->below) ||
	    !program_is_exiting(c->program.pid))
		return;
	/* Its files may end a moment later. */
	for (uint32_t i = 0; i < c->n_holds; i++) {
		if (!c->holds[i] || c->holds[i]->closed)
			continue;
		c->holds[i]->file->exited = c->program;
		c->holds[i]->file->exited_watch = c->below;
		c->holds[i]->file->last = c->last;
	}
	for (; gntsim_mm_find_vma(c->mm, addr, &v); addr = v.end) {
		if (!v.inherited)
			note(&w, c->domid, v.origin,
			     "memory still mapped: %s, %llu page(s) at %#llx",
			     gntsim_file_device(v.file) == GNTSIM_DEV_GNTALLOC ? "gntalloc"
									       : "gntdev",
			     (unsigned long long)((v.end - v.start) / GNTSIM_PAGE_SIZE),
			     (unsigned long long)v.start);
	}
}

static void note_open(const struct client *c, unsigned long long inode)
{
	for (uint32_t i = 0; i < c->n_holds; i++)
		if (c->holds[i] && c->holds[i]->file->inode == inode)
			c->holds[i]->closed = false;
}

/* A descriptor of the socket front is a socket, which /proc names by its inode. */
void leaks_look_at_files(const struct client *c)
{
	char path[64], link[64];
	const struct dirent *d;
	unsigned long long inode;
	DIR *dir;

	if (!c->mm || !wanted(c->broker, c->program.pid, c->below))
		return;
	snprintf(path, sizeof(path), "/proc/%u/fd", c->program.pid);
	dir = opendir(path);
	if (!dir)
		return;
	for (uint32_t i = 0; i < c->n_holds; i++)
		if (c->holds[i] && c->holds[i]->file->inode)
			c->holds[i]->closed = true;
	while ((d = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), d->d_name, link, sizeof(link) - 1);

		link[n > 0 ? n : 0] = '\0';
		if (sscanf(link, "socket:[%llu]", &inode) == 1)
			note_open(c, inode);
	}
	closedir(dir);
}

static void set_closed(const struct device_file *f, uint32_t pid, bool closed)
{
	for (struct link *l = f->holds.next; l != &f->holds; l = l->next) {
		struct hold *h =
		    (struct hold *)(void *)((char *)l - offsetof(struct hold, of_file));

		if (h->client->program.pid == pid)
			h->closed = closed;
	}
}

/* Of a file's end the kernel tells late, its process may be gone by then; of each close() at once, and
 * of one that an exit makes in that thread's name or in a worker's of its own. */
void leaks_of_close(struct device_file *f, uint32_t thread, uint64_t table)
{
	bool by_call = thread && !program_is_exiting(thread);
	uint32_t pid = by_call ? process_of_thread(thread) : 0;

	if (pid)
		set_closed(f, pid, true);
	if (pid && pid == f->opener.pid) {
		f->opener_closed = true;
		f->opener_table = table;
	} else if (!by_call && f->opener_closed && f->opener_table == table) {
		/* It had another descriptor, and ended with that. */
		f->opener_closed = false;
		set_closed(f, f->opener.pid, false);
	}
}

static void catch_up(void *ctx, struct device_file *f)
{
	if (f->front->ends_late)
		leaks_of_file(ctx, f);
}

void leaks_catch_up(struct broker *b)
{
	if (leaks_are_noted(b))
		device_each(b, catch_up, b);
}

unsigned int broker_report_leaks(struct broker *b)
{
	leaks_catch_up(b);
	if (b->n_leaks)
		fprintf(stderr, "gntsim: %u leak%s\n", b->n_leaks, b->n_leaks == 1 ? "" : "s");
	return b->n_leaks;
}
