/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
/* A call that made something, in the words of a trace. */
#include "origin.h"
#include "uapi.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct text {
	char *at;
	size_t left;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->at, t->left, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= t->left)
		n = t->left ? (int)t->left - 1 : 0;
	t->at += n;
	t->left -= (size_t)n;
}

static const char *device_name(enum wire_device device)
{
	static const char *const names[] = {"gntalloc", "gntdev", "evtchn", "privcmd"};

	return device <= WIRE_DEV_PRIVCMD ? names[device] : "file";
}

static void put_file(struct text *t, const struct trace_call *c)
{
	put(t, "%s%u", device_name(c->device), c->file);
}

/* Names of bits, "0" for none. */
static void put_bits(struct text *t, uint32_t value, const char *const *names)
{
	bool any = false;

	for (unsigned int i = 0; names[i]; i++) {
		if (!(value & 1u << i))
			continue;
		put(t, "%s%s", any ? "|" : "", names[i]);
		value &= ~(1u << i);
		any = true;
	}
	if (value || !any)
		put(t, any ? "|%#x" : value ? "%#x" : "%u", value);
}

static const char *const alloc_flags[] = {"GNTALLOC_FLAG_WRITABLE", NULL};
static const char *const actions[] = {"UNMAP_NOTIFY_CLEAR_BYTE", "UNMAP_NOTIFY_SEND_EVENT", NULL};
static const char *const protections[] = {"PROT_READ", "PROT_WRITE", "PROT_EXEC", NULL};

static void put_alloc(struct text *t, const unsigned char *bytes)
{
	struct ioctl_gntalloc_alloc_gref a;

	memcpy(&a, bytes, sizeof(a));
	put(t, "{domid=dom%u, flags=", a.domid);
	put_bits(t, a.flags, alloc_flags);
	put(t, ", count=%u}", a.count);
}

static void put_map(struct text *t, const unsigned char *bytes)
{
	struct ioctl_gntdev_map_grant_ref m;

	memcpy(&m, bytes, sizeof(m));
	put(t, "{count=%u, refs=[{domid=dom%u, ref=%u}%s]}", m.count, m.refs[0].domid,
	    m.refs[0].ref, m.count > 1 ? ", …" : "");
}

static void put_notify(struct text *t, const unsigned char *bytes)
{
	struct ioctl_gntdev_unmap_notify n;

	memcpy(&n, bytes, sizeof(n));
	put(t, "{index=%llu, action=", (unsigned long long)n.index);
	put_bits(t, n.action, actions);
	put(t, ", event_channel_port=%u}", n.event_channel_port);
}

static void put_range(struct text *t, const unsigned char *bytes)
{
	struct ioctl_gntdev_unmap_grant_ref r; /* as gntalloc's DEALLOC_GREF has it */

	memcpy(&r, bytes, sizeof(r));
	put(t, "{index=%llu, count=%u}", (unsigned long long)r.index, r.count);
}

static void put_interdomain(struct text *t, const unsigned char *bytes)
{
	struct ioctl_evtchn_bind_interdomain i;

	memcpy(&i, bytes, sizeof(i));
	put(t, "{remote_domain=dom%u, remote_port=%u}", i.remote_domain, i.remote_port);
}

static void put_unbound(struct text *t, const unsigned char *bytes)
{
	struct ioctl_evtchn_bind_unbound_port u;

	memcpy(&u, bytes, sizeof(u));
	put(t, "{remote_domain=dom%u}", u.remote_domain);
}

static void put_virq(struct text *t, const unsigned char *bytes)
{
	struct ioctl_evtchn_bind_virq v;

	memcpy(&v, bytes, sizeof(v));
	put(t, "{virq=%u}", v.virq);
}

static void put_port(struct text *t, const unsigned char *bytes)
{
	struct ioctl_evtchn_notify n; /* as UNBIND has it */

	memcpy(&n, bytes, sizeof(n));
	put(t, "{port=%u}", n.port);
}

static const struct known {
	uint32_t cmd;
	const char *name;
	void (*put)(struct text *t, const unsigned char *bytes);
	size_t size;
} ioctls[] = {
    {IOCTL_GNTALLOC_ALLOC_GREF, "IOCTL_GNTALLOC_ALLOC_GREF", put_alloc,
     sizeof(struct ioctl_gntalloc_alloc_gref)},
    {IOCTL_GNTALLOC_DEALLOC_GREF, "IOCTL_GNTALLOC_DEALLOC_GREF", put_range,
     sizeof(struct ioctl_gntdev_unmap_grant_ref)},
    {IOCTL_GNTDEV_MAP_GRANT_REF, "IOCTL_GNTDEV_MAP_GRANT_REF", put_map,
     sizeof(struct ioctl_gntdev_map_grant_ref)},
    {IOCTL_GNTDEV_UNMAP_GRANT_REF, "IOCTL_GNTDEV_UNMAP_GRANT_REF", put_range,
     sizeof(struct ioctl_gntdev_unmap_grant_ref)},
    {IOCTL_GNTDEV_GRANT_COPY, "IOCTL_GNTDEV_GRANT_COPY", NULL, 0},
    {IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, "IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR", NULL, 0},
    {IOCTL_GNTDEV_SET_MAX_GRANTS, "IOCTL_GNTDEV_SET_MAX_GRANTS", NULL, 0},
    {IOCTL_EVTCHN_BIND_VIRQ, "IOCTL_EVTCHN_BIND_VIRQ", put_virq,
     sizeof(struct ioctl_evtchn_bind_virq)},
    {IOCTL_EVTCHN_BIND_INTERDOMAIN, "IOCTL_EVTCHN_BIND_INTERDOMAIN", put_interdomain,
     sizeof(struct ioctl_evtchn_bind_interdomain)},
    {IOCTL_EVTCHN_BIND_UNBOUND_PORT, "IOCTL_EVTCHN_BIND_UNBOUND_PORT", put_unbound,
     sizeof(struct ioctl_evtchn_bind_unbound_port)},
    {IOCTL_EVTCHN_UNBIND, "IOCTL_EVTCHN_UNBIND", put_port, sizeof(struct ioctl_evtchn_notify)},
    {IOCTL_EVTCHN_NOTIFY, "IOCTL_EVTCHN_NOTIFY", put_port, sizeof(struct ioctl_evtchn_notify)},
    {IOCTL_EVTCHN_RESET, "IOCTL_EVTCHN_RESET", NULL, 0},
    {IOCTL_EVTCHN_RESTRICT_DOMID, "IOCTL_EVTCHN_RESTRICT_DOMID", NULL, 0},
    {IOCTL_EVTCHN_BIND_STATIC, "IOCTL_EVTCHN_BIND_STATIC", put_port,
     sizeof(struct ioctl_evtchn_bind)},
    /* gntalloc and gntdev share this number. */
    {IOCTL_GNTDEV_SET_UNMAP_NOTIFY, NULL, put_notify, sizeof(struct ioctl_gntdev_unmap_notify)},
};

static void put_ioctl(struct text *t, const struct origin *o)
{
	const struct known *known = NULL;

	for (size_t i = 0; i < sizeof(ioctls) / sizeof(ioctls[0]); i++)
		if (ioctls[i].cmd == o->call.cmd)
			known = &ioctls[i];
	put(t, "ioctl(");
	put_file(t, &o->call);
	if (!known)
		put(t, ", %#x", o->call.cmd);
	else if (known->name)
		put(t, ", %s", known->name);
	else
		put(t, ", IOCTL_%s_SET_UNMAP_NOTIFY",
		    o->call.device == WIRE_DEV_GNTALLOC ? "GNTALLOC" : "GNTDEV");
	if (known && known->put && o->n_argument >= known->size) {
		put(t, ", ");
		known->put(t, o->argument);
	} else if (o->call.addr) {
		put(t, ", %#" PRIx64, o->call.addr);
	}
	put(t, ")");
}

static void put_mmap(struct text *t, const struct trace_call *c)
{
	put(t, "mmap(%#" PRIx64 ", %" PRIu64 ", ", c->addr, c->len);
	if (c->prot)
		put_bits(t, (uint32_t)c->prot, protections);
	else
		put(t, "PROT_NONE");
	put(t, ", %s, ",
	    c->flags & MAP_PRIVATE && !(c->flags & MAP_SHARED) ? "MAP_PRIVATE" : "MAP_SHARED");
	put_file(t, c);
	put(t, ", %" PRIu64 ")", c->offset);
}

/* @return whether it is a call, with a result */
static bool put_call(struct text *t, const struct origin *o)
{
	const struct trace_call *c = &o->call;
	char who[PROGRAM_TEXT];

	switch (c->kind) {
	case TRACE_JOIN:
		put(t, "its first use of the devices");
		return false;
	case TRACE_FORK:
		put(t, "fork()");
		return true;
	case TRACE_OPEN:
		if (c->result >= 0) {
			put_file(t, c);
			put(t, " = ");
		}
		put(t, "open(\"/dev/xen/%s\")", device_name(c->device));
		return c->result < 0;
	case TRACE_ATTACH:
		put(t, "the use of ");
		put_file(t, c);
		put(t, ", which %s opened", program_text(&c->opener, who));
		return false;
	case TRACE_IOCTL:
		put_ioctl(t, o);
		return true;
	case TRACE_READ:
	case TRACE_WRITE:
		put(t, c->kind == TRACE_READ ? "read(" : "write(");
		put_file(t, c);
		put(t, ", %" PRIu64 ")", c->len);
		return true;
	case TRACE_MMAP:
		put_mmap(t, c);
		return true;
	case TRACE_MUNMAP:
	case TRACE_MPROTECT:
	case TRACE_MADVISE:
		put(t, "%s(%#" PRIx64 ", %" PRIu64 ")",
		    c->kind == TRACE_MUNMAP     ? "munmap"
		    : c->kind == TRACE_MPROTECT ? "mprotect"
						: "madvise",
		    c->addr, c->len);
		return true;
	case TRACE_MREMAP:
		put(t, "mremap(%#" PRIx64 ", %" PRIu64 ", %" PRIu64 ")", c->addr, c->len,
		    c->new_len);
		return true;
	case TRACE_CLOSE:
		if (c->exiting)
			put(t, "its end: ");
		put(t, "close(");
		put_file(t, c);
		put(t, ")");
		return false;
	case TRACE_END:
		put(t, c->exiting ? "its end" : "exec()");
		return false;
	case TRACE_ADVANCE:
		put(t, "advance %" PRIu64 "ns", c->len);
		return false;
	case TRACE_DESTROY:
		put(t, "destroy dom%u", c->peer);
		return false;
	case TRACE_TIME:
		put(t, "no call: time has passed");
		return false;
	}
	return false;
}

const char *origin_text(const struct origin *o, char text[ORIGIN_TEXT])
{
	struct text t = {text, ORIGIN_TEXT};
	const struct trace_call *c = &o->call;

	text[0] = '\0';
	if (!put_call(&t, o))
		return text;
	if (c->result < 0)
		put(&t, " = -1 %s",
		    strerrorname_np((int)-c->result) ? strerrorname_np((int)-c->result) : "error");
	else if (c->kind == TRACE_MMAP || c->kind == TRACE_MREMAP)
		put(&t, " = %#" PRIx64, c->kind == TRACE_MMAP ? c->addr : c->new_addr);
	else
		put(&t, " = %" PRId64, c->result);
	return text;
}
