/* SPDX-License-Identifier: MIT */
#include "command/show/tables.h"

#include <gntsim/event_channel.h>
#include <gntsim/grant_table.h>
#include <gntsim/types.h>
#include <string.h>
#include <sys/mman.h>

#include "lang/constants.h"
#include "lang/print_struct.h"

#define CLEAR_BYTE 1u
#define SEND_EVENT 2u

const char *process_text(const struct rows *r, uint32_t pid, char text[PROCESS_TEXT])
{
	const struct show_process *p = rows_process(r, pid);

	if (pid == 0)
		snprintf(text, PROCESS_TEXT, "?");
	else
		snprintf(text, PROCESS_TEXT, "%s(%u)", p && *p->name ? p->name : "?", pid);
	return text;
}

const char *wait_text(const struct show_wait *w, char text[WAIT_TEXT])
{
	char file[FILE_TEXT];

	switch ((enum show_how)w->how) {
	case SHOW_READS:
	case SHOW_POLLS:
		snprintf(text, WAIT_TEXT, "%s %s", w->how == SHOW_READS ? "reads" : "polls",
			 w->file.number ? file_text(w->file, file) : "one of its evtchn files");
		break;
	case SHOW_SLEEPS:
		snprintf(text, WAIT_TEXT, "sleeps, the kernel does not tell in what");
		break;
	default:
		snprintf(text, WAIT_TEXT, "?");
	}
	return text;
}

static void cell_file(struct sheet *s, struct show_file_name name)
{
	char text[FILE_TEXT];

	if (name.number)
		cell_text(s, "%s", file_text(name, text));
	else
		cell_none(s);
}

/* Each process once. */
static void cell_holders(struct sheet *s, const struct rows *r, struct show_file_name file)
{
	const struct show_descriptor **d;
	char text[PROCESS_TEXT];
	size_t n = 0;

	cell_list(s);
	d = file.number ? rows_descriptors(r, file, &n) : NULL;
	for (size_t i = 0; i < n; i++)
		if (i == 0 || d[i]->pid != d[i - 1]->pid)
			cell_item(s, "%s", process_text(r, d[i]->pid, text));
}

static uint32_t count_processes(const struct rows *r, uint32_t domid)
{
	uint32_t n = 0;

	for (size_t i = 0; i < r->n[SHOW_PROCESS]; i++)
		n += ROW(r, SHOW_PROCESS, show_process, i)->domid == domid;
	return n;
}

static uint32_t count_grants(const struct rows *r, uint32_t domid)
{
	uint32_t n = 0;

	for (size_t i = 0; i < r->n[SHOW_GRANT]; i++)
		n += ROW(r, SHOW_GRANT, show_grant, i)->granter == domid;
	return n;
}

static const char *const domain_columns[] = {"domain",    "guest",    "kernel",   "state",
					     "processes", "grants",   "deferred", "handles",
					     "ports",     "gntalloc", "limit",    NULL};

static void fill_domains(const struct rows *r, struct sheet *s)
{
	for (size_t i = 0; i < r->n[SHOW_DOMAIN]; i++) {
		const struct show_domain *d = ROW(r, SHOW_DOMAIN, show_domain, i);

		cell_number(s, d->domid);
		cell_text(s, "%s", d->guest == 1 ? "pv" : "pvh");
		cell_text(s, "%s", d->kernel);
		cell_text(s, "%s", d->zombie ? "zombie" : "alive");
		cell_number(s, count_processes(r, d->domid));
		cell_number(s, count_grants(r, d->domid));
		cell_number(s, d->deferred);
		cell_number(s, d->handles);
		cell_number(s, d->ports);
		cell_number(s, d->gntalloc_pages);
		cell_number(s, d->gntalloc_limit);
	}
}

static const char *const grant_columns[] = {"domain", "ref",   "to",   "frame",   "access", "marks",
					    "pins",   "state", "file", "holders", NULL};

static void fill_grants(const struct rows *r, struct sheet *s)
{
	for (size_t i = 0; i < r->n[SHOW_GRANT]; i++) {
		const struct show_grant *g = ROW(r, SHOW_GRANT, show_grant, i);

		cell_number(s, g->granter);
		cell_number(s, g->ref);
		cell_number(s, g->grantee);
		cell_number(s, g->frame);
		cell_text(s, "%s", g->flags & SHOW_G_READONLY ? "ro" : "rw");
		cell_text(s, "%s%s", g->flags & SHOW_G_READING ? "R" : "",
			  g->flags & SHOW_G_WRITING ? "W" : "");
		cell_number(s, g->pins);
		cell_text(s, "%s",
			  g->flags & SHOW_G_DEFERRED ? "deferred"
			  : g->pins                  ? "mapped"
						     : "granted");
		cell_file(s, g->file);
		cell_holders(s, r, g->flags & SHOW_G_LISTED ? g->file : (struct show_file_name){0});
	}
}

static const char *const map_columns[] = {"domain", "process", "address", "access",
					  "file",   "index",   "granter", "ref",
					  "handle", "state",   NULL};

static void cell_access(struct sheet *s, uint32_t prot)
{
	cell_text(s, "%c%c", prot & PROT_READ ? 'r' : '-', prot & PROT_WRITE ? 'w' : '-');
}

/* Where it is mapped: three cells. */
static void cell_place(struct sheet *s, const struct rows *r, const struct show_vma *v,
		       uint64_t offset)
{
	char text[PROCESS_TEXT];

	if (!v) {
		cell_none(s);
		cell_none(s);
		cell_none(s);
		return;
	}
	cell_text(s, "%s", process_text(r, v->pid, text));
	if (v->stands_in)
		cell_none(s);
	else
		cell_hex(s, v->start + (offset - v->offset));
	cell_access(s, v->prot);
}

static void fill_page(const struct rows *r, struct sheet *s, const struct show_page *p,
		      const struct show_vma *v, uint64_t offset)
{
	const struct show_map *m = rows_map(r, p->file, p->index);

	cell_number(s, p->domid);
	cell_place(s, r, v, offset);
	cell_file(s, p->file);
	cell_hex(s, offset);
	cell_number(s, p->granter);
	cell_number(s, p->ref);
	if (p->handle == UINT32_MAX)
		cell_none(s);
	else
		cell_number(s, p->handle);
	cell_text(s, "%s%s", p->handle == UINT32_MAX ? "not mapped" : "mapped",
		  m && !m->listed ? ", given back" : "");
}

static void fill_map_pages(const struct rows *r, struct sheet *s)
{
	for (size_t i = 0; i < r->n[SHOW_PAGE]; i++) {
		const struct show_page *p = ROW(r, SHOW_PAGE, show_page, i);
		uint64_t offset = p->index + (uint64_t)p->page * GNTSIM_PAGE_SIZE;
		const struct show_vma **v;
		size_t n, found = 0;

		v = rows_vmas(r, p->file, &n);
		for (size_t j = 0; j < n; j++) {
			if (offset < v[j]->offset ||
			    offset - v[j]->offset >= v[j]->end - v[j]->start)
				continue;
			fill_page(r, s, p, v[j], offset);
			found++;
		}
		if (!found)
			fill_page(r, s, p, NULL, offset);
	}
}

/* The granter's own mappings: no handle, Xen has no part in them. */
static void fill_own_pages(const struct rows *r, struct sheet *s)
{
	for (size_t i = 0; i < r->n[SHOW_GRANT]; i++) {
		const struct show_grant *g = ROW(r, SHOW_GRANT, show_grant, i);
		const struct show_vma **v;
		size_t n = 0;

		v = g->file.number ? rows_vmas(r, g->file, &n) : NULL;
		for (size_t j = 0; j < n; j++) {
			if (g->index < v[j]->offset ||
			    g->index - v[j]->offset >= v[j]->end - v[j]->start)
				continue;
			cell_number(s, g->granter);
			cell_place(s, r, v[j], g->index);
			cell_file(s, g->file);
			cell_hex(s, g->index);
			cell_number(s, g->granter);
			cell_number(s, g->ref);
			cell_none(s);
			cell_text(s, "own page%s", g->flags & SHOW_G_LISTED ? "" : ", given back");
		}
	}
}

static void fill_maps(const struct rows *r, struct sheet *s)
{
	fill_own_pages(r, s);
	fill_map_pages(r, s);
}

static const char *const port_columns[] = {"domain", "port",    "state",   "remote",
					   "rport",  "virq",    "pending", "masked",
					   "file",   "holders", "waiting", NULL};

static bool has_open(const struct rows *r, uint32_t pid, struct show_file_name file)
{
	const struct show_descriptor **d;
	size_t n;

	d = rows_descriptors(r, file, &n);
	for (size_t i = 0; i < n; i++)
		if (d[i]->pid == pid)
			return true;
	return false;
}

/* Who may wait for it, as far as can be known, has a question mark. */
static void cell_waiting(struct sheet *s, const struct rows *r, struct show_file_name file)
{
	char text[PROCESS_TEXT];

	cell_list(s);
	for (size_t i = 0; file.number && i < r->n[SHOW_WAIT]; i++) {
		const struct show_wait *w = ROW(r, SHOW_WAIT, show_wait, i);

		if (same_file(w->file, file))
			cell_item(s, "%s:%s", process_text(r, w->pid, text),
				  w->how == SHOW_READS ? "read" : "poll");
		else if (!w->file.number && has_open(r, w->pid, file))
			cell_item(s, "%s:?", process_text(r, w->pid, text));
	}
}

static void cell_virq(struct sheet *s, const struct show_port *p)
{
	struct scn_buf text = {0};

	if (p->state == GNTSIM_PORT_VIRQ) {
		scn_print_meaning(&text, p->virq, SCN_IS_VIRQ);
		cell_text(s, "%s", scn_buf_text(&text));
	} else {
		cell_none(s);
	}
	scn_buf_free(&text);
}

static void fill_ports(const struct rows *r, struct sheet *s)
{
	static const char *const states[] = {[GNTSIM_PORT_FREE] = "free",
					     [GNTSIM_PORT_UNBOUND] = "unbound",
					     [GNTSIM_PORT_INTERDOMAIN] = "interdomain",
					     [GNTSIM_PORT_VIRQ] = "virq"};

	for (size_t i = 0; i < r->n[SHOW_PORT]; i++) {
		const struct show_port *p = ROW(r, SHOW_PORT, show_port, i);

		cell_number(s, p->domid);
		cell_number(s, p->port);
		cell_text(s, "%s", p->state <= GNTSIM_PORT_VIRQ ? states[p->state] : "?");
		if (p->state == GNTSIM_PORT_VIRQ)
			cell_none(s);
		else
			cell_number(s, p->remote_domid);
		if (p->state == GNTSIM_PORT_INTERDOMAIN)
			cell_number(s, p->remote_port);
		else
			cell_none(s);
		cell_virq(s, p);
		cell_flag(s, p->pending);
		cell_flag(s, p->masked);
		cell_file(s, p->file);
		cell_holders(s, r, p->file);
		cell_waiting(s, r, p->file);
	}
}

static const char *const notify_columns[] = {"domain", "file", "index",   "ref",
					     "byte",   "port", "holders", NULL};

static void fill_notifications(const struct rows *r, struct sheet *s)
{
	for (size_t i = 0; i < r->n[SHOW_NOTIFY]; i++) {
		const struct show_notify *n = ROW(r, SHOW_NOTIFY, show_notify, i);

		cell_number(s, n->domid);
		cell_file(s, n->file);
		cell_hex(s, n->index);
		if (n->file.device == WIRE_DEV_GNTALLOC)
			cell_number(s, n->ref);
		else
			cell_none(s);
		if (n->action & CLEAR_BYTE)
			cell_number(s, n->offset);
		else
			cell_none(s);
		if (n->action & SEND_EVENT)
			cell_number(s, n->port);
		else
			cell_none(s);
		cell_holders(s, r, n->file);
	}
}

static const char *const process_columns[] = {"domain", "pid",     "program", "descriptors",
					      "mapped", "waiting", NULL};

static void cell_descriptors(struct sheet *s, const struct rows *r, uint32_t pid)
{
	char text[FILE_TEXT];

	cell_list(s);
	for (size_t i = 0; i < r->n[SHOW_DESCRIPTOR]; i++) {
		const struct show_descriptor *d = ROW(r, SHOW_DESCRIPTOR, show_descriptor, i);

		if (d->pid != pid)
			continue;
		if (d->fd < 0)
			cell_item(s, "?=%s", file_text(d->file, text));
		else
			cell_item(s, "%d=%s", d->fd, file_text(d->file, text));
	}
}

static uint64_t count_pages(const struct rows *r, uint32_t pid)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->n[SHOW_VMA]; i++) {
		const struct show_vma *v = ROW(r, SHOW_VMA, show_vma, i);

		if (v->pid == pid)
			n += (v->end - v->start) / GNTSIM_PAGE_SIZE;
	}
	return n;
}

static void fill_processes(const struct rows *r, struct sheet *s)
{
	char text[WAIT_TEXT];

	for (size_t i = 0; i < r->n[SHOW_PROCESS]; i++) {
		const struct show_process *p = ROW(r, SHOW_PROCESS, show_process, i);

		cell_number(s, p->domid);
		cell_number(s, p->pid);
		cell_text(s, "%s", *p->name ? p->name : "?");
		cell_descriptors(s, r, p->pid);
		cell_number(s, count_pages(r, p->pid));
		cell_list(s);
		for (size_t j = 0; j < r->n[SHOW_WAIT]; j++)
			if (ROW(r, SHOW_WAIT, show_wait, j)->pid == p->pid)
				cell_item(s, "%s",
					  wait_text(ROW(r, SHOW_WAIT, show_wait, j), text));
	}
}

const struct table show_tables[] = {
    {"domains", domain_columns, fill_domains},
    {"grants", grant_columns, fill_grants},
    {"maps", map_columns, fill_maps},
    {"ports", port_columns, fill_ports},
    {"notifications", notify_columns, fill_notifications},
    {"processes", process_columns, fill_processes},
};
const unsigned int n_show_tables = sizeof(show_tables) / sizeof(show_tables[0]);

const struct table *table_find(const char *name)
{
	for (unsigned int i = 0; i < n_show_tables; i++)
		if (strcmp(show_tables[i].name, name) == 0)
			return &show_tables[i];
	return NULL;
}

struct sheet table_fill(const struct table *t, const struct rows *r)
{
	struct sheet s = sheet_new(t->columns);

	t->fill(r, &s);
	return s;
}
