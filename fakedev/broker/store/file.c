/* SPDX-License-Identifier: MIT */
/* An open /dev/xen/xenbus: between a front and the domain's bus. */
#include "broker/store.h"

static void readable(void *ctx)
{
	struct device_file *f = ctx;

	f->front->events(f);
}

static void written(void *ctx, long result)
{
	struct device_file *f = ctx;
	struct client *c = f->writer;

	if (!c) {
		f->front->written(f, result);
		return;
	}
	f->writer = NULL;
	c->writing = NULL;
	client_answer(c, WIRE_WRITE, result, NULL, 0);
}

int store_file_open(struct device_file *f)
{
	static const struct xenbus_file_ops ops = {readable, written};

	return store_open(f->broker, f->domid, &ops, f, false, &f->xenbus);
}

void store_file_forget(struct client *c)
{
	if (c->writing)
		c->writing->writer = NULL;
	c->writing = NULL;
}
