/* SPDX-License-Identifier: MIT */
/* Random calls on files that a process has for nothing else, with what other processes have lying about. */
#ifndef STORM_NOISE_H
#define STORM_NOISE_H

#include "shared.h"

struct noise {
	struct storm_shared *shared;
	uint32_t domid, domains;
	uint64_t *random;
	int alloc, map, evtchn;
	struct {
		uint64_t index;
		unsigned char *at;
		uint32_t pages;
	} areas[4]; /* of either device, in turn */
	uint32_t ports[4];
};

/* One call, or a few. What it gives is not looked at. */
void noise_step(struct noise *n);

#endif
