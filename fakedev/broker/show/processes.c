/* SPDX-License-Identifier: MIT */
/* Which processes a machine has, which descriptors of its files they hold, and who waits. A descriptor
 * of the socket front is a socket, which /proc names by its inode; of a file that the kernel serves
 * /proc tells the device only: which file it is is known where there is no other. */
#define _GNU_SOURCE
#include "broker/processes/aside.h"
#include "show.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N_DEVICES    4u
#define MOST_FDS     4096u
#define MOST_THREADS 1024u
/* The first look that is late, each of the others. */
#define PATIENCE_MS      2000u
#define PATIENCE_MORE_MS 100u

struct fd_of {
	int fd;
	enum wire_device device;
	const struct device_file *file; /* NULL: not known which of the device */
};

/* A process while it is looked at. */
struct looking {
	struct showing *s;
	uint32_t pid;
	const struct client *client;      /* NULL: it only opened something */
	const struct device_file **files; /* all of the machine */
	size_t n_files;
	struct fd_of *fds;
	size_t n_fds;
};

/* ---- all files ---- */

struct files {
	const struct device_file **all;
	size_t n, room;
};

static void keep_file(void *ctx, struct device_file *f)
{
	struct files *files = ctx;

	if (files->n == files->room) {
		size_t room = files->room ? files->room * 2 : 64;
		const struct device_file **more = reallocarray(files->all, room, sizeof(*more));

		if (!more)
			return;
		files->all = more;
		files->room = room;
	}
	files->all[files->n++] = f;
}

static int by_inode(const void *a, const void *b)
{
	const struct device_file *x = *(const struct device_file *const *)a;
	const struct device_file *y = *(const struct device_file *const *)b;

	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static const struct device_file *file_of_inode(const struct looking *k, uint64_t inode)
{
	const struct device_file wanted = {.inode = inode}, *key = &wanted;
	const struct device_file **found =
	    inode && k->n_files ? bsearch(&key, k->files, k->n_files, sizeof(*k->files), by_inode)
				: NULL;

	return found ? *found : NULL;
}

/* Whether the process holds the file, as far as it told, or opened it. */
static bool holds(const struct looking *k, const struct device_file *f)
{
	if (f->opener.pid == k->pid)
		return true;
	for (const struct link *l = f->holds.next; l != &f->holds; l = l->next) {
		const struct hold *h =
		    (const struct hold *)(const void *)((const char *)l -
							offsetof(struct hold, of_file));

		if (h->client->program.pid == k->pid && !h->client->endpoint.dead)
			return true;
	}
	return false;
}

/* The file that the kernel serves, if the process holds one of the device only. */
static const struct device_file *only_file(const struct looking *k, enum wire_device device)
{
	const struct device_file *only = NULL;

	for (size_t i = 0; i < k->n_files; i++) {
		const struct device_file *f = k->files[i];

		if (f->inode || f->device != device || !holds(k, f))
			continue;
		if (only)
			return NULL;
		only = f;
	}
	return only;
}

/* ---- descriptors ---- */

static bool device_of_path(const char *path, enum wire_device *out)
{
	static const char *const names[N_DEVICES] = {"gntalloc", "gntdev", "evtchn", "privcmd"};
	const char *name = strrchr(path, '/');

	for (unsigned int i = 0; name && i < N_DEVICES; i++) {
		if (strcmp(name + 1, names[i]) == 0) {
			*out = (enum wire_device)i;
			return true;
		}
	}
	return false;
}

static bool look_at_fd(const struct looking *k, const char *link, struct fd_of *out)
{
	unsigned long long inode;

	out->file = NULL;
	if (sscanf(link, "socket:[%llu]", &inode) == 1) {
		out->file = file_of_inode(k, inode);
		if (out->file)
			out->device = out->file->device;
		return out->file != NULL;
	}
	if (link[0] != '/' || !device_of_path(link, &out->device))
		return false;
	out->file = only_file(k, out->device);
	return out->file != NULL;
}

/* A process's descriptors that may be devices. */
struct fd_links {
	uint32_t pid;
	size_t n;
	struct {
		int fd;
		char text[36]; /* of a path "/" and the last part */
	} links[MOST_FDS];
};

static void read_links(void *args)
{
	struct fd_links *l = args;
	char path[48], link[4096];
	const struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/fd", l->pid);
	dir = opendir(path);
	while (dir && l->n < MOST_FDS && (d = readdir(dir))) {
		ssize_t n = isdigit((unsigned char)d->d_name[0])
				? readlinkat(dirfd(dir), d->d_name, link, sizeof(link) - 1)
				: 0;
		const char *text = link;

		link[n > 0 ? n : 0] = '\0';
		if (link[0] == '/')
			text = strrchr(link, '/');
		if (strlen(text) >= sizeof(l->links[0].text) ||
		    (link[0] != '/' && strncmp(text, "socket:", 7) != 0))
			continue;
		strcpy(l->links[l->n].text, text);
		l->links[l->n++].fd = atoi(d->d_name);
	}
	if (dir)
		closedir(dir);
}

static void find_fds(struct looking *k)
{
	struct fd_links *l = calloc(1, sizeof(*l));

	if (!l) {
		k->s->err = -ENOMEM;
		return;
	}
	l->pid = k->pid;
	if (!aside(read_links, l, sizeof(*l), k->s->patience))
		k->s->patience = PATIENCE_MORE_MS;
	for (size_t i = 0; i < l->n; i++)
		if (look_at_fd(k, l->links[i].text, &k->fds[k->n_fds]))
			k->fds[k->n_fds++].fd = l->links[i].fd;
	free(l);
}

static bool has_fd(const struct looking *k, const struct device_file *f)
{
	for (size_t i = 0; i < k->n_fds; i++)
		if (k->fds[i].file == f)
			return true;
	return false;
}

static void add_descriptor(const struct looking *k, int fd, const struct device_file *f)
{
	struct show_descriptor r = {.pid = k->pid, .fd = fd, .file = show_name(f)};

	show_add(k->s, SHOW_DESCRIPTOR, &r, sizeof(r));
}

static void add_descriptors(const struct looking *k)
{
	for (size_t i = 0; i < k->n_fds; i++)
		add_descriptor(k, k->fds[i].fd, k->fds[i].file);
	/* What is held without one that could be told. A socket would have been found, if the kernel
	 * lets us look. */
	for (size_t i = 0; i < k->n_files; i++) {
		const struct device_file *f = k->files[i];

		if ((!f->inode || k->n_fds == 0) && !has_fd(k, f) && holds(k, f))
			add_descriptor(k, -1, f);
	}
}

/* ---- who waits ---- */

static void add_wait(const struct looking *k, uint32_t tid, enum show_how how,
		     struct show_file_name file)
{
	struct show_wait r = {.pid = k->pid, .tid = tid, .how = how, .file = file};

	show_add(k->s, SHOW_WAIT, &r, sizeof(r));
}

static void look_at_thread(const struct looking *k, uint32_t tid)
{
	struct waiting w;

	if (!waiting_look(k->pid, tid, k->s->patience, &w))
		k->s->patience = PATIENCE_MORE_MS;
	if (w.how == WAITS_HIDDEN)
		add_wait(k, tid, SHOW_SLEEPS, (struct show_file_name){.device = WIRE_DEV_EVTCHN});
	for (unsigned int i = 0; i < w.n; i++) {
		for (size_t j = 0; j < k->n_fds; j++) {
			const struct fd_of *fd = &k->fds[j];

			/* Who reads a file that the kernel serves, its front knows. */
			if (fd->fd != w.fds[i] || fd->device != WIRE_DEV_EVTCHN ||
			    (w.how == WAITS_READING && fd->file && fd->file->front->readers))
				continue;
			add_wait(k, tid, w.how == WAITS_READING ? SHOW_READS : SHOW_POLLS,
				 (struct show_file_name){WIRE_DEV_EVTCHN,
							 fd->file ? fd->file->number : 0});
		}
	}
}

static bool holds_evtchn(const struct looking *k)
{
	for (size_t i = 0; i < k->n_files; i++)
		if (k->files[i]->device == WIRE_DEV_EVTCHN &&
		    (has_fd(k, k->files[i]) || holds(k, k->files[i])))
			return true;
	return false;
}

static void look_at_threads(const struct looking *k)
{
	unsigned int n = 0;
	const struct dirent *d;
	char path[48];
	DIR *dir;

	if (!(k->s->kinds & 1u << SHOW_WAIT) || !holds_evtchn(k))
		return;
	snprintf(path, sizeof(path), "/proc/%u/task", k->pid);
	dir = opendir(path);
	while (dir && n < MOST_THREADS && (d = readdir(dir))) {
		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		look_at_thread(k, (uint32_t)strtoul(d->d_name, NULL, 10));
		n++;
	}
	if (dir)
		closedir(dir);
}

/* ---- processes ---- */

static void look_at_process(struct looking *k, const struct program *p, uint32_t domid)
{
	struct fd_of *fds = calloc(MOST_FDS, sizeof(*fds));
	struct show_process r = {.pid = p->pid, .domid = domid, .assisted = k->client != NULL};

	if (!fds) {
		k->s->err = -ENOMEM;
		return;
	}
	memcpy(r.name, p->name, sizeof(p->name));
	show_add(k->s, SHOW_PROCESS, &r, sizeof(r));
	k->pid = p->pid;
	k->fds = fds;
	k->n_fds = 0;
	if (p->pid) {
		find_fds(k);
		add_descriptors(k);
		look_at_threads(k);
	}
	free(fds);
}

static void look_at_clients(struct looking *k)
{
	const struct broker *b = k->s->b;

	for (const struct link *l = b->endpoints.next; l != &b->endpoints; l = l->next) {
		const struct client *c = client_of_link(l);

		if (!c || !c->mm)
			continue;
		/* One that has executed a program is named once, by its newest address space. */
		if (c->program.pid && client_of_process(b, c->program.pid) != c)
			continue;
		k->client = c;
		look_at_process(k, &c->program, c->domid);
	}
}

static bool is_known(const struct looking *k, size_t i)
{
	uint32_t pid = k->files[i]->opener.pid;

	if (!pid || client_of_process(k->s->b, pid) || program_is_exiting(pid))
		return true;
	for (size_t j = 0; j < i; j++)
		if (k->files[j]->opener.pid == pid)
			return true;
	return false;
}

static void look_at_openers(struct looking *k)
{
	k->client = NULL;
	for (size_t i = 0; i < k->n_files; i++) {
		const struct device_file *f = k->files[i];
		const struct gntsim_domain *dom = f->file ? gntsim_file_domain(f->file) : NULL;

		if (!is_known(k, i))
			look_at_process(k, &f->opener, dom ? gntsim_domain_id(dom) : 0);
	}
}

struct reading {
	struct looking *k;
	const struct device_file *file;
};

static void add_reader(void *ctx, uint32_t thread)
{
	const struct reading *r = ctx;

	r->k->pid = process_of_thread(thread);
	add_wait(r->k, thread, SHOW_READS, show_name(r->file));
}

void show_processes(struct showing *s)
{
	struct files files = {0};
	struct looking k = {.s = s};

	s->patience = PATIENCE_MS;
	device_each(s->b, keep_file, &files);
	if (files.n)
		qsort(files.all, files.n, sizeof(*files.all), by_inode);
	k.files = files.all;
	k.n_files = files.n;
	look_at_clients(&k);
	look_at_openers(&k);
	for (size_t i = 0; i < files.n; i++)
		if (files.all[i]->front->readers)
			files.all[i]->front->readers(files.all[i], add_reader,
						     &(struct reading){&k, files.all[i]});
	free(files.all);
}
