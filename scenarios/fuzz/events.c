/* SPDX-License-Identifier: MIT */
/* Steps about event channels. */
#include "generate.h"

typedef struct fuzz_generator gen;

static bool make_unbound(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing file;

	if (!fuzz_descriptor(g, op, 'e', &file))
		return true;
	g->made.file = file.file;
	g->made.unbound = true;
	g->pool = &g->ports;
	fuzz_say(op, "ioctl(@f%u, IOCTL_EVTCHN_BIND_UNBOUND_PORT, {remote_domain=%s})", file.id,
		 fuzz_domain(g, &g->made.peer_domain));
	return true;
}

static bool make_interdomain(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing *port = fuzz_pick(g, &g->ports, FUZZ_ANY, FUZZ_ANY, 0);
	struct fuzz_thing file;

	if (!fuzz_descriptor(g, op, 'e', &file))
		return true;
	for (uint32_t i = 0; port && i < 20; i++) {
		if (port->unbound && port->peer_domain == g->model->domain_of[g->process])
			break;
		port = fuzz_pick(g, &g->ports, FUZZ_ANY, FUZZ_ANY, 0);
	}
	if (!port || (!port->unbound && fuzz_chance(g, 70)))
		return false;
	g->made.file = file.file;
	g->made.peer_domain = port->domain;
	g->made.source = port->file;
	g->pool = &g->ports;
	fuzz_note_event(g, file.file);
	fuzz_say(op, "ioctl(@f%u, IOCTL_EVTCHN_BIND_INTERDOMAIN, {remote_domain=dom%u, ", file.id,
		 port->domain);
	if (fuzz_chance(g, 2))
		fuzz_say(op, "remote_port=4000000})");
	else
		fuzz_say(op, "remote_port=@p%u})", port->id);
	if (fuzz_chance(g, 90)) {
		port->unbound = false;
		port->source = file.file;
	}
	return true;
}

/* A port of the file, rarely another or none. False: there is no port. */
static bool say_port(gen *g, struct fuzz_op *op, const struct fuzz_thing *file,
		     struct fuzz_thing **port)
{
	*port = fuzz_pick(g, &g->ports, FUZZ_ANY, file->file, 0);
	if (!*port || fuzz_chance(g, 4))
		*port = fuzz_pick(g, &g->ports, FUZZ_ANY, FUZZ_ANY, 0);
	if (!*port)
		return false;
	if (fuzz_chance(g, 2))
		fuzz_say(op, "%u",
			 fuzz_chance(g, 50)   ? 990 + fuzz_random(g, 3)
			 : fuzz_chance(g, 50) ? 0
					      : 5000000);
	else
		fuzz_say(op, "@p%u", (*port)->id);
	return true;
}

static bool say_port_ioctl(gen *g, struct fuzz_op *op, const char *name, struct fuzz_thing **port)
{
	struct fuzz_thing file;

	*port = fuzz_usable(g, op, &g->ports, 'e', &file);
	if (!*port)
		return op->text[0];
	fuzz_say(op, "ioctl(@f%u, %s, {port=", file.id, name);
	if (fuzz_chance(g, 3))
		fuzz_say(op, "%u})",
			 fuzz_chance(g, 50)   ? 990 + fuzz_random(g, 3)
			 : fuzz_chance(g, 50) ? 0
					      : 5000000);
	else
		fuzz_say(op, "@p%u})", (*port)->id);
	return true;
}

static bool make_unbind(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing *port;

	if (!say_port_ioctl(g, op, "IOCTL_EVTCHN_UNBIND", &port))
		return false;
	if (port && fuzz_chance(g, 70)) {
		g->gone = port;
		g->gone_pool = &g->ports;
	}
	return true;
}

static bool make_notify(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing *port;

	if (!say_port_ioctl(g, op, "IOCTL_EVTCHN_NOTIFY", &port))
		return false;
	if (port && port->source)
		fuzz_note_event(g, port->source);
	return true;
}

/* The file's own port mostly, or a number that no kernel gives out here. */
static bool make_static(gen *g, struct fuzz_op *op)
{
	const struct fuzz_thing *port;
	struct fuzz_thing file;

	if (!fuzz_descriptor(g, op, 'e', &file))
		return true;
	port = fuzz_pick(g, &g->ports, FUZZ_ANY, file.file, 0);
	fuzz_say(op, "ioctl(@f%u, IOCTL_EVTCHN_BIND_STATIC, ", file.id);
	if (fuzz_bad(g, 10))
		fuzz_say(op, "%s)", fuzz_chance(g, 50) ? "BAD" : "short(3) {port=999}");
	else if (port && fuzz_chance(g, 60))
		fuzz_say(op, "{port=@p%u})", port->id);
	else
		fuzz_say(op, "{port=%u})", fuzz_chance(g, 80) ? 990 + fuzz_random(g, 3) : 5000000);
	return true;
}

static bool make_reset(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing file;

	if (!fuzz_descriptor(g, op, 'e', &file))
		return true;
	if (fuzz_chance(g, 70))
		fuzz_say(op, "ioctl(@f%u, IOCTL_EVTCHN_RESET)", file.id);
	else
		fuzz_say(op, "ioctl(@f%u, IOCTL_EVTCHN_RESTRICT_DOMID, {domid=%s})", file.id,
			 fuzz_chance(g, 80)   ? "1"
			 : fuzz_chance(g, 50) ? "0"
					      : "0x7ff1");
	return true;
}

/* A file that something is to be read from, if there is one. */
static bool find_eventful(gen *g, struct fuzz_thing *file)
{
	for (uint32_t i = 0; i < FUZZ_EVENTFUL && !fuzz_chance(g, 8); i++) {
		const struct fuzz_thing *t =
		    g->eventful[i] ? fuzz_pick(g, &g->files, g->process, g->eventful[i], 'e')
				   : NULL;

		if (!t)
			continue;
		*file = *t;
		g->eventful[i] = 0;
		return true;
	}
	return false;
}

static bool make_read(gen *g, struct fuzz_op *op)
{
	static const uint32_t lengths[] = {0, 3, 4, 7};
	const struct fuzz_thing *buffer = fuzz_pick(g, &g->mappings, g->process, FUZZ_ANY, 'r');
	uint32_t length = fuzz_chance(g, 92) ? 4 : lengths[fuzz_random(g, 4)];
	struct fuzz_thing file;

	if (!find_eventful(g, &file)) {
		if (fuzz_chance(g, 60))
			return false;
		if (!fuzz_descriptor(g, op, fuzz_bad(g, 3) ? 'd' : 'e', &file))
			return true;
	}
	fuzz_say(op, "read(@f%u, ", file.id);
	if (buffer && fuzz_chance(g, 5))
		fuzz_say(op, "0x%llx, ", (unsigned long long)buffer->addr + fuzz_random(g, 100));
	else if (fuzz_bad(g, 2))
		fuzz_say(op, "BAD, ");
	fuzz_say(op, "%u)", length);
	return true;
}

static bool make_write(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing file, *port;

	if (!fuzz_descriptor(g, op, fuzz_bad(g, 1) ? 'a' : 'e', &file))
		return true;
	if (fuzz_bad(g, 2)) {
		fuzz_say(op, "write(@f%u, BAD, 4)", file.id);
		return true;
	}
	fuzz_say(op, "write(@f%u, [", file.id);
	for (uint32_t i = 0, n = 1 + fuzz_random(g, 3); i < n; i++) {
		fuzz_say(op, "%s", i ? ", " : "");
		if (!say_port(g, op, &file, &port))
			return false;
	}
	fuzz_say(op, fuzz_chance(g, 3) ? "], 3)" : "])");
	return true;
}

static bool make_poll(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing file;

	if (!fuzz_descriptor(g, op, 'e', &file))
		return true;
	fuzz_say(op, "poll(@f%u)", file.id);
	return true;
}

/* SIGIO is for who asked for it, both ways. */
static bool make_async(gen *g, struct fuzz_op *op)
{
	uint32_t owner = g->process;
	struct fuzz_thing file;

	if (!fuzz_descriptor(g, op, fuzz_chance(g, 3) ? 'a' : 'e', &file))
		return true;
	if (fuzz_chance(g, 50)) {
		fuzz_say(op, "fcntl(@f%u, F_SETFL, %s%s)", file.id,
			 fuzz_chance(g, 60) ? "O_NONBLOCK" : "0",
			 fuzz_chance(g, 80) ? "|O_ASYNC" : "");
		return true;
	}
	if (fuzz_chance(g, 20))
		owner = fuzz_random(g, FUZZ_MAX_PROCESSES);
	if (!g->model->alive[owner] ||
	    g->model->domain_of[owner] != g->model->domain_of[g->process])
		return false;
	fuzz_say(op, "fcntl(@f%u, F_SETOWN, %c)", file.id, fuzz_process_name(owner));
	return true;
}

/* To find none takes real processes a while. */
static bool make_sigio(gen *g, struct fuzz_op *op)
{
	if (!(g->world->capabilities & SCN_CAP(SIGIO_ONCE)))
		return false;
	op->needs |= SCN_CAP(SIGIO_ONCE);
	fuzz_say(op, "sigio()");
	return true;
}

static bool make_virq(gen *g, struct fuzz_op *op)
{
	struct fuzz_thing file;

	if (!fuzz_descriptor(g, op, 'e', &file))
		return true;
	g->made.file = file.file;
	g->pool = &g->ports;
	fuzz_say(op, "ioctl(@f%u, IOCTL_EVTCHN_BIND_VIRQ, {virq=%u})", file.id, fuzz_random(g, 25));
	return true;
}

const struct fuzz_choice fuzz_event_choices[] = {
    {6, make_unbound}, {7, make_interdomain}, {2, make_unbind}, {6, make_notify}, {1, make_reset},
    {9, make_read},    {6, make_write},       {5, make_poll},   {1, make_virq},   {1, make_static},
    {2, make_async},   {1, make_sigio},       {0, NULL},
};
