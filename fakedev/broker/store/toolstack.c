/* SPDX-License-Identifier: MIT */
/* What xl does with the store when it makes a domain, and when the domain ends (libxl_create.c,
 * libxl_dom.c, libxl_domain.c). It is said on domain 0's ring, in one go; answers are only counted. */
#include "internal.h"
#include "xenbus/xs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_KIB "131072" /* what a domain is said to have */
#define HANDLE     "00000000-0000-0000-0000-%012x"

/* Requests whose answer counts; of the first with the domain's number. */
#define INTRODUCED 0x10000u
#define RELEASED   0x20000u

static void __attribute__((format(printf, 3, 4)))
say(struct store *s, enum xs_type type, const char *format, ...)
{
	struct xs_text m = {.head.len = 0};
	va_list args;
	int n;

	va_start(args, format);
	n = xs_compose(&m, type, format, args);
	va_end(args);
	if (n < 0)
		return;
	if (type == XS_INTRODUCE)
		m.head.req_id = INTRODUCED | (uint32_t)strtoul(m.body, NULL, 10);
	else if (type == XS_RELEASE)
		m.head.req_id = RELEASED;
	if (s->toolstack && xenbus_write(s->toolstack, &m, (size_t)n) > 0)
		s->asked++;
}

/* A node of the domain's with its permissions; NULL: those of what it lies in. */
static void node(struct store *s, unsigned int domid, const char *key, const char *value,
		 const char *perms)
{
	if (value)
		say(s, XS_WRITE, "/local/domain/%u/%s|%s", domid, key, value);
	else
		say(s, XS_MKDIR, "/local/domain/%u/%s|", domid, key);
	if (perms)
		say(s, XS_SET_PERMS, "/local/domain/%u/%s|%s", domid, key, perms);
}

/* The domain's first console, which xenconsoled waits for (libxl_console.c). */
static void make_console(struct store *s, const struct store_domain *d, const char *may_read)
{
	static const char *const fixed[][2] = {
	    {"limit", "1048576"}, {"type", "xenconsoled"}, {"output", "pty"}, {"tty", ""}};
	unsigned int domid = d->domid;
	char text[96], key[24];

	node(s, domid, "console", NULL, may_read);
	snprintf(text, sizeof(text), "/local/domain/0/backend/console/%u/0", domid);
	say(s, XS_WRITE, "%s/frontend|/local/domain/%u/console", text, domid);
	say(s, XS_SET_PERMS, "%s|n0|r%u|", text, domid);
	say(s, XS_WRITE, "%s/frontend-id|%u", text, domid);
	say(s, XS_WRITE, "%s/online|1", text);
	say(s, XS_WRITE, "%s/state|1", text);
	say(s, XS_WRITE, "%s/protocol|vt100", text);
	node(s, domid, "console/backend", text, NULL);
	node(s, domid, "console/backend-id", "0", NULL);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		snprintf(key, sizeof(key), "console/%s", fixed[i][0]);
		node(s, domid, key, fixed[i][1], NULL);
	}
	snprintf(text, sizeof(text), "%u", d->console_port);
	node(s, domid, "console/port", text, NULL);
	snprintf(text, sizeof(text), "%u", d->console);
	node(s, domid, "console/ring-ref", text, NULL);
}

void store_toolstack_make(struct store *s, struct store_domain *d)
{
	static const char *const readable[] = {"cpu", "memory", "device", "control"};
	static const char *const writable[] = {"control/shutdown", "data", "drivers",
					       "feature",          "attr", "error"};
	char may_read[32], own[16], number[16], name[32], vm[64];
	unsigned int domid = d->domid;

	snprintf(number, sizeof(number), "%u", domid);
	snprintf(name, sizeof(name), domid ? "domain-%u" : "Domain-%u", domid);
	if (domid) {
		snprintf(may_read, sizeof(may_read), "n0|r%u|", domid);
		snprintf(own, sizeof(own), "n%u|", domid);
		snprintf(vm, sizeof(vm), "/vm/" HANDLE, domid);
		say(s, XS_MKDIR, "/local/domain/%u|", domid);
		say(s, XS_SET_PERMS, "/local/domain/%u|%s", domid, may_read);
		say(s, XS_MKDIR, "%s|", vm);
		say(s, XS_SET_PERMS, "%s|%s", vm, may_read);
		say(s, XS_WRITE, "%s/name|%s", vm, name);
		say(s, XS_WRITE, "%s/uuid|%s", vm, vm + sizeof("/vm"));
		node(s, domid, "vm", vm, NULL);
		for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++)
			node(s, domid, readable[i], NULL, may_read);
		for (size_t i = 0; i < sizeof(writable) / sizeof(writable[0]); i++)
			node(s, domid, writable[i], NULL, own);
		node(s, domid, "memory/static-max", MEMORY_KIB, NULL);
		node(s, domid, "memory/target", MEMORY_KIB, NULL);
		node(s, domid, "cpu/0/availability", "online", NULL);
	}
	if (!domid)
		node(s, domid, "backend/console", NULL,
		     NULL); /* so that it is there at the end too */
	node(s, domid, "domid", number, NULL);
	node(s, domid, "name", name, NULL);
	if (domid) {
		snprintf(number, sizeof(number), "%u", d->port);
		node(s, domid, "store/port", number, NULL);
		snprintf(number, sizeof(number), "%u", d->page);
		node(s, domid, "store/ring-ref", number, NULL);
		make_console(s, d, may_read);
		/* C's xenstored maps reference 1, OCaml's the frame. */
		say(s, XS_INTRODUCE, "%u|%u|%u|", domid, d->page, d->port);
	}
	d->settled = s->asked;
	d->unheard = s->died;
}

void store_toolstack_unmake(struct store *s, const struct store_domain *d)
{
	if (d->domid == 0)
		return;
	say(s, XS_RM, "/vm/" HANDLE "|", (unsigned int)d->domid);
	say(s, XS_RM, "/local/domain/%u|", (unsigned int)d->domid);
	say(s, XS_RM, "/local/domain/0/backend/console/%u|", (unsigned int)d->domid);
	say(s, XS_RELEASE, "%u|", (unsigned int)d->domid);
}

/* A whole answer. What is to be removed may be gone, and a domain that ends OCaml's xenstored may have found
 * out. One that it will not serve waits for nothing. */
static void tell_of_no(const struct store *s, const void *answer)
{
	const char *why = (const char *)answer + sizeof(struct xs_msg);
	const struct store_domain *d;
	struct xs_msg head;

	memcpy(&head, answer, sizeof(head));
	if (head.type != XS_ERROR || head.req_id == RELEASED || strcmp(why, "ENOENT") == 0)
		return;
	fprintf(stderr, "gntsim: xenstored does not do what a toolstack asks of it: %s\n", why);
	d = head.req_id & INTRODUCED ? store_find(s, (uint16_t)head.req_id) : NULL;
	if (d)
		xenbus_died(d->bus);
}

static void readable(void *ctx)
{
	struct store *s = ctx;
	const void *bytes;
	size_t n;

	while ((n = xenbus_peek(s->toolstack, &bytes)) > 0) {
		tell_of_no(s, bytes);
		xenbus_skip(s->toolstack, n);
		s->answered++;
	}
	store_toolstack_answer(s);
}

static void written(void *ctx, long result)
{
	(void)ctx;
	(void)result;
}

int store_toolstack_start(struct store *s, const struct store_domain *dom0)
{
	static const struct xenbus_file_ops ops = {readable, written};

	if (s->toolstack)
		xenbus_close(s->toolstack);
	s->toolstack = NULL;
	return xenbus_open(dom0->bus, &ops, s, false, &s->toolstack);
}

void store_toolstack_end(struct store *s)
{
	if (!s->toolstack)
		return;
	store_toolstack_answer(s);
	xenbus_close(s->toolstack);
	s->toolstack = NULL;
}

int store_settled(const struct broker *b, uint16_t domid)
{
	const struct store *s = b->store;
	const struct store_domain *d = store_find(s, domid);

	if (!d)
		return -ENOENT;
	if (d->unheard)
		return -ENOTCONN;
	return s->answered >= d->settled ? 1 : s->died ? -EIO : 0;
}

static struct client *client_of(struct link *l)
{
	return (struct client *)(void *)((char *)l - offsetof(struct client, introducing));
}

void store_await(struct client *c, uint16_t domid)
{
	c->introduced = domid;
	link_add(&c->broker->store->waiting, &c->introducing);
}

void store_toolstack_answer(struct store *s)
{
	for (struct link *l = s->waiting.next, *next; l != &s->waiting; l = next) {
		struct client *c = client_of(l);
		int settled = store_settled(s->broker, c->introduced);

		next = l->next;
		if (settled == 0)
			continue;
		link_del(l);
		client_answer(c, WIRE_INTRODUCE, settled < 0 ? settled : 0, NULL, 0);
	}
}
