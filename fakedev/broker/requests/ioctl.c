/* SPDX-License-Identifier: MIT */
/* WIRE_IOCTL: the client sent the memory the driver may read; the driver's writes are gathered and
 * sent back, for the client to store. */
#include "broker/foreign.h"
#include "broker/ports.h"
#include "broker/store.h"
#include "broker/trace-internal.h"
#include "dmabuf.h"
#include "privcmd/abi.h"
#include "privcmd/privcmd.h"
#include "uapi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A region of the client's memory, as it was sent. */
struct view {
	struct wire_region region;
	const unsigned char *data; /* NULL: not readable */
};

struct gathered {
	const struct view *views;
	uint32_t n_views, last; /* last: where the previous lookup ended */
	/* The reply: its head, then the writes in order: struct wire_region and padded data. */
	unsigned char *out;
	size_t used, room;
	unsigned char first[1024]; /* out until it outgrows this */
	uint32_t n_writes, kept;   /* kept: WIRE_R_KEPT or 0 */
	uint64_t low, high;        /* hull of the writes */
	struct dmabuf_call dmabuf;
};

static size_t padded(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

static const struct view *find(struct gathered *g, uint64_t addr, size_t len, bool data)
{
	for (uint32_t i = 0; i < g->n_views; i++) {
		uint32_t at = (g->last + i) % g->n_views;
		const struct view *v = &g->views[at];

		if (addr < v->region.addr || addr - v->region.addr > v->region.len ||
		    len > v->region.len - (addr - v->region.addr))
			continue;
		if (data ? v->data != NULL : (v->region.flags & WIRE_R_WRITABLE) != 0) {
			g->last = at;
			return v;
		}
	}
	return NULL;
}

/* What this very call wrote earlier must be seen by its later reads. */
static void overlay(const struct gathered *g, uint64_t addr, unsigned char *dst, size_t len)
{
	size_t at = sizeof(struct wire_ioctl_reply);

	if (addr >= g->high || addr + len <= g->low)
		return;
	for (uint32_t i = 0; i < g->n_writes; i++) {
		struct wire_region r;
		uint64_t from, to;

		memcpy(&r, g->out + at, sizeof(r));
		from = r.addr > addr ? r.addr : addr;
		to = r.addr + r.len < addr + len ? r.addr + r.len : addr + len;
		if (from < to)
			memcpy(dst + (from - addr), g->out + at + sizeof(r) + (from - r.addr),
			       to - from);
		at += sizeof(r) + padded(r.len);
	}
}

static int view_read(void *ctx, uint64_t addr, void *dst, size_t len)
{
	struct gathered *g = ctx;
	const struct view *v;

	if (len == 0)
		return 0;
	v = find(g, addr, len, true);
	if (!v)
		return -EFAULT;
	memcpy(dst, v->data + (addr - v->region.addr), len);
	overlay(g, addr, dst, len);
	return 0;
}

/* Whether a store really works only the client finds out, when it does it. */
static int view_write(void *ctx, uint64_t addr, const void *src, size_t len)
{
	struct gathered *g = ctx;
	struct wire_region r = {.addr = addr, .len = (uint32_t)len, .flags = WIRE_R_DATA | g->kept};
	size_t need = g->used + sizeof(r) + padded(len);

	if (len == 0)
		return 0;
	if (len > WIRE_PAYLOAD_MAX || need > WIRE_PAYLOAD_MAX)
		return -EFAULT;
	if (need > g->room) {
		size_t room = need * 2;
		unsigned char *out = realloc(g->out == g->first ? NULL : g->out, room);

		if (!out)
			return -EFAULT;
		if (g->out == g->first)
			memcpy(out, g->first, g->used);
		g->out = out;
		g->room = room;
	}
	memcpy(g->out + g->used, &r, sizeof(r));
	memset(g->out + need - 8, 0, 8);
	memcpy(g->out + g->used + sizeof(r), src, len);
	g->used = need;
	if (g->n_writes++ == 0) {
		g->low = addr;
		g->high = addr + len;
	}
	if (addr < g->low)
		g->low = addr;
	if (addr + len > g->high)
		g->high = addr + len;
	return 0;
}

static int view_probe_write(void *ctx, uint64_t addr, size_t len)
{
	return len == 0 || find(ctx, addr, len, false) ? 0 : -EFAULT;
}

static int call_install(void *ctx, struct gntsim_file *dmabuf)
{
	struct gathered *g = ctx;

	return dmabuf_install(&g->dmabuf, dmabuf);
}

static int call_dmabuf(void *ctx, uint32_t fd, struct gntsim_file **out)
{
	const struct gathered *g = ctx;

	(void)fd;
	return dmabuf_find(&g->dmabuf, out);
}

/* Splits the payload into views; every length is checked here. */
static int parse(const struct wire_in *in, struct wire_ioctl *call, struct view *few,
		 uint32_t n_few, struct view **out)
{
	size_t at = sizeof(*call), end = in->msg.payload;
	struct view *views = few;

	if (end < at)
		return -EPROTO;
	memcpy(call, in->payload, sizeof(*call));
	if (call->n_regions > (end - at) / sizeof(struct wire_region))
		return -EPROTO;
	if (call->n_regions > n_few)
		views = malloc(call->n_regions * sizeof(*views));
	if (!views)
		return -ENOMEM;
	*out = views;
	for (uint32_t i = 0; i < call->n_regions; i++) {
		struct view *v = &views[i];

		v->data = NULL;
		if (end - at < sizeof(v->region))
			return -EPROTO;
		memcpy(&v->region, in->payload + at, sizeof(v->region));
		at += sizeof(v->region);
		if (!(v->region.flags & WIRE_R_DATA))
			continue;
		if (padded(v->region.len) > end - at)
			return -EPROTO;
		v->data = in->payload + at;
		at += padded(v->region.len);
	}
	return 0;
}

/* It can be restricted once: Linux's privcmd.c. */
static long restrict_to(struct device_file *f, uint64_t arg, const struct gntsim_user_memory *um)
{
	uint16_t target;

	if (um->read(um->ctx, arg, &target, sizeof(target)) < 0)
		return -EFAULT;
	if (f->target == PRIVCMD_ANY)
		f->target = target;
	return f->target == target ? 0 : -EINVAL;
}

/* What xenstored in another domain than 0 would be started with; here one runs in domain 0, or may. */
static long xenbus_backend(struct broker *b, uint32_t cmd)
{
	int err = 0;

	if (cmd == XENBUS_BACKEND_SETUP)
		return -EEXIST;
	if (cmd != XENBUS_BACKEND_EVTCHN)
		return -ENOTTY;
	if (!b->store)
		err = store_start(b, NULL, false);
	return err < 0 ? err : (long)store_port(b);
}

long request_other_ioctl(struct device_file *f, uint32_t cmd, uint64_t arg,
			 const struct gntsim_user_memory *um)
{
	struct gntsim_domain *dom = gntsim_domain_find(f->broker->machine, f->domid);

	if (!dom)
		return -ENODEV;
	if (f->device == WIRE_DEV_XENBUS_BACKEND)
		return xenbus_backend(f->broker, cmd);
	if (f->device != WIRE_DEV_PRIVCMD)
		return -ENOTTY;
	if (cmd == PRIVCMD_RESTRICT)
		return restrict_to(f, arg, um);
	return cmd == PRIVCMD_HYPERCALL && f->target != PRIVCMD_ANY
		   ? -EPERM
		   : privcmd_ioctl(dom, cmd, arg, um);
}

static long call_driver(struct client *c, struct device_file *f, const struct wire_ioctl *call,
			struct gathered *g, struct trace_memory *traced)
{
	struct gntsim_user_memory um = {.read = view_read,
					.write = view_write,
					.probe_write = view_probe_write,
					.ctx = g,
					.install = call_install,
					.dmabuf = call_dmabuf};
	struct cause *cause = &c->broker->cause;
	struct gntsim_user_memory room;
	long result;

	if (!f)
		return -EBADF;
	if (f->device == WIRE_DEV_PRIVCMD && call->cmd == PRIVCMD_MMAPBATCH_V2)
		return foreign_fill(c, f->target, call->arg, &um);
	if (f->device == WIRE_DEV_PRIVCMD && call->cmd == PRIVCMD_MMAP_RESOURCE)
		return foreign_resource(c, f->target, call->arg, &um);
	if (!f->file)
		return request_other_ioctl(f, call->cmd, call->arg, &um);
	/* Which ports it has may change; a port's event comes to who has it. */
	if (call->cmd != IOCTL_EVTCHN_NOTIFY)
		ports_tell_file(f);
	cause->kind = CAUSE_IOCTL;
	cause->device = f->device;
	cause->cmd = call->cmd;
	cause->arg = call->arg;
	cause->memory = &um;
	cause->dmabuf = 0;
	result = gntsim_ioctl(f->file, c->mm, call->cmd, call->arg,
			      trace_watch(c->broker, traced, &um, &room));
	if (result == -ETIMEDOUT && call->cmd == IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED)
		result = dmabuf_wait(&g->dmabuf, f, call->arg, &um);
	cause->traced = traced;
	origins_ioctl(c->broker);
	broker_effects(c->broker);
	return result;
}

int request_ioctl(struct client *c, const struct wire_in *in)
{
	struct wire_ioctl_reply head = {0};
	struct view few[8], *views = few;
	struct device_file *f;
	struct wire_ioctl call;
	struct trace_memory traced = {0};
	struct gathered g;
	long result;
	int err = parse(in, &call, few, sizeof(few) / sizeof(few[0]), &views);

	if (err == 0) {
		g.views = views;
		g.n_views = call.n_regions;
		g.last = g.n_writes = 0;
		g.low = g.high = 0;
		g.out = g.first;
		g.room = sizeof(g.first);
		g.used = sizeof(head);
		g.dmabuf = (struct dmabuf_call){.client = c,
						.given = in->n_fds ? in->fds[0] : -1,
						.number = call.number,
						.back = -1};
		f = client_file(c, call.file);
		g.kept = f && f->file && f->device == WIRE_DEV_GNTDEV &&
				 call.cmd == IOCTL_GNTDEV_MAP_GRANT_REF &&
				 gntsim_gntdev_keeps_unwritten(f->file)
			     ? WIRE_R_KEPT
			     : 0;
		result = call_driver(c, f, &call, &g, &traced);
		if (result == 0 && f->device == WIRE_DEV_EVTCHN && call.cmd == IOCTL_EVTCHN_RESET)
			head.drain = f->front->reset(f);
		head.n_regions = g.n_writes;
		memcpy(g.out, &head, sizeof(head));
		err =
		    client_reply(c, in, result, g.out, g.used, &g.dmabuf.back, g.dmabuf.back >= 0);
		if (g.dmabuf.back >= 0)
			close(g.dmabuf.back);
		c->broker->cause.traced = NULL;
		c->broker->cause.dmabuf = 0;
		trace_memory_done(&traced);
		if (g.out != g.first)
			free(g.out);
	}
	if (views != few)
		free(views);
	return err;
}

void request_ioctl_look(const struct wire_in *in,
			void (*look)(void *ctx, const struct gntsim_user_memory *um), void *ctx)
{
	struct view few[8], *views = few;
	struct wire_ioctl call;
	struct gathered g = {0};
	const struct gntsim_user_memory um = {
	    .read = view_read, .write = view_write, .probe_write = view_probe_write, .ctx = &g};

	if (parse(in, &call, few, sizeof(few) / sizeof(few[0]), &views) == 0) {
		g.views = views;
		g.n_views = call.n_regions;
		look(ctx, &um);
	}
	if (views != few)
		free(views);
}
