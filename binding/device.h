/* SPDX-License-Identifier: MIT */
/* An open device, and the memory that was mapped of it. */
#ifndef BINDING_DEVICE_H
#define BINDING_DEVICE_H

#include "handles.h"

#include <gnttab/types.h>
#include <sys/types.h>

struct region;

/* An open device. Lives until it is closed and no call uses it. */
struct device {
	enum kind kind;
	int fd;
	int wake;       /* evtchn: an eventfd that is readable once the device is closed; else -1 */
	unsigned users; /* calls under way, and 1 until it is closed */
	bool closed;
	struct region *first; /* its regions */
};

/* Pages mapped of a device: a gnttab_mapping or a gntshr_share. */
struct region {
	struct device *device;
	struct region *next, *previous;
	void *handle;
	void *bytes;
	size_t count; /* pages */
	uint64_t index;
	uint32_t refs[]; /* of a share */
};

/* Sets errno; for "return fail(EINVAL);". Returns the negated number. */
int fail(int number) NOTHROW;
/* The same for what the last system call left in errno. */
int fail_errno(void) NOTHROW;

/* Between the two this thread is not cancelled: a descriptor that it is closing, or an event that it
 * has read, would be lost. It is cancelled where it waits for an event, and nowhere else. */
int cancel_off(void) NOTHROW;
void cancel_again(int state) NOTHROW;

int device_open(enum kind kind, const char *path, int flags, void **handle) NOTHROW;
/* The device of a handle, kept until device_put(); NULL with EBADF. */
struct device *device_get(const void *handle, enum kind kind) NOTHROW;
void device_put(struct device *d) NOTHROW;
/* For a variable with this cleanup, which is put also if the thread is cancelled. */
void device_put_variable(struct device **d) NOTHROW;
#define DEVICE_AUTO_PUT __attribute__((cleanup(device_put_variable)))
int device_close(const void *handle, enum kind kind) NOTHROW;
void device_forget_users(void *device) NOTHROW;

/* Maps r->count pages at r->index and makes r the new handle's. On failure the index is given back
 * and r is the caller's. */
int region_map(struct device *d, enum kind kind, struct region *r, int prot, void **handle) NOTHROW;
int region_end(const void *handle, enum kind kind) NOTHROW;
int region_set_notify(const void *handle, enum kind kind,
		      const struct gnttab_notify *notify) NOTHROW;
void *region_bytes(const void *handle, enum kind kind) NOTHROW;
size_t region_length(const void *handle, enum kind kind) NOTHROW;

#endif
