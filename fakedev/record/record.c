/* SPDX-License-Identifier: MIT */
#include "recorder.h"
#include "stops/stops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_TEXT (1u << 20) /* that a player reads */

void not_expressed(struct recorder *r, uint32_t process, const char *what)
{
	struct missing m = {what, r->world.processes[process].script};

	for (uint32_t i = 0; i < r->n_missing; i++)
		if (r->missing[i].what == what && r->missing[i].process == m.process)
			return;
	if (r->n_missing < sizeof(r->missing) / sizeof(r->missing[0]))
		r->missing[r->n_missing++] = m;
}

/* Each thing once, unless it is of a process that is left out. */
static void put_missing(struct recorder *r)
{
	for (uint32_t i = 0; i < r->n_missing; i++) {
		const struct missing *m = &r->missing[i];

		if (!r->script.processes[m->process].ignored &&
		    !strstr(scn_buf_text(&r->missing_text), m->what))
			scn_buf_printf(&r->missing_text, "# not expressed: %s\n", m->what);
	}
}

static struct granted *granted_of(struct recorder *r, uint16_t domid)
{
	struct granted *more;

	for (uint32_t i = 0; i < r->n_granted; i++)
		if (r->granted[i].domid == domid)
			return &r->granted[i];
	more = record_more(r->granted, r->n_granted, &r->room_granted, sizeof(*r->granted));
	if (!more)
		return NULL;
	r->granted = more;
	r->granted[r->n_granted].domid = domid;
	return &r->granted[r->n_granted++];
}

uint32_t record_frame_of(const struct recorder *r, uint16_t domid, uint32_t ref)
{
	for (uint32_t i = 0; i < r->n_granted; i++)
		if (r->granted[i].domid == domid && ref < r->granted[i].n)
			return r->granted[i].frames[ref];
	return UINT32_MAX;
}

static void saw_grant(struct recorder *r, const struct gntsim_observation *o)
{
	struct granted *g = granted_of(r, o->domid);

	if (!g)
		return;
	if (o->ref >= g->n) {
		uint32_t n = o->ref + 64;
		uint32_t *more = reallocarray(g->frames, n, sizeof(*more));

		if (!more)
			return;
		for (uint32_t i = g->n; i < n; i++)
			more[i] = UINT32_MAX;
		g->frames = more;
		g->n = n;
	}
	if (!(o->entry.flags & GNTSIM_GTF_TYPE_MASK) && g->frames[o->ref] != UINT32_MAX)
		pages_fresh(r, g->frames[o->ref]);
	g->frames[o->ref] = o->entry.flags & GNTSIM_GTF_TYPE_MASK ? o->entry.frame : UINT32_MAX;
}

static void on_saw(void *ctx, const struct gntsim_observation *o)
{
	struct recorder *r = ctx;

	if (r->also)
		r->also->saw(r->also->ctx, o);
	r->n_seen++;
	r->grants_seen |= o->kind == GNTSIM_SAW_GRANT;
	r->notified |= o->kind == GNTSIM_SAW_NOTIFY_BYTE || o->kind == GNTSIM_SAW_NOTIFY_EVENT;
	if (o->kind == GNTSIM_SAW_GRANT)
		saw_grant(r, o);
	else if (o->kind == GNTSIM_SAW_DOMAIN)
		script_domain(&r->script, o->domid);
	else if (o->kind == GNTSIM_SAW_NOTIFY_BYTE && r->n_cleared < 16)
		r->cleared[r->n_cleared++] = (struct cleared){o->frame, o->offset % PAGE};
	stream_saw(r, o);
}

static void on_hazard(void *ctx, const char *name)
{
	struct recorder *r = ctx;

	strncpy(r->hazard, name, sizeof(r->hazard) - 1);
}

static void forget_call(struct recorder *r)
{
	r->n_seen = r->n_cleared = 0;
	r->grants_seen = r->notified = false;
	r->hazard[0] = '\0';
	r->main_step = UINT32_MAX;
}

static void on_store(void *ctx, const struct stops_store *s)
{
	struct recorder *r = ctx;

	if (!r->script.failed)
		pages_stored(r, (uint32_t)s->pid, s->addr, s->offset, s->bytes, s->len);
}

void record_take_stores(struct recorder *r)
{
	if (r->stops)
		stops_take(r->stops, false, on_store, r);
}

void record_stops(struct recorder *r, struct stops *stops)
{
	r->stops = stops;
}

static void on_call(void *ctx, const struct trace_call *c)
{
	struct recorder *r = ctx;
	const struct process *caller;
	uint32_t before = r->script.n_steps;

	if (r->also)
		r->also->call(r->also->ctx, c);
	if (r->script.failed)
		return;
	/* What the machine has cleared nobody has stored. */
	for (uint32_t i = 0; i < r->n_cleared; i++)
		pages_written(r, c->frames, r->cleared[i].frame, r->cleared[i].offset, 1, 1);
	/* Whoever has seen a store, and calls now, has seen one that was made before. */
	if (r->stops)
		stops_take(r->stops, true, on_store, r);
	caller = world_find_process(&r->world, c->program.pid);
	pages_compare(r, c, caller ? (uint32_t)(caller - r->world.processes) : NOBODY);
	record_call(r, c);
	if (r->hazard[0] && r->main_step < r->script.n_steps)
		memcpy(r->script.steps[r->main_step].hazard, r->hazard, sizeof(r->hazard));
	pages_show_cleared(r);
	stream_call(r, c, before);
	forget_call(r);
}

static uint64_t on_line(void *ctx)
{
	const struct recorder *r = ctx;

	return r->also ? r->also->line(r->also->ctx) : 0;
}

static bool on_flush(void *ctx, enum trace_flush when)
{
	struct recorder *r = ctx;

	return r->also ? r->also->flush(r->also->ctx, when) : false;
}

struct recorder *record_new(const char *path, enum record_stores stores,
			    const struct broker_trace *also)
{
	struct recorder *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (r->fd < 0) {
		free(r);
		return NULL;
	}
	r->stores = stores;
	r->also = also;
	r->world.script = &r->script;
	r->hooks = (struct broker_trace){.ctx = r,
					 .call = on_call,
					 .before_answer = true,
					 .saw = on_saw,
					 .hazard = on_hazard,
					 .line = on_line,
					 .flush = on_flush};
	forget_call(r);
	return r;
}

const struct broker_trace *record_hooks(struct recorder *r)
{
	return &r->hooks;
}

void record_leave_out(struct recorder *r, uint32_t pid)
{
	const struct process *p = world_find_process(&r->world, pid);
	uint32_t *more =
	    record_more(r->left_out, r->n_left_out, &r->room_left_out, sizeof(*r->left_out));

	if (p)
		r->script.processes[p->script].ignored = true;
	if (!more) {
		r->script.failed = true;
		return;
	}
	r->left_out = more;
	r->left_out[r->n_left_out++] = pid;
}

void record_machine(struct recorder *r, const struct broker_config *config)
{
	struct script *s = &r->script;

	r->deaths = config->deaths;
	s->kernel = config->kernel;
	s->dmabufs = config->dmabufs;
	memcpy(s->limits, config->limits, sizeof(s->limits));
	for (unsigned int i = 0; i < config->n_domains; i++) {
		struct script_domain *d = script_domain(s, (uint16_t)config->domains[i].domid);

		if (!d)
			continue;
		d->guest = config->domains[i].guest;
		memcpy(d->limits, config->domains[i].limits, sizeof(d->limits));
	}
}

static int write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, text, n);

		if (done < 0 && errno != EINTR)
			return errno;
		if (done > 0) {
			text += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

static void put_head(const struct recorder *r, struct scn_buf *head)
{
	static const char *const stores[] = {
	    [RECORD_STORES_CHANGED] = "what changed a shared page, of long ones the beginning",
	    [RECORD_STORES_ALL] = "what changed a shared page",
	    [RECORD_STORES_NONE] = "none",
	    [RECORD_STORES_EXACT] = "each that changed a shared page, as it was made",
	};

	scn_buf_str(head, "# Rule: what was recorded comes back.\n"
			  "# Source: gntsim record.\n");
	scn_buf_printf(head, "# Stores: %s.\n", stores[r->stores]);
	scn_buf_str(head, scn_buf_text(&r->missing_text));
}

void record_write(struct recorder *r, struct record_result *out)
{
	scn_cleanup_buf struct scn_buf head = {0};

	*out = (struct record_result){0};
	put_missing(r);
	put_head(r, &head);
	script_write(&r->script, scn_buf_text(&head), &r->out);
	for (uint32_t i = 0; i < r->script.n_steps; i++)
		out->uncertain += r->script.steps[i].unsure && !r->script.steps[i].left_out;
	out->not_expressed = scn_buf_text(&r->missing_text);
	out->too_long = r->out.len > MOST_TEXT;
	out->err = r->script.failed ? ENOMEM : write_all(r->fd, scn_buf_text(&r->out), r->out.len);
	if (close(r->fd) < 0 && !out->err)
		out->err = errno;
	r->fd = -1;
}

void record_free(struct recorder *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	stream_free(&r->stream);
	pages_free(r);
	world_free(&r->world);
	script_free(&r->script);
	for (uint32_t i = 0; i < r->n_granted; i++)
		free(r->granted[i].frames);
	free(r->granted);
	free(r->gone);
	free(r->left_out);
	scn_buf_free(&r->out);
	scn_buf_free(&r->missing_text);
	free(r);
}
