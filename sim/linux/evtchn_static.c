/* SPDX-License-Identifier: MIT */
/*
 * IOCTL_EVTCHN_BIND_STATIC (Linux 6.5): a number is bound as it is, without asking Xen whose port
 * that is. The kernel counts one reference for each number, however many files have bound it, so
 * that the first to give it up takes the interrupt away from the others.
 */
#include "model.h"

/* Whose interrupt is that of the number, whether or not it is forgotten. */
static struct static_port *handler(const struct gntsim_file *file, gntsim_port port, bool forgotten)
{
	const struct evtchn_file *u = &file->u.evtchn;

	for (struct list *l = u->statics.next; l != &u->statics; l = l->next) {
		struct static_port *s = container_of(l, struct static_port, of_file);

		if (s->number == port && (forgotten || !s->forgotten))
			return s;
	}
	return NULL;
}

static struct static_port *find(const struct gntsim_file *file, gntsim_port port)
{
	return handler(file, port, false);
}

bool gs_evtchn_has_static(const struct gntsim_file *file, gntsim_port port)
{
	return file->dom->n_statics && find(file, port);
}

/* That of a file that is not this one. */
static struct static_port *handler_but(const struct gntsim_domain *dom, int16_t refs,
				       const struct gntsim_file *file, gntsim_port port)
{
	const struct list *files = &dom->files;
	struct static_port *s = NULL;

	for (struct list *l = files->next; dom->n_statics && l != files && !s; l = l->next) {
		const struct gntsim_file *other = container_of(l, struct gntsim_file, link);

		if (other != file && other->device == GNTSIM_DEV_EVTCHN)
			s = handler(other, port, true);
		if (s && s->refs < refs)
			s = NULL;
	}
	return s;
}

struct static_port *gs_evtchn_static(const struct gntsim_domain *dom, gntsim_port port,
				     int16_t refs)
{
	return handler_but(dom, refs, NULL, port);
}

bool gs_evtchn_is_static_elsewhere(const struct gntsim_file *file, gntsim_port port)
{
	return handler_but(file->dom, 1, file, port) || gs_evtchn_is_kept(file->dom, port);
}

/* The interrupt of @p port is freed with @p file's binding of it. */
static void lose_interrupt(struct gntsim_file *file, gntsim_port port)
{
	struct gntsim_domain *dom = file->dom;
	struct port *p = gs_port(dom, port);

	if (dom->dying)
		return;
	for (struct list *l = dom->files.next; l != &dom->files; l = l->next) {
		struct gntsim_file *other = container_of(l, struct gntsim_file, link);
		struct static_port *s = NULL;

		if (other != file && other->device == GNTSIM_DEV_EVTCHN)
			s = find(other, port);
		if (s)
			s->lost = true;
	}
	if (p && p->file && p->file != file)
		p->lost = true;
}

void gs_evtchn_unbound(struct gntsim_file *file, struct port *p)
{
	if (p->forgotten)
		p->forgotten = false;
	else if (p->lost)
		gs_hazard(file->m, HAZARD_STATIC_LOST);
	else if (file->dom->n_statics)
		lose_interrupt(file, p->number);
	p->lost = false;
}

static void unbind_static(struct gntsim_file *file, struct static_port *s)
{
	if (s->lost && !s->forgotten && !file->dom->dying)
		gs_hazard(file->m, HAZARD_STATIC_LOST);
	else if (!s->forgotten)
		lose_interrupt(file, s->number);
	file->u.evtchn.n_ports--;
	file->dom->n_statics--;
	gs_evtchn_put_static(file->dom, s);
}

bool gs_evtchn_unbind_static(struct gntsim_file *file, gntsim_port port)
{
	struct static_port *s = file->dom->n_statics ? find(file, port) : NULL;

	if (s)
		unbind_static(file, s);
	return s;
}

void gs_evtchn_release_statics(struct gntsim_file *file)
{
	struct list *statics = &file->u.evtchn.statics;

	while (!list_empty(statics))
		unbind_static(file, container_of(statics->next, struct static_port, of_file));
}

/*
 * add_evtchn() refuses the number; del_evtchn() then takes what is not in the file's tree out of it,
 * which leaves the tree without a root. What was in it stays bound, and its events still come.
 */
void gs_evtchn_forget(struct gntsim_file *file)
{
	struct evtchn_file *u = &file->u.evtchn;

	for (struct list *l = u->statics.next; l != &u->statics; l = l->next)
		container_of(l, struct static_port, of_file)->forgotten = true;
	for (struct list *l = u->ports.next; l != &u->ports; l = l->next)
		container_of(l, struct port, of_file)->forgotten = true;
	gs_hazard(file->m, HAZARD_STATIC_FORGETS);
}

/* A PV domain 0 has its devices' interrupts for port 0 until they are in use (xen_bind_pirq_gsi_to_irq()). */
static bool is_for_devices(const struct gntsim_domain *dom, gntsim_port port)
{
	return port == 0 && dom->id == 0 && dom->guest == GNTSIM_GUEST_PV;
}

static int take_interrupt(struct gntsim_file *file, gntsim_port port, const struct port *p)
{
	if (port >= MAX_PORTS)
		return -ENOMEM;
	/* The kernel handles it itself, and shares it with nobody. */
	if (is_for_devices(file->dom, port) || (p && p->state != GNTSIM_PORT_FREE && !p->refs)) {
		gs_hazard(file->m, HAZARD_STATIC_KERNELS);
		return -EBUSY;
	}
	return 0;
}

int gntsim_evtchn_bind_static(struct gntsim_file *file, gntsim_port port)
{
	int rc = gs_file_check(file, GNTSIM_DEV_EVTCHN);
	struct static_port *s;
	const struct port *p;

	if (rc < 0)
		return rc;
	if (!file->dom->profile->bind_static)
		return -ENOSYS;
	p = gs_port(file->dom, port);
	if ((p && p->file == file && !p->forgotten) || find(file, port))
		return -EISCONN;
	s = gs_mem_alloc(file->m, sizeof(*s));
	if (!s)
		return -ENOMEM;
	rc = gs_evtchn_make_room(file);
	if (rc == 0)
		rc = take_interrupt(file, port, p);
	if (rc < 0) {
		gs_mem_free(file->m, s, sizeof(*s));
		return rc;
	}
	file->u.evtchn.n_ports++;
	if ((p && p->refs) || gs_evtchn_is_static_elsewhere(file, port))
		gs_hazard(file->m, HAZARD_STATIC_SHARED);
	/* Given up, it stays with its interrupt, which another port gets then: no port has this number, to the kernel. */
	if (port == 0)
		gs_hazard(file->m, HAZARD_STATIC_ZERO);
	*s = (struct static_port){.number = port, .refs = 1};
	list_add_tail(&file->u.evtchn.statics, &s->of_file);
	file->dom->n_statics++;
	gs_ports_link(file->dom, port);
	return 0;
}

struct visit {
	bool (*visit)(void *ctx, const struct gntsim_file *file, gntsim_port port);
	void *ctx;
};

static bool visit_file(const struct visit *v, const struct gntsim_file *file)
{
	const struct list *statics = &file->u.evtchn.statics;

	for (const struct list *l = statics->next; l != statics; l = l->next)
		if (!v->visit(v->ctx, file,
			      container_of(l, const struct static_port, of_file)->number))
			return false;
	return true;
}

static bool visit_domain(void *ctx, struct gntsim_domain *dom)
{
	for (struct list *l = dom->files.next; dom->n_statics && l != &dom->files; l = l->next) {
		const struct gntsim_file *file = container_of(l, struct gntsim_file, link);

		if (file->device == GNTSIM_DEV_EVTCHN && !visit_file(ctx, file))
			return false;
	}
	return true;
}

void gntsim_for_each_static_port(struct gntsim_machine *m,
				 bool (*visit)(void *ctx, const struct gntsim_file *file,
					       gntsim_port port),
				 void *ctx)
{
	gs_for_each_domain(m, visit_domain, &(struct visit){visit, ctx});
}
