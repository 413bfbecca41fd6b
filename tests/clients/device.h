/* SPDX-License-Identifier: MIT */
/*
 * The three devices by raw system calls, here or in a peer. Results are as in the kernel: what is
 * below 0 is an error.
 */
#ifndef CLIENTS_DEVICE_H
#define CLIENTS_DEVICE_H

#include "calls.h"

#include <sys/ioctl.h>

#include <xen/gntalloc.h>

/* <xen/gntdev.h> and <xen/evtchn.h> want types that only Xen's own headers have. */
#include <xen/grant_table.h>
#include <xen/xen.h>

#include <xen/evtchn.h>
#include <xen/gntdev.h>

/* Pages that one ALLOC or MAP here can have. */
#define MAX_GRANTS 256

/* Opens /dev/xen/NAME for reading and writing, or fails the test. */
int device_open(struct peer *on, const char *name);

int gntalloc_alloc(struct peer *on, int fd, uint16_t domid, uint16_t flags, uint32_t count,
		   uint64_t *index, uint32_t *refs);
int gntalloc_dealloc(struct peer *on, int fd, uint64_t index, uint32_t count);
int gntalloc_notify(struct peer *on, int fd, uint64_t index, uint32_t action, uint32_t port);

int gntdev_map(struct peer *on, int fd, uint32_t count, const struct ioctl_gntdev_grant_ref *grants,
	       uint64_t *index);
int gntdev_unmap(struct peer *on, int fd, uint64_t index, uint32_t count);
int gntdev_offset(struct peer *on, int fd, long vaddr, uint64_t *offset, uint32_t *count);
int gntdev_notify(struct peer *on, int fd, uint64_t index, uint32_t action, uint32_t port);

/* Shared mapping of pages of either. The result is the address. */
long device_mmap(struct peer *on, int fd, uint64_t index, size_t pages, int prot);

int evtchn_bind_unbound(struct peer *on, int fd, uint32_t domid);
int evtchn_bind_interdomain(struct peer *on, int fd, uint32_t domid, uint32_t port);
int evtchn_unbind(struct peer *on, int fd, uint32_t port);
int evtchn_notify(struct peer *on, int fd, uint32_t port);
/* Waits for an event with poll(), takes it, and re-enables its port. The result is the port. */
int evtchn_take(struct peer *on, int fd);
/* One call more on the file: what any call that returned before it sent is there afterwards. */
void evtchn_settle(struct peer *on, int fd);
/* There is no event now. */
void evtchn_quiet(struct peer *on, int fd);

/* A page that a domain granted, and its granter's view of it. */
struct shared_page {
	struct peer *on; /* the granter */
	int fd;          /* gntalloc */
	uint64_t index;
	uint32_t ref;
	long addr;
};
/* Grants and maps a page. The file is open only for it. */
struct shared_page share_page(struct peer *on, const struct stage_domain *with, bool writable);

/* A mapped grant. */
struct mapped_page {
	struct peer *on; /* the mapper */
	int fd;          /* gntdev */
	uint64_t index;
	long addr;
};
/* Maps a grant. The file is open only for it. */
struct mapped_page map_page(struct peer *on, const struct stage_domain *granter, uint32_t ref,
			    int prot);

/* An event channel between two domains, quiet at both ends. */
struct channel {
	struct peer *on[2];
	int fd[2];
	uint32_t port[2];
};
struct channel connect_channel(struct peer *a, const struct stage_domain *a_domain, struct peer *b,
			       const struct stage_domain *b_domain);

/*
 * One side's view of an unmap notification of the other's: a byte of a shared page, 1 at first,
 * and an event channel.
 */
struct watch {
	struct peer *by;
	long byte;
	struct channel channel; /* [0] is the side that is watched */
	uint32_t port;          /* what that side names in SET_UNMAP_NOTIFY */
};
struct watch watch_start(struct peer *owner, const struct stage_domain *owner_domain,
			 struct peer *by, const struct stage_domain *by_domain, long byte);
/* Neither byte nor event yet. */
void watch_still(const struct watch *w);
/* The byte is cleared, there is no event. */
void watch_byte_only(const struct watch *w);
/* The event comes, once, and when it does the byte is cleared. */
void watch_over(const struct watch *w);
/* The event comes, once, and the byte is left alone. */
void watch_event_only(const struct watch *w);

#endif
