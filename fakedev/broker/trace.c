/* SPDX-License-Identifier: MIT */
#include "trace-internal.h"

#include "broker/processes/foreign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct gntsim_user_memory *trace_watch(const struct broker *b, struct trace_memory *t,
					     const struct gntsim_user_memory *um,
					     struct gntsim_user_memory *room)
{
	*t = (struct trace_memory){0};
	return b->config.trace ? trace_memory_watch(t, um, room) : um;
}

/* Whether anybody wants to hear of the call that ends now. */
static bool is_heard(const struct broker *b)
{
	return b->config.trace || origins_wanted(b);
}

static void tell(struct broker *b, struct trace_call *call, struct origin *last)
{
	const struct broker_trace *t = b->config.trace;

	call->now = gntsim_machine_now(b->machine);
	call->frames = b->arena.memory;
	if (t)
		t->call(t->ctx, call);
	origins_note(b, call, t ? t->line(t->ctx) : 0, leaks_are_noted(b) ? last : NULL);
}

static void name_file(struct trace_call *call, const struct device_file *f)
{
	call->device = f ? f->device : WIRE_DEV_MAX;
	call->file = f ? f->number : 0;
}

static bool take_memory_call(struct client *c, const struct wire_in *in, struct trace_call *call)
{
	struct wire_map map;
	struct wire_range range;
	struct wire_remap remap;

	switch (in->msg.op) {
	case WIRE_MMAP:
		if (!client_payload(in, &map, sizeof(map)))
			return false;
		call->kind = TRACE_MMAP;
		name_file(call, client_file(c, map.file));
		call->addr = map.addr;
		call->len = map.len;
		call->prot = map.prot;
		call->flags = map.flags;
		call->offset = map.offset;
		return true;
	case WIRE_MREMAP:
		if (!client_payload(in, &remap, sizeof(remap)))
			return false;
		call->kind = TRACE_MREMAP;
		call->addr = remap.old_addr;
		call->len = remap.old_len;
		call->new_addr = remap.new_addr;
		call->new_len = remap.new_len;
		call->flags = remap.flags;
		return true;
	default:
		if (!client_payload(in, &range, sizeof(range)))
			return false;
		call->kind = in->msg.op == WIRE_MUNMAP     ? TRACE_MUNMAP
			     : in->msg.op == WIRE_MPROTECT ? TRACE_MPROTECT
							   : TRACE_MADVISE;
		call->addr = range.addr;
		call->len = range.len;
		call->prot = range.prot;
		return true;
	}
}

static bool take_open(struct client *c, const struct wire_in *in, int64_t result,
		      const void *payload, size_t len, struct trace_call *call)
{
	struct wire_open o;
	struct wire_file file;

	if (!client_payload(in, &o, sizeof(o)) || o.device > WIRE_DEV_PRIVCMD)
		return false;
	call->kind = TRACE_OPEN;
	call->device = (enum wire_device)o.device;
	call->flags = (int32_t)o.flags;
	if (result < 0 || len != sizeof(file))
		return true;
	memcpy(&file, payload, sizeof(file));
	name_file(call, client_file(c, file.id));
	return true;
}

static bool is_shown(enum wire_device device)
{
	return device <= WIRE_DEV_PRIVCMD || device == WIRE_DEV_DMABUF;
}

/* Another process's file; what it opened itself it is shown again after exec or in a fork's child. */
static bool take_attach(struct client *c, int64_t result, const void *payload, size_t len,
			struct trace_call *call)
{
	const struct device_file *f;
	struct wire_file file;

	if (result < 0 || len != sizeof(file))
		return false;
	memcpy(&file, payload, sizeof(file));
	f = client_file(c, file.id);
	if (!f || f->opener.pid == c->program.pid || !is_shown(f->device))
		return false;
	call->kind = TRACE_ATTACH;
	name_file(call, f);
	call->opener = f->opener;
	return true;
}

/* What is said to xenstored is not shown, nor what becomes of a parameter. */
static bool is_of_another(struct client *c, uint32_t file)
{
	const struct device_file *f = client_file(c, file);

	return f && f->device > WIRE_DEV_PRIVCMD;
}

static bool take_ioctl(struct client *c, const struct wire_in *in, struct trace_call *call)
{
	const struct cause *cause = &c->broker->cause;
	struct wire_ioctl i;

	if (in->msg.payload < sizeof(i))
		return false;
	memcpy(&i, in->payload, sizeof(i));
	call->kind = TRACE_IOCTL;
	if (is_of_another(c, i.file))
		return false;
	name_file(call, client_file(c, i.file));
	call->cmd = i.cmd;
	call->addr = i.arg;
	call->memory = cause->traced;
	call->given = cause->dmabuf;
	return true;
}

static bool take_write(struct client *c, const struct wire_in *in, struct trace_call *call,
		       uint32_t ports[static 1024])
{
	struct wire_write w;

	if (in->msg.payload < sizeof(w))
		return false;
	memcpy(&w, in->payload, sizeof(w));
	call->kind = TRACE_WRITE;
	if (is_of_another(c, w.file))
		return false;
	name_file(call, client_file(c, w.file));
	call->len = w.len;
	call->n_ports = w.len / 4 < 1024 ? w.len / 4 : 1024;
	if (in->msg.payload < sizeof(w) + call->n_ports * 4)
		return false;
	memcpy(ports, in->payload + sizeof(w), call->n_ports * 4);
	call->ports = ports;
	return true;
}

static bool take_control(const struct wire_in *in, struct trace_call *call)
{
	uint32_t domid;

	call->program = (struct program){0};
	if (in->msg.op == WIRE_ADVANCE) {
		call->kind = TRACE_ADVANCE;
		return client_payload(in, &call->len, sizeof(call->len));
	}
	call->kind = TRACE_DESTROY;
	if (!client_payload(in, &domid, sizeof(domid)))
		return false;
	call->peer = (uint16_t)domid;
	return true;
}

static bool take_request(struct client *c, const struct wire_in *in, int64_t result,
			 const void *payload, size_t len, struct trace_call *call,
			 uint32_t ports[static 1024])
{
	switch ((enum wire_op)in->msg.op) {
	case WIRE_HELLO:
		call->kind = TRACE_JOIN;
		call->domid = c->domid;
		call->program = c->program;
		call->mm = c->mm;
		call->fork = c->fork;
		call->guest =
		    c->mm && gntsim_mm_domain(c->mm) &&
			    gntsim_domain_guest(gntsim_mm_domain(c->mm)) == GNTSIM_GUEST_PV
			? 1
			: 2;
		return c->mm && result == 0;
	case WIRE_FORK:
		call->kind = TRACE_FORK;
		call->fork = c->broker->n_forks;
		return true;
	case WIRE_OPEN:
		return take_open(c, in, result, payload, len, call);
	case WIRE_ATTACH:
	case WIRE_CLAIM:
		return take_attach(c, result, payload, len, call);
	case WIRE_IOCTL:
		return take_ioctl(c, in, call);
	case WIRE_WRITE:
		return take_write(c, in, call, ports);
	case WIRE_MMAP:
	case WIRE_MUNMAP:
	case WIRE_MPROTECT:
	case WIRE_MADVISE:
	case WIRE_MREMAP:
		return take_memory_call(c, in, call);
	case WIRE_ADVANCE:
	case WIRE_DESTROY:
		return take_control(in, call);
	case WIRE_SYNC:
	case WIRE_STATUS:
	case WIRE_LIMIT:
	case WIRE_MOUNT:
	case WIRE_CUSE:
	case WIRE_CREATE:
	case WIRE_WATCH:
	case WIRE_LEAKS:
	case WIRE_ARENA:
	case WIRE_READ:
	case WIRE_SHOW:
	case WIRE_EXEC:
	case WIRE_INTRODUCE:
	case WIRE_CONSOLE:
	case WIRE_BEFORE:
	case WIRE_READS:
	case WIRE_PAGES:
	case WIRE_END:
	case WIRE_LOOK:
	case WIRE_BELL:
	case WIRE_OP_MAX:
		break;
	}
	return false;
}

static bool take_read(struct client *c, const struct wire_in *in, struct trace_call *call)
{
	struct wire_before before;
	struct wire_read r;

	call->kind = TRACE_READ;
	if (in->msg.op == WIRE_BEFORE && client_payload(in, &before, sizeof(before))) {
		name_file(call, client_file(c, before.file));
		call->len = before.count;
		return before.file != WIRE_NO_FILE;
	}
	if (in->msg.op != WIRE_READ || in->msg.payload < sizeof(r))
		return false;
	memcpy(&r, in->payload, sizeof(r));
	name_file(call, client_file(c, r.file));
	call->len = r.count;
	return true;
}

struct description {
	struct trace_call *call;
	void (*told)(void *ctx, const struct trace_call *call);
	void *ctx;
};

static void describe_ioctl(void *ctx, const struct gntsim_user_memory *um)
{
	const struct description *d = ctx;
	struct trace_memory memory = {.inner = um, .unmade = true};

	d->call->memory = &memory;
	d->told(d->ctx, d->call);
}

void trace_describe(struct client *c, const struct wire_in *in,
		    void (*told)(void *ctx, const struct trace_call *call), void *ctx)
{
	struct trace_call call = {.domid = c->domid, .program = c->program, .result = -1};
	struct description d = {&call, told, ctx};
	uint32_t ports[1024];

	if (!take_read(c, in, &call) && !take_request(c, in, -1, NULL, 0, &call, ports))
		return;
	if (call.kind == TRACE_IOCTL)
		request_ioctl_look(in, describe_ioctl, &d);
	else
		told(ctx, &call);
}

void trace_describe_file(const struct device_file *f, uint32_t thread, struct trace_call *call,
			 void (*told)(void *ctx, const struct trace_call *call), void *ctx)
{
	struct description d = {call, told, ctx};
	struct gntsim_user_memory um;
	struct foreign memory;

	if (f)
		name_file(call, f);
	call->result = -1;
	foreign_memory(&memory, thread, &um);
	if (call->kind == TRACE_IOCTL)
		describe_ioctl(&d, &um);
	else
		told(ctx, call);
}

void trace_request(struct client *c, const struct wire_in *in, int64_t result, const void *payload,
		   size_t len)
{
	struct trace_call call = {.domid = c->domid, .program = c->program, .result = result};
	uint32_t ports[1024];

	if (is_heard(c->broker) && take_request(c, in, result, payload, len, &call, ports))
		tell(c->broker, &call, &c->last);
}

void trace_file_call(struct device_file *f, uint32_t thread, struct trace_call *call)
{
	struct client *c;

	if (!is_heard(f->broker) || f->device > WIRE_DEV_PRIVCMD)
		return;
	name_file(call, f);
	call->domid = f->domid;
	call->thread = thread;
	program_look(&call->program, process_of_thread(thread));
	c = client_of_process(f->broker, call->program.pid);
	tell(f->broker, call, c ? &c->last : &f->last);
}

void trace_kernel_read(struct client *c, const struct wire_read *r, const void *bytes)
{
	struct trace_call call = {.kind = TRACE_READ, .domid = c->domid, .program = c->program};
	uint32_t ports[1024];

	if (!c->broker->config.trace)
		return;
	if (r->result > 0)
		memcpy(ports, bytes, (size_t)r->result);
	name_file(&call, client_file(c, r->file));
	call.len = r->count;
	call.ports = ports;
	call.n_ports = r->result > 0 ? (uint32_t)r->result / 4 : 0;
	call.result = r->result;
	tell(c->broker, &call, &c->last);
}

int trace_told_read(struct client *c, const struct wire_in *in)
{
	struct wire_read r;
	uint32_t bytes;

	if (in->msg.payload < sizeof(r))
		return -EPROTO;
	memcpy(&r, in->payload, sizeof(r));
	bytes = r.result > 0 ? (uint32_t)r.result : 0;
	if (bytes > 4096 || in->msg.payload != sizeof(r) + bytes)
		return -EPROTO;
	trace_kernel_read(c, &r, in->payload + sizeof(r));
	return 0;
}

void trace_close(const struct device_file *f)
{
	struct trace_call call = {.kind = TRACE_CLOSE,
				  .status = -1,
				  .domid = (uint16_t)f->broker->cause.domid,
				  .program = f->broker->cause.program};

	if (!is_heard(f->broker) || !is_shown(f->device))
		return;
	call.exiting = program_is_exiting(call.program.pid);
	if (call.exiting)
		call.status = program_exit_status(call.program.pid);
	name_file(&call, f);
	tell(f->broker, &call, NULL);
}

void trace_end(const struct client *c)
{
	struct trace_call call = {.kind = TRACE_END, .domid = c->domid, .program = c->program};

	if (!is_heard(c->broker))
		return;
	call.exiting = program_is_exiting(call.program.pid);
	call.status = call.exiting ? program_exit_status(call.program.pid) : -1;
	tell(c->broker, &call, NULL);
}

void trace_time(struct broker *b)
{
	struct trace_call call = {.kind = TRACE_TIME};

	if (is_heard(b))
		tell(b, &call, NULL);
}
