/* SPDX-License-Identifier: MIT */
/* Open device files: the model's file and its front. */
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

int device_open(struct broker *b, const struct front *front, struct gntsim_domain *dom,
		enum wire_device device, uint32_t flags, struct device_file **out, int *client_fd)
{
	/* Dynamic misc minors, as Debian's 6.1 gives them out in domain 0. */
	static const uint32_t minors[] = {119, 118, 120, 121, 123};
	struct device_file *f = calloc(1, sizeof(*f));
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
	f->device = device;
	f->open_flags = flags & O_ACCMODE;
	f->domid = gntsim_domain_id(dom);
	f->minor = minors[device];
	f->number = ++b->n_opened[device];
	if (device <= WIRE_DEV_EVTCHN)
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
	if (err < 0) {
		if (f->file)
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
