/* SPDX-License-Identifier: MIT */
/* A trace for people, in the notation of scenarios: a call is a step, what it did inside the machine
 * stands below it as comments. */
#include "trace.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#include "lang/constants.h"
#include "lang/print_struct.h"

#define MOST_ITEMS 64u

static void begin(struct scn_buf *out)
{
	scn_buf_str(out,
		    "# gntsim trace: a call is a step of gntsim-scenario(5); \"#     \" says what "
		    "it did; last, seconds\n");
}

/* "server_14475" */
static void print_process(struct scn_buf *b, const struct program *p)
{
	if (p->pid == 0) {
		scn_buf_str(b, "gntsim");
		return;
	}
	if (!isalpha((unsigned char)p->name[0]))
		scn_buf_str(b, "p");
	for (const char *c = p->name; *c; c++)
		scn_buf_printf(b, "%c", isalnum((unsigned char)*c) ? *c : '_');
	scn_buf_printf(b, "_%u", p->pid);
}

static void print_file(struct scn_buf *b, const struct trace_call *c)
{
	if (c->file)
		scn_buf_printf(b, "%s%u", trace_device_name(c->device), c->file);
	else
		scn_buf_str(b, "-1");
}

static void print_ports(struct scn_buf *b, const struct trace_call *c)
{
	scn_buf_str(b, "[");
	for (uint32_t i = 0; i < c->n_ports && i < MOST_ITEMS; i++)
		scn_buf_printf(b, "%s%u", i ? ", " : "", c->ports[i]);
	if (c->n_ports > MOST_ITEMS)
		scn_buf_printf(b, ", … %u more", c->n_ports - MOST_ITEMS);
	scn_buf_str(b, "]");
}

static void print_ioctl(struct scn_buf *b, const struct trace_call *c)
{
	const struct scn_ioctl *known = scn_ioctl_on(c->cmd, c->device == WIRE_DEV_GNTDEV);
	unsigned char byte;

	print_file(b, c);
	if (known)
		scn_buf_printf(b, ", %s", known->name);
	else
		scn_buf_printf(b, ", 0x%x", c->cmd);
	if (known && !known->layout)
		return;
	scn_buf_str(b, ", ");
	if (c->in)
		scn_buf_str(b, c->in);
	else if (known && c->memory && trace_memory_before(c->memory, c->addr, &byte, 1))
		scn_print_struct(b, known->layout, SCN_WAY_IN, c->addr, trace_memory_before,
				 c->memory, MOST_ITEMS);
	else
		scn_buf_printf(b, "0x%llx", (unsigned long long)c->addr);
}

static void print_range(struct scn_buf *b, uint64_t addr, uint64_t len)
{
	scn_buf_printf(b, "0x%llx, %llu", (unsigned long long)addr, (unsigned long long)len);
}

static void print_arguments(struct scn_buf *b, const struct trace_call *c)
{
	switch (c->kind) {
	case TRACE_OPEN:
		scn_buf_printf(b, "\"/dev/xen/%s\", ", trace_device_name(c->device));
		scn_print_flags(b, SCN_FLAGS_OPEN,
				(uint64_t)c->flags & (O_ACCMODE | O_NONBLOCK | O_CLOEXEC));
		break;
	case TRACE_IOCTL:
		print_ioctl(b, c);
		break;
	case TRACE_READ:
		print_file(b, c);
		scn_buf_printf(b, ", %llu", (unsigned long long)c->len);
		break;
	case TRACE_WRITE:
		print_file(b, c);
		scn_buf_str(b, ", ");
		print_ports(b, c);
		break;
	case TRACE_MMAP:
		print_range(b, c->addr, c->len);
		scn_buf_str(b, ", ");
		scn_print_flags(b, SCN_FLAGS_PROT, (uint64_t)c->prot);
		scn_buf_str(b, ", ");
		scn_print_flags(b, SCN_FLAGS_MAP, (uint64_t)c->flags);
		scn_buf_str(b, ", ");
		print_file(b, c);
		scn_buf_printf(b, c->offset < 65536 ? ", %llu" : ", 0x%llx",
			       (unsigned long long)c->offset);
		break;
	case TRACE_MUNMAP:
		print_range(b, c->addr, c->len);
		break;
	case TRACE_MPROTECT:
		print_range(b, c->addr, c->len);
		scn_buf_str(b, ", ");
		scn_print_flags(b, SCN_FLAGS_PROT, (uint64_t)c->prot);
		break;
	case TRACE_MADVISE:
		print_range(b, c->addr, c->len);
		scn_buf_printf(b, ", %d", c->prot);
		break;
	case TRACE_MREMAP:
		print_range(b, c->addr, c->len);
		scn_buf_printf(b, ", %llu, ", (unsigned long long)c->new_len);
		scn_print_flags(b, SCN_FLAGS_MREMAP, (uint64_t)c->flags);
		scn_buf_printf(b, ", 0x%llx", (unsigned long long)c->new_addr);
		break;
	case TRACE_JOIN:
	case TRACE_FORK:
	case TRACE_ATTACH:
	case TRACE_CLOSE:
	case TRACE_END:
	case TRACE_ADVANCE:
	case TRACE_DESTROY:
	case TRACE_TIME:
		break;
	}
}

static void print_result(struct scn_buf *b, const struct trace_call *c)
{
	const struct scn_ioctl *known =
	    c->kind == TRACE_IOCTL ? scn_ioctl_on(c->cmd, c->device == WIRE_DEV_GNTDEV) : NULL;
	const char *name;

	if (c->result < 0) {
		name = scn_errno_name((int)-c->result);
		if (name)
			scn_buf_printf(b, " = -1 %s", name);
		else
			scn_buf_printf(b, " = -1 (errno %lld)", (long long)-c->result);
		return;
	}
	if (c->kind == TRACE_OPEN)
		return;
	if (c->kind == TRACE_MMAP || c->kind == TRACE_MREMAP)
		scn_buf_printf(b, " = 0x%llx",
			       (unsigned long long)(c->kind == TRACE_MMAP ? c->addr : c->new_addr));
	else
		scn_buf_printf(b, " = %lld", (long long)c->result);
	if (c->kind == TRACE_READ) {
		scn_buf_str(b, " ");
		print_ports(b, c);
	}
	if (c->out)
		scn_buf_printf(b, " %s", c->out);
	if (known && known->layout && c->memory && scn_layout_has_results(known->layout)) {
		scn_buf_str(b, " ");
		scn_print_struct(b, known->layout, SCN_WAY_OUT, c->addr, trace_memory_after,
				 c->memory, MOST_ITEMS);
	}
}

void trace_call_text(struct scn_buf *b, const struct trace_call *c)
{
	scn_buf_printf(b, "%s(", trace_call_name(c->kind));
	print_arguments(b, c);
	scn_buf_str(b, ")");
}

static void print_call(struct scn_buf *b, const struct trace_call *c)
{
	print_process(b, &c->program);
	scn_buf_str(b, ": ");
	if (c->kind == TRACE_OPEN && c->result >= 0) {
		print_file(b, c);
		scn_buf_str(b, " = ");
	}
	scn_buf_printf(b, "%s(", trace_call_name(c->kind));
	print_arguments(b, c);
	scn_buf_str(b, ")");
	print_result(b, c);
}

static void print_other(struct scn_buf *b, const struct trace_call *c)
{
	switch (c->kind) {
	case TRACE_JOIN:
		scn_buf_str(b, "process ");
		print_process(b, &c->program);
		scn_buf_printf(b, " in dom%u    # %s, pid %u, domain %u, %s", c->domid,
			       c->program.name, c->program.pid, c->domid,
			       c->guest == 1 ? "pv" : "pvh");
		break;
	case TRACE_ATTACH:
		scn_buf_str(b, "# ");
		print_process(b, &c->program);
		scn_buf_str(b, " uses ");
		print_file(b, c);
		scn_buf_str(b, ", which ");
		print_process(b, &c->opener);
		scn_buf_str(b, " opened");
		break;
	case TRACE_CLOSE:
		if (c->exiting) {
			scn_buf_str(b, "# ");
			print_file(b, c);
			scn_buf_str(b, " has no descriptor any more: ");
			print_process(b, &c->program);
			scn_buf_str(b, " has ended");
		} else {
			print_process(b, &c->program);
			scn_buf_str(b, ": close(");
			print_file(b, c);
			scn_buf_str(b, ") = 0");
		}
		break;
	case TRACE_END:
		if (c->exiting) {
			scn_buf_str(b, "kill -9 ");
			print_process(b, &c->program);
			scn_buf_str(b, "    # or its exit: its memory is gone");
		} else {
			print_process(b, &c->program);
			scn_buf_str(b, ": exec()    # its memory is gone, it goes on");
		}
		break;
	case TRACE_ADVANCE:
		scn_buf_printf(b, "advance %lluns", (unsigned long long)c->len);
		break;
	case TRACE_DESTROY:
		scn_buf_printf(b, "destroy dom%u", c->peer);
		break;
	case TRACE_TIME:
		scn_buf_str(b, "# no call: time has passed, or the machine itself did it");
		break;
	case TRACE_FORK:
	case TRACE_OPEN:
	case TRACE_IOCTL:
	case TRACE_READ:
	case TRACE_WRITE:
	case TRACE_MMAP:
	case TRACE_MUNMAP:
	case TRACE_MPROTECT:
	case TRACE_MADVISE:
	case TRACE_MREMAP:
		print_call(b, c);
		break;
	}
}

static void call(struct scn_buf *out, struct scn_buf *seen, const struct trace_call *c, uint64_t us)
{
	if (c->kind == TRACE_TIME && seen->len == 0)
		return;
	print_other(out, c);
	scn_buf_printf(out, "    # %llu.%06u", (unsigned long long)(us / 1000000),
		       (unsigned int)(us % 1000000));
	if (c->thread && c->thread != c->program.pid)
		scn_buf_printf(out, " tid %u", c->thread);
	scn_buf_str(out, "\n");
	scn_buf_add(out, scn_buf_text(seen), seen->len);
	scn_buf_clear(seen);
}

/* ---- what happens inside ---- */

static void print_grant(struct scn_buf *b, const struct gntsim_observation *o)
{
	uint16_t flags = o->entry.flags;

	scn_buf_printf(b, "grant %u of dom%u", o->ref, o->domid);
	if (!(flags & GNTSIM_GTF_TYPE_MASK)) {
		scn_buf_str(b, " ends");
		return;
	}
	scn_buf_printf(b, " for dom%u: %s, frame %u", o->entry.domid,
		       flags & GNTSIM_GTF_READONLY ? "read-only" : "read-write", o->entry.frame);
	if (flags & (GNTSIM_GTF_READING | GNTSIM_GTF_WRITING))
		scn_buf_printf(b, ",%s%s", flags & GNTSIM_GTF_READING ? " reading" : "",
			       flags & GNTSIM_GTF_WRITING ? " writing" : "");
	if (o->pins)
		scn_buf_printf(b, ", %u pin%s of dom%u", o->pins, o->pins == 1 ? "" : "s", o->peer);
}

static void print_port(struct scn_buf *b, const struct gntsim_observation *o)
{
	const struct gntsim_port_status *s = &o->port_status;

	scn_buf_printf(b, "port %u of dom%u: ", o->port, o->domid);
	switch (s->state) {
	case GNTSIM_PORT_FREE:
		scn_buf_str(b, "free");
		break;
	case GNTSIM_PORT_UNBOUND:
		scn_buf_printf(b, "unbound, for dom%u", s->remote_domid);
		break;
	case GNTSIM_PORT_INTERDOMAIN:
		scn_buf_printf(b, "bound to port %u of dom%u", s->remote_port, s->remote_domid);
		break;
	case GNTSIM_PORT_VIRQ:
		scn_print_meaning(b, s->virq, SCN_IS_VIRQ);
		break;
	}
}

static void print_notified(struct scn_buf *b, const struct gntsim_observation *o)
{
	if (o->device == GNTSIM_DEV_GNTALLOC)
		scn_buf_printf(b, "grant %u of dom%u", o->ref, o->domid);
	else
		scn_buf_printf(b, "the map at index 0x%llx of dom%u", (unsigned long long)o->index,
			       o->domid);
}

static void print_notification(struct scn_buf *b, const struct gntsim_observation *o)
{
	scn_buf_str(b, "notification of ");
	print_notified(b, o);
	if (o->action == 0) {
		scn_buf_str(b, o->replaced ? " is taken back" : ": none, as before");
		return;
	}
	scn_buf_str(b, o->replaced ? " is replaced:" : " is armed:");
	if (o->action & 1)
		scn_buf_printf(b, " byte %u", o->offset);
	if (o->action & 2)
		scn_buf_printf(b, "%s event through port %u", o->action & 1 ? "," : "", o->port);
}

static void saw(struct scn_buf *b, const struct gntsim_observation *o)
{
	scn_buf_str(b, "#     ");
	switch (o->kind) {
	case GNTSIM_SAW_GRANT:
		print_grant(b, o);
		break;
	case GNTSIM_SAW_DEFERRED:
		scn_buf_printf(b,
			       "grant %u of dom%u is given up while it is mapped: it waits for "
			       "the timer",
			       o->ref, o->domid);
		break;
	case GNTSIM_SAW_HANDLE_TAKEN:
	case GNTSIM_SAW_HANDLE_FREED:
		scn_buf_printf(b, "handle %u of dom%u %s: grant %u of dom%u%s", o->handle, o->domid,
			       o->kind == GNTSIM_SAW_HANDLE_TAKEN ? "maps" : "is free", o->ref,
			       o->peer, o->flags & GNTSIM_GNTMAP_READONLY ? ", read-only" : "");
		break;
	case GNTSIM_SAW_MAP_REFUSED:
		scn_buf_printf(b, "Xen refuses dom%u the map of grant %u of dom%u: ", o->domid,
			       o->ref, o->peer);
		scn_print_meaning(b, o->status, SCN_IS_GNTST);
		break;
	case GNTSIM_SAW_PORT:
		print_port(b, o);
		break;
	case GNTSIM_SAW_PENDING:
		scn_buf_printf(b,
			       "event for port %u of dom%u is pending: nobody has bound it, or it "
			       "was not written back",
			       o->port, o->domid);
		break;
	case GNTSIM_SAW_EVENT:
		scn_buf_printf(b, "event for port %u of dom%u%s", o->port, o->domid,
			       o->overflow ? " is lost: the ring overflows" : " enters the ring");
		break;
	case GNTSIM_SAW_NOTIFY_SET:
		print_notification(b, o);
		break;
	case GNTSIM_SAW_NOTIFY_BYTE:
		scn_buf_str(b, "notification of ");
		print_notified(b, o);
		scn_buf_printf(b, " fires: byte %u cleared, in frame %u", o->offset, o->frame);
		break;
	case GNTSIM_SAW_NOTIFY_EVENT:
		scn_buf_str(b, "notification of ");
		print_notified(b, o);
		scn_buf_printf(b, " fires: event through port %u", o->port);
		break;
	case GNTSIM_SAW_REVOKED:
		scn_buf_printf(b, "pages revoked at 0x%llx, %llu bytes: SIGBUS from now on",
			       (unsigned long long)o->addr, (unsigned long long)o->len);
		break;
	case GNTSIM_SAW_MAP_FREED:
		scn_buf_printf(b, "map at index 0x%llx of dom%u, %u page%s, is freed",
			       (unsigned long long)o->index, o->domid, o->count,
			       o->count == 1 ? "" : "s");
		break;
	case GNTSIM_SAW_RELEASE:
		scn_buf_printf(b, "release() of a file of dom%u: %s", o->domid,
			       trace_device_name((enum wire_device)o->device));
		break;
	case GNTSIM_SAW_MM_END:
		scn_buf_printf(b, "an address space of dom%u ends", o->domid);
		break;
	case GNTSIM_SAW_DOMAIN:
		scn_buf_printf(b, "dom%u is made", o->domid);
		break;
	case GNTSIM_SAW_DESTROY:
		scn_buf_printf(b, "dom%u is destroyed: no byte is cleared, no event sent",
			       o->domid);
		break;
	case GNTSIM_SAW_BURIED:
		scn_buf_printf(b, "dom%u is gone: nobody maps a page of it", o->domid);
		break;
	}
	scn_buf_str(b, "\n");
}

static uint32_t lines(const struct trace_call *c, uint32_t n_seen)
{
	return c->kind == TRACE_TIME && n_seen == 0 ? 0 : 1 + n_seen;
}

const struct trace_format trace_text = {"text", begin, call, saw, lines};
