/* SPDX-License-Identifier: MIT */
/* From lines to the model: whose call it was, and what it means for the grants, maps and ports that
 * are known so far. */
#include <errno.h>
#include <string.h>

#include "lang/layout.h"
#include "model.h"

struct step {
	struct timeline *t;
	const struct tl_line *line;
	uint32_t call, lane;
	uint32_t grant, map; /* what this call made last, or TL_NONE */
	uint32_t firing;     /* the mark of a notification whose event is to come, or TL_NONE */
	bool refused, revoked;
};

static struct tl_item *item(const struct step *s, uint32_t n)
{
	return n == TL_NONE ? NULL : &s->t->items[n];
}

static void learn(const struct step *s, enum tl_space space, uint32_t a, uint64_t b, uint32_t value)
{
	if (!tl_set(&s->t->known, space, a, b, value))
		s->t->failed = true;
}

static uint32_t find(const struct step *s, enum tl_space space, uint32_t a, uint64_t b)
{
	return tl_find(&s->t->known, space, a, b);
}

/* ---- lanes ---- */

static uint32_t new_lane(struct timeline *t, uint16_t domain, const struct program *program,
			 uint32_t call)
{
	struct tl_lane *lane = tl_grow(t, &t->lanes, sizeof(*lane), &t->n_lanes, &t->lanes_room);

	if (!lane)
		return TL_NONE;
	lane->domain = domain;
	lane->pid = program->pid;
	memcpy(lane->program, program->name, sizeof(lane->program));
	lane->from = call;
	lane->to = lane->ending = TL_NONE;
	return t->n_lanes - 1;
}

static uint32_t nobody(const struct step *s, uint16_t domain)
{
	static const struct program none;
	uint32_t lane = find(s, TL_BY_NOBODY, domain, 0);

	if (lane == TL_NONE) {
		lane = new_lane(s->t, domain, &none, s->call);
		if (lane != TL_NONE)
			learn(s, TL_BY_NOBODY, domain, 0, lane);
	}
	return lane;
}

/* A process that ended and whose number another has is another lane; after an exec it is the same. */
static uint32_t lane_of(const struct step *s)
{
	const struct trace_call *c = &s->line->call;
	uint32_t n;

	if (c->program.pid == 0)
		return nobody(s, c->domid);
	n = find(s, TL_BY_PROCESS, c->program.pid, 0);
	if (n != TL_NONE && (c->kind != TRACE_JOIN || s->t->lanes[n].to == TL_NONE)) {
		if (c->kind == TRACE_JOIN)
			memcpy(s->t->lanes[n].program, c->program.name, sizeof(c->program.name));
		return n;
	}
	n = new_lane(s->t, c->domid, &c->program, s->call);
	if (n != TL_NONE)
		learn(s, TL_BY_PROCESS, c->program.pid, 0, n);
	return n;
}

/* ---- items ---- */

static uint32_t new_item(const struct step *s, enum tl_kind kind, uint32_t lane)
{
	struct timeline *t = s->t;
	struct tl_item *i = tl_grow(t, &t->items, sizeof(*i), &t->n_items, &t->items_room);

	if (!i)
		return TL_NONE;
	i->kind = kind;
	i->lane = lane;
	i->from = s->call;
	i->to = kind == TL_GRANT || kind == TL_MAP ? TL_NONE : s->call;
	i->target = i->origin = TL_NONE;
	t->lanes[lane].shown = true;
	return t->n_items - 1;
}

static void remember(const struct step *s, uint32_t n, uint32_t call)
{
	struct tl_item *i = item(s, n);

	if (i && call != TL_NONE && (i->calls.n == 0 || i->calls.at[i->calls.n - 1] < call))
		tl_list_add(s->t, &i->calls, call);
}

static void link_one(const struct step *s, uint32_t from, uint32_t to)
{
	struct tl_item *i = item(s, from);
	struct tl_list *links = i ? &i->links : NULL;

	/* What belongs together comes together: the last ones are enough to look at. */
	if (!links || to == TL_NONE)
		return;
	for (uint32_t k = links->n; k > 0 && k + 4 > links->n; k--)
		if (links->at[k - 1] == to)
			return;
	tl_list_add(s->t, links, to);
}

static void link_items(const struct step *s, uint32_t a, uint32_t b)
{
	link_one(s, a, b);
	link_one(s, b, a);
}

static uint32_t new_mark(const struct step *s, enum tl_mark mark, uint32_t lane, uint32_t origin)
{
	uint32_t n = lane == TL_NONE ? TL_NONE : new_item(s, TL_MARK, lane);
	struct tl_item *i = item(s, n);

	if (!i)
		return TL_NONE;
	i->mark = mark;
	i->origin = origin;
	remember(s, n, s->call);
	link_items(s, n, origin);
	return n;
}

/* What a process's death did hangs on its mark. */
static void blame_death(const struct step *s, uint32_t n)
{
	if (s->line->call.exiting)
		link_items(s, s->t->lanes[s->lane].ending, n);
}

/* ---- grants ---- */

static void set_state(const struct step *s, struct tl_item *i, enum tl_state state)
{
	struct tl_segment *part;

	if (i->n_parts && i->parts[i->n_parts - 1].state == state)
		return;
	part = i->n_parts && i->parts[i->n_parts - 1].call == s->call
		   ? &i->parts[i->n_parts - 1]
		   : tl_grow(s->t, &i->parts, sizeof(*part), &i->n_parts, &i->parts_room);
	if (part)
		*part = (struct tl_segment){s->call, state};
}

static uint32_t new_grant(struct step *s, const struct gntsim_observation *o)
{
	struct tl_item *i = item(s, s->grant);

	if (!i || i->domain != o->domid || i->peer != o->entry.domid) {
		uint32_t lane = o->domid == s->line->call.domid ? s->lane : nobody(s, o->domid);

		s->grant = lane == TL_NONE ? TL_NONE : new_item(s, TL_GRANT, lane);
		i = item(s, s->grant);
		if (!i)
			return TL_NONE;
		i->domain = o->domid;
		i->peer = o->entry.domid;
		i->ref = o->ref;
		i->readonly = (o->entry.flags & GNTSIM_GTF_READONLY) != 0;
	}
	i->alive++;
	i->count++;
	learn(s, TL_BY_REF, o->domid, o->ref, s->grant);
	learn(s, TL_BY_PINS, o->domid, o->ref, 0);
	return s->grant;
}

static void saw_grant(struct step *s, const struct gntsim_observation *o)
{
	bool live = (o->entry.flags & GNTSIM_GTF_TYPE_MASK) != 0;
	uint32_t n = find(s, TL_BY_REF, o->domid, o->ref), before;
	struct tl_item *i;

	if (n == TL_NONE && live)
		n = new_grant(s, o);
	i = item(s, n);
	if (!i)
		return;
	remember(s, n, s->call);
	before = find(s, TL_BY_PINS, o->domid, o->ref);
	i->pins += o->pins - (before == TL_NONE ? 0 : before);
	if (live) {
		learn(s, TL_BY_PINS, o->domid, o->ref, o->pins);
		if (!i->n_parts || i->parts[i->n_parts - 1].state != TL_DEFERRED)
			set_state(s, i, i->pins ? TL_MAPPED : TL_GRANTED);
		return;
	}
	tl_forget(&s->t->known, TL_BY_REF, o->domid, o->ref);
	tl_forget(&s->t->known, TL_BY_PINS, o->domid, o->ref);
	if (--i->alive == 0)
		i->to = s->call;
}

static void saw_deferred(struct step *s, const struct gntsim_observation *o)
{
	uint32_t n = find(s, TL_BY_REF, o->domid, o->ref);

	if (n == TL_NONE)
		return;
	remember(s, n, s->call);
	set_state(s, item(s, n), TL_DEFERRED);
}

/* ---- maps ---- */

static void new_map(struct step *s, const struct gntsim_observation *o)
{
	const struct trace_call *c = &s->line->call;
	struct tl_item *i;

	s->map = new_item(s, TL_MAP, s->lane);
	i = item(s, s->map);
	if (!i)
		return;
	i->domain = o->peer;
	i->peer = o->domid;
	i->ref = o->ref;
	i->readonly = (o->flags & GNTSIM_GNTMAP_READONLY) != 0;
	i->count = 1;
	if (c->kind == TRACE_MMAP) {
		i->index = c->offset;
		i->count = (uint32_t)(c->len / GNTSIM_PAGE_SIZE);
		remember(s, s->map, find(s, TL_BY_MAP_CALL, c->file, i->index));
		remember(s, s->map, find(s, TL_BY_MAP_NOTIFY, c->file, i->index));
		learn(s, TL_BY_MAP_INDEX, c->file, i->index, s->map);
		learn(s, TL_BY_MAP_DOMAIN, o->domid, i->index, s->map);
	}
	remember(s, s->map, s->call);
}

static void saw_handle_taken(struct step *s, const struct gntsim_observation *o)
{
	uint32_t grant = find(s, TL_BY_REF, o->peer, o->ref);

	if (s->map == TL_NONE || item(s, s->map)->domain != o->peer)
		new_map(s, o);
	if (s->map == TL_NONE)
		return;
	item(s, s->map)->alive++;
	learn(s, TL_BY_HANDLE, o->domid, o->handle, s->map);
	link_items(s, s->map, grant);
	remember(s, grant, s->call);
}

static void saw_handle_freed(struct step *s, const struct gntsim_observation *o)
{
	uint32_t n = find(s, TL_BY_HANDLE, o->domid, o->handle);
	struct tl_item *i = item(s, n);

	remember(s, find(s, TL_BY_REF, o->peer, o->ref), s->call);
	if (!i)
		return;
	tl_forget(&s->t->known, TL_BY_HANDLE, o->domid, o->handle);
	remember(s, n, s->call);
	if (--i->alive == 0)
		i->to = s->call;
}

static void saw_refused(struct step *s, const struct gntsim_observation *o)
{
	uint32_t grant = find(s, TL_BY_REF, o->peer, o->ref), n;
	struct tl_item *i;

	remember(s, grant, s->call);
	if (s->refused)
		return;
	s->refused = true;
	n = new_mark(s, TL_REFUSED, s->lane, TL_NONE);
	i = item(s, n);
	if (!i)
		return;
	i->domain = o->peer;
	i->ref = o->ref;
	link_items(s, n, grant);
}

/* ---- notifications and events ---- */

/* Of a map only its domain and index are told: it is that of the call's file, or of its process. */
static uint32_t notified(const struct step *s, const struct gntsim_observation *o)
{
	const struct trace_call *c = &s->line->call;
	uint32_t n = TL_NONE;

	if (o->device == GNTSIM_DEV_GNTALLOC)
		return find(s, TL_BY_REF, o->domid, o->ref);
	if (c->file && c->device == WIRE_DEV_GNTDEV)
		n = find(s, TL_BY_MAP_INDEX, c->file, o->index);
	if (n == TL_NONE)
		n = find(s, TL_BY_MAP_DOMAIN, o->domid, o->index);
	if (n != TL_NONE && item(s, n)->lane != s->lane)
		for (uint32_t k = n; k-- > 0;)
			if (item(s, k)->kind == TL_MAP && item(s, k)->lane == s->lane &&
			    item(s, k)->index == o->index)
				return k;
	return n;
}

static void saw_notify_set(struct step *s, const struct gntsim_observation *o)
{
	uint32_t n = notified(s, o);

	if (n == TL_NONE) {
		learn(s, TL_BY_MAP_NOTIFY, s->line->call.file, o->index, s->call);
		return;
	}
	remember(s, n, s->call);
	if (o->action != 0)
		new_mark(s, TL_ARMED, item(s, n)->lane, n);
}

static void saw_notify_byte(struct step *s, const struct gntsim_observation *o)
{
	uint32_t n = notified(s, o);

	remember(s, n, s->call);
	blame_death(s, new_mark(s, TL_CLEARED, n == TL_NONE ? s->lane : item(s, n)->lane, n));
}

/* Until the next observation says who hears it, nobody does. */
static void saw_notify_event(struct step *s, const struct gntsim_observation *o)
{
	uint32_t n = notified(s, o);

	remember(s, n, s->call);
	s->firing = new_mark(s, TL_UNHEARD, n == TL_NONE ? s->lane : item(s, n)->lane, n);
	if (s->firing != TL_NONE)
		item(s, s->firing)->port = o->port;
	blame_death(s, s->firing);
}

static void saw_event(struct step *s, const struct gntsim_observation *o, uint32_t firing)
{
	uint32_t target = find(s, TL_BY_PORT, o->domid, o->port), n = firing;
	struct tl_item *i;

	if (target == TL_NONE)
		target = nobody(s, o->domid);
	if (n == TL_NONE)
		n = new_item(s, TL_EVENT, s->lane);
	i = item(s, n);
	if (!i || target == TL_NONE)
		return;
	i->kind = TL_EVENT;
	i->target = target;
	i->domain = o->domid;
	i->port = o->port;
	i->pending = o->kind == GNTSIM_SAW_PENDING;
	i->lost = o->overflow;
	s->t->lanes[target].shown = true;
	remember(s, n, s->call);
}

static void saw_port(struct step *s, const struct gntsim_observation *o)
{
	if (o->port_status.state == GNTSIM_PORT_FREE)
		tl_forget(&s->t->known, TL_BY_PORT, o->domid, o->port);
	else if (find(s, TL_BY_PORT, o->domid, o->port) == TL_NONE &&
		 o->domid == s->line->call.domid)
		learn(s, TL_BY_PORT, o->domid, o->port, s->lane);
}

static void saw(struct step *s, const struct gntsim_observation *o)
{
	uint32_t firing = s->firing;

	s->firing = TL_NONE;
	switch (o->kind) {
	case GNTSIM_SAW_GRANT:
		saw_grant(s, o);
		break;
	case GNTSIM_SAW_DEFERRED:
		saw_deferred(s, o);
		break;
	case GNTSIM_SAW_HANDLE_TAKEN:
		saw_handle_taken(s, o);
		break;
	case GNTSIM_SAW_HANDLE_FREED:
		saw_handle_freed(s, o);
		break;
	case GNTSIM_SAW_MAP_REFUSED:
		saw_refused(s, o);
		break;
	case GNTSIM_SAW_PORT:
		saw_port(s, o);
		break;
	case GNTSIM_SAW_PENDING:
	case GNTSIM_SAW_EVENT:
		saw_event(s, o, firing);
		break;
	case GNTSIM_SAW_NOTIFY_SET:
		saw_notify_set(s, o);
		break;
	case GNTSIM_SAW_NOTIFY_BYTE:
		saw_notify_byte(s, o);
		break;
	case GNTSIM_SAW_NOTIFY_EVENT:
		saw_notify_event(s, o);
		break;
	case GNTSIM_SAW_REVOKED:
		if (!s->revoked)
			new_mark(s, TL_REVOKED, s->lane, TL_NONE);
		s->revoked = true;
		break;
	case GNTSIM_SAW_DESTROY:
		new_mark(s, TL_DESTROYED, nobody(s, o->domid), TL_NONE);
		break;
	case GNTSIM_SAW_MAP_FREED:
	case GNTSIM_SAW_RELEASE:
	case GNTSIM_SAW_MM_END:
	case GNTSIM_SAW_DOMAIN:
	case GNTSIM_SAW_BURIED:
		break;
	}
}

/* ---- calls ---- */

/* What a call names belongs to the history of the thing, though it changes nothing there. */
static void name_things(struct step *s)
{
	const struct tl_line *line = s->line;
	const struct trace_call *c = &line->call;
	bool makes = c->kind == TRACE_IOCTL && c->result >= 0 && line->n_refs > 0;

	for (uint32_t i = 0; i < line->n_refs; i++)
		remember(s, find(s, TL_BY_REF, line->refs[i].domain, line->refs[i].ref), s->call);
	if (!line->has_index || !c->file)
		return;
	if (c->device == WIRE_DEV_GNTALLOC) {
		struct tl_item *made = item(s, s->grant);

		for (uint32_t i = 0; made && i < made->count; i++)
			learn(s, TL_BY_ALLOC_INDEX, c->file,
			      line->index + (uint64_t)i * GNTSIM_PAGE_SIZE, s->grant);
		remember(s, find(s, TL_BY_ALLOC_INDEX, c->file, line->index), s->call);
	} else if (c->device == WIRE_DEV_GNTDEV) {
		if (makes)
			learn(s, TL_BY_MAP_CALL, c->file, line->index, s->call);
		else
			remember(s, find(s, TL_BY_MAP_INDEX, c->file, line->index), s->call);
	}
}

static bool is_foreign(const struct trace_call *c)
{
	return c->kind == TRACE_IOCTL && !scn_ioctl_by_number(c->cmd);
}

static bool is_traffic(const struct tl_line *line)
{
	static const char notify[] = "IOCTL_EVTCHN_NOTIFY";
	const struct scn_ioctl *known =
	    scn_ioctl_by_name((struct scn_str){notify, sizeof(notify) - 1});
	const struct trace_call *c = &line->call;

	if (c->kind == TRACE_IOCTL && c->device == WIRE_DEV_EVTCHN && c->cmd == known->number)
		;
	else if (c->kind != TRACE_READ && c->kind != TRACE_WRITE)
		return false;
	for (uint32_t i = 0; i < line->n_seen; i++)
		if ((line->seen[i].kind != GNTSIM_SAW_EVENT &&
		     line->seen[i].kind != GNTSIM_SAW_PENDING) ||
		    line->seen[i].overflow)
			return false;
	return c->result >= 0 || c->result == -EAGAIN;
}

static void keep_text(struct timeline *t, const struct tl_line *line,
		      const struct timeline_words *words, struct tl_call *call)
{
	scn_cleanup_buf struct scn_buf text = {0}, seen = {0};
	const char *end, *comment = NULL;

	/* Nothing seen is nothing to say for a passing of time. */
	scn_buf_str(&seen, "\n");
	words->call(&text, &seen, &line->call, line->us);
	end = strchr(scn_buf_text(&text), '\n');
	for (const char *at = scn_buf_text(&text); (at = strstr(at, "    # ")) && at < end; at++)
		comment = at;
	call->text = t->texts.len;
	if (end)
		scn_buf_add(&t->texts, scn_buf_text(&text),
			    (size_t)((comment ? comment : end) - scn_buf_text(&text)));
	scn_buf_add(&t->texts, "", 1);
	call->seen = t->texts.len;
	for (const char *at = scn_buf_text(&line->seen_text); *at;) {
		const char *stop = strchr(at, '\n');

		/* "#     " is a comment of a scenario's: of no use here. */
		at += strspn(at, "# ");
		scn_buf_add(&t->texts, at, (size_t)(stop + 1 - at));
		at = stop + 1;
	}
	scn_buf_add(&t->texts, "", 1);
	t->failed = t->failed || t->texts.failed || text.failed;
}

static void end_lane(const struct step *s)
{
	const struct trace_call *c = &s->line->call;
	struct tl_lane *lane = &s->t->lanes[s->lane];
	uint32_t n;

	if (lane->to != TL_NONE)
		lane->to = s->call;
	if (c->kind != TRACE_END)
		return;
	n = new_mark(s, c->exiting ? TL_ENDED : TL_EXEC, s->lane, TL_NONE);
	if (!c->exiting)
		return;
	lane->to = s->call;
	lane->ending = n;
}

void tl_build(struct timeline *t, const struct tl_line *line, const struct timeline_words *words)
{
	struct step s = {t, line, t->n_calls, 0, TL_NONE, TL_NONE, TL_NONE, false, false};
	struct tl_call *call = tl_grow(t, &t->calls, sizeof(*call), &t->n_calls, &t->calls_room);
	int64_t result = line->call.result;

	if (!call || t->failed)
		return;
	call->us = line->us;
	call->line = line->number;
	call->traffic = is_traffic(line);
	call->failed = result < 0 && result != -EAGAIN && result != -EINTR;
	keep_text(t, line, words, call);
	s.lane = lane_of(&s);
	if (s.lane == TL_NONE)
		return;
	t->calls[s.call].lane = s.lane;
	if (line->call.kind != TRACE_TIME)
		t->lanes[s.lane].shown = true;
	end_lane(&s);
	for (uint32_t i = 0; i < line->n_seen && !t->failed; i++)
		saw(&s, &line->seen[i]);
	if (t->failed)
		return;
	name_things(&s);
	/* What no driver has is asked by a library that wants to know what it was given. */
	if (t->calls[s.call].failed && !s.refused && !is_foreign(&line->call)) {
		struct tl_item *i = item(&s, new_mark(&s, TL_FAILED, s.lane, TL_NONE));

		if (i)
			i->err = (int)-result;
	}
}
