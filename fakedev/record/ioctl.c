/* SPDX-License-Identifier: MIT */
/* An ioctl as a step: numbers that a call gave out are variables in the calls that use them. */
#include "recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lang/constants.h"
#include "lang/print_struct.h"
#include "uapi.h"

struct argument {
	const struct recorder *r;
	const struct trace_call *call;
	struct scn_buf *b;
	uint32_t process, file;
	uint16_t domid;   /* the caller's, or what the structure has named last */
	bool first, refs; /* refs: within a list of them */
};

static void put_field(struct argument *a, const char *name)
{
	scn_buf_str(a->b, a->first ? "" : ", ");
	if (name)
		scn_buf_printf(a->b, "%s=", name);
	a->first = false;
}

static bool is(const char *name, const char *other)
{
	return name && !strcmp(name, other);
}

static void begin(void *ctx, const char *name, bool list)
{
	struct argument *a = ctx;

	put_field(a, name);
	scn_buf_str(a->b, list ? "[" : "{");
	a->first = true;
	a->refs = list && is(name, "refs");
}

static void end(void *ctx, bool list)
{
	struct argument *a = ctx;

	scn_buf_str(a->b, list ? "]" : "}");
	a->first = a->refs = false;
}

static void number(void *ctx, const char *name, int64_t value, enum scn_meaning meaning)
{
	struct argument *a = ctx;
	const struct world *w = &a->r->world;

	if (is(name, "event_channel_port") && value == 0)
		return;
	put_field(a, name);
	/* Who waits for the release of a dma-buf looks once: it was not released when he began. */
	if (is(name, "wait_to_ms") && a->call->result == -EINPROGRESS)
		value = 0;
	if (meaning == SCN_IS_DOMID && value >= 0 && value < 0x7ff0) {
		a->domid = (uint16_t)value;
		put_domain(a->b, a->domid);
	} else if (meaning == SCN_IS_ADDRESS) {
		put_address(w, a->b, a->process, (uint64_t)value);
	} else if (a->refs && !name) {
		put_ref(w, a->b, a->domid, (uint32_t)value);
	} else if (is(name, "fd")) {
		dmabuf_put_number(a->r, a->b, a->call, a->process, a->file, value);
	} else if (is(name, "index")) {
		put_index(w, a->b, a->file, (uint64_t)value);
	} else if (is(name, "port") || is(name, "remote_port") || is(name, "event_channel_port")) {
		put_port(w, a->b, a->domid, (uint32_t)value);
	} else {
		scn_print_meaning(a->b, value, meaning);
	}
}

static void unknown(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
}

static void more(void *ctx, uint64_t n)
{
	(void)ctx;
	(void)n;
}

/* ---- MAP_GRANT_REF ---- */

static bool is_next(const struct world *w, const struct ioctl_gntdev_grant_ref *refs, uint32_t i)
{
	const struct grant *a = world_find_grant(w, (uint16_t)refs[i - 1].domid, refs[i - 1].ref);
	const struct grant *b = world_find_grant(w, (uint16_t)refs[i].domid, refs[i].ref);

	return a && b && a->var == b->var && refs[i].domid == refs[i - 1].domid &&
	       b->element == a->element + 1;
}

/* One, or a range of them. */
static uint32_t put_refs(const struct world *w, struct scn_buf *b,
			 const struct ioctl_gntdev_grant_ref *refs, uint32_t at, uint32_t n)
{
	const struct grant *g = world_find_grant(w, (uint16_t)refs[at].domid, refs[at].ref);
	uint32_t last = at;

	while (last + 1 < n && is_next(w, refs, last + 1))
		last++;
	if (last < at + 2)
		last = at;
	scn_buf_str(b, "{domid=");
	if (refs[at].domid < 0x7ff0)
		put_domain(b, (uint16_t)refs[at].domid);
	else
		scn_print_meaning(b, refs[at].domid, SCN_IS_DOMID);
	scn_buf_str(b, ", ref=");
	if (last > at && g) {
		put_var(b, g->var);
		scn_buf_printf(b, "[i]} for i in %u..%u", g->element, g->element + last - at);
	} else {
		put_ref(w, b, (uint16_t)refs[at].domid, refs[at].ref);
		scn_buf_str(b, "}");
	}
	return last + 1;
}

static struct ioctl_gntdev_grant_ref *fetch_refs(const struct trace_call *c, uint32_t *n)
{
	struct ioctl_gntdev_map_grant_ref *head = NULL;
	struct ioctl_gntdev_grant_ref *refs = NULL;
	size_t at = (size_t)&head->refs;

	if (!trace_memory_before(c->memory, c->addr, n, sizeof(*n)) || *n > (1u << 16))
		return NULL;
	refs = calloc(*n + 1u, sizeof(*refs));
	for (uint32_t i = 0; refs && i < *n; i++) {
		if (!trace_memory_before(c->memory, c->addr + at + i * sizeof(*refs), &refs[i],
					 sizeof(*refs))) {
			free(refs);
			return NULL;
		}
	}
	return refs;
}

static bool put_map(struct recorder *r, const struct trace_call *c, struct scn_buf *b)
{
	uint32_t n = 0;
	struct ioctl_gntdev_grant_ref *refs = fetch_refs(c, &n);

	if (!refs)
		return false;
	scn_buf_printf(b, "{count=%u, refs=[", n);
	for (uint32_t i = 0; i < n;) {
		scn_buf_str(b, i ? ", " : "");
		i = put_refs(&r->world, b, refs, i, n);
	}
	scn_buf_str(b, "]}");
	free(refs);
	return true;
}

/* ---- what a call gave out ---- */

static void took_grants(struct recorder *r, const struct trace_call *c, uint32_t process,
			uint32_t file, struct step *s)
{
	struct ioctl_gntalloc_alloc_gref a;
	uint32_t owner = r->world.processes[process].script, count, refs, where;
	struct region *g;

	if (!trace_memory_after(c->memory, c->addr, &a,
				offsetof(struct ioctl_gntalloc_alloc_gref, gref_ids)))
		return;
	count = a.count;
	refs = script_var(&r->script, count > 1 ? "page_refs" : "page_ref", owner);
	if (refs != NO_VAR)
		r->script.vars[refs].array = count > 1;
	g = world_region(&r->world);
	if (!g)
		return;
	where = r->world.n_regions - 1;
	*g = (struct region){.file = file,
			     .index = a.index,
			     .count = count,
			     .var = script_var(&r->script, "page_index", owner),
			     .grant = refs,
			     .live = true};
	s->outs[s->n_outs++] = (struct step_out){"index", g->var, false, 0};
	s->outs[s->n_outs++] = (struct step_out){"gref_ids", refs, count == 1, 0};
	for (uint32_t i = 0; i < count; i++) {
		uint64_t at =
		    c->addr + offsetof(struct ioctl_gntalloc_alloc_gref, gref_ids) + i * 4u;
		struct grant *grant;
		uint32_t ref;

		if (!trace_memory_after(c->memory, at, &ref, sizeof(ref)))
			continue;
		grant = world_grant(&r->world);
		if (grant)
			*grant = (struct grant){c->domid, ref, refs, i, where};
	}
}

static void took_map(struct recorder *r, const struct trace_call *c, uint32_t process,
		     uint32_t file, struct step *s)
{
	struct ioctl_gntdev_map_grant_ref m;
	uint32_t n = 0;
	struct ioctl_gntdev_grant_ref *refs = fetch_refs(c, &n);
	struct script_domain *d = script_domain(&r->script, c->domid);
	const struct grant *first;
	struct region *g;
	uint32_t var;

	if (d)
		d->maps = true;
	if (refs && trace_memory_after(c->memory, c->addr, &m,
				       offsetof(struct ioctl_gntdev_map_grant_ref, refs))) {
		var = script_var(&r->script, "map", r->world.processes[process].script);
		g = world_region(&r->world);
		first =
		    n ? world_find_grant(&r->world, (uint16_t)refs[0].domid, refs[0].ref) : NULL;
		if (g) {
			*g = (struct region){.file = file,
					     .index = m.index,
					     .count = n,
					     .var = var,
					     .grant = NO_VAR,
					     .live = true,
					     .notified =
						 first && r->world.regions[first->region].notified,
					     .first_ref = n ? refs[0].ref : 0,
					     .granter = n ? (uint16_t)refs[0].domid : 0};
			if (g->notified && var != NO_VAR)
				r->script.vars[var].base = "ring_map";
		}
		s->outs[s->n_outs++] = (struct step_out){"index", var, false, 0};
	}
	free(refs);
}

static void rename_var(struct recorder *r, uint32_t var, const char *base)
{
	if (var < r->script.n_vars)
		r->script.vars[var].base = base;
}

static void rename_mappings(struct recorder *r, const struct region *g)
{
	for (uint32_t i = 0; i < r->world.n_mappings; i++) {
		const struct mapping *m = &r->world.mappings[i];

		if (m->region == (uint32_t)(g - r->world.regions))
			rename_var(r, m->var,
				   r->world.files[g->file].device == WIRE_DEV_GNTALLOC
				       ? "ring"
				       : "mapped_ring");
	}
}

/* Who wants to be told of the other's end shares a ring, as a rule. */
static void took_notification(struct recorder *r, const struct trace_call *c, uint32_t file)
{
	struct ioctl_gntdev_unmap_notify n;
	struct region *g;
	const struct grant *grant;

	if (!trace_memory_before(c->memory, c->addr, &n, sizeof(n)))
		return;
	g = world_find_region(&r->world, file, n.index);
	if (!g || g->notified)
		return;
	g->notified = true;
	rename_mappings(r, g);
	if (r->world.files[file].device == WIRE_DEV_GNTALLOC) {
		rename_var(r, g->var, "ring_index");
		rename_var(r, g->grant, g->count > 1 ? "ring_refs" : "ring_ref");
		return;
	}
	rename_var(r, g->var, "ring_map");
	grant = world_find_grant(&r->world, g->granter, g->first_ref);
	if (!grant || r->world.regions[grant->region].notified)
		return;
	g = &r->world.regions[grant->region];
	g->notified = true;
	rename_var(r, g->var, "ring_index");
	rename_var(r, g->grant, g->count > 1 ? "ring_refs" : "ring_ref");
	rename_mappings(r, g);
}

/* A map's index may be given out again; that of an allocation never is. */
static void gave_back(struct recorder *r, const struct trace_call *c, uint32_t file)
{
	uint64_t index;
	struct region *g;

	if (!trace_memory_before(c->memory, c->addr, &index, sizeof(index)))
		return;
	g = world_find_region(&r->world, file, index);
	if (g)
		g->live = false;
}

static void took_port(struct recorder *r, const struct trace_call *c, struct step *s,
		      const char *base)
{
	struct port *p = world_port(&r->world);

	if (!p)
		return;
	s->bind = script_var(&r->script, base, s->process);
	*p = (struct port){c->domid, (uint32_t)c->result, s->bind};
}

static void took_offset(struct recorder *r, const struct trace_call *c, uint32_t file,
			struct step *s)
{
	struct ioctl_gntdev_get_offset_for_vaddr o;

	if (!trace_memory_after(c->memory, c->addr, &o, sizeof(o)))
		return;
	scn_buf_str(&s->more, "{offset=");
	put_index(&r->world, &s->more, file, o.offset);
	scn_buf_printf(&s->more, ", count=%u}", o.count);
}

static void take_results(struct recorder *r, const struct trace_call *c, uint32_t process,
			 uint32_t file, struct step *s)
{
	switch (c->cmd) {
	case IOCTL_GNTALLOC_ALLOC_GREF:
		took_grants(r, c, process, file, s);
		break;
	case IOCTL_GNTDEV_MAP_GRANT_REF:
		took_map(r, c, process, file, s);
		break;
	case IOCTL_GNTDEV_UNMAP_GRANT_REF:
		gave_back(r, c, file);
		break;
	case IOCTL_GNTDEV_SET_UNMAP_NOTIFY: /* gntalloc's, too */
		took_notification(r, c, file);
		break;
	case IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR:
		took_offset(r, c, file, s);
		break;
	case IOCTL_EVTCHN_BIND_UNBOUND_PORT:
		took_port(r, c, s, "event_port");
		break;
	case IOCTL_EVTCHN_BIND_INTERDOMAIN:
		took_port(r, c, s, "bound_port");
		break;
	case IOCTL_EVTCHN_BIND_VIRQ:
		took_port(r, c, s, "virq_port");
		break;
	default:
		if (!dmabuf_took(r, c, process, file, s) && c->result > 0)
			scn_buf_printf(&s->result, "%lld", (long long)c->result);
	}
}

static void put_argument(struct recorder *r, const struct trace_call *c, uint32_t process,
			 uint32_t file, const struct scn_ioctl *known, struct step *s)
{
	struct argument a = {r, c, &s->text, process, file, c->domid, true, false};
	struct scn_visitor v = {&a, begin, end, number, unknown, more};
	unsigned char byte;

	if (!c->memory || !known || !trace_memory_before(c->memory, c->addr, &byte, 1)) {
		scn_buf_str(&s->text, c->addr ? "BAD" : "NULL");
		return;
	}
	if (c->result == -EFAULT && c->cmd != IOCTL_GNTDEV_GRANT_COPY)
		scn_buf_str(&s->text, "readonly ");
	if ((c->cmd == IOCTL_GNTDEV_MAP_GRANT_REF && put_map(r, c, &s->text)) ||
	    (c->cmd == IOCTL_GNTDEV_GRANT_COPY && copy_put(r, c, process, s)))
		return;
	scn_walk(known->layout, SCN_WAY_IN, c->addr, trace_memory_before, c->memory, 4096, &v);
}

/* Where no program has anything: the front does not tell where it is. */
#define NOWHERE (UINT64_C(1) << 63)

/* This front tells of no mmap: what is allocated or mapped counts as mapped from here on. */
static void map_at_once(struct recorder *r, uint32_t process, uint32_t file)
{
	const struct region *g = &r->world.regions[r->world.n_regions - 1];
	uint64_t addr = NOWHERE + ((uint64_t)r->world.n_mappings << 32);

	not_expressed(r, process,
		      "when an unassisted program maps and unmaps (its front is not told: "
		      "mapped as soon as it can be), and what it stores");
	record_mapping(r, process, file, addr, (uint64_t)g->count * PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED, g->index, 0);
}

/* And a map as unmapped when it is given back. */
static void unmap_at_last(struct recorder *r, const struct trace_call *c, uint32_t process,
			  uint32_t file)
{
	const struct region *g;
	uint64_t index;

	if (!trace_memory_before(c->memory, c->addr, &index, sizeof(index)))
		return;
	g = world_find_region(&r->world, file, index);
	for (uint32_t i = 0; g && i < r->world.n_mappings; i++) {
		struct mapping *m = &r->world.mappings[i];
		struct step *s;

		if (m->process != process || !m->left ||
		    m->region != (uint32_t)(g - r->world.regions))
			continue;
		m->left = 0;
		s = script_step(&r->script, STEP_MEMORY, r->world.processes[process].script);
		scn_buf_str(&s->text, "munmap(");
		put_var(&s->text, m->var);
		scn_buf_printf(&s->text, ", %llu)", (unsigned long long)m->len);
	}
}

void record_ioctl(struct recorder *r, const struct trace_call *c, uint32_t process, uint32_t file)
{
	const struct scn_ioctl *known = scn_ioctl_on(c->cmd, c->device == WIRE_DEV_GNTDEV);
	uint32_t regions = r->world.n_regions;
	struct step *s;

	if ((c->result == -EMFILE || c->result == -ENFILE) && dmabuf_is_export(c->cmd)) {
		not_expressed(r, process, "an export that found no descriptor left");
		return;
	}

	if (c->cmd == IOCTL_GNTDEV_GRANT_COPY && c->memory)
		copy_prepare(r, c, process);
	if (c->cmd == IOCTL_GNTDEV_UNMAP_GRANT_REF && c->memory && c->result == 0 &&
	    r->world.processes[process].unassisted)
		unmap_at_last(r, c, process, file);
	s = main_step(r, STEP_CALL, process);
	scn_buf_str(&s->text, "ioctl(");
	put_fd(r, &s->text, file, process);
	if (known)
		scn_buf_printf(&s->text, ", %s", known->name);
	else
		scn_buf_printf(&s->text, ", 0x%x", c->cmd);
	if (!known || known->layout) {
		scn_buf_str(&s->text, ", ");
		put_argument(r, c, process, file, known, s);
	}
	scn_buf_str(&s->text, ")");
	if (c->result < 0)
		put_error(&s->result, c->result == -EINPROGRESS ? -ETIMEDOUT : c->result);
	else if (c->memory || !known || !known->layout)
		take_results(r, c, process, file, s);
	if (c->cmd == IOCTL_GNTDEV_GRANT_COPY && c->memory)
		copy_took(r, c, process);
	if (r->world.processes[process].unassisted && r->world.n_regions > regions)
		map_at_once(r, process, file);
}
