/* SPDX-License-Identifier: MIT */
/* A line of a trace, back from its object. */
#include "line.h"

#include <stdlib.h>
#include <string.h>

#include "lang/constants.h"
#include "structure.h"

#define PAGE_MASK (GNTSIM_PAGE_SIZE - 1u)
/* Of MAP_GRANT_REF: a history may forget the rest. */
#define MOST_REFS 65536u

struct reading {
	struct tl_line *line;
	struct json_object *o;
	struct scn_buf *why;
	bool ok;
};

static uint64_t number(struct reading *r, const char *name, uint64_t most)
{
	uint64_t value = 0;

	r->ok = r->ok && tl_number(r->o, name, most, &value, r->why);
	return value;
}

static bool has(const struct reading *r, const char *name)
{
	return json_object_object_get_ex(r->o, name, NULL);
}

static uint64_t number_if(struct reading *r, const char *name, uint64_t most)
{
	return has(r, name) ? number(r, name, most) : 0;
}

/* "PROT_READ|0x8" */
static int32_t flags(struct reading *r, const char *name)
{
	const char *text = r->ok ? tl_text(r->o, name, r->why) : NULL;
	uint64_t all = 0;

	r->ok = text != NULL;
	while (r->ok && *text) {
		size_t n = strcspn(text, "|");
		int64_t value;
		char *end;

		if (!scn_constant_find((struct scn_str){text, n}, &value)) {
			value = (int64_t)strtoull(text, &end, 0);
			if (end != text + n || n == 0) {
				scn_buf_printf(r->why, "member \"%s\": '", name);
				scn_buf_clean(r->why, text, n < 40 ? n : 40, "");
				scn_buf_str(r->why, "' is no flag");
				r->ok = false;
			}
		}
		all |= (uint64_t)value;
		text += n + (text[n] == '|');
	}
	return (int32_t)all;
}

static void read_kind(struct reading *r)
{
	static const char *const types[] = {
	    [TRACE_JOIN] = "process", [TRACE_ATTACH] = "attach",   [TRACE_CLOSE] = "close",
	    [TRACE_END] = "end",      [TRACE_ADVANCE] = "advance", [TRACE_DESTROY] = "destroy",
	    [TRACE_TIME] = "time",    [TRACE_FORK] = "call",
	};
	static const char *const calls[] = {
	    [TRACE_FORK] = "fork",     [TRACE_OPEN] = "open",         [TRACE_IOCTL] = "ioctl",
	    [TRACE_READ] = "read",     [TRACE_WRITE] = "write",       [TRACE_MMAP] = "mmap",
	    [TRACE_MUNMAP] = "munmap", [TRACE_MPROTECT] = "mprotect", [TRACE_MADVISE] = "madvise",
	    [TRACE_MREMAP] = "mremap",
	};
	int kind = tl_word(r->o, "type", types, sizeof(types) / sizeof(types[0]), r->why);

	if (kind == TRACE_FORK)
		kind = tl_word(r->o, "call", calls, sizeof(calls) / sizeof(calls[0]), r->why);
	r->ok = kind >= 0;
	if (r->ok)
		r->line->call.kind = (enum trace_kind)kind;
}

static void read_time(struct reading *r)
{
	struct json_object *value;
	double seconds;

	if (!json_object_object_get_ex(r->o, "time", &value) ||
	    !(json_object_is_type(value, json_type_double) ||
	      json_object_is_type(value, json_type_int)) ||
	    !((seconds = json_object_get_double(value)) >= 0 && seconds < 1e9)) {
		scn_buf_str(r->why, "member \"time\": expected seconds");
		r->ok = false;
		return;
	}
	r->line->us = (uint64_t)(seconds * 1e6 + 0.5);
}

static void read_process(struct reading *r)
{
	struct trace_call *c = &r->line->call;
	const char *name;

	c->domid = (uint16_t)number_if(r, "domain", UINT16_MAX);
	c->program.pid = (uint32_t)number_if(r, "pid", INT32_MAX);
	c->thread = (uint32_t)number_if(r, "tid", INT32_MAX);
	if (!r->ok || !has(r, "program"))
		return;
	name = tl_text(r->o, "program", r->why);
	r->ok = name != NULL;
	/* A program calls itself what it likes. */
	for (size_t i = 0; name && name[i] && i < sizeof(c->program.name) - 1; i++)
		c->program.name[i] = name[i] >= ' ' && name[i] <= '~' ? name[i] : '?';
}

static void read_file(struct reading *r)
{
	struct trace_call *c = &r->line->call;

	r->ok = r->ok && tl_device(r->o, &c->device, r->why);
	c->file = (uint32_t)number_if(r, "file", UINT32_MAX);
}

static void read_ports(struct reading *r)
{
	struct tl_line *line = r->line;
	struct json_object *list;
	uint32_t *ports;
	size_t n;

	if (!r->ok || !json_object_object_get_ex(r->o, "ports", &list))
		return;
	if (!json_object_is_type(list, json_type_array)) {
		scn_buf_str(r->why, "member \"ports\": expected a list");
		r->ok = false;
		return;
	}
	n = json_object_array_length(list);
	ports = n ? calloc(n, sizeof(*ports)) : NULL;
	for (size_t i = 0; ports && i < n; i++)
		ports[i] = (uint32_t)json_object_get_int64(json_object_array_get_idx(list, i));
	line->call.ports = ports;
	line->call.n_ports = ports ? (uint32_t)n : 0;
}

/* The granter and reference of each element, of what MAP_GRANT_REF is handed. */
static void find_refs(struct tl_line *line, struct json_object *structure)
{
	struct json_object *list, *domain, *ref;

	if (!json_object_object_get_ex(structure, "refs", &list) ||
	    !json_object_is_type(list, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(list) && i < MOST_REFS; i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		struct tl_ref *at;

		if (!json_object_is_type(one, json_type_object) ||
		    !json_object_object_get_ex(one, "domid", &domain) ||
		    !json_object_object_get_ex(one, "ref", &ref))
			continue;
		at = tl_grow(NULL, &line->refs, sizeof(*at), &line->n_refs, &line->refs_room);
		if (!at)
			return;
		at->domain = (uint16_t)json_object_get_int64(domain);
		at->ref = (uint32_t)json_object_get_int64(ref);
	}
}

static void find_index(struct tl_line *line, struct json_object *structure)
{
	struct json_object *index;

	if (!json_object_object_get_ex(structure, "index", &index) ||
	    !json_object_is_type(index, json_type_int))
		return;
	line->index = json_object_get_uint64(index) & ~(uint64_t)PAGE_MASK;
	line->has_index = true;
}

static void read_structure(struct reading *r, const char *name, const struct scn_ioctl *known,
			   struct scn_buf *text, const char **out)
{
	struct json_object *structure;

	if (!json_object_object_get_ex(r->o, name, &structure) ||
	    !json_object_is_type(structure, json_type_object) || !known || !known->layout)
		return;
	tl_print_structure(text, known->layout, structure);
	*out = scn_buf_text(text);
	find_index(r->line, structure);
	find_refs(r->line, structure);
}

static void read_ioctl(struct reading *r)
{
	struct tl_line *line = r->line;
	const struct scn_ioctl *known = NULL;
	const char *name;

	read_file(r);
	line->call.cmd = (uint32_t)number(r, "number", UINT32_MAX);
	line->call.addr = number(r, "argument", UINT64_MAX);
	if (!r->ok || !has(r, "request"))
		return;
	name = tl_text(r->o, "request", r->why);
	r->ok = name != NULL;
	if (name)
		known = scn_ioctl_by_name((struct scn_str){name, strlen(name)});
	read_structure(r, "in", known, &line->in, &line->call.in);
	read_structure(r, "out", known, &line->out, &line->call.out);
}

static void read_range(struct reading *r)
{
	r->line->call.addr = number(r, "address", UINT64_MAX);
	r->line->call.len = number(r, "length", UINT64_MAX);
}

static void read_arguments(struct reading *r)
{
	struct trace_call *c = &r->line->call;
	static const char *const guests[] = {[1] = "pv", [2] = "pvh"};
	int guest;

	switch (c->kind) {
	case TRACE_OPEN:
		read_file(r);
		c->flags = flags(r, "flags");
		break;
	case TRACE_IOCTL:
		read_ioctl(r);
		break;
	case TRACE_READ:
	case TRACE_WRITE:
		read_file(r);
		c->len = number(r, "length", UINT64_MAX);
		read_ports(r);
		break;
	case TRACE_MMAP:
		read_file(r);
		read_range(r);
		c->prot = flags(r, "prot");
		c->flags = flags(r, "flags");
		c->offset = number(r, "offset", UINT64_MAX);
		r->line->index = c->offset;
		r->line->has_index = true;
		break;
	case TRACE_MUNMAP:
		read_range(r);
		break;
	case TRACE_MPROTECT:
		read_range(r);
		c->prot = flags(r, "prot");
		break;
	case TRACE_MADVISE:
		read_range(r);
		c->prot = (int32_t)number(r, "advice", UINT32_MAX);
		break;
	case TRACE_MREMAP:
		read_range(r);
		c->new_len = number(r, "new_length", UINT64_MAX);
		c->new_addr = number(r, "new_address", UINT64_MAX);
		c->flags = flags(r, "flags");
		break;
	case TRACE_JOIN:
		guest = tl_word(r->o, "guest", guests, 3, r->why);
		r->ok = r->ok && guest > 0;
		c->guest = guest > 0 ? (uint32_t)guest : 0;
		break;
	case TRACE_ATTACH:
		read_file(r);
		c->opener.pid = (uint32_t)number(r, "opener", INT32_MAX);
		break;
	case TRACE_CLOSE:
		read_file(r);
		r->ok = r->ok && tl_bool(r->o, "exiting", &c->exiting, r->why);
		break;
	case TRACE_END:
		r->ok = r->ok && tl_bool(r->o, "exiting", &c->exiting, r->why);
		break;
	case TRACE_ADVANCE:
		c->len = number(r, "ns", UINT64_MAX);
		break;
	case TRACE_DESTROY:
		c->peer = (uint16_t)number(r, "destroyed", UINT16_MAX);
		break;
	case TRACE_FORK:
	case TRACE_TIME:
		break;
	}
}

static void read_result(struct reading *r)
{
	struct json_object *result, *err;

	if (!r->ok || !json_object_object_get_ex(r->o, "result", &result))
		return;
	r->line->call.result = json_object_get_int64(result);
	if (r->line->call.result >= 0)
		return;
	if (!json_object_object_get_ex(r->o, "errno", &err)) {
		scn_buf_str(r->why, "member \"errno\" is missing");
		r->ok = false;
	} else if (json_object_is_type(err, json_type_string)) {
		const char *name = json_object_get_string(err);

		r->line->call.result = -scn_errno_find((struct scn_str){name, strlen(name)});
	} else {
		r->line->call.result = -json_object_get_int64(err);
	}
	if (r->ok && r->line->call.result >= 0) {
		scn_buf_str(r->why, "member \"errno\": no such error");
		r->ok = false;
	}
}

static void read_seen(struct reading *r, const struct timeline_words *words)
{
	struct tl_line *line = r->line;
	struct json_object *list;

	if (!r->ok || !json_object_object_get_ex(r->o, "seen", &list))
		return;
	if (!json_object_is_type(list, json_type_array)) {
		scn_buf_str(r->why, "member \"seen\": expected a list");
		r->ok = false;
		return;
	}
	for (size_t i = 0; r->ok && i < json_object_array_length(list); i++) {
		struct gntsim_observation *s =
		    tl_grow(NULL, &line->seen, sizeof(*s), &line->n_seen, &line->seen_room);

		r->ok = s && tl_parse_seen(s, json_object_array_get_idx(list, i), r->why);
		if (r->ok)
			words->saw(&line->seen_text, s);
	}
}

static void forget(struct tl_line *line)
{
	free((void *)(uintptr_t)line->call.ports);
	line->call = (struct trace_call){0};
	scn_buf_clear(&line->in);
	scn_buf_clear(&line->out);
	scn_buf_clear(&line->seen_text);
	line->n_seen = line->n_refs = 0;
	line->has_index = false;
}

bool tl_parse_line(struct tl_line *line, struct json_object *o, const struct timeline_words *words,
		   struct scn_buf *why)
{
	struct reading r = {line, o, why, true};

	forget(line);
	if (!json_object_is_type(o, json_type_object)) {
		scn_buf_str(why, "expected an object");
		return false;
	}
	read_kind(&r);
	if (!r.ok)
		return false;
	read_time(&r);
	line->call.now = number_if(&r, "virtual_ns", UINT64_MAX);
	read_process(&r);
	if (r.ok)
		read_arguments(&r);
	read_result(&r);
	read_seen(&r, words);
	return r.ok;
}

void tl_line_free(struct tl_line *line)
{
	forget(line);
	scn_buf_free(&line->in);
	scn_buf_free(&line->out);
	scn_buf_free(&line->seen_text);
	free(line->seen);
	free(line->refs);
}
