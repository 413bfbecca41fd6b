/* SPDX-License-Identifier: MIT */
/* What was answered of descriptors, by the cookies of their kernel objects. */
#include "library.h"

#include <stdatomic.h>

#define SLOTS 256u

static struct {
	uint64_t cookie;     /* 0: empty */
	_Atomic bool former; /* of another connection: its ids mean nothing any more */
	struct device device;
} devices[SLOTS];

/* Cookies of sockets that are no devices. */
static _Atomic uint64_t others[SLOTS];

/* Written under the lock, read without: a reader takes the device between two looks at the cookie. */
void lib_remember(const struct wire_file *f, uint64_t cookie, bool is_socket)
{
	if (cookie == 0)
		return;
	__atomic_store_n(&devices[cookie % SLOTS].cookie, 0, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	devices[cookie % SLOTS].device = (struct device){.id = f->id,
							 .device = f->device,
							 .flags = f->flags,
							 .minor = f->minor,
							 .is_socket = is_socket};
	atomic_store_explicit(&devices[cookie % SLOTS].former, false, memory_order_relaxed);
	__atomic_store_n(&devices[cookie % SLOTS].cookie, cookie, __ATOMIC_RELEASE);
}

static bool recall(uint64_t cookie, struct device *out)
{
	if (__atomic_load_n(&devices[cookie % SLOTS].cookie, __ATOMIC_ACQUIRE) != cookie)
		return false;
	*out = devices[cookie % SLOTS].device;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&devices[cookie % SLOTS].cookie, __ATOMIC_RELAXED) == cookie;
}

bool lib_recall(uint64_t cookie, struct device *out)
{
	return !atomic_load_explicit(&devices[cookie % SLOTS].former, memory_order_relaxed) &&
	       recall(cookie, out);
}

bool lib_recall_former(uint64_t cookie, struct device *out)
{
	return recall(cookie, out);
}

void lib_remember_other(uint64_t cookie)
{
	atomic_store_explicit(&others[cookie % SLOTS], cookie, memory_order_relaxed);
}

bool lib_recall_other(uint64_t cookie)
{
	return atomic_load_explicit(&others[cookie % SLOTS], memory_order_relaxed) == cookie;
}

void lib_forget(void)
{
	for (size_t i = 0; i < SLOTS; i++)
		atomic_store_explicit(&devices[i].former, true, memory_order_relaxed);
}
