/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "command/show/why.h"

#include <ctype.h>
#include <gntsim/event_channel.h>
#include <gntsim/grant_table.h>
#include <gntsim/types.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lang/constants.h"
#include "lang/print_struct.h"

/* ---- what is asked of ---- */

static bool parse_number(const char *text, uint64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	*out = strtoull(text, &end, 0);
	return *end == '\0';
}

static bool parse_of_domain(const char *text, struct why *out)
{
	static const struct {
		const char *prefix;
		enum why_kind kind;
	} kinds[] = {{"gref:", WHY_GRANT}, {"port:", WHY_PORT}, {"handle:", WHY_HANDLE}};
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	out->domid = (uint32_t)strtoul(text, &end, 10);
	if (*end != ':')
		return false;
	text = end + 1;
	out->kind = WHY_GRANT;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strncmp(text, kinds[i].prefix, strlen(kinds[i].prefix)))
			continue;
		out->kind = kinds[i].kind;
		text += strlen(kinds[i].prefix);
	}
	return parse_number(text, &out->number);
}

bool why_parse(const char *text, struct why *out)
{
	char *end;

	*out = (struct why){0};
	if (strncmp(text, "dom", 3) == 0)
		return parse_of_domain(text + 3, out);
	if (strncmp(text, "frame:", 6) == 0) {
		out->kind = WHY_FRAME;
		return parse_number(text + 6, &out->number);
	}
	if (!isdigit((unsigned char)*text))
		return false;
	out->kind = WHY_ADDRESS;
	out->domid = (uint32_t)strtoul(text, &end, 10);
	return strncmp(end, ":0x", 3) == 0 && parse_number(end + 1, &out->number);
}

/* ---- links ---- */

struct chain {
	const struct rows *r;
	struct json_object *json; /* NULL: for people */
};

static void add_call(const struct chain *c, struct json_object *link, unsigned int depth,
		     uint32_t id, const char *did)
{
	const struct show_call *k = rows_call(c->r, id);
	struct json_object *o;

	if (!k)
		return;
	if (!c->json) {
		printf("%*s  %s ", (int)depth * 2, "", did);
		if (k->pid)
			printf("%s(%u) of dom%u: ", *k->program ? k->program : "?", k->pid,
			       k->domid);
		printf("%s", k->text);
		if (k->line)
			printf(", trace line %" PRIu64, k->line);
		putchar('\n');
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "text", json_object_new_string(k->text));
	json_object_object_add(o, "domain", json_object_new_uint64(k->domid));
	json_object_object_add(o, "pid", k->pid ? json_object_new_uint64(k->pid) : NULL);
	json_object_object_add(o, "program",
			       *k->program ? json_object_new_string(k->program) : NULL);
	json_object_object_add(o, "time", json_object_new_double((double)k->us / 1e6));
	json_object_object_add(o, "virtual_ns", json_object_new_uint64(k->virtual_ns));
	json_object_object_add(o, "line", k->line ? json_object_new_uint64(k->line) : NULL);
	json_object_object_add(link, strcmp(did, "by") ? "ended_by" : "by", o);
}

/* One link, and the call that made it; the link that it hangs on stands above, less deep. */
__attribute__((format(printf, 5, 6))) static struct json_object *
add_link(const struct chain *c, unsigned int depth, const char *what, uint32_t call,
	 const char *format, ...)
{
	struct json_object *o = NULL;
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (c->json) {
		o = json_object_new_object();
		json_object_object_add(o, "depth", json_object_new_uint64(depth));
		json_object_object_add(o, "what", json_object_new_string(what));
		json_object_object_add(o, "text", json_object_new_string(text ? text : ""));
		json_object_array_add(c->json, o);
	} else {
		printf("%*s%s\n", (int)depth * 2, "", text ? text : "out of memory");
	}
	free(text);
	add_call(c, o, depth, call, "by");
	return o;
}

/* ---- chains ---- */

static void add_descriptors(const struct chain *c, unsigned int depth, struct show_file_name file)
{
	const struct show_descriptor **d;
	char who[PROCESS_TEXT];
	size_t n;

	d = rows_descriptors(c->r, file, &n);
	for (size_t i = 0; i < n; i++) {
		process_text(c->r, d[i]->pid, who);
		if (d[i]->fd >= 0)
			add_link(c, depth, "descriptor", 0, "descriptor %d of %s", d[i]->fd, who);
		else
			add_link(c, depth, "descriptor", 0,
				 "%s has it open (by which descriptor is not known)", who);
	}
	if (n == 0)
		add_link(
		    c, depth, "descriptor", 0,
		    "no process of the machine has it open: its descriptor is on its way, or a "
		    "mapping alone keeps it");
}

/* The mappings of one page of a file. */
static size_t add_vmas(const struct chain *c, unsigned int depth, struct show_file_name file,
		       uint64_t offset)
{
	const struct show_vma **v;
	char who[PROCESS_TEXT];
	size_t n, found = 0;

	v = rows_vmas(c->r, file, &n);
	for (size_t i = 0; i < n; i++) {
		if (offset < v[i]->offset || offset - v[i]->offset >= v[i]->end - v[i]->start)
			continue;
		found++;
		process_text(c->r, v[i]->pid, who);
		if (v[i]->stands_in)
			add_link(c, depth, "mapping", v[i]->call,
				 "counts as mapped by %s: where, the kernel alone knows", who);
		else
			add_link(c, depth, "mapping", v[i]->call,
				 "mapped at 0x%" PRIx64 " by %s, %s%s",
				 v[i]->start + (offset - v[i]->offset), who,
				 v[i]->prot & PROT_WRITE ? "read-write" : "read-only",
				 v[i]->inherited ? ", inherited by fork" : "");
	}
	return found;
}

static void add_handle(const struct chain *c, unsigned int depth, const struct show_handle *h)
{
	const struct show_page *p = rows_page_of_handle(c->r, h->domid, h->handle);
	char file[FILE_TEXT];
	const struct show_map *m;
	uint64_t offset;
	bool kernels;

	kernels = p && p->handle != h->handle;
	add_link(c, depth, "handle", 0, "handle %u of dom%u maps it, %s%s", h->handle, h->domid,
		 h->flags & GNTSIM_GNTMAP_READONLY ? "read-only" : "read-write",
		 kernels ? " (the kernel's own mapping)" : "");
	/* PV has two of a page: the same chain need not stand twice. */
	if (!p || kernels)
		return;
	m = rows_map(c->r, p->file, p->index);
	offset = p->index + (uint64_t)p->page * GNTSIM_PAGE_SIZE;
	add_link(c, depth + 1, "map", m ? m->call : 0,
		 "page %u of the map at index 0x%" PRIx64 " of %s%s", p->page, p->index,
		 file_text(p->file, file), m && !m->listed ? ", given back: mappings keep it" : "");
	add_vmas(c, depth + 2, p->file, offset);
	if (m && m->listed)
		add_descriptors(c, depth + 2, p->file);
}

static void add_grant(const struct chain *c, unsigned int depth, const struct show_grant *g)
{
	struct json_object *o;
	char file[FILE_TEXT];
	size_t n = 0;

	o = add_link(c, depth, "grant", g->call, "grant %u of dom%u to dom%u, %s: %s", g->ref,
		     g->granter, g->grantee,
		     g->flags & SHOW_G_READONLY ? "read-only" : "read-write",
		     g->flags & SHOW_G_DEFERRED ? "given up while it is mapped, waits for the timer"
		     : g->pins                  ? "mapped"
						: "mapped by nobody");
	if (g->flags & SHOW_G_DEFERRED)
		add_call(c, o, depth, g->ended_by, "given up by");
	if (g->file.number && (g->flags & SHOW_G_LISTED)) {
		add_link(c, depth + 1, "file", 0, "%s lists it at index 0x%" PRIx64,
			 file_text(g->file, file), g->index);
		add_descriptors(c, depth + 2, g->file);
	}
	if (g->file.number)
		add_vmas(c, depth + 1, g->file, g->index);
	for (size_t i = 0; i < c->r->n[SHOW_HANDLE]; i++) {
		const struct show_handle *h = ROW(c->r, SHOW_HANDLE, show_handle, i);

		if (h->granter != g->granter || h->ref != g->ref)
			continue;
		add_handle(c, depth + 1, h);
		n++;
	}
	if (n == 0 && g->pins)
		add_link(c, depth + 1, "pins", 0, "%u pins of a copy in progress", g->pins);
}

static bool why_frame(const struct chain *c, uint64_t frame, uint32_t owner)
{
	bool first = true;

	for (size_t i = 0; i < c->r->n[SHOW_GRANT]; i++) {
		const struct show_grant *g = ROW(c->r, SHOW_GRANT, show_grant, i);

		if (g->frame != frame || (owner != UINT32_MAX && g->granter != owner))
			continue;
		if (first)
			add_link(c, 0, "frame", 0, "frame %" PRIu64 " of dom%u", frame, g->granter);
		first = false;
		add_grant(c, 1, g);
	}
	return !first;
}

static void add_port(const struct chain *c, unsigned int depth, const struct show_port *p,
		     bool with_remote);

static const struct show_port *find_port(const struct rows *r, uint32_t domid, uint64_t port)
{
	for (size_t i = 0; i < r->n[SHOW_PORT]; i++) {
		const struct show_port *p = ROW(r, SHOW_PORT, show_port, i);

		if (p->domid == domid && p->port == port)
			return p;
	}
	return NULL;
}

static void add_port_waits(const struct chain *c, unsigned int depth, struct show_file_name file)
{
	char who[PROCESS_TEXT];

	for (size_t i = 0; i < c->r->n[SHOW_WAIT]; i++) {
		const struct show_wait *w = ROW(c->r, SHOW_WAIT, show_wait, i);

		if (same_file(w->file, file))
			add_link(c, depth, "waiting", 0, "%s waits in %s",
				 process_text(c->r, w->pid, who),
				 w->how == SHOW_READS ? "read" : "poll");
	}
}

static void add_port_notifications(const struct chain *c, unsigned int depth,
				   const struct show_port *p)
{
	char file[FILE_TEXT];

	for (size_t i = 0; i < c->r->n[SHOW_NOTIFY]; i++) {
		const struct show_notify *n = ROW(c->r, SHOW_NOTIFY, show_notify, i);

		if (n->domid == p->domid && (n->action & 2) && n->port == p->port)
			add_link(c, depth, "notification", n->call,
				 "the notification of index 0x%" PRIx64 " of %s sends through it",
				 n->index, file_text(n->file, file));
	}
}

static void add_port_use(const struct chain *c, unsigned int depth, const struct show_port *p)
{
	char file[FILE_TEXT];

	if (p->file.number) {
		add_link(c, depth, "file", 0, "bound on %s", file_text(p->file, file));
		add_descriptors(c, depth + 1, p->file);
		add_port_waits(c, depth + 1, p->file);
	} else {
		add_link(c, depth, "file", 0, "bound on no file: the domain's kernel has it");
	}
	add_port_notifications(c, depth, p);
}

static void add_port(const struct chain *c, unsigned int depth, const struct show_port *p,
		     bool with_remote)
{
	const char *marks = p->pending  ? (p->masked ? ", pending, masked" : ", pending")
			    : p->masked ? ", masked"
					: "";
	const struct show_port *remote;
	struct scn_buf virq = {0};

	switch (p->state) {
	case GNTSIM_PORT_UNBOUND:
		add_link(c, depth, "port", p->call, "port %u of dom%u, unbound, for dom%u%s",
			 p->port, p->domid, p->remote_domid, marks);
		break;
	case GNTSIM_PORT_INTERDOMAIN:
		add_link(c, depth, "port", p->call, "port %u of dom%u, bound to port %u of dom%u%s",
			 p->port, p->domid, p->remote_port, p->remote_domid, marks);
		break;
	default:
		scn_print_meaning(&virq, p->virq, SCN_IS_VIRQ);
		add_link(c, depth, "port", p->call, "port %u of dom%u, bound to %s%s", p->port,
			 p->domid, scn_buf_text(&virq), marks);
	}
	scn_buf_free(&virq);
	add_port_use(c, depth + 1, p);
	remote = with_remote && p->state == GNTSIM_PORT_INTERDOMAIN
		     ? find_port(c->r, p->remote_domid, p->remote_port)
		     : NULL;
	if (remote)
		add_port(c, depth + 1, remote, false);
}

/* ---- each question ---- */

static bool no_such(const struct rows *r, const struct why *w, const char *what)
{
	if (!rows_domain(r, w->domid))
		complain("no domain %u in this machine", w->domid);
	else
		complain("domain %u has no %s %" PRIu64, w->domid, what, w->number);
	return false;
}

static bool why_grant(const struct chain *c, const struct why *w)
{
	const struct show_grant *g =
	    w->number <= UINT32_MAX ? rows_grant(c->r, w->domid, (uint32_t)w->number) : NULL;

	if (!g)
		return no_such(c->r, w, "grant");
	add_link(c, 0, "frame", 0, "frame %u of dom%u", g->frame, g->granter);
	add_grant(c, 1, g);
	return true;
}

static bool why_handle(const struct chain *c, const struct why *w)
{
	for (size_t i = 0; i < c->r->n[SHOW_HANDLE]; i++) {
		const struct show_handle *h = ROW(c->r, SHOW_HANDLE, show_handle, i);
		struct why grant = {.kind = WHY_GRANT, .domid = h->granter, .number = h->ref};

		if (h->domid == w->domid && h->handle == w->number)
			return why_grant(c, &grant);
	}
	return no_such(c->r, w, "maptrack handle");
}

static bool why_address(const struct chain *c, const struct why *w)
{
	const struct show_vma *v = NULL;
	uint64_t offset = 0;

	for (size_t i = 0; i < c->r->n[SHOW_VMA]; i++) {
		const struct show_vma *o = ROW(c->r, SHOW_VMA, show_vma, i);

		if (o->pid == w->domid && !o->stands_in && w->number >= o->start &&
		    w->number < o->end)
			v = o;
	}
	if (!v && !rows_process(c->r, w->domid))
		return complain("no process %u in this machine", w->domid), false;
	if (!v)
		return complain("process %u has no grant's page at 0x%" PRIx64, w->domid,
				w->number),
		       false;
	offset = v->offset + ((w->number - v->start) & ~(uint64_t)(GNTSIM_PAGE_SIZE - 1));
	for (size_t i = 0; i < c->r->n[SHOW_GRANT]; i++) {
		const struct show_grant *g = ROW(c->r, SHOW_GRANT, show_grant, i);
		struct why grant = {.kind = WHY_GRANT, .domid = g->granter, .number = g->ref};

		if (same_file(g->file, v->file) && g->index == offset)
			return why_grant(c, &grant);
	}
	for (size_t i = 0; i < c->r->n[SHOW_PAGE]; i++) {
		const struct show_page *p = ROW(c->r, SHOW_PAGE, show_page, i);
		struct why grant = {.kind = WHY_GRANT, .domid = p->granter, .number = p->ref};

		if (same_file(p->file, v->file) &&
		    p->index + (uint64_t)p->page * GNTSIM_PAGE_SIZE == offset)
			return why_grant(c, &grant);
	}
	return complain("the grant of the page at 0x%" PRIx64 " of process %u is gone", w->number,
			w->domid),
	       false;
}

static bool follow(const struct chain *c, const struct why *w)
{
	const struct show_port *p;

	switch (w->kind) {
	case WHY_GRANT:
		return why_grant(c, w);
	case WHY_FRAME:
		if (why_frame(c, w->number, UINT32_MAX))
			return true;
		complain("nobody grants a frame %" PRIu64 " in this machine", w->number);
		return false;
	case WHY_PORT:
		p = find_port(c->r, w->domid, w->number);
		if (!p)
			return no_such(c->r, w, "port");
		add_port(c, 0, p, true);
		return true;
	case WHY_HANDLE:
		return why_handle(c, w);
	case WHY_ADDRESS:
		return why_address(c, w);
	}
	return false;
}

bool why_print(const struct why *w, const struct rows *r, bool as_json)
{
	struct chain c = {.r = r, .json = as_json ? json_object_new_array() : NULL};
	struct json_object *document;
	bool found = follow(&c, w);

	if (!as_json)
		return found;
	document = json_object_new_object();
	json_object_object_add(document, "type", json_object_new_string("gntsim-show"));
	json_object_object_add(document, "version", json_object_new_int(1));
	json_object_object_add(document, "why", c.json);
	if (found)
		puts(json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN));
	json_object_put(document);
	return found;
}
