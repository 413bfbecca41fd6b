/* SPDX-License-Identifier: MIT */
/*
 * The middle of a stream. A program that moves megabytes makes the same calls over and over: events, and
 * stores. Of so many of them in a row that make and end nothing the script keeps the first and the last;
 * what is between goes, from a moment at which all event channels are in some state to one at which they
 * are so again, and stores of what it left in the pages take its place.
 */
#include "recorder.h"

#include <stdlib.h>
#include <string.h>

#include "uapi.h"

/* Steps that stay before the middle, and at least so many after it. */
#define FIRST 256u
#define LAST  256u

void stream_free(struct stream *s)
{
	for (uint32_t i = 0; i < s->n_before; i++)
		free(s->before[i]);
	free(s->before);
	for (uint32_t i = 0; i < s->n_after; i++)
		free(s->after[i]);
	free(s->after);
	free(s->ports);
	free(s->ports_before);
}

/* ---- event channels ---- */

static struct stream_port *port_of(struct recorder *r, uint16_t domid, uint32_t port)
{
	struct stream *s = &r->stream;
	struct stream_port *more;

	for (uint32_t i = 0; i < s->n_ports; i++)
		if (s->ports[i].domid == domid && s->ports[i].port == port)
			return &s->ports[i];
	more = record_more(s->ports, s->n_ports, &s->room_ports, sizeof(*s->ports));
	if (!more) {
		r->script.failed = true;
		return NULL;
	}
	s->ports = more;
	s->ports[s->n_ports] = (struct stream_port){.domid = domid, .port = port};
	return &s->ports[s->n_ports++];
}

void stream_saw(struct recorder *r, const struct gntsim_observation *o)
{
	struct stream_port *p;

	if (o->kind != GNTSIM_SAW_PENDING && o->kind != GNTSIM_SAW_EVENT &&
	    o->kind != GNTSIM_SAW_PORT)
		return;
	p = port_of(r, o->domid, o->port);
	if (!p)
		return;
	if (o->kind == GNTSIM_SAW_PORT)
		*p = (struct stream_port){.domid = o->domid, .port = o->port};
	else
		p->pending = o->kind == GNTSIM_SAW_PENDING;
	if (o->kind != GNTSIM_SAW_EVENT)
		return;
	p->in_ring++;
	p->disabled = true;
	r->stream.overflow |= o->overflow;
}

/* What the caller has taken from the ring, or enabled. */
static void follow_ports(struct recorder *r, const struct trace_call *c)
{
	if (c->result < 0 || (c->kind != TRACE_READ && c->kind != TRACE_WRITE))
		return;
	for (uint32_t i = 0; i < c->n_ports; i++) {
		struct stream_port *p = port_of(r, c->domid, c->ports[i]);

		if (p && c->kind == TRACE_READ)
			p->in_ring -= p->in_ring > 0;
		else if (p)
			p->disabled = false;
	}
}

/* Nothing waits to be read, whose order would matter, and the rest is as it was then. */
static bool is_as_before(const struct stream *s)
{
	if (s->n_ports != s->n_ports_before)
		return false;
	for (uint32_t i = 0; i < s->n_ports; i++)
		if (s->ports[i].in_ring || s->ports[i].pending != s->ports_before[i].pending ||
		    s->ports[i].disabled != s->ports_before[i].disabled)
			return false;
	return true;
}

static bool is_quiet(const struct stream *s)
{
	for (uint32_t i = 0; i < s->n_ports; i++)
		if (s->ports[i].in_ring)
			return false;
	return !s->overflow;
}

/* ---- pages ---- */

static bool keep_pages(const struct recorder *r, struct page_copy ***copies, uint32_t *n)
{
	if (*n < r->n_pages) {
		struct page_copy **more =
		    reallocarray(*copies, r->n_pages, sizeof(struct page_copy *));

		if (!more)
			return false;
		memset(more + *n, 0, (r->n_pages - *n) * sizeof(struct page_copy *));
		*copies = more;
		*n = r->n_pages;
	}
	for (uint32_t i = 0; i < r->n_pages; i++) {
		if (!r->pages[i])
			continue;
		if (!(*copies)[i])
			(*copies)[i] = malloc(sizeof(struct page_copy));
		if (!(*copies)[i])
			return false;
		*(*copies)[i] = *r->pages[i];
	}
	return true;
}

/* Whether the script has to store this byte in place of what is left out. */
static bool differs(const struct page_copy *before, const struct page_copy *after, uint32_t i)
{
	return !after->missing[i] && (before->missing[i] || before->bytes[i] != after->bytes[i]);
}

static void store_page(struct recorder *r, uint32_t frame, const struct page_copy *before,
		       const struct page_copy *after)
{
	for (uint32_t i = 0, end; i < PAGE; i = end) {
		end = i + 1;
		if (!differs(before, after, i))
			continue;
		while (end < PAGE && differs(before, after, end) &&
		       after->owner[end] == after->owner[i])
			end++;
		pages_store_again(r, frame, i, after->bytes + i, end - i, after->owner[i]);
	}
}

/* ---- the middle ---- */

static bool is_of_stream(const struct trace_call *c)
{
	return c->kind == TRACE_READ || c->kind == TRACE_WRITE || c->kind == TRACE_TIME ||
	       (c->kind == TRACE_IOCTL && c->device == WIRE_DEV_EVTCHN &&
		c->cmd == IOCTL_EVTCHN_NOTIFY);
}

static bool are_of_stream(const struct recorder *r, uint32_t from)
{
	for (uint32_t i = from; i < r->script.n_steps; i++) {
		const struct step *s = &r->script.steps[i];

		if ((s->kind != STEP_CALL && s->kind != STEP_NOTE) || s->bind != NO_VAR ||
		    s->n_outs || s->hazard[0])
			return false;
	}
	return true;
}

static void start_over(struct recorder *r)
{
	r->stream.first = r->script.n_steps;
	r->stream.begun = r->stream.ready = false;
	r->stream.left_out = 0;
}

/* The middle begins here. */
static void begin(struct recorder *r)
{
	struct stream *s = &r->stream;
	struct stream_port *ports = reallocarray(s->ports_before, s->n_ports + 1, sizeof(*ports));

	if (!ports || !keep_pages(r, &s->before, &s->n_before)) {
		s->ports_before = ports ? ports : s->ports_before;
		r->script.failed = true;
		return;
	}
	memcpy(ports, s->ports, s->n_ports * sizeof(*ports));
	s->ports_before = ports;
	s->n_ports_before = s->n_ports;
	s->begun = true;
	s->middle = r->script.n_steps;
}

/* What is between goes. */
static void leave_out(struct recorder *r)
{
	struct stream *s = &r->stream;
	uint32_t end = r->script.n_steps;
	struct step *note;

	s->left_out += s->until - s->middle - s->put;
	note = script_step(&r->script, STEP_NOTE, NOBODY);
	scn_buf_printf(&note->text, "%llu steps of a stream are left out here%s.",
		       (unsigned long long)s->left_out,
		       r->stores == RECORD_STORES_NONE ? "" : "; stores of what they left follow");
	for (uint32_t i = 0; i < s->n_before && i < s->n_after; i++)
		if (s->before[i] && s->after[i])
			store_page(r, i, s->before[i], s->after[i]);
	s->put = r->script.n_steps - end;
	script_replace(&r->script, s->middle, s->until, end);
	r->last_store.len = 0;
	r->n_shortened = 0;
}

static void go_on(struct recorder *r)
{
	struct stream *s = &r->stream;

	if (!s->begun) {
		if (r->script.n_steps - s->first >= FIRST && is_quiet(s)) {
			begin(r);
			s->put = 0;
		}
		return;
	}
	if (!is_as_before(s) || r->script.n_steps - (s->ready ? s->until : s->middle) < LAST)
		return;
	/* The last moment that was so is long enough ago. */
	if (s->ready)
		leave_out(r);
	s->ready = keep_pages(r, &s->after, &s->n_after);
	s->until = r->script.n_steps;
}

void stream_call(struct recorder *r, const struct trace_call *c, uint32_t steps_before)
{
	follow_ports(r, c);
	if (r->stores != RECORD_STORES_CHANGED && r->stores != RECORD_STORES_NONE)
		return;
	if (!is_of_stream(c) || r->stream.overflow || !are_of_stream(r, steps_before)) {
		start_over(r);
		r->stream.overflow = false;
		return;
	}
	go_on(r);
}
