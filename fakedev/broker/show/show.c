/* SPDX-License-Identifier: MIT */
#include "show.h"
#include "broker/ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void show_add(struct showing *s, enum show_kind kind, void *row, size_t size)
{
	struct show_row head = {.kind = kind, .size = (uint32_t)((size + 7) & ~(size_t)7)};

	if (s->err || !(s->kinds & 1u << kind))
		return;
	if (s->len + head.size > s->room) {
		size_t room = s->room ? s->room * 2 : 4096;
		unsigned char *more = room > WIRE_PAYLOAD_MAX ? NULL : realloc(s->rows, room);

		if (!more) {
			s->err = room > WIRE_PAYLOAD_MAX ? -E2BIG : -ENOMEM;
			return;
		}
		s->rows = more;
		s->room = room;
	}
	memcpy(row, &head, sizeof(head));
	memset(s->rows + s->len, 0, head.size);
	memcpy(s->rows + s->len, row, size);
	s->len += head.size;
}

#define ADD(s, kind, type, ...)                                                                    \
	do {                                                                                       \
		struct type r_ = {__VA_ARGS__};                                                    \
		show_add(s, kind, &r_, sizeof(r_));                                                \
	} while (0)

/* The number, if it is of a call that is known: its row comes too. */
static uint32_t name_call(const struct showing *s, uint32_t id)
{
	const struct origin *o = origins_find(s->b, id);

	if (!o)
		return 0;
	if (s->named)
		s->named[o - s->b->origins.all] = true;
	return id;
}

struct show_file_name show_name(const struct device_file *f)
{
	return f ? (struct show_file_name){f->device, f->number} : (struct show_file_name){0};
}

static struct show_file_name name_file(const struct gntsim_file *file)
{
	return show_name(file ? gntsim_file_data(file) : NULL);
}

static bool add_domain(void *ctx, const struct gntsim_domain_info *d)
{
	struct show_domain r = {.domid = d->domid,
				.guest = d->guest == GNTSIM_GUEST_PV ? 1 : 2,
				.zombie = d->zombie,
				.frames = d->frames,
				.grant_frames = d->grant_frames,
				.max_grant_frames = d->max_grant_frames,
				.deferred = d->deferred,
				.gntalloc_pages = d->gntalloc_pages,
				.gntalloc_limit = d->gntalloc_limit,
				.handles = d->handles,
				.max_handles = d->max_handles,
				.ports = d->ports,
				.max_ports = d->max_ports};

	strncpy(r.kernel, d->kernel, sizeof(r.kernel) - 1);
	show_add(ctx, SHOW_DOMAIN, &r, sizeof(r));
	return true;
}

static bool add_grant(void *ctx, const struct gntsim_grant_info *g)
{
	ADD(ctx, SHOW_GRANT, show_grant, .granter = g->granter, .grantee = g->grantee,
	    .ref = g->ref, .frame = g->frame, .pins = g->pins,
	    .flags = (g->readonly ? SHOW_G_READONLY : 0) | (g->reading ? SHOW_G_READING : 0) |
		     (g->writing ? SHOW_G_WRITING : 0) | (g->deferred ? SHOW_G_DEFERRED : 0) |
		     (g->file ? SHOW_G_LISTED : 0),
	    .file = name_file(g->keeper), .index = g->index, .call = name_call(ctx, g->origin),
	    .ended_by = name_call(ctx, g->ended));
	return true;
}

static bool add_map(void *ctx, const struct gntsim_map_info *m)
{
	ADD(ctx, SHOW_MAP, show_map, .domid = m->domid, .count = m->count, .live = m->live,
	    .listed = m->listed, .file = name_file(m->file), .index = m->index,
	    .call = name_call(ctx, m->origin));
	return true;
}

static bool add_page(void *ctx, const struct gntsim_map_page_info *p)
{
	const struct gntsim_domain *dom = gntsim_file_domain(p->file);

	ADD(ctx, SHOW_PAGE, show_page, .file = name_file(p->file), .index = p->index,
	    .domid = dom ? gntsim_domain_id(dom) : 0, .page = p->page, .granter = p->granter,
	    .ref = p->ref, .handle = p->handle, .kernel_handle = p->kernel_handle);
	return true;
}

static bool add_handle(void *ctx, const struct gntsim_handle_info *h)
{
	ADD(ctx, SHOW_HANDLE, show_handle, .domid = h->domid, .handle = h->handle,
	    .granter = h->granter, .ref = h->ref, .flags = h->flags);
	return true;
}

static bool add_vma(void *ctx, struct gntsim_mm *mm, const struct gntsim_vma *v)
{
	const struct client *c = gntsim_mm_data(mm);
	const struct device_file *f = gntsim_file_data(v->file);

	ADD(ctx, SHOW_VMA, show_vma,
	    .pid = c   ? c->program.pid
		   : f ? f->opener.pid
		       : 0,
	    .stands_in = !c, .file = show_name(f), .start = v->start, .end = v->end,
	    .offset = v->offset, .prot = (uint32_t)v->prot, .inherited = v->inherited,
	    .call = name_call(ctx, v->origin));
	return true;
}

static bool add_port(void *ctx, struct gntsim_domain *dom, gntsim_port port)
{
	struct gntsim_port_info p;

	if (gntsim_port_describe(dom, port, &p) < 0)
		return true;
	ADD(ctx, SHOW_PORT, show_port, .domid = gntsim_domain_id(dom), .port = port,
	    .state = p.status.state, .remote_domid = p.status.remote_domid,
	    .remote_port = p.status.remote_port, .virq = p.status.virq, .pending = p.status.pending,
	    .masked = p.status.masked, .enabled = p.enabled, .file = name_file(p.file),
	    .call = name_call(ctx, p.origin));
	return true;
}

static bool add_notify(void *ctx, const struct gntsim_notify_info *n)
{
	ADD(ctx, SHOW_NOTIFY, show_notify, .domid = n->domid, .ref = n->ref,
	    .file = name_file(n->file), .index = n->index, .action = n->action, .offset = n->offset,
	    .port = n->port, .call = name_call(ctx, n->origin));
	return true;
}

static void add_file(void *ctx, struct device_file *f)
{
	const struct gntsim_domain *dom = f->file ? gntsim_file_domain(f->file) : NULL;
	struct show_file r = {.name = show_name(f),
			      .domid = dom ? gntsim_domain_id(dom) : 0,
			      .opener = f->opener.pid};

	memcpy(r.opener_name, f->opener.name, sizeof(r.opener_name));
	show_add(ctx, SHOW_FILE, &r, sizeof(r));
}

static void add_calls(struct showing *s)
{
	for (uint32_t i = 0; i < s->b->origins.n; i++) {
		const struct origin *o = &s->b->origins.all[i];
		char text[ORIGIN_TEXT];
		struct show_call r = {.id = o->id,
				      .domid = o->call.domid,
				      .pid = o->call.program.pid,
				      .tid = o->call.thread,
				      .us = o->us,
				      .virtual_ns = o->call.now,
				      .line = o->line};

		if (!s->named[i])
			continue;
		memcpy(r.program, o->call.program.name, sizeof(r.program));
		strncpy(r.text, origin_text(o, text), sizeof(r.text) - 1);
		show_add(s, SHOW_CALL, &r, sizeof(r));
	}
}

static void collect(struct showing *s)
{
	struct gntsim_machine *m = s->b->machine;

	gntsim_for_each_domain(m, add_domain, s);
	if (s->kinds & (1u << SHOW_PROCESS | 1u << SHOW_DESCRIPTOR | 1u << SHOW_WAIT))
		show_processes(s);
	device_each(s->b, add_file, s);
	if (s->kinds & 1u << SHOW_GRANT)
		gntsim_for_each_grant(m, add_grant, s);
	if (s->kinds & 1u << SHOW_MAP)
		gntsim_for_each_map(m, add_map, s);
	if (s->kinds & 1u << SHOW_PAGE)
		gntsim_for_each_map_page(m, add_page, s);
	if (s->kinds & 1u << SHOW_HANDLE)
		gntsim_for_each_handle(m, add_handle, s);
	if (s->kinds & 1u << SHOW_VMA)
		gntsim_for_each_vma(m, add_vma, s);
	if (s->kinds & 1u << SHOW_PORT)
		gntsim_for_each_port(m, add_port, s);
	if (s->kinds & 1u << SHOW_NOTIFY)
		gntsim_for_each_notify(m, add_notify, s);
	if (s->named)
		add_calls(s);
}

int show_request(struct client *c, const struct wire_in *in)
{
	struct showing s = {.b = c->broker};
	struct wire_show ask;
	int err;

	if (!client_payload(in, &ask, sizeof(ask)))
		return -EPROTO;
	s.kinds = ask.kinds;
	if ((s.kinds & 1u << SHOW_CALL) && s.b->origins.n) {
		s.named = calloc(s.b->origins.n, sizeof(*s.named));
		if (!s.named)
			s.err = -ENOMEM;
	}
	if (!s.err) {
		ports_tell_all(s.b);
		collect(&s);
	}
	err = client_reply(c, in, s.err, s.rows, s.err ? 0 : s.len, NULL, 0);
	free(s.named);
	free(s.rows);
	return err;
}
