/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "device.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

int fail(int number)
{
	errno = number;
	return -number;
}

int fail_errno(void)
{
	return -errno;
}

int cancel_off(void)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return state;
}

void cancel_again(int state)
{
	pthread_setcancelstate(state, NULL);
}

static void free_device(struct device *d)
{
	int saved = errno, cancellable = cancel_off();

	if (d->fd >= 0)
		close(d->fd);
	if (d->wake >= 0)
		close(d->wake);
	free(d);
	cancel_again(cancellable);
	errno = saved;
}

int device_open(enum kind kind, const char *path, int flags, void **handle)
{
	struct device *d;
	int number, cancellable;

	if (!handle)
		return fail(EFAULT);
	*handle = NULL;
	d = malloc(sizeof(*d));
	if (!d)
		return fail(ENOMEM);
	*d = (struct device){.kind = kind, .fd = -1, .wake = -1, .users = 1};
	cancellable = cancel_off();
	d->fd = open(path, O_RDWR | O_CLOEXEC | flags);
	cancel_again(cancellable);
	if (d->fd >= 0 && kind == KIND_EVTCHN)
		d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->fd < 0 || (kind == KIND_EVTCHN && d->wake < 0)) {
		number = errno;
		free_device(d);
		return fail(number);
	}
	handles_lock();
	*handle = handle_new(kind, d);
	handles_unlock();
	if (!*handle) {
		free_device(d);
		return fail(ENOMEM);
	}
	return 0;
}

struct device *device_get(const void *handle, enum kind kind)
{
	struct device *d;

	handles_lock();
	d = handle_find(handle, kind);
	if (d)
		d->users++;
	handles_unlock();
	if (!d)
		errno = EBADF;
	return d;
}

void device_put(struct device *d)
{
	bool last;

	handles_lock();
	last = --d->users == 0;
	handles_unlock();
	if (last)
		free_device(d);
}

void device_put_variable(struct device **d)
{
	if (*d)
		device_put(*d);
}

void device_forget_users(void *device)
{
	struct device *d = device;

	d->users = 1;
	for (struct region *r = d->first; r; r = r->next)
		d->users++;
}
