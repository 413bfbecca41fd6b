/* SPDX-License-Identifier: MIT */
/* A trace for programs: one object a line, whose members gntsim-trace(5) describes. */
#include "trace.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "lang/constants.h"
#include "lang/layout.h"
#include "lang/print_struct.h"

#define MOST_ITEMS 65536u
#define MOST_DEPTH 8u

/* Every name is a constant, and is there once. */
static void add(struct json_object *o, const char *name, struct json_object *value)
{
	json_object_object_add_ex(o, name, value,
				  JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_KEY_IS_CONSTANT);
}

static void add_number(struct json_object *o, const char *name, uint64_t value)
{
	add(o, name, json_object_new_uint64(value));
}

static void add_text(struct json_object *o, const char *name, const char *text)
{
	add(o, name, json_object_new_string(text));
}

static void finish_line(struct scn_buf *out, struct json_object *o)
{
	scn_buf_str(out, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	scn_buf_str(out, "\n");
	json_object_put(o);
}

static void begin(struct scn_buf *out)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "type", "gntsim-trace");
	add_number(o, "version", 1);
	finish_line(out, o);
}

/* ---- structures ---- */

struct builder {
	struct json_object *root;
	struct json_object *stack[MOST_DEPTH];
	unsigned int depth;
};

static void put(struct builder *b, const char *name, struct json_object *value)
{
	struct json_object *top = b->stack[b->depth - 1];

	if (json_object_is_type(top, json_type_array))
		json_object_array_add(top, value);
	else
		add(top, name ? name : "", value);
}

static void on_begin(void *ctx, const char *name, bool list)
{
	struct builder *b = ctx;
	struct json_object *o = list ? json_object_new_array() : json_object_new_object();

	if (b->depth > 0)
		put(b, name, o);
	else
		b->root = o;
	b->stack[b->depth++] = o;
}

static void on_end(void *ctx, bool list)
{
	struct builder *b = ctx;

	(void)list;
	b->depth--;
}

static void on_number(void *ctx, const char *name, int64_t value, enum scn_meaning meaning)
{
	(void)meaning;
	put(ctx, name, json_object_new_int64(value));
}

static void on_unknown(void *ctx, const char *name)
{
	put(ctx, name, NULL);
}

static void on_more(void *ctx, uint64_t n)
{
	(void)ctx;
	(void)n;
}

static struct json_object *structure(const struct scn_layout *layout, enum scn_way way,
				     const struct trace_call *c)
{
	struct builder b = {0};
	struct scn_visitor v = {&b, on_begin, on_end, on_number, on_unknown, on_more};

	scn_walk(layout, way, c->addr, way == SCN_WAY_IN ? trace_memory_before : trace_memory_after,
		 c->memory, MOST_ITEMS, &v);
	return b.root;
}

/* ---- calls ---- */

static void add_process(struct json_object *o, const struct trace_call *c)
{
	add_number(o, "domain", c->domid);
	if (c->program.pid == 0)
		return;
	add_number(o, "pid", c->program.pid);
	if (c->thread)
		add_number(o, "tid", c->thread);
	add_text(o, "program", c->program.name);
}

static void add_file(struct json_object *o, const struct trace_call *c)
{
	add_text(o, "device", trace_device_name(c->device));
	if (c->file)
		add_number(o, "file", c->file);
}

static void add_ports(struct json_object *o, const struct trace_call *c)
{
	struct json_object *list = json_object_new_array();

	for (uint32_t i = 0; i < c->n_ports; i++)
		json_object_array_add(list, json_object_new_uint64(c->ports[i]));
	add(o, "ports", list);
}

static void add_ioctl(struct json_object *o, const struct trace_call *c)
{
	const struct scn_ioctl *known = scn_ioctl_on(c->cmd, c->device == WIRE_DEV_GNTDEV);
	unsigned char byte;

	add_file(o, c);
	add_number(o, "number", c->cmd);
	add_number(o, "argument", c->addr);
	if (!known)
		return;
	add_text(o, "request", known->name);
	if (!known->layout || !c->memory || !trace_memory_before(c->memory, c->addr, &byte, 1))
		return;
	add(o, "in", structure(known->layout, SCN_WAY_IN, c));
	if (c->result >= 0 && scn_layout_has_results(known->layout))
		add(o, "out", structure(known->layout, SCN_WAY_OUT, c));
}

static void add_range(struct json_object *o, const struct trace_call *c)
{
	add_number(o, "address", c->addr);
	add_number(o, "length", c->len);
}

static void add_flags(struct json_object *o, const char *name, enum scn_flags family,
		      uint64_t value)
{
	scn_cleanup_buf struct scn_buf text = {0};

	scn_print_flags(&text, family, value);
	add_text(o, name, scn_buf_text(&text));
}

static void add_arguments(struct json_object *o, const struct trace_call *c)
{
	switch (c->kind) {
	case TRACE_OPEN:
		add_file(o, c);
		add_flags(o, "flags", SCN_FLAGS_OPEN,
			  (uint64_t)c->flags & (O_ACCMODE | O_NONBLOCK | O_CLOEXEC));
		break;
	case TRACE_IOCTL:
		add_ioctl(o, c);
		break;
	case TRACE_READ:
	case TRACE_WRITE:
		add_file(o, c);
		add_number(o, "length", c->len);
		add_ports(o, c);
		break;
	case TRACE_MMAP:
		add_file(o, c);
		add_range(o, c);
		add_flags(o, "prot", SCN_FLAGS_PROT, (uint64_t)c->prot);
		add_flags(o, "flags", SCN_FLAGS_MAP, (uint64_t)c->flags);
		add_number(o, "offset", c->offset);
		break;
	case TRACE_MUNMAP:
		add_range(o, c);
		break;
	case TRACE_MPROTECT:
		add_range(o, c);
		add_flags(o, "prot", SCN_FLAGS_PROT, (uint64_t)c->prot);
		break;
	case TRACE_MADVISE:
		add_range(o, c);
		add_number(o, "advice", (uint64_t)c->prot);
		break;
	case TRACE_MREMAP:
		add_range(o, c);
		add_number(o, "new_length", c->new_len);
		add_number(o, "new_address", c->new_addr);
		add_flags(o, "flags", SCN_FLAGS_MREMAP, (uint64_t)c->flags);
		break;
	case TRACE_JOIN:
		add_text(o, "guest", c->guest == 1 ? "pv" : "pvh");
		break;
	case TRACE_ATTACH:
		add_file(o, c);
		add_number(o, "opener", c->opener.pid);
		break;
	case TRACE_CLOSE:
		add_file(o, c);
		add(o, "exiting", json_object_new_boolean(c->exiting));
		break;
	case TRACE_END:
		add(o, "exiting", json_object_new_boolean(c->exiting));
		break;
	case TRACE_ADVANCE:
		add_number(o, "ns", c->len);
		break;
	case TRACE_DESTROY:
		add_number(o, "destroyed", c->peer);
		break;
	case TRACE_FORK:
	case TRACE_TIME:
		break;
	}
}

static const char *type_of(enum trace_kind kind)
{
	static const char *const names[] = {
	    [TRACE_JOIN] = "process", [TRACE_ATTACH] = "attach",   [TRACE_CLOSE] = "close",
	    [TRACE_END] = "end",      [TRACE_ADVANCE] = "advance", [TRACE_DESTROY] = "destroy",
	    [TRACE_TIME] = "time",
	};
	const char *name = trace_call_name(kind);

	return name ? "call" : names[kind];
}

/* What was seen is written already, an object and a comma each: it goes in as the last member. */
static void add_seen(struct scn_buf *out, struct json_object *o, struct scn_buf *seen)
{
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);

	scn_buf_add(out, text, strlen(text) - 1);
	scn_buf_str(out, ",\"seen\":[");
	scn_buf_add(out, scn_buf_text(seen), seen->len - 1);
	scn_buf_str(out, "]}\n");
	json_object_put(o);
	scn_buf_clear(seen);
}

static void call(struct scn_buf *out, struct scn_buf *seen, const struct trace_call *c, uint64_t us)
{
	const char *name = trace_call_name(c->kind);
	struct json_object *o;
	char real[32];

	if (c->kind == TRACE_TIME && seen->len == 0)
		return;
	o = json_object_new_object();
	add_text(o, "type", type_of(c->kind));
	snprintf(real, sizeof(real), "%llu.%06u", (unsigned long long)(us / 1000000),
		 (unsigned int)(us % 1000000));
	add(o, "time", json_object_new_double_s((double)us / 1e6, real));
	add_number(o, "virtual_ns", c->now);
	add_process(o, c);
	if (name)
		add_text(o, "call", name);
	add_arguments(o, c);
	if (name && c->result < 0) {
		const char *err = scn_errno_name((int)-c->result);

		add(o, "result", json_object_new_int64(-1));
		if (err)
			add_text(o, "errno", err);
		else
			add_number(o, "errno", (uint64_t)-c->result);
	} else if (name) {
		add(o, "result", json_object_new_int64(c->result));
	}
	if (seen->len) {
		add_seen(out, o, seen);
		return;
	}
	finish_line(out, o);
}

/* ---- what happens inside ---- */

static void add_grant(struct json_object *o, const struct gntsim_observation *s)
{
	uint16_t flags = s->entry.flags;

	add_number(o, "ref", s->ref);
	add(o, "live", json_object_new_boolean((flags & GNTSIM_GTF_TYPE_MASK) != 0));
	add_number(o, "to", s->entry.domid);
	add_number(o, "frame", s->entry.frame);
	add(o, "readonly", json_object_new_boolean((flags & GNTSIM_GTF_READONLY) != 0));
	add(o, "reading", json_object_new_boolean((flags & GNTSIM_GTF_READING) != 0));
	add(o, "writing", json_object_new_boolean((flags & GNTSIM_GTF_WRITING) != 0));
	add_number(o, "pins", s->pins);
	if (s->pins)
		add_number(o, "by", s->peer);
}

static void add_port(struct json_object *o, const struct gntsim_observation *s)
{
	static const char *const states[] = {"free", "unbound", "interdomain", "virq"};
	const struct gntsim_port_status *p = &s->port_status;

	add_number(o, "port", s->port);
	add_text(o, "state", states[p->state]);
	if (p->state == GNTSIM_PORT_VIRQ)
		add_number(o, "virq", p->virq);
	else if (p->state != GNTSIM_PORT_FREE)
		add_number(o, "remote_domain", p->remote_domid);
	if (p->state == GNTSIM_PORT_INTERDOMAIN)
		add_number(o, "remote_port", p->remote_port);
}

static void add_notified(struct json_object *o, const struct gntsim_observation *s)
{
	add_text(o, "device", trace_device_name((enum wire_device)s->device));
	if (s->device == GNTSIM_DEV_GNTALLOC)
		add_number(o, "ref", s->ref);
	else
		add_number(o, "index", s->index);
}

static void add_observation(struct json_object *o, const struct gntsim_observation *s)
{
	switch (s->kind) {
	case GNTSIM_SAW_GRANT:
		add_grant(o, s);
		break;
	case GNTSIM_SAW_DEFERRED:
		add_number(o, "ref", s->ref);
		add_number(o, "frame", s->frame);
		break;
	case GNTSIM_SAW_HANDLE_TAKEN:
	case GNTSIM_SAW_HANDLE_FREED:
		add_number(o, "handle", s->handle);
		add_number(o, "granter", s->peer);
		add_number(o, "ref", s->ref);
		add_number(o, "flags", s->flags);
		break;
	case GNTSIM_SAW_MAP_REFUSED:
		add_number(o, "granter", s->peer);
		add_number(o, "ref", s->ref);
		add(o, "status", json_object_new_int(s->status));
		break;
	case GNTSIM_SAW_PORT:
		add_port(o, s);
		break;
	case GNTSIM_SAW_PENDING:
		add_number(o, "port", s->port);
		break;
	case GNTSIM_SAW_EVENT:
		add_number(o, "port", s->port);
		add(o, "overflow", json_object_new_boolean(s->overflow));
		break;
	case GNTSIM_SAW_NOTIFY_SET:
		add_notified(o, s);
		add_number(o, "action", s->action);
		add_number(o, "offset", s->offset);
		add_number(o, "port", s->port);
		add(o, "replaced", json_object_new_boolean(s->replaced));
		break;
	case GNTSIM_SAW_NOTIFY_BYTE:
		add_notified(o, s);
		add_number(o, "frame", s->frame);
		add_number(o, "offset", s->offset);
		break;
	case GNTSIM_SAW_NOTIFY_EVENT:
		add_notified(o, s);
		add_number(o, "port", s->port);
		break;
	case GNTSIM_SAW_REVOKED:
		add_number(o, "address", s->addr);
		add_number(o, "length", s->len);
		break;
	case GNTSIM_SAW_MAP_FREED:
		add_number(o, "index", s->index);
		add_number(o, "count", s->count);
		break;
	case GNTSIM_SAW_RELEASE:
		add_text(o, "device", trace_device_name((enum wire_device)s->device));
		break;
	case GNTSIM_SAW_MM_END:
	case GNTSIM_SAW_DOMAIN:
	case GNTSIM_SAW_DESTROY:
	case GNTSIM_SAW_BURIED:
		break;
	}
}

static void saw(struct scn_buf *seen, const struct gntsim_observation *s)
{
	struct json_object *o = json_object_new_object();

	add_text(o, "what", gntsim_observation_name(s->kind));
	add_number(o, "domain", s->domid);
	add_observation(o, s);
	scn_buf_str(seen, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	scn_buf_str(seen, ",");
	json_object_put(o);
}

static uint32_t lines(const struct trace_call *c, uint32_t n_seen)
{
	return c->kind == TRACE_TIME && n_seen == 0 ? 0 : 1;
}

const struct trace_format trace_json = {"json", begin, call, saw, lines};
