/* SPDX-License-Identifier: MIT */
/* Event channels and evtchn. Rules: EV-*, XEN-PORT-*, XEN-SEND-UNBOUND, XEN-PEER-CLOSE, XEN-DEATH-PORTS. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "reference.h"

#define NR_VIRQS     24u
#define FIRST_LINKED 1024u /* ports that a kernel has room for at first; no sequence binds more */
#define WRITE_MOST   4u
#define READ_MOST    32u

/* Delivered, if its file waits for it. */
static void deliver(struct reference *r, int domain, gntsim_port port)
{
	struct r_port *p = &r->domain[domain].ports[port];
	struct r_file *f;

	if (!p->pending || p->file == R_NOBODY || !p->enabled)
		return;
	p->pending = p->enabled = false;
	f = &r->file[p->file];
	if (f->n_ring == R_RING)
		r->open_question = true;
	else
		f->ring[f->n_ring++] = port;
}

void r_port_event(struct reference *r, int domain, gntsim_port port)
{
	r->domain[domain].ports[port].pending = true;
	deliver(r, domain, port);
}

void r_port_send(struct reference *r, int domain, gntsim_port port)
{
	const struct r_port *p = &r->domain[domain].ports[port];

	if (p->state == R_BOUND)
		r_port_event(r, p->domain, p->peer);
}

void r_raise(struct reference *r, int domain, uint32_t virq)
{
	for (gntsim_port port = 1; port < R_PORTS; port++) {
		const struct r_port *p = &r->domain[domain].ports[port];

		if (p->state == R_VIRQ && p->virq == virq)
			r_port_event(r, domain, port);
	}
}

void r_port_close(struct reference *r, int domain, gntsim_port port)
{
	struct r_port *p = &r->domain[domain].ports[port];

	if (p->state == R_BOUND) {
		struct r_port *peer = &r->domain[p->domain].ports[p->peer];

		/* One's own other end, too. */
		peer->state = R_UNBOUND;
		peer->domid = r->domain[domain].domid;
	}
	*p = (struct r_port){.file = R_NOBODY};
}

bool r_port_get(struct reference *r, int domain, gntsim_port port)
{
	if (port >= R_PORTS || !r->domain[domain].ports[port].refs)
		return false;
	r->domain[domain].ports[port].refs++;
	return true;
}

void r_port_put(struct reference *r, int domain, gntsim_port port)
{
	if (--r->domain[domain].ports[port].refs == 0)
		r_port_close(r, domain, port);
}

/* The lowest that is free. */
static int free_port(const struct r_domain *d)
{
	for (gntsim_port port = 1; port < d->max_ports && port < R_PORTS; port++)
		if (d->ports[port].state == R_FREE)
			return (int)port;
	return -ENOSPC;
}

static int take_port(struct reference *r, int file, enum r_port_state state)
{
	struct r_file *f = &r->file[file];
	struct r_domain *d = &r->domain[f->domain];
	int port = free_port(d);

	if (port < 0)
		return port;
	d->ports[port] = (struct r_port){.state = state, .file = file, .refs = 1, .enabled = true};
	f->bound++;
	f->ring_size = R_RING;
	return port;
}

static int bind_unbound(struct reference *r, int file, uint32_t wide)
{
	int self = r->file[file].domain, other, port;
	uint16_t domid = (uint16_t)wide;

	if (r->file[file].restricted)
		return -EACCES;
	if (domid == GNTSIM_DOMID_SELF)
		domid = r->domain[self].domid;
	/* Xen takes the port before it asks whom it is for. */
	port = free_port(&r->domain[self]);
	if (port < 0)
		return port;
	if (r->setup.xsm == GNTSIM_XSM_SILO) {
		other = r_domain_by_id(r, domid);
		if (other == R_NOBODY)
			return -ESRCH;
		if (!r_may_meet(r, self, other))
			return -EPERM;
	}
	port = take_port(r, file, R_UNBOUND);
	if (port > 0)
		r->domain[self].ports[port].domid = domid;
	return port;
}

static int bind_interdomain(struct reference *r, int file, uint32_t wide, gntsim_port remote)
{
	const struct r_file *f = &r->file[file];
	int self = f->domain, other, port;
	uint16_t domid = (uint16_t)wide;
	struct r_port *p;

	if (f->restricted && wide != f->restricted_to)
		return -EACCES;
	other = domid == GNTSIM_DOMID_SELF ? self : r_domain_by_id(r, domid);
	if (other == R_NOBODY)
		return -ESRCH;
	port = free_port(&r->domain[self]);
	if (port < 0)
		return port;
	if (remote >= R_PORTS)
		return -EINVAL;
	p = &r->domain[other].ports[remote];
	if (p->state != R_UNBOUND || p->domid != r->domain[self].domid)
		return -EINVAL;
	if (!r_may_meet(r, self, other))
		return -EPERM;
	port = take_port(r, file, R_BOUND);
	p->state = R_BOUND;
	p->domain = self;
	p->peer = (gntsim_port)port;
	r->domain[self].ports[port].domain = other;
	r->domain[self].ports[port].peer = remote;
	r_port_event(r, self, (gntsim_port)port);
	return port;
}

static bool kernel_has(const struct reference *r, const struct r_domain *d, uint32_t virq)
{
	if (r->setup.arch == GNTSIM_ARCH_ARM64)
		return !d->domid && virq == 2;
	return virq == 0 || (!d->domid && (virq == 2 || virq == 9 || virq == 16));
}

static int bind_virq(struct reference *r, int file, uint32_t virq)
{
	struct r_domain *d = &r->domain[r->file[file].domain];
	int port;

	if (r->file[file].restricted)
		return -EACCES;
	if (virq >= NR_VIRQS)
		return -EINVAL;
	if (kernel_has(r, d, virq))
		return -EEXIST;
	for (port = 1; port < (int)R_PORTS; port++)
		if (d->ports[port].state == R_VIRQ && d->ports[port].virq == virq)
			return -EEXIST;
	port = take_port(r, file, R_VIRQ);
	if (port > 0)
		d->ports[port].virq = virq;
	return port;
}

/* The port's number on this file; R_NOBODY: it is not bound there. */
static struct r_port *bound_here(struct reference *r, int file, gntsim_port port)
{
	struct r_domain *d = &r->domain[r->file[file].domain];

	return port < R_PORTS && d->ports[port].state != R_FREE && d->ports[port].file == file
		   ? &d->ports[port]
		   : NULL;
}

static int unbind(struct reference *r, int file, gntsim_port port)
{
	struct r_port *p = bound_here(r, file, port);

	if (port >= FIRST_LINKED)
		return -EINVAL;
	if (!p)
		return -ENOTCONN;
	p->file = R_NOBODY;
	r->file[file].bound--;
	r_port_put(r, r->file[file].domain, port);
	return 0;
}

void r_evtchn_release(struct reference *r, int file)
{
	for (gntsim_port port = 1; port < R_PORTS; port++)
		if (bound_here(r, file, port))
			unbind(r, file, port);
}

static int notify(struct reference *r, int file, gntsim_port port)
{
	if (!bound_here(r, file, port))
		return -ENOTCONN;
	r_port_send(r, r->file[file].domain, port);
	return 0;
}

static int restrict_to(struct r_file *f, uint16_t domid)
{
	if (f->restricted)
		return -EACCES;
	if (!domid || domid >= GNTSIM_DOMID_FIRST_RESERVED)
		return -EINVAL;
	f->restricted = true;
	f->restricted_to = domid;
	return 0;
}

static void read_ring(struct r_file *f, const struct call *c, struct outcome *out)
{
	unsigned int n = c->e % (READ_MOST * sizeof(gntsim_port) + 1) / sizeof(gntsim_port);

	if (!f->readable) {
		out->value = -EBADF;
		return;
	}
	if (!n)
		return;
	if (!f->n_ring) {
		out->value = -EAGAIN;
		return;
	}
	if (n > f->n_ring)
		n = f->n_ring;
	for (unsigned int i = 0; i < n; i++)
		put(out, f->ring[i]);
	f->n_ring -= n;
	memmove(f->ring, f->ring + n, f->n_ring * sizeof(*f->ring));
	out->value = (int64_t)(n * sizeof(gntsim_port));
}

static void write_ring(struct reference *r, int file, const struct call *c, struct outcome *out)
{
	gntsim_port ports[WRITE_MOST] = {call_port(c->b), call_port(c->c), call_port(c->d),
					 call_port(c->a)};
	unsigned int n = c->e % (sizeof(ports) + 1) / sizeof(*ports);

	if (!r->file[file].writable) {
		out->value = -EBADF;
		return;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct r_port *p = bound_here(r, file, ports[i]);

		if (!p)
			continue;
		p->enabled = true;
		deliver(r, r->file[file].domain, ports[i]);
	}
	out->value = (int64_t)(n * sizeof(*ports));
}

void r_evtchn_call(struct reference *r, int file, const struct call *c, struct outcome *out)
{
	struct r_file *f = &r->file[file];

	switch ((int)c->op) {
	case CALL_BIND_UNBOUND:
		out->value = bind_unbound(r, file, call_domid(c->a));
		break;
	case CALL_BIND_INTERDOMAIN:
		out->value = bind_interdomain(r, file, call_domid(c->a), call_port(c->b));
		break;
	case CALL_BIND_VIRQ:
		out->value = bind_virq(r, file, c->b & 31);
		break;
	case CALL_UNBIND:
		out->value = unbind(r, file, call_port(c->b));
		break;
	case CALL_NOTIFY:
		out->value = notify(r, file, call_port(c->b));
		break;
	case CALL_RESET:
		f->n_ring = 0;
		break;
	case CALL_RESTRICT:
		out->value = restrict_to(f, (uint16_t)call_domid(c->a));
		break;
	case CALL_READ:
		read_ring(f, c, out);
		break;
	case CALL_WRITE:
		write_ring(r, file, c, out);
		break;
	default:
		out->value = POLLOUT | (f->n_ring ? POLLIN : 0);
		put(out, f->ring_size);
		break;
	}
}

/* EVTCHNOP_status, and the entry of a reference. */
void r_query(struct reference *r, const struct call *c, struct outcome *out)
{
	int domain = r->domain_at[c->self % N_DOMAINS];
	gntsim_port port = call_port(c->b);
	gntsim_gref ref = call_ref(c->b);
	const struct r_port *p;

	out->skipped = domain == R_NOBODY;
	if (out->skipped)
		return;
	p = port < R_PORTS ? &r->domain[domain].ports[port] : NULL;
	if (p && p->state != R_FREE) {
		put(out, p->state == R_UNBOUND ? GNTSIM_PORT_UNBOUND
			 : p->state == R_BOUND ? GNTSIM_PORT_INTERDOMAIN
					       : GNTSIM_PORT_VIRQ);
		put(out, p->state == R_UNBOUND ? p->domid
			 : p->state == R_BOUND ? r->domain[p->domain].domid
					       : 0);
		put(out, p->state == R_BOUND ? p->peer : 0);
		put(out, p->state == R_VIRQ ? p->virq : 0);
	}
	/* The table has 512 entries as long as no more are needed. */
	put(out, ref < 512 ? 0 : (uint64_t)-EINVAL);
	if (ref >= 8 && ref < 8 + R_GRANTS && r->domain[domain].grants[ref - 8].used) {
		const struct r_grant *g = &r->domain[domain].grants[ref - 8];

		put(out, GNTSIM_GTF_PERMIT_ACCESS | (g->readonly ? GNTSIM_GTF_READONLY : 0) |
			     (g->readers || g->writers ? GNTSIM_GTF_READING : 0) |
			     (g->writers ? GNTSIM_GTF_WRITING : 0));
		put(out, g->domid);
	}
}
