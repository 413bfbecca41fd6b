/* SPDX-License-Identifier: MIT */
/**
 * @file quiet.h
 * Whether the processes below this one have all come to rest: what each does next is then decided by
 * who wakes it. Known from /proc alone, by what everybody may read there.
 */
#ifndef FAKEDEV_BROKER_PROCESSES_QUIET_H
#define FAKEDEV_BROKER_PROCESSES_QUIET_H

#include <stdbool.h>
#include <stdint.h>

struct quiet;

/** @return NULL: out of memory */
struct quiet *quiet_new(void);
void quiet_free(struct quiet *q);

/** Processes may have come that nobody saw start. */
void quiet_stir(struct quiet *q);

/**
 * Whether there was an instant, since this call, at which none of the processes ran. One that @p tells
 * says true of has been heard of since it ran: whom it has started is known (quiet_stir()).
 *
 * A process rests when each thread of it sleeps, is stopped or has ended; one that the kernel lets
 * nobody wake (state D, a vfork's parent among them) after 50 ms. Who has computed for a second, or ten with little of a processor, without
 * a rest is taken as resting from then on, until he next rests: he may wait for a byte of memory that
 * another is to write. One line on standard error says so.
 */
bool quiet_look(struct quiet *q, bool (*tells)(void *ctx, uint32_t pid), void *ctx);

#endif
