/* SPDX-License-Identifier: MIT */
#include "trace-memory.h"

#include <gntsim/ioctl.h>
#include <stdlib.h>
#include <string.h>

/* A call that moves more is told without the rest. */
#define MOST_KEPT (1u << 20)

struct piece_head {
	uint64_t addr;
	uint32_t len, pad;
};

static size_t padded(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

static void keep(struct trace_piece *p, uint64_t addr, const void *bytes, size_t len)
{
	struct piece_head head = {.addr = addr, .len = (uint32_t)len};
	size_t need = p->used + sizeof(head) + padded(len);

	if (len > MOST_KEPT || need > MOST_KEPT)
		return;
	if (need > p->room) {
		size_t room = need * 2;
		unsigned char *more = realloc(p->bytes, room);

		if (!more)
			return;
		p->bytes = more;
		p->room = room;
	}
	memcpy(p->bytes + p->used, &head, sizeof(head));
	memcpy(p->bytes + p->used + sizeof(head), bytes, len);
	p->used = need;
}

/* The newest piece that holds all of it. */
static bool find(const struct trace_piece *p, uint64_t addr, void *out, size_t len)
{
	bool found = false;

	for (size_t at = 0; at < p->used;) {
		struct piece_head head;

		memcpy(&head, p->bytes + at, sizeof(head));
		at += sizeof(head);
		if (addr >= head.addr && addr - head.addr <= head.len &&
		    len <= head.len - (addr - head.addr)) {
			memcpy(out, p->bytes + at + (addr - head.addr), len);
			found = true;
		}
		at += padded(head.len);
	}
	return found;
}

bool trace_memory_before(void *memory, uint64_t addr, void *out, size_t len)
{
	const struct trace_memory *t = memory;

	return find(&t->read, addr, out, len) ||
	       (t->unmade && t->inner->read(t->inner->ctx, addr, out, len) == 0);
}

bool trace_memory_after(void *memory, uint64_t addr, void *out, size_t len)
{
	const struct trace_memory *t = memory;

	return find(&t->written, addr, out, len) || find(&t->read, addr, out, len);
}

static int watched_read(void *ctx, uint64_t addr, void *dst, size_t len)
{
	struct trace_memory *t = ctx;
	int err = t->inner->read(t->inner->ctx, addr, dst, len);

	if (err == 0)
		keep(&t->read, addr, dst, len);
	return err;
}

static int watched_write(void *ctx, uint64_t addr, const void *src, size_t len)
{
	struct trace_memory *t = ctx;
	int err = t->inner->write(t->inner->ctx, addr, src, len);

	if (err == 0)
		keep(&t->written, addr, src, len);
	return err;
}

static int watched_probe(void *ctx, uint64_t addr, size_t len)
{
	const struct trace_memory *t = ctx;

	return t->inner->probe_write(t->inner->ctx, addr, len);
}

static int watched_install(void *ctx, struct gntsim_file *dmabuf)
{
	const struct trace_memory *t = ctx;

	return t->inner->install(t->inner->ctx, dmabuf);
}

static int watched_dmabuf(void *ctx, uint32_t fd, struct gntsim_file **out)
{
	const struct trace_memory *t = ctx;

	return t->inner->dmabuf(t->inner->ctx, fd, out);
}

const struct gntsim_user_memory *trace_memory_watch(struct trace_memory *t,
						    const struct gntsim_user_memory *um,
						    struct gntsim_user_memory *room)
{
	*t = (struct trace_memory){.inner = um};
	*room = (struct gntsim_user_memory){.read = watched_read,
					    .write = watched_write,
					    .probe_write = watched_probe,
					    .ctx = t,
					    .install = um->install ? watched_install : NULL,
					    .dmabuf = um->dmabuf ? watched_dmabuf : NULL};
	return room;
}

void trace_memory_done(struct trace_memory *t)
{
	free(t->read.bytes);
	free(t->written.bytes);
}
