/* SPDX-License-Identifier: MIT */
/*
 * What joins the two sides of a pair: a page that each grants the other, and two channels. A side's end
 * clears a byte of its own page and sends in the first; and clears a byte of the other's page, which it
 * maps, and sends in the second. So each death is two notifications, of which each side knows what to expect.
 */
#ifndef STORM_LINK_H
#define STORM_LINK_H

#include "shared.h"

#include <stdbool.h>

struct link {
	struct storm_shared *shared;
	struct actor *self, *other;
	bool first; /* of the two: it binds first */
	int alloc, map, evtchn;
	uint64_t own_index, map_index;
	volatile unsigned char *own, *mapped;
	uint32_t port[NOTES], n_ports, quiet;
	uint32_t got[NOTES];
};

void link_begin(struct link *l, struct storm_shared *shared, uint32_t actor);
/* A step of setting it up, if there is one to do now. Returns whether the link stands. */
bool link_setup(struct link *l);
/* Arms or disarms one of the two, at random. */
void link_arm(struct link *l, uint32_t random);
/* Gives up both, by calls. */
void link_give_up(struct link *l, bool page_first);
/* What is there while the other side lives must be there; what must not be, not. */
void link_look(struct link *l);
/* The same when it does not. */
void link_verify(struct link *l, enum other how);
/* A call that always has the same answer. */
void link_pulse(struct link *l);
/* Ends this actor's part: says what is wrong, and waits to be killed. If the machine has gone, that is
 * right: whatever is called now comes back, and the process ends by itself. */
_Noreturn void wrong(struct link *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
