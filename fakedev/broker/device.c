/* SPDX-License-Identifier: MIT */
/* Open device files: the model's file and its front. */
#include "broker/place/text.h"
#include "place/place.h"
#include "privcmd/abi.h"
#include "store.h"
#include "trace-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

static struct link *bucket(struct broker *b, uint64_t cookie)
{
	return &b->cookies[cookie % COOKIE_BUCKETS];
}

struct device_file *device_find(struct broker *b, uint64_t cookie)
{
	struct link *head = bucket(b, cookie);

	for (struct link *l = head->next; l != head; l = l->next) {
		struct device_file *f =
		    (struct device_file *)(void *)((char *)l -
						   offsetof(struct device_file, by_cookie));

		if (f->cookie == cookie && !f->endpoint.dead)
			return f;
	}
	return NULL;
}

/* Who had it: the last that used it, else who opened it. */
static const struct program *holder(const struct device_file *f)
{
	const struct hold *h;

	if (f->holds.prev == &f->holds)
		return &f->opener;
	h = (const struct hold *)(const void *)((const char *)f->holds.prev -
						offsetof(struct hold, of_file));
	return &h->client->program;
}

/* Nothing comes from it any more. */
static void end_xenbus(struct device_file *f)
{
	if (f->writer)
		store_file_forget(f->writer);
	if (f->xenbus)
		xenbus_close(f->xenbus);
	f->xenbus = NULL;
}

void device_end(struct device_file *f)
{
	struct gntsim_file *file = f->file;
	const struct gntsim_domain *dom = file ? gntsim_file_domain(file) : NULL;

	deaths_look(f->broker);
	f->broker->cause = (struct cause){.kind = CAUSE_CLOSE,
					  .domid = dom ? gntsim_domain_id(dom) : 0,
					  .program = *holder(f),
					  .device = f->device};
	if (f->front->end)
		f->front->end(f);
	broker_end_endpoint(f->broker, &f->endpoint);
	link_del(&f->held);
	link_del(&f->by_cookie);
	end_xenbus(f);
	if (!file) {
		trace_close(f);
		return;
	}
	leaks_of_file(f->broker, f);
	f->file = NULL;
	gntsim_file_set_data(file, NULL);
	gntsim_close(file);
	broker_effects(f->broker);
	trace_close(f);
}

static void device_destroy(struct endpoint *e)
{
	struct device_file *f = (struct device_file *)e;

	while (f->holds.next != &f->holds) {
		struct hold *h =
		    (struct hold *)(void *)((char *)f->holds.next - offsetof(struct hold, of_file));

		h->client->holds[h->id] = NULL;
		if (h->id < h->client->free_id)
			h->client->free_id = h->id;
		link_del(&h->of_file);
		free(h);
	}
	link_del(&f->held);
	link_del(&f->by_cookie);
	end_xenbus(f);
	if (f->front->end)
		f->front->end(f);
	free(f->queue);
	free(f);
}

struct opening {
	enum wire_device device;
	uint32_t flags, minor;
	const char *text;         /* of a parameter */
	struct gntsim_file *file; /* that is open already */
};

static int open_file(struct broker *b, const struct front *front, struct gntsim_domain *dom,
		     const struct opening *o, struct device_file **out, int *client_fd)
{
	struct device_file *f = calloc(1, sizeof(*f));
	enum wire_device device = o->device;
	uint32_t flags = o->flags;
	int err = 0;

	if (!f)
		return -ENOMEM;
	link_init(&f->holds);
	link_init(&f->held);
	link_init(&f->by_cookie);
	f->endpoint.destroy = device_destroy;
	f->endpoint.kind = ENDPOINT_DEVICE;
	f->broker = b;
	f->front = front;
	f->part = -1;
	f->device = device;
	f->open_flags = flags & O_ACCMODE;
	f->domid = gntsim_domain_id(dom);
	f->minor = o->minor;
	f->text = o->text;
	f->target = f->domid && b->config.privcmd ? PRIVCMD_NOBODY : PRIVCMD_ANY;
	f->number = ++b->n_opened[device];
	if (o->file)
		f->file = o->file;
	else if (device <= WIRE_DEV_EVTCHN)
		err = gntsim_open(dom, (enum gntsim_device)device, (int)(flags & O_ACCMODE),
				  &f->file);
	if (err < 0) {
		free(f);
		return err;
	}
	if (device == WIRE_DEV_XENBUS)
		err = store_file_open(f);
	if (err < 0) {
		free(f);
		return err;
	}
	err = front->open(f, client_fd);
	f->text = NULL;
	if (err < 0) {
		if (f->file && !o->file)
			gntsim_close(f->file);
		end_xenbus(f);
		device_destroy(&f->endpoint);
		return err;
	}
	if (f->file)
		gntsim_file_set_data(f->file, f);
	link_add(bucket(b, f->cookie), &f->by_cookie);
	*out = f;
	return 0;
}

bool device_is_missing(const struct broker *b, uint16_t domid, enum wire_device device)
{
	return domid && (device == WIRE_DEV_XENBUS_BACKEND ||
			 (device == WIRE_DEV_PRIVCMD && b->config.privcmd == BROKER_PRIVCMD_OFF));
}

int device_open(struct broker *b, const struct front *front, struct gntsim_domain *dom,
		enum wire_device device, uint32_t flags, struct device_file **out, int *client_fd)
{
	if (device_is_missing(b, gntsim_domain_id(dom), device))
		return -ENOENT;
	return open_file(
	    b, front, dom,
	    &(struct opening){.device = device, .flags = flags, .minor = place_minor(device)}, out,
	    client_fd);
}

int device_open_parameter(struct broker *b, struct gntsim_domain *dom, uint32_t node,
			  uint32_t flags, struct device_file **out, int *client_fd)
{
	char text[TEXT_ROOM];
	int n = text_of(dom, node, text);

	if (n < 0)
		return n;
	return open_file(b, b->config.fronts->by_descriptor, dom,
			 &(struct opening){WIRE_DEV_PARAMETER, flags, node, text, NULL}, out,
			 client_fd);
}

int device_open_dmabuf(struct broker *b, struct gntsim_file *dmabuf, struct device_file **out,
		       int *client_fd)
{
	const struct opening o = {.device = WIRE_DEV_DMABUF,
				  .flags = O_RDWR,
				  .minor =
				      (uint32_t)(gntsim_dmabuf_size(dmabuf) / GNTSIM_PAGE_SIZE),
				  .file = dmabuf};

	return open_file(b, b->config.fronts->by_descriptor, gntsim_file_domain(dmabuf), &o, out,
			 client_fd);
}

long device_write_parameter(const struct device_file *f, const char *text, size_t len)
{
	struct gntsim_domain *dom = gntsim_domain_find(f->broker->machine, f->domid);

	return dom ? text_write(dom, f->minor, text, len) : -ENODEV;
}

void device_each(const struct broker *b, void (*visit)(void *ctx, struct device_file *f), void *ctx)
{
	for (unsigned int i = 0; i < COOKIE_BUCKETS; i++) {
		const struct link *head = &b->cookies[i];

		for (struct link *l = head->next; l != head; l = l->next) {
			struct device_file *f =
			    (struct device_file *)(void *)((char *)l -
							   offsetof(struct device_file, by_cookie));

			if (!f->endpoint.dead)
				visit(ctx, f);
		}
	}
}
