/* SPDX-License-Identifier: MIT */
/* Open files, and the drivers' calls on them. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "world.h"

#define READ_MOST 32u

static void open_file(struct world *w, const struct call *c, struct outcome *out)
{
	static const int modes[] = {O_RDWR, O_RDWR, O_RDONLY, O_WRONLY};
	struct gntsim_domain *dom = world_domain(w, c->a);
	struct gntsim_file **file = world_file(w, c->self);

	out->skipped = !dom || *file;
	if (!out->skipped)
		out->value =
		    gntsim_open(dom, (enum gntsim_device)(c->b % 3), modes[c->c & 3], file);
}

static void close_file(struct world *w, const struct call *c, struct outcome *out)
{
	struct gntsim_file **file = world_file(w, c->self);

	out->skipped = !*file;
	if (*file)
		gntsim_close(*file);
	*file = NULL;
}

static uint64_t index_of(const struct call *c)
{
	return c->c * PAGE + (c->e & (PAGE - 1));
}

static void alloc_grefs(struct gntsim_file *file, const struct call *c, struct outcome *out)
{
	static gntsim_gref refs[65537];
	uint32_t count = call_count(c->c);
	uint64_t index = 0;

	/* More than there is room for is for those limits that refuse it. */
	if (count > sizeof(refs) / sizeof(*refs)) {
		out->skipped = true;
		return;
	}
	out->value =
	    gntsim_gntalloc_alloc(file, (uint16_t)call_domid(c->a), c->b & 3, count, &index, refs);
	if (out->value)
		return;
	put(out, index);
	for (uint32_t i = 0; i < count; i++)
		put(out, refs[i]);
}

static void map_grants(struct gntsim_file *file, const struct call *c, struct outcome *out)
{
	struct gntsim_grant grants[N_WORDS];
	uint32_t count = call_count(c->c);
	uint64_t index = 0;

	if (count > N_WORDS) {
		out->skipped = true;
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		/* The last may be of another domain: maps of two granters. */
		uint8_t domid = i && i + 1 == count && c->d & 4 ? (uint8_t)(c->a + 1) : c->a;

		grants[i].domid = call_domid(domid);
		grants[i].ref = call_ref((uint8_t)(c->b + i * (c->d & 3)));
	}
	out->value = gntsim_gntdev_map(file, count, grants, &index);
	if (!out->value)
		put(out, index);
}

static void get_offset(struct world *w, struct gntsim_file *file, const struct call *c,
		       struct outcome *out)
{
	struct gntsim_mm *mm = *world_mm(w, c->a);
	uint64_t offset = 0;
	uint32_t count = 0;

	out->skipped = !mm;
	if (out->skipped)
		return;
	out->value = gntsim_gntdev_get_offset_for_vaddr(
	    file, mm, call_addr(c->d) + (c->e & (PAGE - 1)), &offset, &count);
	if (!out->value) {
		put(out, offset);
		put(out, count);
	}
}

static void read_ports(struct gntsim_file *file, const struct call *c, struct outcome *out)
{
	gntsim_port ports[READ_MOST] = {0}, peeked[READ_MOST] = {0};
	size_t room = c->e % (sizeof(ports) + 1);
	int n = gntsim_evtchn_peek(file, room, peeked);

	out->value = gntsim_evtchn_read(file, room, ports);
	for (int i = 0; i < out->value / (int)sizeof(*ports); i++)
		put(out, ports[i]);
	/* What was seen before is what is taken. */
	if (n != out->value || (n > 0 && memcmp(ports, peeked, (size_t)n)))
		__builtin_trap();
}

static void write_ports(struct gntsim_file *file, const struct call *c, struct outcome *out)
{
	gntsim_port ports[4] = {call_port(c->b), call_port(c->c), call_port(c->d), call_port(c->a)};

	out->value = gntsim_evtchn_write(file, c->e % (sizeof(ports) + 1), ports);
}

static bool apply_evtchn(struct gntsim_file *file, const struct call *c, struct outcome *out)
{
	switch ((int)c->op) {
	case CALL_BIND_UNBOUND:
		out->value = gntsim_evtchn_bind_unbound(file, call_domid(c->a));
		return true;
	case CALL_BIND_INTERDOMAIN:
		out->value =
		    gntsim_evtchn_bind_interdomain(file, call_domid(c->a), call_port(c->b));
		return true;
	case CALL_BIND_VIRQ:
		out->value = gntsim_evtchn_bind_virq(file, c->b & 31);
		return true;
	case CALL_BIND_STATIC:
		out->value = gntsim_evtchn_bind_static(file, call_port(c->b));
		return true;
	case CALL_UNBIND:
		out->value = gntsim_evtchn_unbind(file, call_port(c->b));
		return true;
	case CALL_NOTIFY:
		out->value = gntsim_evtchn_notify(file, call_port(c->b));
		return true;
	case CALL_RESET:
		out->value = gntsim_evtchn_reset(file);
		return true;
	case CALL_RESTRICT:
		out->value = gntsim_evtchn_restrict(file, (uint16_t)call_domid(c->a));
		return true;
	case CALL_READ:
		read_ports(file, c, out);
		return true;
	case CALL_WRITE:
		write_ports(file, c, out);
		return true;
	case CALL_POLL:
		/* The normal-data bits go with these. */
		out->value = gntsim_evtchn_poll(file) & (POLLIN | POLLOUT | POLLERR | POLLHUP);
		put(out, gntsim_evtchn_ring_size(file));
		return true;
	default:
		return false;
	}
}

static int set_notify(struct gntsim_file *file, const struct call *c)
{
	if (gntsim_file_device(file) == GNTSIM_DEV_GNTDEV)
		return gntsim_gntdev_set_unmap_notify(file, index_of(c), c->d & 7, call_port(c->b));
	return gntsim_gntalloc_set_unmap_notify(file, index_of(c), c->d & 7, call_port(c->b));
}

static bool apply_grants(struct world *w, struct gntsim_file *file, const struct call *c,
			 struct outcome *out)
{
	switch ((int)c->op) {
	case CALL_ALLOC:
		alloc_grefs(file, c, out);
		return true;
	case CALL_DEALLOC:
		out->value = gntsim_gntalloc_dealloc(file, index_of(c), call_count(c->b));
		return true;
	case CALL_SET_NOTIFY:
		out->value = set_notify(file, c);
		return true;
	case CALL_MAP:
		map_grants(file, c, out);
		return true;
	case CALL_UNMAP:
		out->value = gntsim_gntdev_unmap(file, index_of(c), call_count(c->b));
		return true;
	case CALL_GET_OFFSET:
		get_offset(w, file, c, out);
		return true;
	default:
		return false;
	}
}

bool apply_device(struct world *w, const struct call *c, struct outcome *out)
{
	struct gntsim_file *file;

	if (c->op < CALL_OPEN || c->op > CALL_POLL || (c->op > CALL_CLOSE && c->op < CALL_ALLOC))
		return false;
	if (c->op == CALL_OPEN) {
		open_file(w, c, out);
		return true;
	}
	if (c->op == CALL_CLOSE) {
		close_file(w, c, out);
		return true;
	}
	file = *world_file(w, c->self);
	out->skipped = !file;
	return !file || apply_grants(w, file, c, out) || apply_evtchn(file, c, out);
}
