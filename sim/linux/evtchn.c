/* SPDX-License-Identifier: MIT */
/*
 * /dev/xen/evtchn (Linux drivers/xen/evtchn.c). A port's events are masked from the moment one
 * enters the ring until the port is written back (lateeoi).
 */
#include <poll.h>
#include <string.h>

#include "model.h"

#define FIRST_RING 64u

static gntsim_port *ring_at(const struct evtchn_file *u, uint32_t i)
{
	return &u->ring[i & (u->ring_size - 1)];
}

void gs_evtchn_interrupt(struct gntsim_domain *dom, struct port *p)
{
	struct evtchn_file *u = &p->file->u.evtchn;

	p->pending = false;
	p->masked = true;
	p->enabled = false;
	if (u->prod - u->cons < u->ring_size) {
		u->began |= u->prod == u->cons;
		*ring_at(u, u->prod++) = p->number;
	} else {
		u->overflow = true;
	}
	GS_SAW(dom->m, .kind = GNTSIM_SAW_EVENT, .domid = dom->id, .port = p->number,
	       .file = p->file, .overflow = u->overflow);
	gs_effect_raise(dom->m, &p->file->event);
}

/*
 * One slot for each bound port, but never shrinking. The old contents are copied twice, so that
 * every index finds its entry whichever half it falls in now.
 */
int gs_evtchn_make_room(struct gntsim_file *file)
{
	struct evtchn_file *u = &file->u.evtchn;
	uint32_t size = u->ring_size ? 2 * u->ring_size : FIRST_RING;
	gntsim_port *ring;

	if (u->n_ports < u->ring_size)
		return 0;
	ring = gs_mem_alloc(file->m, size * sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	if (u->ring) {
		memcpy(ring, u->ring, u->ring_size * sizeof(*ring));
		memcpy(ring + u->ring_size, u->ring, u->ring_size * sizeof(*ring));
		gs_mem_free(file->m, u->ring, u->ring_size * sizeof(*ring));
	}
	u->ring = ring;
	u->ring_size = size;
	return 0;
}

/* evtchn_bind_to_user(): @p port was just made; it is closed again if that fails. */
static int bind_to_user(struct gntsim_file *file, int port)
{
	struct gntsim_domain *dom = file->dom;
	struct evtchn_file *u = &file->u.evtchn;
	struct port *p;
	int rc;

	if (port < 0)
		return port;
	rc = gs_evtchn_has_static(file, (gntsim_port)port) ? -EEXIST : gs_evtchn_make_room(file);
	if (rc == -EEXIST)
		gs_evtchn_forget(file);
	if (rc < 0) {
		(void)gntsim_port_close(dom, (gntsim_port)port);
		return rc;
	}
	u->n_ports++;
	if (gs_evtchn_is_static_elsewhere(file, (gntsim_port)port))
		gs_hazard(file->m, HAZARD_STATIC_SHARED);
	p = port_at(dom, (gntsim_port)port);
	p->file = file;
	p->refs = 1;
	p->enabled = true;
	list_add_tail(&u->ports, &p->of_file);
	/* Its interrupt starts up: what came before is delivered now. */
	if (p->pending)
		gs_evtchn_interrupt(dom, p);
	return port;
}

static void unbind_from_user(struct gntsim_domain *dom, struct port *p)
{
	gs_evtchn_unbound(p->file, p);
	p->file->u.evtchn.n_ports--;
	p->file = NULL;
	list_del(&p->of_file);
	/* If a notification keeps the port, nobody handles its events any more. */
	p->masked = true;
	gs_port_put(dom, p->number);
}

static struct port *find_bound(const struct gntsim_file *file, gntsim_port port)
{
	struct port *p = gs_port(file->dom, port);

	return p && p->file == file && !p->forgotten ? p : NULL;
}

static void evtchn_open(struct gntsim_file *file)
{
	list_init(&file->u.evtchn.ports);
	list_init(&file->u.evtchn.statics);
}

static void evtchn_release(struct gntsim_file *file)
{
	struct evtchn_file *u = &file->u.evtchn;

	while (!list_empty(&u->ports))
		unbind_from_user(file->dom, container_of(u->ports.next, struct port, of_file));
	gs_evtchn_release_statics(file);
	gs_mem_free(file->m, u->ring, u->ring_size * sizeof(*u->ring));
}

int gntsim_evtchn_bind_unbound(struct gntsim_file *file, uint32_t remote_domid)
{
	int rc = gs_file_check(file, GNTSIM_DEV_EVTCHN);

	if (rc < 0)
		return rc;
	if (file->u.evtchn.restricted)
		return -EACCES;
	return bind_to_user(file, gntsim_port_alloc_unbound(file->dom, (uint16_t)remote_domid));
}

int gntsim_evtchn_bind_interdomain(struct gntsim_file *file, uint32_t remote_domid,
				   gntsim_port remote_port)
{
	int rc = gs_file_check(file, GNTSIM_DEV_EVTCHN);

	if (rc < 0)
		return rc;
	if (file->u.evtchn.restricted && file->u.evtchn.restrict_domid != remote_domid)
		return -EACCES;
	return bind_to_user(
	    file, gntsim_port_bind_interdomain(file->dom, (uint16_t)remote_domid, remote_port));
}

int gntsim_evtchn_bind_virq(struct gntsim_file *file, uint32_t virq)
{
	int rc = gs_file_check(file, GNTSIM_DEV_EVTCHN);

	if (rc < 0)
		return rc;
	if (file->u.evtchn.restricted)
		return -EACCES;
	return bind_to_user(file, gntsim_port_bind_virq(file->dom, virq));
}

int gntsim_evtchn_unbind(struct gntsim_file *file, gntsim_port port)
{
	int rc = gs_file_check(file, GNTSIM_DEV_EVTCHN);
	struct port *p;

	if (rc < 0)
		return rc;
	if (port >= file->dom->ports.linked)
		return -EINVAL;
	p = find_bound(file, port);
	if (!p)
		return gs_evtchn_unbind_static(file, port) ? 0 : -ENOTCONN;
	unbind_from_user(file->dom, p);
	return 0;
}

int gntsim_evtchn_notify(struct gntsim_file *file, gntsim_port port)
{
	int rc = gs_file_check(file, GNTSIM_DEV_EVTCHN);

	if (rc < 0)
		return rc;
	if (!find_bound(file, port) && !gs_evtchn_has_static(file, port))
		return -ENOTCONN;
	(void)gntsim_port_send(file->dom, port);
	return 0;
}

int gntsim_evtchn_reset(struct gntsim_file *file)
{
	int rc = gs_file_check(file, GNTSIM_DEV_EVTCHN);

	if (rc < 0)
		return rc;
	file->u.evtchn.cons = file->u.evtchn.prod;
	file->u.evtchn.overflow = false;
	return 0;
}

int gntsim_evtchn_restrict(struct gntsim_file *file, uint16_t domid)
{
	int rc = gs_file_check(file, GNTSIM_DEV_EVTCHN);

	if (rc < 0)
		return rc;
	if (file->u.evtchn.restricted)
		return -EACCES;
	if (domid == 0 || domid >= GNTSIM_DOMID_FIRST_RESERVED)
		return -EINVAL;
	file->u.evtchn.restricted = true;
	file->u.evtchn.restrict_domid = domid;
	return 0;
}

int gntsim_evtchn_peek(struct gntsim_file *file, size_t count, gntsim_port *ports)
{
	int rc = gs_file_check(file, GNTSIM_DEV_EVTCHN);
	const struct evtchn_file *u = &file->u.evtchn;
	uint32_t n, i;

	if (rc < 0)
		return rc;
	if (!file->readable)
		return -EBADF;
	count /= sizeof(*ports);
	if (!count)
		return 0;
	if (u->overflow)
		return -EFBIG;
	n = u->prod - u->cons;
	if (!n)
		return -EAGAIN;
	if (n > count)
		n = (uint32_t)count;
	if (n > GNTSIM_PAGE_SIZE / sizeof(*ports))
		n = GNTSIM_PAGE_SIZE / sizeof(*ports);
	for (i = 0; i < n; i++)
		ports[i] = *ring_at(u, u->cons + i);
	return (int)(n * sizeof(*ports));
}

int gntsim_evtchn_read(struct gntsim_file *file, size_t count, gntsim_port *ports)
{
	int rc = gntsim_evtchn_peek(file, count, ports);

	if (rc > 0)
		file->u.evtchn.cons += (uint32_t)rc / sizeof(*ports);
	return rc;
}

/* xen_irq_lateeoi() */
static void enable(struct gntsim_domain *dom, struct port *p)
{
	if (p->enabled)
		return;
	p->enabled = true;
	p->masked = false;
	if (p->pending)
		gs_evtchn_interrupt(dom, p);
}

int gntsim_evtchn_write(struct gntsim_file *file, size_t count, const gntsim_port *ports)
{
	int rc = gs_file_check(file, GNTSIM_DEV_EVTCHN);
	size_t i;

	if (rc < 0)
		return rc;
	if (!file->writable)
		return -EBADF;
	if (count > GNTSIM_PAGE_SIZE)
		count = GNTSIM_PAGE_SIZE;
	count /= sizeof(*ports);
	for (i = 0; i < count; i++) {
		struct port *p = find_bound(file, ports[i]);

		if (p)
			enable(file->dom, p);
	}
	return (int)(count * sizeof(*ports));
}

uint32_t gntsim_evtchn_ring_size(const struct gntsim_file *file)
{
	return gs_file_check(file, GNTSIM_DEV_EVTCHN) < 0 ? 0 : file->u.evtchn.ring_size;
}

short gntsim_evtchn_poll(const struct gntsim_file *file)
{
	const struct evtchn_file *u = &file->u.evtchn;

	/* A dead or foreign file: as poll() answers for one that is broken. */
	if (gs_file_check(file, GNTSIM_DEV_EVTCHN) < 0 || u->overflow)
		return POLLERR;
	return (short)(POLLOUT | POLLWRNORM | (u->prod != u->cons ? POLLIN | POLLRDNORM : 0));
}

const struct driver gs_evtchn_driver = {
    .open = evtchn_open,
    .release = evtchn_release,
};
