/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "handles.h"
#include "device.h"

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* The lowest bit of a handle is 1, so that one that is followed by mistake is seen to be no
 * address; the rest is the generation above the slot's number. */
#define SLOT_BITS      (sizeof(uintptr_t) == 8 ? 24 : 12)
#define MAX_SLOTS      ((size_t)1 << SLOT_BITS)
#define MAX_GENERATION (UINTPTR_MAX >> (SLOT_BITS + 1))

struct slot {
	void *object; /* NULL: free */
	uintptr_t generation;
	size_t next_free; /* of a free slot: 1 + the next one's number, 0 for none */
	enum kind kind;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct slot *slots;
static size_t n_slots, first_free;

static void child_unlock(void)
{
	/* The threads that were in a call are the parent's. */
	handles_visit(KIND_GNTTAB, device_forget_users);
	handles_visit(KIND_GNTSHR, device_forget_users);
	handles_visit(KIND_EVTCHN, device_forget_users);
	pthread_mutex_unlock(&lock);
}

static void lock_mutex(void)
{
	pthread_mutex_lock(&lock);
}

static void watch_forks(void)
{
	pthread_atfork(lock_mutex, handles_unlock, child_unlock);
}

void handles_lock(void)
{
	pthread_once(&once, watch_forks);
	lock_mutex();
}

void handles_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

static bool grow(void)
{
	size_t n = n_slots ? 2 * n_slots : 16;
	struct slot *more;

	if (n > MAX_SLOTS)
		return false;
	more = reallocarray(slots, n, sizeof(*more));
	if (!more)
		return false;
	slots = more;
	for (size_t i = n; i-- > n_slots;) {
		slots[i] = (struct slot){.generation = 1, .next_free = first_free};
		first_free = i + 1;
	}
	n_slots = n;
	return true;
}

void *handle_new(enum kind kind, void *object)
{
	size_t i;

	if (!first_free && !grow())
		return NULL;
	i = first_free - 1;
	first_free = slots[i].next_free;
	slots[i].object = object;
	slots[i].kind = kind;
	return (void *)((slots[i].generation << SLOT_BITS | i) << 1 | 1);
}

static struct slot *slot_of(const void *handle)
{
	uintptr_t bits = (uintptr_t)handle;
	size_t i = bits >> 1 & (MAX_SLOTS - 1);

	if (!(bits & 1) || i >= n_slots || !slots[i].object ||
	    slots[i].generation != bits >> (SLOT_BITS + 1))
		return NULL;
	return &slots[i];
}

void *handle_find(const void *handle, enum kind kind)
{
	struct slot *s = slot_of(handle);

	return s && s->kind == kind ? s->object : NULL;
}

void handle_drop(const void *handle)
{
	struct slot *s = slot_of(handle);

	if (!s)
		return;
	s->object = NULL;
	/* A slot whose generations are used up is never used again. */
	if (s->generation++ == MAX_GENERATION)
		return;
	s->next_free = first_free;
	first_free = (size_t)(s - slots) + 1;
}

void handles_visit(enum kind kind, void (*visit)(void *object))
{
	for (size_t i = 0; i < n_slots; i++)
		if (slots[i].object && slots[i].kind == kind)
			visit(slots[i].object);
}
