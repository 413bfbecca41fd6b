/* SPDX-License-Identifier: MIT */
#include "calls.h"

#include "broker/broker-internal.h"

#include <stdlib.h>
#include <string.h>

#define ORDER_ROOM 256u

void death_calls_look(struct client *c, const struct wire_in *in, struct trace_call *call)
{
	static const enum trace_kind kinds[WIRE_OP_MAX] = {
	    [WIRE_OPEN] = TRACE_OPEN,       [WIRE_IOCTL] = TRACE_IOCTL,
	    [WIRE_WRITE] = TRACE_WRITE,     [WIRE_MMAP] = TRACE_MMAP,
	    [WIRE_MUNMAP] = TRACE_MUNMAP,   [WIRE_MPROTECT] = TRACE_MPROTECT,
	    [WIRE_MADVISE] = TRACE_MADVISE, [WIRE_MREMAP] = TRACE_MREMAP,
	    [WIRE_BEFORE] = TRACE_READ};
	const struct device_file *f;
	struct wire_ioctl i;

	*call = (struct trace_call){.kind = kinds[in->msg.op]};
	if (call->kind != TRACE_IOCTL || in->msg.payload < sizeof(i))
		return;
	memcpy(&i, in->payload, sizeof(i));
	f = client_file(c, i.file);
	call->cmd = i.cmd;
	call->device = f ? f->device : WIRE_DEV_MAX;
}

static unsigned int kind_of(struct death_program *p, const char *name)
{
	unsigned int k = 0;

	while (k < p->n_kinds && strcmp(p->kinds[k].name, name) != 0)
		k++;
	if (k == p->n_kinds && k < DEATH_KINDS)
		p->kinds[p->n_kinds++].name = name;
	return k;
}

/* Without memory the order of later calls is not known, which is nothing new to who reads it. */
static void add_to_order(struct death_program *p, unsigned int kind)
{
	unsigned int n = p->n_order;

	if (n + 1 != p->calls || n == DEATH_ORDER_MAX)
		return;
	/* There is room for a power of 2. */
	if (n == 0 || (n >= ORDER_ROOM && (n & (n - 1)) == 0)) {
		unsigned char *order = realloc(p->order, n < ORDER_ROOM ? ORDER_ROOM : 2 * n);

		if (!order)
			return;
		p->order = order;
	}
	p->order[p->n_order++] = (unsigned char)kind;
}

bool death_calls_is(const struct death_program *p, const char *kind, uint64_t n)
{
	const struct death_kind *last = &p->kinds[p->kind];

	if (!kind)
		return p->calls == n;
	return p->kind < p->n_kinds && last->calls == n && strcmp(last->name, kind) == 0;
}

void death_calls_count(const struct deaths *d, struct death_program *p,
		       const struct trace_call *call)
{
	p->calls++;
	p->kind = kind_of(p, d->kind(call));
	if (p->kind < p->n_kinds) {
		p->kinds[p->kind].calls++;
		add_to_order(p, p->kind);
	}
	if ((p->point.at == DEATH_CALL || p->point.at == DEATH_CALL_DONE) && !p->due &&
	    death_calls_is(p, p->point.kind, p->point.n))
		p->due = p->calls;
}
