/* SPDX-License-Identifier: MIT */
#include "noise.h"

#include "uapi.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u

static uint32_t roll(struct noise *n, uint32_t sides)
{
	return storm_random(n->random) % sides;
}

/* A word that somebody left, or left long ago. */
static uint64_t word(struct noise *n, _Atomic uint64_t words[STORM_DOMAINS][STORM_WORDS])
{
	return words[roll(n, n->domains)][roll(n, STORM_WORDS)];
}

static void leave(struct noise *n, _Atomic uint64_t words[STORM_DOMAINS][STORM_WORDS],
		  uint32_t number)
{
	words[n->domid % STORM_DOMAINS][roll(n, STORM_WORDS)] = (uint64_t)n->domid << 32 | number;
}

static void reopen(struct noise *n)
{
	static const char *const paths[] = {"/dev/xen/gntalloc", "/dev/xen/gntdev",
					    "/dev/xen/evtchn"};
	uint32_t which = roll(n, 3);
	int *fd = which == 0 ? &n->alloc : which == 1 ? &n->map : &n->evtchn;

	if (*fd >= 0)
		close(*fd);
	*fd = open(paths[which], O_RDWR | O_CLOEXEC | (which == 2 ? O_NONBLOCK : 0));
	if (which == 2)
		memset(n->ports, 0, sizeof(n->ports));
}

static void grant(struct noise *n, uint32_t slot)
{
	union {
		struct ioctl_gntalloc_alloc_gref op;
		char room[sizeof(struct ioctl_gntalloc_alloc_gref) + 4 * sizeof(uint32_t)];
	} u = {.op = {.domid = (uint16_t)roll(n, n->domains), .flags = 1, .count = 1 + roll(n, 3)}};

	if (ioctl(n->alloc, IOCTL_GNTALLOC_ALLOC_GREF, &u) < 0)
		return;
	n->areas[slot].index = u.op.index;
	n->areas[slot].pages = u.op.count;
	for (uint32_t i = 0; i < u.op.count; i++) {
		uint32_t ref;

		memcpy(&ref, u.room + offsetof(struct ioctl_gntalloc_alloc_gref, gref_ids) + i * 4,
		       4);
		leave(n, n->shared->refs, ref);
	}
}

static void map(struct noise *n, uint32_t slot)
{
	union {
		struct ioctl_gntdev_map_grant_ref op;
		char room[sizeof(struct ioctl_gntdev_map_grant_ref) + 3 * 8];
	} u = {.op = {.count = 1 + roll(n, 2)}};

	for (uint32_t i = 0; i < u.op.count; i++) {
		uint64_t w = word(n, n->shared->refs);
		struct ioctl_gntdev_grant_ref ref = {.domid = (uint32_t)(w >> 32),
						     .ref = (uint32_t)w};

		memcpy(u.room + offsetof(struct ioctl_gntdev_map_grant_ref, refs) + i * sizeof(ref),
		       &ref, sizeof(ref));
	}
	if (ioctl(n->map, IOCTL_GNTDEV_MAP_GRANT_REF, &u) < 0)
		return;
	n->areas[slot].index = u.op.index;
	n->areas[slot].pages = u.op.count;
}

static void area_step(struct noise *n)
{
	uint32_t slot = roll(n, 4);
	bool alloc = slot % 2 == 0;
	int fd = alloc ? n->alloc : n->map;
	size_t len = n->areas[slot].pages * (size_t)PAGE;

	if (!n->areas[slot].pages) {
		if (alloc)
			grant(n, slot);
		else
			map(n, slot);
		return;
	}
	switch (roll(n, 7)) {
	case 0:
		if (!n->areas[slot].at) {
			void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
					(off_t)n->areas[slot].index);

			n->areas[slot].at = at == MAP_FAILED ? NULL : at;
		}
		break;
	case 1:
		if (n->areas[slot].at && alloc) /* what is mapped of others may go with them */
			n->areas[slot].at[PAGE / 2 + roll(n, PAGE / 2)]++;
		break;
	case 2:
		if (n->areas[slot].at)
			mprotect(n->areas[slot].at, len,
				 roll(n, 2) ? PROT_READ : PROT_READ | PROT_WRITE);
		if (n->areas[slot].at &&
		    mprotect(n->areas[slot].at, len, PROT_READ | PROT_WRITE) < 0)
			n->areas[slot].at =
			    NULL; /* not to be stored to: it goes with the process */
		break;
	case 3: {
		struct ioctl_gntalloc_unmap_notify op = {
		    .index = n->areas[slot].index + PAGE / 2 + roll(n, PAGE / 2),
		    .action = 1 + roll(n, 3),
		    .event_channel_port = n->ports[roll(n, 4)]};

		ioctl(fd, alloc ? IOCTL_GNTALLOC_SET_UNMAP_NOTIFY : IOCTL_GNTDEV_SET_UNMAP_NOTIFY,
		      &op);
		break;
	}
	case 4:
		if (n->areas[slot].at)
			munmap(n->areas[slot].at, len);
		n->areas[slot].at = NULL;
		break;
	default: {
		struct ioctl_gntalloc_dealloc_gref op = {.index = n->areas[slot].index,
							 .count = n->areas[slot].pages};

		_Static_assert(sizeof(struct ioctl_gntdev_unmap_grant_ref) == sizeof(op),
			       "they are one to us");
		if (n->areas[slot].at)
			munmap(n->areas[slot].at, len);
		ioctl(fd, alloc ? IOCTL_GNTALLOC_DEALLOC_GREF : IOCTL_GNTDEV_UNMAP_GRANT_REF, &op);
		n->areas[slot].at = NULL;
		n->areas[slot].pages = 0;
		break;
	}
	}
}

static void port_step(struct noise *n)
{
	uint32_t slot = roll(n, 4), ports[8];
	int port;

	if (!n->ports[slot]) {
		struct ioctl_evtchn_bind_unbound_port unbound = {.remote_domain =
								     roll(n, n->domains)};
		uint64_t w = word(n, n->shared->ports);
		struct ioctl_evtchn_bind_interdomain bound = {.remote_domain = (uint32_t)(w >> 32),
							      .remote_port = (uint32_t)w};

		/* When a side of a pair ends, the other's port can be bound to by anybody of its
		 * domain, which is of another kind: nobody here may do so. */
		unbound.remote_domain = (unbound.remote_domain & ~1u) | (n->domid & 1);
		if ((bound.remote_domain ^ n->domid) & 1)
			w = 0;
		port = roll(n, 2) ? ioctl(n->evtchn, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &unbound)
		       : w        ? ioctl(n->evtchn, IOCTL_EVTCHN_BIND_INTERDOMAIN, &bound)
				  : -1;
		n->ports[slot] = port > 0 ? (uint32_t)port : 0;
		if (port > 0)
			leave(n, n->shared->ports, (uint32_t)port);
		return;
	}
	struct ioctl_evtchn_notify notify = {.port = n->ports[slot]};
	struct ioctl_evtchn_unbind unbind = {.port = n->ports[slot]};

	switch (roll(n, 5)) {
	case 0:
		ioctl(n->evtchn, IOCTL_EVTCHN_UNBIND, &unbind);
		n->ports[slot] = 0;
		break;
	case 1:
		ioctl(n->evtchn, IOCTL_EVTCHN_RESET, 0);
		/* Their numbers may be a link's soon, of which no event may be sent. */
		memset(n->ports, 0, sizeof(n->ports));
		break;
	case 2:
		if (read(n->evtchn, ports, sizeof(ports)) >= 4 && write(n->evtchn, ports, 4) < 0)
			n->ports[slot] = 0;
		break;
	default:
		ioctl(n->evtchn, IOCTL_EVTCHN_NOTIFY, &notify);
		break;
	}
}

void noise_step(struct noise *n)
{
	if (roll(n, 12) == 0 || n->alloc < 0 || n->map < 0 || n->evtchn < 0)
		reopen(n);
	else if (roll(n, 3))
		area_step(n);
	else
		port_step(n);
}
