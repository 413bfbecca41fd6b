/* SPDX-License-Identifier: MIT */
#include "device.h"

#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum {
	EVENT_MS = 20000, /* how long an event may take */
};

int device_open(struct peer *on, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/xen/%s", name);
	fd = call_open(on, path, O_RDWR);
	CHECK(fd >= 0, "%s: %s", path, strerror(-fd));
	return fd;
}

int gntalloc_alloc(struct peer *on, int fd, uint16_t domid, uint16_t flags, uint32_t count,
		   uint64_t *index, uint32_t *refs)
{
	union {
		struct ioctl_gntalloc_alloc_gref op;
		char room[sizeof(struct ioctl_gntalloc_alloc_gref) + MAX_GRANTS * 4];
	} u = {.op = {.domid = domid, .flags = flags, .count = count}};
	int err = call_ioctl(on, fd, IOCTL_GNTALLOC_ALLOC_GREF, &u, sizeof(u));

	if (!err && index)
		*index = u.op.index;
	if (!err && refs)
		memcpy(refs, u.room + offsetof(struct ioctl_gntalloc_alloc_gref, gref_ids),
		       count * sizeof(*refs));
	return err;
}

int gntalloc_dealloc(struct peer *on, int fd, uint64_t index, uint32_t count)
{
	struct ioctl_gntalloc_dealloc_gref op;

	memset(&op, 0, sizeof(op)); /* its padding too: it may go to a peer */
	op.index = index;
	op.count = count;
	return call_ioctl(on, fd, IOCTL_GNTALLOC_DEALLOC_GREF, &op, sizeof(op));
}

int gntalloc_notify(struct peer *on, int fd, uint64_t index, uint32_t action, uint32_t port)
{
	struct ioctl_gntalloc_unmap_notify op = {
	    .index = index,
	    .action = action,
	    .event_channel_port = port,
	};

	return call_ioctl(on, fd, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, &op, sizeof(op));
}

int gntdev_map(struct peer *on, int fd, uint32_t count, const struct ioctl_gntdev_grant_ref *grants,
	       uint64_t *index)
{
	union {
		struct ioctl_gntdev_map_grant_ref op;
		char room[sizeof(struct ioctl_gntdev_map_grant_ref) + MAX_GRANTS * 8];
	} u = {.op = {.count = count}};
	int err;

	if (grants && count <= MAX_GRANTS)
		memcpy(u.room + offsetof(struct ioctl_gntdev_map_grant_ref, refs), grants,
		       count * sizeof(*grants));
	err = call_ioctl(on, fd, IOCTL_GNTDEV_MAP_GRANT_REF, &u, sizeof(u));
	if (!err && index)
		*index = u.op.index;
	return err;
}

int gntdev_unmap(struct peer *on, int fd, uint64_t index, uint32_t count)
{
	struct ioctl_gntdev_unmap_grant_ref op = {.index = index, .count = count};

	return call_ioctl(on, fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &op, sizeof(op));
}

int gntdev_offset(struct peer *on, int fd, long vaddr, uint64_t *offset, uint32_t *count)
{
	struct ioctl_gntdev_get_offset_for_vaddr op = {.vaddr = (uint64_t)vaddr};
	int err = call_ioctl(on, fd, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, &op, sizeof(op));

	if (!err) {
		*offset = op.offset;
		*count = op.count;
	}
	return err;
}

int gntdev_notify(struct peer *on, int fd, uint64_t index, uint32_t action, uint32_t port)
{
	struct ioctl_gntdev_unmap_notify op = {
	    .index = index,
	    .action = action,
	    .event_channel_port = port,
	};

	return call_ioctl(on, fd, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &op, sizeof(op));
}

long device_mmap(struct peer *on, int fd, uint64_t index, size_t pages, int prot)
{
	return call_mmap(on, 0, pages * PAGE, prot, MAP_SHARED, fd, (long)index);
}

int evtchn_bind_unbound(struct peer *on, int fd, uint32_t domid)
{
	struct ioctl_evtchn_bind_unbound_port op = {.remote_domain = domid};

	return call_ioctl(on, fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &op, sizeof(op));
}

int evtchn_bind_interdomain(struct peer *on, int fd, uint32_t domid, uint32_t port)
{
	struct ioctl_evtchn_bind_interdomain op = {.remote_domain = domid, .remote_port = port};

	return call_ioctl(on, fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &op, sizeof(op));
}

int evtchn_unbind(struct peer *on, int fd, uint32_t port)
{
	struct ioctl_evtchn_unbind op = {.port = port};

	return call_ioctl(on, fd, IOCTL_EVTCHN_UNBIND, &op, sizeof(op));
}

int evtchn_notify(struct peer *on, int fd, uint32_t port)
{
	struct ioctl_evtchn_notify op = {.port = port};

	return call_ioctl(on, fd, IOCTL_EVTCHN_NOTIFY, &op, sizeof(op));
}

int evtchn_take(struct peer *on, int fd)
{
	uint32_t port;
	int found = call_poll(on, fd, POLLIN, EVENT_MS);

	CHECK(found & POLLIN, "no event comes (poll: %#x)", (unsigned)found);
	CHECK_IS(call_read(on, fd, &port, sizeof(port)), sizeof(port));
	CHECK_IS(call_write(on, fd, &port, sizeof(port)), sizeof(port));
	return (int)port;
}

void evtchn_settle(struct peer *on, int fd)
{
	CHECK_IS(evtchn_notify(on, fd, UINT32_MAX), -ENOTCONN);
}

void evtchn_quiet(struct peer *on, int fd)
{
	evtchn_settle(on, fd);
	CHECK_IS(call_poll(on, fd, POLLIN, 0), 0);
}

struct shared_page share_page(struct peer *on, const struct stage_domain *with, bool writable)
{
	struct shared_page page = {.on = on, .fd = device_open(on, "gntalloc")};

	CHECK_IS(gntalloc_alloc(on, page.fd, with->id, writable ? GNTALLOC_FLAG_WRITABLE : 0, 1,
				&page.index, &page.ref),
		 0);
	page.addr = device_mmap(on, page.fd, page.index, 1, PROT_READ | PROT_WRITE);
	CHECK(page.addr > 0, "mmap of the granted page: %s", strerror((int)-page.addr));
	return page;
}

struct mapped_page map_page(struct peer *on, const struct stage_domain *granter, uint32_t ref,
			    int prot)
{
	struct mapped_page page = {.on = on, .fd = device_open(on, "gntdev")};
	struct ioctl_gntdev_grant_ref grant = {.domid = granter->id, .ref = ref};

	CHECK_IS(gntdev_map(on, page.fd, 1, &grant, &page.index), 0);
	page.addr = device_mmap(on, page.fd, page.index, 1, prot);
	CHECK(page.addr > 0, "mmap of the grant: %s", strerror((int)-page.addr));
	return page;
}

struct channel connect_channel(struct peer *a, const struct stage_domain *a_domain, struct peer *b,
			       const struct stage_domain *b_domain)
{
	struct channel c = {
	    .on = {a, b},
	    .fd = {device_open(a, "evtchn"), device_open(b, "evtchn")},
	};
	int port = evtchn_bind_unbound(a, c.fd[0], b_domain->id);

	CHECK(port > 0, "bind: %d", port);
	c.port[0] = (uint32_t)port;
	port = evtchn_bind_interdomain(b, c.fd[1], a_domain->id, c.port[0]);
	CHECK(port > 0, "bind: %d", port);
	c.port[1] = (uint32_t)port;
	CHECK_IS(evtchn_take(b, c.fd[1]), port);
	return c;
}

struct watch watch_start(struct peer *owner, const struct stage_domain *owner_domain,
			 struct peer *by, const struct stage_domain *by_domain, long byte)
{
	struct watch w = {
	    .by = by,
	    .byte = byte,
	    .channel = connect_channel(owner, owner_domain, by, by_domain),
	};

	w.port = w.channel.port[0];
	CHECK_IS(store_byte(by, byte, 1), 0);
	return w;
}

void watch_still(const struct watch *w)
{
	evtchn_quiet(w->by, w->channel.fd[1]);
	CHECK_IS(load_byte(w->by, w->byte), 1);
}

void watch_byte_only(const struct watch *w)
{
	evtchn_quiet(w->by, w->channel.fd[1]);
	CHECK_IS(load_byte(w->by, w->byte), 0);
}

void watch_over(const struct watch *w)
{
	CHECK_IS(evtchn_take(w->by, w->channel.fd[1]), w->channel.port[1]);
	CHECK_IS(load_byte(w->by, w->byte), 0);
	evtchn_quiet(w->by, w->channel.fd[1]);
}

void watch_event_only(const struct watch *w)
{
	CHECK_IS(evtchn_take(w->by, w->channel.fd[1]), w->channel.port[1]);
	CHECK_IS(load_byte(w->by, w->byte), 1);
	evtchn_quiet(w->by, w->channel.fd[1]);
}
