/* SPDX-License-Identifier: MIT */
/**
 * A mutex in a page that two domains share, which outlives its owner: when the domain's process
 * that holds it dies, the kernel clears its byte and sends an event, and the other gets the mutex
 * with EOWNERDEAD, as from a robust pthread_mutex.
 *
 * Each side has a byte: 0 it does not want the mutex (or is dead), 1 it wants it, 2 it has it. A
 * dead side's byte is always 0, so "the other's byte is 0" says that the mutex is free, and it
 * needs no other word that death could leave wrong. Who gets it if both want it: side 0; side 1
 * stands back (Dekker's way, with a fixed turn).
 */
#ifndef EXAMPLE_ROBUST_MUTEX_H
#define EXAMPLE_ROBUST_MUTEX_H

#include <gnttab/evtchn.h>
#include <stdatomic.h>

struct robust_mutex {
	_Atomic unsigned char side[2];  /**< the notification of each side clears its own */
	_Atomic unsigned char owner_is; /**< 1 + the side that has or last had it; 0: given back */
};

/** Takes the mutex for a side. @return 0; -EOWNERDEAD: taken, but the other side died with it,
 * and what it protects may be half done; or what evtchn_wait() said. */
static inline int robust_lock(struct robust_mutex *m, int side, struct evtchn *events)
{
	uint32_t port;
	int status = 0;

	m->side[side] = 1;
	for (;;) {
		unsigned char other = m->side[!side];

		if (other == 0 || (other == 1 && side == 0)) {
			m->side[side] = 2;
			/* The other may have seen our 1 as its chance: look again. */
			other = m->side[!side];
			if (other == 0 || (other == 1 && side == 0))
				break;
			m->side[side] = 1;
		}
		status = evtchn_wait(events, 10, &port);
		if (status < 0 && status != -ETIMEDOUT) {
			m->side[side] = 0;
			return status;
		}
	}
	status = m->owner_is == (!side) + 1 ? -EOWNERDEAD : 0;
	m->owner_is = (unsigned char)(side + 1);
	return status;
}

/** Gives it back. @return 0 or what evtchn_notify() said */
static inline int robust_unlock(struct robust_mutex *m, int side, struct evtchn *events,
				uint32_t port)
{
	m->owner_is = 0;
	m->side[side] = 0;
	return evtchn_notify(events, port);
}

#endif
