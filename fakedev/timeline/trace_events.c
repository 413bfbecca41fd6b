/* SPDX-License-Identifier: MIT */
/*
 * The Trace Event Format, as "traceEvents" of an object. A process of the trace is a process there, with
 * a thread for its calls (complete events, X) and one for the events that reach it, between which
 * arrows are flows (s, f); lives of grants and maps are nestable asynchronous events (b, n, e); marks are
 * instants (i). What no process did is a process whose number no kernel gives.
 */
#include <stdlib.h>

#include "model.h"

/* Linux: at most 2^22 processes. */
#define NO_PROCESS     (1u << 23)
#define CALLS_THREAD   1
#define ARRIVED_THREAD 2
/* A call's own time is not in a trace: for a viewer it must have one. */
#define SHORT_NS 500u

struct writer {
	struct timeline *t;
	struct scn_buf *out;
	uint64_t *begun;   /* of each call, ns: no two of a lane cover each other */
	uint64_t *arrived; /* of each lane, where its last event ended */
	bool any;
};

static uint32_t pid_of(const struct writer *w, uint32_t lane)
{
	const struct tl_lane *l = &w->t->lanes[lane];

	return l->pid ? l->pid : NO_PROCESS + l->domain;
}

static void begin(struct writer *w, const char *name, const char *phase)
{
	scn_buf_str(w->out, w->any ? ",\n{\"name\":\"" : "\n{\"name\":\"");
	tl_escape_json(w->out, name);
	scn_buf_printf(w->out, "\",\"ph\":\"%s\"", phase);
	w->any = true;
}

static void at(struct writer *w, uint32_t lane, unsigned int thread, uint64_t ns)
{
	scn_buf_printf(w->out, ",\"pid\":%u,\"tid\":%u,\"ts\":%llu.%03u", pid_of(w, lane), thread,
		       (unsigned long long)(ns / 1000), (unsigned int)(ns % 1000));
}

static void text(struct writer *w, const char *name, const char *value)
{
	scn_buf_printf(w->out, "\"%s\":\"", name);
	tl_escape_json(w->out, value);
	scn_buf_str(w->out, "\"");
}

static void name_it(struct writer *w, const char *what, uint32_t lane, unsigned int thread,
		    const char *name)
{
	begin(w, what, "M");
	scn_buf_printf(w->out, ",\"pid\":%u,\"tid\":%u,\"args\":{", pid_of(w, lane), thread);
	text(w, "name", name);
	scn_buf_str(w->out, "}}");
}

static void write_lane(struct writer *w, uint32_t place)
{
	uint32_t n = w->t->order[place];
	const struct tl_lane *l = &w->t->lanes[n];
	scn_cleanup_buf struct scn_buf name = {0};

	if (!l->shown)
		return;
	scn_buf_printf(&name, "dom%u: %s", l->domain, l->pid ? l->program : "no process");
	name_it(w, "process_name", n, CALLS_THREAD, scn_buf_text(&name));
	name_it(w, "thread_name", n, CALLS_THREAD, "calls");
	name_it(w, "thread_name", n, ARRIVED_THREAD, "events that reach it");
	begin(w, "process_sort_index", "M");
	scn_buf_printf(w->out, ",\"pid\":%u,\"args\":{\"sort_index\":%u}}", pid_of(w, n), place);
}

static void write_call(struct writer *w, uint32_t n, uint64_t *busy)
{
	const struct tl_call *c = &w->t->calls[n];
	const char *words = w->t->texts.data + c->text;
	uint64_t ns = c->us * 1000;

	if (!w->t->lanes[c->lane].shown)
		return;
	if (ns < busy[c->lane])
		ns = busy[c->lane];
	w->begun[n] = ns;
	busy[c->lane] = ns + SHORT_NS;
	begin(w, words, "X");
	scn_buf_str(w->out, ",\"cat\":\"call\"");
	at(w, c->lane, CALLS_THREAD, ns);
	scn_buf_printf(w->out, ",\"dur\":0.%u,\"args\":{\"line\":%u", SHORT_NS, c->line);
	if (w->t->texts.data[c->seen]) {
		scn_buf_str(w->out, ",");
		text(w, "did", w->t->texts.data + c->seen);
	}
	scn_buf_str(w->out, "}}");
}

static void write_life_part(struct writer *w, uint32_t n, const char *phase, const char *name,
			    uint32_t call)
{
	const struct tl_item *i = &w->t->items[n];

	begin(w, name, phase);
	scn_buf_printf(w->out, ",\"cat\":\"%s\",\"id\":\"%u\"",
		       i->kind == TL_GRANT ? "grant" : "map", n);
	at(w, i->lane, CALLS_THREAD, w->t->calls[call].us * 1000);
}

static void write_life(struct writer *w, uint32_t n)
{
	static const char *const states[] = {"granted", "mapped", "deferred"};
	const struct tl_item *i = &w->t->items[n];
	uint32_t end = i->to == TL_NONE ? w->t->n_calls - 1 : i->to;

	write_life_part(w, n, "b", tl_name(i), i->from);
	scn_buf_printf(w->out, ",\"args\":{\"ends\":%s}}", i->to == TL_NONE ? "false" : "true");
	for (uint32_t k = 0; k < i->n_parts; k++) {
		uint32_t stop = k + 1 < i->n_parts ? i->parts[k + 1].call : end;

		write_life_part(w, n, "b", states[i->parts[k].state], i->parts[k].call);
		scn_buf_str(w->out, "}");
		write_life_part(w, n, "e", states[i->parts[k].state], stop);
		scn_buf_str(w->out, "}");
	}
	write_life_part(w, n, "e", tl_name(i), end);
	scn_buf_str(w->out, "}");
}

static void write_mark(struct writer *w, const struct tl_item *i)
{
	bool wide = i->mark == TL_ENDED || i->mark == TL_DESTROYED;

	begin(w, tl_name(i), "i");
	scn_buf_printf(w->out, ",\"cat\":\"mark\",\"s\":\"%s\"", wide ? "p" : "t");
	at(w, i->lane, CALLS_THREAD, w->begun[i->from]);
	scn_buf_str(w->out, "}");
}

static void write_flow(struct writer *w, uint32_t n, const char *phase, uint32_t lane,
		       unsigned int thread, uint64_t ns)
{
	begin(w, "event", phase);
	scn_buf_printf(w->out, ",\"cat\":\"event\",\"id\":%u%s", n,
		       *phase == 'f' ? ",\"bp\":\"e\"" : "");
	at(w, lane, thread, ns);
	scn_buf_str(w->out, "}");
}

static void write_event(struct writer *w, uint32_t n)
{
	const struct tl_item *i = &w->t->items[n];
	uint32_t from = w->t->calls[i->from].lane;
	uint64_t ns = w->begun[i->from];

	if (ns < w->arrived[i->target])
		ns = w->arrived[i->target];
	w->arrived[i->target] = ns + SHORT_NS;
	begin(w, tl_name(i), "X");
	scn_buf_str(w->out, ",\"cat\":\"event\"");
	at(w, i->target, ARRIVED_THREAD, ns);
	scn_buf_printf(w->out, ",\"dur\":0.%u,\"args\":{", SHORT_NS);
	text(w, "sent by", w->t->texts.data + w->t->calls[i->from].text);
	scn_buf_str(w->out, "}}");
	if (!w->t->lanes[from].shown)
		return;
	write_flow(w, n, "s", from, CALLS_THREAD, w->begun[i->from]);
	write_flow(w, n, "f", i->target, ARRIVED_THREAD, ns);
}

static void write_all(struct writer *w, uint64_t *busy)
{
	for (uint32_t i = 0; i < w->t->n_lanes; i++)
		write_lane(w, i);
	for (uint32_t i = 0; i < w->t->n_calls; i++)
		write_call(w, i, busy);
	for (uint32_t i = 0; i < w->t->n_items; i++) {
		if (tl_is_span(&w->t->items[i]))
			write_life(w, i);
		else if (w->t->items[i].kind == TL_EVENT)
			write_event(w, i);
		else
			write_mark(w, &w->t->items[i]);
	}
}

void timeline_write_trace_events(struct timeline *t, const struct timeline_view *view,
				 struct scn_buf *out)
{
	uint64_t *busy = calloc(t->n_lanes, sizeof(*busy));
	struct writer w = {t, out, calloc(t->n_calls, sizeof(uint64_t)),
			   calloc(t->n_lanes, sizeof(uint64_t)), false};

	scn_buf_str(out, "{\"displayTimeUnit\":\"ns\",\"otherData\":{");
	text(&w, "title", view->title);
	scn_buf_str(out, "},\"traceEvents\":[");
	if (busy && w.begun && w.arrived)
		write_all(&w, busy);
	else
		t->failed = true;
	scn_buf_str(out, "\n]}\n");
	free(busy);
	free(w.begun);
	free(w.arrived);
}
