/* SPDX-License-Identifier: MIT */
/**
 * @file wire_reads.h
 * Memory that a program shares with the broker of a machine that is traced (WIRE_READS). On the socket
 * front a read() of evtchn is the kernel's: the program's threads put here what it gave, which costs
 * neither side a system call. What is put is there before read() returns, so that the broker, who
 * looks here before it serves anybody, learns of it before anything that can have come of it.
 *
 * A bounded queue: a place whose `turn` is n is free for the n-th that puts, and has it at n + 1.
 */
#ifndef FAKEDEV_WIRE_READS_H
#define FAKEDEV_WIRE_READS_H

#include "wire.h"

#include <stdatomic.h>
#include <string.h>

#define WIRE_READS_PLACES 128u /* a power of two */
/** A read of more is told by WIRE_READ. */
#define WIRE_READS_BYTES 32u

struct wire_reads {
	_Atomic uint32_t next; /**< the number of who puts next */
	struct wire_reads_place {
		_Atomic uint32_t turn;
		struct wire_read read;
		unsigned char bytes[WIRE_READS_BYTES];
	} places[WIRE_READS_PLACES];
};

static inline void wire_reads_init(struct wire_reads *r)
{
	atomic_init(&r->next, 0);
	for (uint32_t i = 0; i < WIRE_READS_PLACES; i++)
		atomic_init(&r->places[i].turn, i);
}

/** Of any thread, in a signal handler too. @return false: it is full, or the read gave too much */
static inline bool wire_reads_put(struct wire_reads *r, const struct wire_read *read,
				  const void *bytes)
{
	uint32_t at = atomic_load_explicit(&r->next, memory_order_relaxed);
	struct wire_reads_place *p;

	if (read->result > (int32_t)WIRE_READS_BYTES)
		return false;
	for (;;) {
		int32_t ahead;

		p = &r->places[at % WIRE_READS_PLACES];
		ahead = (int32_t)(atomic_load_explicit(&p->turn, memory_order_acquire) - at);
		if (ahead < 0)
			return false;
		if (ahead > 0)
			at = atomic_load_explicit(&r->next, memory_order_relaxed);
		else if (atomic_compare_exchange_weak(&r->next, &at, at + 1))
			break;
	}
	p->read = *read;
	if (read->result > 0)
		memcpy(p->bytes, bytes, (size_t)read->result);
	atomic_store_explicit(&p->turn, at + 1, memory_order_release);
	return true;
}

/** Of one thread, whose count of what it took is @p taken. The memory may hold anything. */
static inline bool wire_reads_take(struct wire_reads *r, uint32_t *taken, struct wire_read *read,
				   unsigned char bytes[WIRE_READS_BYTES])
{
	struct wire_reads_place *p = &r->places[*taken % WIRE_READS_PLACES];

	if (atomic_load_explicit(&p->turn, memory_order_acquire) != *taken + 1)
		return false;
	*read = p->read;
	memcpy(bytes, p->bytes, WIRE_READS_BYTES);
	atomic_store_explicit(&p->turn, *taken + WIRE_READS_PLACES, memory_order_release);
	++*taken;
	return true;
}

#endif
