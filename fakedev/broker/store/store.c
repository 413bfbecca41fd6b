/* SPDX-License-Identifier: MIT */
/* Which domain has which page and port, and how an event finds its bus. */
#define _GNU_SOURCE
#include "broker/store.h"
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONSOLE_REF 0u
#define STORE_REF   1u

struct store_domain *store_find(const struct store *s, uint16_t domid)
{
	return s && domid < GNTSIM_DOMID_FIRST_RESERVED ? s->by_id[domid] : NULL;
}

static void kick(void *ctx)
{
	const struct store_domain *d = ctx;
	struct gntsim_domain *dom = gntsim_domain_find(d->store->broker->machine, d->domid);

	if (dom)
		gntsim_port_send(dom, d->port);
}

static bool take_pending(struct gntsim_domain *dom, gntsim_port port)
{
	struct gntsim_port_status status;

	if (gntsim_port_status(dom, port, &status) < 0 || !status.pending)
		return false;
	gntsim_port_clear_pending(dom, port);
	return true;
}

void store_event(struct broker *b, struct gntsim_domain *dom)
{
	struct store_domain *d = store_find(b->store, gntsim_domain_id(dom));

	if (d && take_pending(dom, d->port))
		xenbus_event(d->bus);
	if (d && d->domid && take_pending(dom, d->console_port))
		store_console_event(d);
}

/* A page that domain 0 may map by a reserved reference. */
static int grant_page(struct gntsim_domain *dom, gntsim_gref ref, gntsim_frame *frame)
{
	struct gntsim_grant_entry entry = {.flags = GNTSIM_GTF_PERMIT_ACCESS, .domid = 0};
	int err = gntsim_frame_alloc(dom, frame);

	if (err < 0)
		return err;
	entry.frame = *frame;
	err = gntsim_grant_entry_set(dom, ref, &entry);
	if (err < 0) {
		gntsim_frame_free(dom, *frame);
		*frame = GNTSIM_NO_FRAME;
	}
	return err;
}

static int listening_port(struct gntsim_domain *dom)
{
	int port = gntsim_port_alloc_unbound(dom, 0);

	return port < 0 ? port : gntsim_port_listen(dom, (gntsim_port)port) < 0 ? -EINVAL : port;
}

static void forget_domain(struct store_domain *d)
{
	xenbus_free(d->bus);
	store_console_end(d);
	if (d->listener)
		broker_end_endpoint(d->store->broker, d->listener);
	if (d->dir[0]) {
		char path[sizeof(d->dir) + 8];

		snprintf(path, sizeof(path), "%s/socket", d->dir);
		unlink(path);
		rmdir(d->dir);
	}
	free(d);
}

/* What a toolstack makes in a domain that it builds. */
static int equip(struct store_domain *d, struct gntsim_domain *dom)
{
	static const struct xenbus_ops ops = {kick};
	const struct store *s = d->store;
	struct xs_ring *ring = s->kva;
	int port, err;

	if (d->domid) {
		err = grant_page(dom, STORE_REF, &d->page);
		if (err == 0)
			err = grant_page(dom, CONSOLE_REF, &d->console);
		if (err < 0)
			return err;
		ring = gntsim_frame_ptr(s->broker->machine, d->page);
	}
	port = listening_port(dom);
	if (port < 0)
		return port;
	d->port = (gntsim_port)port;
	if (d->domid) {
		port = listening_port(dom);
		if (port < 0)
			return port;
		d->console_port = (gntsim_port)port;
	}
	return xenbus_new(ring, &ops, d, &d->bus);
}

static void take_back(struct gntsim_domain *dom, gntsim_gref ref, uint32_t frame)
{
	const struct gntsim_grant_entry none = {.flags = GNTSIM_GTF_INVALID};

	if (frame == GNTSIM_NO_FRAME)
		return;
	gntsim_grant_entry_set(dom, ref, &none);
	gntsim_frame_free(dom, frame);
}

/* The domain lives on without a xenstore. */
static void unequip(const struct store_domain *d)
{
	struct gntsim_domain *dom = gntsim_domain_find(d->store->broker->machine, d->domid);

	if (!dom)
		return;
	if (d->port)
		gntsim_port_close(dom, d->port);
	if (d->console_port)
		gntsim_port_close(dom, d->console_port);
	take_back(dom, STORE_REF, d->page);
	take_back(dom, CONSOLE_REF, d->console);
}

static int listen_for(struct store_domain *d)
{
	char path[sizeof(d->dir) + 8];
	const char *rundir = d->store->broker->rundir;
	int n = d->domid ? snprintf(d->dir, sizeof(d->dir), "%s/%u", rundir, d->domid)
			 : snprintf(d->dir, sizeof(d->dir), "%s", rundir);
	bool fits = n > 0 && (size_t)n < sizeof(d->dir);

	/* Domain 0's is there. */
	if (!fits || (d->domid && mkdir(d->dir, 0755) < 0)) {
		d->dir[0] = '\0';
		return fits ? -errno : -ENAMETOOLONG;
	}
	snprintf(path, sizeof(path), "%s/socket", d->dir);
	return store_listen(d->store->broker, d->domid, path, &d->listener);
}

static void list_domain(struct store *s, struct store_domain *d)
{
	d->next = s->domains;
	d->at = &s->domains;
	if (d->next)
		d->next->at = &d->next;
	s->domains = s->by_id[d->domid] = d;
}

static void unlist_domain(const struct store_domain *d)
{
	d->store->by_id[d->domid] = NULL;
	*d->at = d->next;
	if (d->next)
		d->next->at = d->at;
}

int store_domain_came(struct broker *b, struct gntsim_domain *dom)
{
	struct store *s = b->store;
	struct store_domain *d;
	int err;

	if (!s || store_find(s, gntsim_domain_id(dom)))
		return 0;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->store = s;
	d->domid = gntsim_domain_id(dom);
	d->page = d->console = GNTSIM_NO_FRAME;
	err = equip(d, dom);
	if (err == 0 && (d->domid || s->listens) && b->rundir)
		err = listen_for(d);
	if (err < 0) {
		unequip(d);
		forget_domain(d);
		return err;
	}
	list_domain(s, d);
	if (d->domid == 0)
		err = store_toolstack_start(s, d);
	store_toolstack_make(s, d);
	if (s->died)
		xenbus_died(d->bus);
	return err;
}

void store_domain_goes(struct broker *b, uint16_t domid)
{
	struct store_domain *d = store_find(b->store, domid);

	if (!d)
		return;
	unlist_domain(d);
	store_toolstack_unmake(b->store, d);
	forget_domain(d);
}

static bool came(void *ctx, const struct gntsim_domain_info *info)
{
	struct broker *b = ctx;
	struct gntsim_domain *dom = gntsim_domain_find(b->machine, info->domid);

	b->store->error = dom ? store_domain_came(b, dom) : 0;
	return b->store->error == 0;
}

int store_start(struct broker *b, const char *rundir, bool listens)
{
	struct store *s = calloc(1, sizeof(*s));
	void *kva;

	if (!s)
		return -ENOMEM;
	s->broker = b;
	link_init(&s->waiting);
	s->kva_fd = memfd_create("gntsim-xsd_kva", MFD_CLOEXEC);
	kva = s->kva_fd < 0 || ftruncate(s->kva_fd, GNTSIM_PAGE_SIZE) < 0
		  ? MAP_FAILED
		  : mmap(NULL, GNTSIM_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, s->kva_fd, 0);
	if (rundir)
		b->rundir = strdup(rundir);
	if (kva == MAP_FAILED || (rundir && !b->rundir)) {
		int err = kva == MAP_FAILED ? -errno : -ENOMEM;

		if (s->kva_fd >= 0)
			close(s->kva_fd);
		free(s);
		return err;
	}
	s->kva = kva;
	s->listens = listens;
	b->store = s;
	/* Domain 0 comes first. */
	gntsim_for_each_domain(b->machine, came, b);
	return s->error;
}

int store_kva(const struct broker *b)
{
	return b->store ? b->store->kva_fd : -1;
}

uint32_t store_port(const struct broker *b)
{
	const struct store_domain *d = store_find(b->store, 0);

	return d ? d->port : 0;
}

void store_died(struct broker *b)
{
	if (!b->store || b->store->died)
		return;
	b->store->died = true;
	for (struct store_domain *d = b->store->domains; d; d = d->next)
		xenbus_died(d->bus);
	store_toolstack_answer(b->store);
}

bool store_has_died(const struct broker *b)
{
	return b->store && b->store->died;
}

/* Of who was there only the domains are left: they are introduced to it as if they came now. */
void store_revive(struct broker *b)
{
	struct store *s = b->store;

	s->died = false;
	s->answered = s->asked;
	for (struct store_domain *d = s->domains; d; d = d->next)
		xenbus_revive(d->bus);
	for (struct store_domain *d = s->domains; d; d = d->next)
		store_toolstack_make(s, d);
}

int store_open(struct broker *b, uint16_t domid, const struct xenbus_file_ops *ops, void *ctx,
	       bool as_socket, struct xenbus_file **out)
{
	const struct store_domain *d = store_find(b->store, domid);

	return d ? xenbus_open(d->bus, ops, ctx, as_socket, out) : -ENOENT;
}

void store_free(struct broker *b)
{
	struct store *s = b->store;

	if (!s)
		return;
	s->died = true;
	while (s->domains) {
		struct store_domain *d = s->domains;

		unlist_domain(d);
		unequip(d);
		forget_domain(d);
	}
	store_toolstack_end(s);
	munmap(s->kva, GNTSIM_PAGE_SIZE);
	close(s->kva_fd);
	free(s);
	b->store = NULL;
}
