/* SPDX-License-Identifier: MIT */
/* What a call did: an observation, back from its object. */
#include "line.h"

struct reading {
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

static uint32_t number32(struct reading *r, const char *name)
{
	return (uint32_t)number(r, name, UINT32_MAX);
}

static uint16_t number16(struct reading *r, const char *name)
{
	return (uint16_t)number(r, name, UINT16_MAX);
}

static bool truth(struct reading *r, const char *name)
{
	bool value = false;

	r->ok = r->ok && tl_bool(r->o, name, &value, r->why);
	return value;
}

static void read_grant(struct reading *r, struct gntsim_observation *s)
{
	s->ref = number32(r, "ref");
	s->entry.domid = number16(r, "to");
	s->entry.frame = number32(r, "frame");
	s->entry.flags =
	    (uint16_t)((truth(r, "live") ? GNTSIM_GTF_PERMIT_ACCESS : GNTSIM_GTF_INVALID) |
		       (truth(r, "readonly") ? GNTSIM_GTF_READONLY : 0u) |
		       (truth(r, "reading") ? GNTSIM_GTF_READING : 0u) |
		       (truth(r, "writing") ? GNTSIM_GTF_WRITING : 0u));
	s->pins = number32(r, "pins");
	if (s->pins)
		s->peer = number16(r, "by");
}

static void read_port(struct reading *r, struct gntsim_observation *s)
{
	static const char *const states[] = {"free", "unbound", "interdomain", "virq"};
	struct gntsim_port_status *p = &s->port_status;
	int state = r->ok ? tl_word(r->o, "state", states, 4, r->why) : -1;

	r->ok = r->ok && state >= 0;
	p->state = state >= 0 ? (enum gntsim_port_state)state : GNTSIM_PORT_FREE;
	s->port = number32(r, "port");
	if (p->state == GNTSIM_PORT_VIRQ)
		p->virq = number32(r, "virq");
	else if (p->state != GNTSIM_PORT_FREE)
		p->remote_domid = number16(r, "remote_domain");
	if (p->state == GNTSIM_PORT_INTERDOMAIN)
		p->remote_port = number32(r, "remote_port");
}

static void read_device(struct reading *r, struct gntsim_observation *s)
{
	enum wire_device device = WIRE_DEV_GNTALLOC;

	r->ok = r->ok && tl_device(r->o, &device, r->why);
	s->device = (enum gntsim_device)device;
}

static void read_notified(struct reading *r, struct gntsim_observation *s)
{
	read_device(r, s);
	if (s->device == GNTSIM_DEV_GNTALLOC)
		s->ref = number32(r, "ref");
	else
		s->index = number(r, "index", INT64_MAX);
}

static void read_refused(struct reading *r, struct gntsim_observation *s)
{
	struct json_object *status;

	s->peer = number16(r, "granter");
	s->ref = number32(r, "ref");
	if (!json_object_object_get_ex(r->o, "status", &status) ||
	    !json_object_is_type(status, json_type_int)) {
		if (r->ok)
			scn_buf_str(r->why, "member \"status\": expected a number");
		r->ok = false;
		return;
	}
	s->status = (int16_t)json_object_get_int(status);
}

static void read_members(struct reading *r, struct gntsim_observation *s)
{
	switch (s->kind) {
	case GNTSIM_SAW_GRANT:
		read_grant(r, s);
		break;
	case GNTSIM_SAW_DEFERRED:
		s->ref = number32(r, "ref");
		s->frame = number32(r, "frame");
		break;
	case GNTSIM_SAW_HANDLE_TAKEN:
	case GNTSIM_SAW_HANDLE_FREED:
		s->handle = number32(r, "handle");
		s->peer = number16(r, "granter");
		s->ref = number32(r, "ref");
		s->flags = number32(r, "flags");
		break;
	case GNTSIM_SAW_MAP_REFUSED:
		read_refused(r, s);
		break;
	case GNTSIM_SAW_PORT:
		read_port(r, s);
		break;
	case GNTSIM_SAW_PENDING:
		s->port = number32(r, "port");
		break;
	case GNTSIM_SAW_EVENT:
		s->port = number32(r, "port");
		s->overflow = truth(r, "overflow");
		break;
	case GNTSIM_SAW_NOTIFY_SET:
		read_notified(r, s);
		s->action = number32(r, "action");
		s->offset = number32(r, "offset");
		s->port = number32(r, "port");
		s->replaced = truth(r, "replaced");
		break;
	case GNTSIM_SAW_NOTIFY_BYTE:
		read_notified(r, s);
		s->frame = number32(r, "frame");
		s->offset = number32(r, "offset");
		break;
	case GNTSIM_SAW_NOTIFY_EVENT:
		read_notified(r, s);
		s->port = number32(r, "port");
		break;
	case GNTSIM_SAW_REVOKED:
		s->addr = number(r, "address", UINT64_MAX);
		s->len = number(r, "length", UINT64_MAX);
		break;
	case GNTSIM_SAW_MAP_FREED:
		s->index = number(r, "index", INT64_MAX);
		s->count = number32(r, "count");
		break;
	case GNTSIM_SAW_RELEASE:
		read_device(r, s);
		break;
	case GNTSIM_SAW_MM_END:
	case GNTSIM_SAW_DOMAIN:
	case GNTSIM_SAW_DESTROY:
	case GNTSIM_SAW_BURIED:
		break;
	}
}

bool tl_parse_seen(struct gntsim_observation *seen, struct json_object *o, struct scn_buf *why)
{
	const char *kinds[GNTSIM_SAW_KINDS];
	struct reading r = {o, why, true};
	int kind;

	for (kind = 0; kind < (int)GNTSIM_SAW_KINDS; kind++)
		kinds[kind] = gntsim_observation_name((enum gntsim_observation_kind)kind);
	*seen = (struct gntsim_observation){0};
	if (!json_object_is_type(o, json_type_object)) {
		scn_buf_str(why, "expected an object");
		return false;
	}
	kind = tl_word(o, "what", kinds, GNTSIM_SAW_KINDS, why);
	if (kind < 0)
		return false;
	seen->kind = (enum gntsim_observation_kind)kind;
	seen->domid = number16(&r, "domain");
	read_members(&r, seen);
	return r.ok;
}
