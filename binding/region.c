/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "device.h"
#include "uapi.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* An old kernel may say EAGAIN for as long as another process maps the grants, which may be for
 * ever; Xen says it while it pages. A second is enough for Xen. */
#define RETRY_NS ((int64_t)1000000000)

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void *map_patiently(int fd, size_t length, int prot, uint64_t index)
{
	struct timespec pause = {.tv_nsec = 1000000};
	int64_t end = 0;
	int cancellable;

	for (;;) {
		void *p = mmap(NULL, length, prot, MAP_SHARED, fd, (off_t)index);

		if (p != MAP_FAILED || errno != EAGAIN)
			return p;
		if (!end)
			end = now_ns() + RETRY_NS;
		if (now_ns() >= end) {
			errno = EAGAIN;
			return p;
		}
		/* A thread that is cancelled here would take the grants along. */
		cancellable = cancel_off();
		nanosleep(&pause, NULL);
		cancel_again(cancellable);
		if (pause.tv_nsec < 32000000)
			pause.tv_nsec *= 2;
	}
}

static void give_index_back(const struct region *r)
{
	if (r->device->kind == KIND_GNTTAB) {
		struct ioctl_gntdev_unmap_grant_ref u = {.index = r->index,
							 .count = (uint32_t)r->count};

		ioctl(r->device->fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &u);
	} else {
		struct ioctl_gntalloc_dealloc_gref u = {.index = r->index,
							.count = (uint32_t)r->count};

		ioctl(r->device->fd, IOCTL_GNTALLOC_DEALLOC_GREF, &u);
	}
}

int region_map(struct device *d, enum kind kind, struct region *r, int prot, void **handle)
{
	int number;

	r->device = d;
	r->bytes = map_patiently(d->fd, r->count * GNTTAB_PAGE_SIZE, prot, r->index);
	if (r->bytes == MAP_FAILED) {
		number = errno;
		/* PVH: grants that did map stay so until this. */
		give_index_back(r);
		return fail(number);
	}
	handles_lock();
	number = d->closed ? EBADF : 0;
	if (!number) {
		r->handle = handle_new(kind, r);
		number = r->handle ? 0 : ENOMEM;
	}
	if (!number) {
		/* Not after the lock is let go: another thread may close the device, and end r. */
		*handle = r->handle;
		r->next = d->first;
		if (r->next)
			r->next->previous = r;
		d->first = r;
		d->users++;
	}
	handles_unlock();
	if (number) {
		munmap(r->bytes, r->count * GNTTAB_PAGE_SIZE);
		give_index_back(r);
		return fail(number);
	}
	return 0;
}

/* With the lock held. The caller puts the device, without it. */
static int end(struct region *r)
{
	if (munmap(r->bytes, r->count * GNTTAB_PAGE_SIZE) < 0)
		return fail_errno();
	give_index_back(r);
	handle_drop(r->handle);
	if (r->next)
		r->next->previous = r->previous;
	*(r->previous ? &r->previous->next : &r->device->first) = r->next;
	free(r);
	return 0;
}

int region_end(const void *handle, enum kind kind)
{
	struct device *d = NULL;
	struct region *r;
	int status = -EBADF;

	handles_lock();
	r = handle_find(handle, kind);
	if (r) {
		d = r->device;
		status = end(r);
	}
	handles_unlock();
	if (status == 0)
		device_put(d);
	return status ? fail(-status) : 0;
}

int device_close(const void *handle, enum kind kind)
{
	struct device *d;
	uint64_t one = 1;
	int cancellable;

	handles_lock();
	d = handle_find(handle, kind);
	if (!d) {
		handles_unlock();
		return fail(EBADF);
	}
	handle_drop(handle);
	d->closed = true;
	/* Regions cannot fail to end here but by the caller's own mprotect() of parts; the kernel
	 * then keeps them until the process ends. */
	for (struct region *r = d->first, *next; r; r = next) {
		next = r->next;
		if (end(r) == 0)
			d->users--;
	}
	handles_unlock();
	cancellable = cancel_off();
	if (d->wake >= 0 && write(d->wake, &one, sizeof(one)) < 0) {
		/* Full: it is readable, which is what matters. */
	}
	cancel_again(cancellable);
	device_put(d);
	return 0;
}

static int set_notify(struct region *r, const struct gnttab_notify *n)
{
	uint64_t index = r->index + n->offset;

	/* Checked here: the bytes beyond may be another region's. */
	if (n->actions & ~(GNTTAB_CLEAR_BYTE | GNTTAB_SEND_EVENT) ||
	    n->offset >= r->count * GNTTAB_PAGE_SIZE)
		return EINVAL;
	if (r->device->kind == KIND_GNTTAB) {
		struct ioctl_gntdev_unmap_notify u = {
		    .index = index, .action = n->actions, .event_channel_port = n->port};

		return ioctl(r->device->fd, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &u) < 0 ? errno : 0;
	} else {
		struct ioctl_gntalloc_unmap_notify u = {
		    .index = index, .action = n->actions, .event_channel_port = n->port};

		return ioctl(r->device->fd, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, &u) < 0 ? errno : 0;
	}
}

int region_set_notify(const void *handle, enum kind kind, const struct gnttab_notify *notify)
{
	struct region *r;
	int number = EBADF;

	handles_lock();
	r = handle_find(handle, kind);
	if (r)
		number = set_notify(r, notify);
	handles_unlock();
	return number ? fail(number) : 0;
}

void *region_bytes(const void *handle, enum kind kind)
{
	struct region *r;
	void *bytes = NULL;

	handles_lock();
	r = handle_find(handle, kind);
	if (r)
		bytes = r->bytes;
	handles_unlock();
	if (!r)
		errno = EBADF;
	return bytes;
}

size_t region_length(const void *handle, enum kind kind)
{
	struct region *r;
	size_t length = 0;

	handles_lock();
	r = handle_find(handle, kind);
	if (r)
		length = r->count * GNTTAB_PAGE_SIZE;
	handles_unlock();
	if (!r)
		errno = EBADF;
	return length;
}
