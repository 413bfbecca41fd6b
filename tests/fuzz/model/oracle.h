/* SPDX-License-Identifier: MIT */
/* What must hold of a machine after every call, beyond what it checks by itself. */
#ifndef FUZZ_ORACLE_H
#define FUZZ_ORACLE_H

#include "world.h"

/* Notifications that are armed, counted from what the machine tells while it happens. */
struct armed {
	enum gntsim_device device;
	uint16_t domid;
	uint64_t where; /* the reference, or the map's index */
	uint32_t bytes, events;
};

struct oracle {
	struct armed armed[256];
	unsigned int n_armed;
	const char *wrong; /* what an observation showed */
};

void oracle_begin(struct oracle *o, struct world *w);
/* After a call: NULL, or what is wrong, a constant string. Takes the effects that wait. */
const char *oracle_check(struct oracle *o, struct world *w);
/* Has all that the sequence made ended; the machine owns nothing then. */
const char *oracle_empty(struct oracle *o, struct world *w);

#endif
