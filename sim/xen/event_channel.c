/* SPDX-License-Identifier: MIT */
/*
 * Event channels (Xen common/event_channel.c), and the references that Linux counts on those
 * that were bound through /dev/xen/evtchn (drivers/xen/events/events_base.c).
 */
#include <limits.h>
#include <string.h>

#include "model.h"

/* Ports in a page of the FIFO ABI's event array, which the guest's kernel adds as it needs them. */
#define PORTS_PER_PAGE 1024u

void gs_ports_init(struct ports *p, uint32_t max, uint32_t kernel_virqs)
{
	memset(p, 0, sizeof(*p));
	gs_table_init(&p->chunks, 0, sizeof(struct port_chunk));
	p->max = max;
	p->linked = PORTS_PER_PAGE;
	p->kernel_virqs = kernel_virqs;
}

struct port *gs_port(const struct gntsim_domain *dom, gntsim_port port)
{
	const struct ports *p = &dom->ports;

	if (port >= (uint64_t)p->chunks.n_chunks * PORTS_PER_CHUNK)
		return NULL;
	return port_at(dom, port);
}

static void mark_roomy(struct ports *p, uint32_t chunk, bool roomy)
{
	uint64_t bit = UINT64_C(1) << chunk % 64;
	uint32_t word = chunk / 64;

	if (roomy)
		p->roomy[word] |= bit;
	else
		p->roomy[word] &= ~bit;
	if (p->roomy[word])
		p->roomy_words |= 1u << word;
	else
		p->roomy_words &= ~(1u << word);
}

static void mark_free(struct ports *p, gntsim_port port, bool is_free)
{
	struct port_chunk *c = table_at(&p->chunks, port / PORTS_PER_CHUNK);
	uint64_t bit = UINT64_C(1) << port % PORTS_PER_CHUNK;
	bool was_roomy = c->free;

	if (is_free)
		c->free |= bit;
	else
		c->free &= ~bit;
	if (was_roomy != (c->free != 0))
		mark_roomy(p, port / PORTS_PER_CHUNK, c->free);
}

static int add_chunk(struct gntsim_domain *dom)
{
	struct ports *p = &dom->ports;
	uint32_t chunk = p->chunks.n_chunks, i;
	gntsim_port first = chunk * PORTS_PER_CHUNK;
	struct port_chunk *c;

	if (gs_table_grow(dom->m, &p->chunks) < 0)
		return -ENOMEM;
	c = table_at(&p->chunks, chunk);
	for (i = 0; i < PORTS_PER_CHUNK; i++) {
		struct port *it = &c->ports[i];

		it->number = first + i;
		list_init(&it->of_file);
		c->free |= (uint64_t)(it->number && it->number < p->max) << i;
	}
	mark_roomy(p, chunk, c->free);
	return 0;
}

/* The lowest free port. */
static int find_free(struct gntsim_domain *dom, struct port **out)
{
	struct ports *p = &dom->ports;
	const struct port_chunk *c;
	uint32_t word, chunk;
	gntsim_port port;

	if (!p->roomy_words) {
		if (p->chunks.n_chunks * PORTS_PER_CHUNK >= p->max)
			return -ENOSPC;
		if (add_chunk(dom) < 0)
			return -ENOMEM;
		/* A domain of one port has none that may be used. */
		if (!p->roomy_words)
			return -ENOSPC;
	}
	word = (uint32_t)__builtin_ctz(p->roomy_words);
	chunk = word * 64 + (uint32_t)__builtin_ctzll(p->roomy[word]);
	c = table_at(&p->chunks, chunk);
	port = chunk * PORTS_PER_CHUNK + (uint32_t)__builtin_ctzll(c->free);
	*out = port_at(dom, port);
	return 0;
}

void gs_ports_link(struct gntsim_domain *dom, gntsim_port port)
{
	while (dom->ports.linked <= port)
		dom->ports.linked += PORTS_PER_PAGE;
}

static int use(struct gntsim_domain *dom, struct port *p, enum gntsim_port_state state)
{
	mark_free(&dom->ports, p->number, false);
	p->state = state;
	p->origin = gs_origin(dom->m);
	gs_ports_link(dom, p->number);
	dom->ports.used++;
	dom->m->totals.ports++;
	return (int)p->number;
}

/* evtchn_free() */
static void unuse(struct gntsim_domain *dom, struct port *p)
{
	p->state = GNTSIM_PORT_FREE;
	p->pending = p->masked = p->heard = false;
	p->refs = 0;
	p->remote = NULL;
	mark_free(&dom->ports, p->number, true);
	dom->ports.used--;
	dom->m->totals.ports--;
}

/* SILO looks for the domain that the port is for, and at whether it may be reached. */
static int may_await(struct gntsim_domain *dom, uint16_t remote_domid)
{
	const struct gntsim_domain *rd;

	if (dom->m->xsm != GNTSIM_XSM_SILO)
		return 0;
	rd = gs_domain_any(dom, remote_domid);
	if (!rd)
		return -ESRCH;
	return gs_may_communicate(dom, dom, rd) ? 0 : -EPERM;
}

int gntsim_port_alloc_unbound(struct gntsim_domain *dom, uint16_t remote_domid)
{
	struct port *p;
	int rc = find_free(dom, &p);

	if (rc == 0)
		rc = may_await(dom, remote_domid);
	if (rc < 0)
		return rc;
	p->remote_domid = remote_domid == GNTSIM_DOMID_SELF ? dom->id : remote_domid;
	rc = use(dom, p, GNTSIM_PORT_UNBOUND);
	gs_saw_port(dom, p);
	return rc;
}

static void connect(struct port *p, struct gntsim_domain *remote, const struct port *peer)
{
	p->state = GNTSIM_PORT_INTERDOMAIN;
	p->remote = remote;
	p->remote_domid = remote->id;
	p->remote_port = peer->number;
}

int gntsim_port_bind_interdomain(struct gntsim_domain *dom, uint16_t remote_domid,
				 gntsim_port remote_port)
{
	struct gntsim_domain *rd = gs_domain_any(dom, remote_domid);
	struct port *p, *peer;
	int rc;

	if (!rd)
		return -ESRCH;
	rc = find_free(dom, &p);
	if (rc < 0)
		return rc;
	peer = gs_port(rd, remote_port);
	if (!peer || peer->state != GNTSIM_PORT_UNBOUND || peer->remote_domid != dom->id)
		return -EINVAL;
	if (!gs_may_communicate(dom, dom, rd))
		return -EPERM;
	rc = use(dom, p, GNTSIM_PORT_INTERDOMAIN);
	connect(p, rd, peer);
	connect(peer, dom, p);
	gs_saw_port(dom, p);
	gs_saw_port(rd, peer);
	/* The peer may have sent before there was anybody to hear it. */
	gs_port_set_pending(dom, p);
	return rc;
}

/* public/xen.h */
#define VIRQ_TIMER    0u
#define VIRQ_DEBUG    1u
#define VIRQ_XENOPROF 7u
#define VIRQ_ARGO     11u
#define VIRQ_XENPMU   13u

/* Of the machine, not of a CPU, nor of each domain. */
static bool is_global(uint32_t virq)
{
	switch (virq) {
	case VIRQ_TIMER:
	case VIRQ_DEBUG:
	case VIRQ_XENOPROF:
	case VIRQ_ARGO:
	case VIRQ_XENPMU:
		return false;
	default:
		return true;
	}
}

int gntsim_port_bind_virq(struct gntsim_domain *dom, uint32_t virq)
{
	struct port *p;
	int rc;

	if (virq >= GNTSIM_NR_VIRQS)
		return -EINVAL;
	if (dom->m->xen->guards_handlers && dom->id && is_global(virq))
		return -EBUSY;
	if (dom->ports.virqs[virq] || (dom->ports.kernel_virqs >> virq & 1))
		return -EEXIST;
	rc = find_free(dom, &p);
	if (rc < 0)
		return rc;
	p->remote_port = virq;
	dom->ports.virqs[virq] = p->number;
	rc = use(dom, p, GNTSIM_PORT_VIRQ);
	gs_saw_port(dom, p);
	return rc;
}

void gs_port_set_pending(struct gntsim_domain *dom, struct port *p)
{
	p->pending = true;
	if (p->file && !p->masked)
		gs_evtchn_interrupt(dom, p);
	else
		GS_SAW(dom->m, .kind = GNTSIM_SAW_PENDING, .domid = dom->id, .port = p->number);
	if (p->heard && !p->masked && !dom->dying)
		gs_effect_raise(dom->m, &dom->heard);
}

int gntsim_port_send(struct gntsim_domain *dom, gntsim_port port)
{
	const struct port *p = gs_port(dom, port);

	if (!p || (p->state != GNTSIM_PORT_INTERDOMAIN && p->state != GNTSIM_PORT_UNBOUND))
		return -EINVAL;
	if (p->state == GNTSIM_PORT_INTERDOMAIN)
		gs_port_set_pending(p->remote, port_at(p->remote, p->remote_port));
	return 0;
}

static void close_port(struct gntsim_domain *dom, struct port *p)
{
	if (p->state == GNTSIM_PORT_VIRQ)
		dom->ports.virqs[p->remote_port] = 0;
	if (p->state == GNTSIM_PORT_INTERDOMAIN) {
		struct gntsim_domain *remote = p->remote;
		struct port *peer = port_at(remote, p->remote_port);

		peer->state = GNTSIM_PORT_UNBOUND;
		peer->remote = NULL;
		peer->remote_domid = dom->id;
		gs_saw_port(remote, peer);
	}
	unuse(dom, p);
	gs_saw_port(dom, p);
}

int gntsim_port_close(struct gntsim_domain *dom, gntsim_port port)
{
	struct port *p = gs_port(dom, port);

	if (!p || p->state == GNTSIM_PORT_FREE)
		return -EINVAL;
	/* A port of evtchn's is not the caller's to close: that driver would lose it. */
	if (p->refs > 0)
		return -EINVAL;
	close_port(dom, p);
	return 0;
}

void gs_ports_clear(struct gntsim_domain *dom)
{
	struct ports *ports = &dom->ports;
	gntsim_port port;

	for (port = ports->chunks.n_chunks * PORTS_PER_CHUNK; ports->used; port--) {
		struct port *p = port_at(dom, port - 1);

		if (p->file) {
			p->file = NULL;
			list_del(&p->of_file);
		}
		if (p->state != GNTSIM_PORT_FREE)
			close_port(dom, p);
	}
	gs_table_clear(dom->m, &ports->chunks);
	ports->roomy_words = 0;
	memset(ports->roomy, 0, sizeof(ports->roomy));
}

int gs_port_get(struct gntsim_domain *dom, gntsim_port port)
{
	struct port *p = gs_port(dom, port);

	if (!p || p->refs <= 0 || p->refs == SHRT_MAX)
		return -EINVAL;
	p->refs++;
	return 0;
}

void gs_port_put(struct gntsim_domain *dom, gntsim_port port)
{
	struct port *p = port_at(dom, port);

	if (--p->refs == 0)
		close_port(dom, p);
}

void gntsim_raise_virq(struct gntsim_domain *dom, uint32_t virq)
{
	if (virq < GNTSIM_NR_VIRQS && dom->ports.virqs[virq])
		gs_port_set_pending(dom, port_at(dom, dom->ports.virqs[virq]));
}

int gntsim_port_status(const struct gntsim_domain *dom, gntsim_port port,
		       struct gntsim_port_status *out)
{
	const struct port *p = gs_port(dom, port);

	if (port >= dom->ports.max)
		return -EINVAL;
	*out = (struct gntsim_port_status){.state = GNTSIM_PORT_FREE};
	if (!p || p->state == GNTSIM_PORT_FREE)
		return 0;
	out->state = p->state;
	out->pending = p->pending;
	out->masked = p->masked;
	if (p->state == GNTSIM_PORT_VIRQ)
		out->virq = p->remote_port;
	else
		out->remote_domid = p->remote_domid;
	if (p->state == GNTSIM_PORT_INTERDOMAIN)
		out->remote_port = p->remote_port;
	return 0;
}

/* A kernel's own port: evtchn's are masked and cleared by evtchn. */
static struct port *kernel_port(struct gntsim_domain *dom, gntsim_port port)
{
	struct port *p = gs_port(dom, port);

	return p && p->state != GNTSIM_PORT_FREE && !p->refs ? p : NULL;
}

int gntsim_port_set_masked(struct gntsim_domain *dom, gntsim_port port, bool masked)
{
	struct port *p = kernel_port(dom, port);

	if (!p)
		return -EINVAL;
	p->masked = masked;
	return 0;
}

int gntsim_port_listen(struct gntsim_domain *dom, gntsim_port port)
{
	struct port *p = kernel_port(dom, port);

	if (!p)
		return -EINVAL;
	p->heard = true;
	return 0;
}

int gntsim_port_clear_pending(struct gntsim_domain *dom, gntsim_port port)
{
	struct port *p = kernel_port(dom, port);

	if (!p)
		return -EINVAL;
	p->pending = false;
	return 0;
}
