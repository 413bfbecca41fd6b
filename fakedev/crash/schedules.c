/* SPDX-License-Identifier: MIT */
#include "crash/schedules.h"

#include <inttypes.h>
#include <stdio.h>

#define DEPTH_OF_RUN_MAX 16u

struct crash_schedule crash_schedule_of(unsigned int i, unsigned int n, uint64_t seed,
					unsigned long steps)
{
	unsigned int depth = 1, before = 0;

	while (depth < CRASH_DEPTH_MAX) {
		/* What does not divide evenly goes to the shallow ones. */
		before += (n + CRASH_DEPTH_MAX - depth) / CRASH_DEPTH_MAX;
		if (i < before)
			break;
		depth++;
	}
	return (struct crash_schedule){.seed = seed + i, .depth = depth, .steps = steps};
}

void crash_schedule_text(const struct crash_schedule *s, struct scn_buf *out)
{
	scn_buf_printf(out, "%" PRIu64 ":%u:%lu", s->seed, s->depth, s->steps);
}

bool crash_schedule_parse(const char *text, struct crash_schedule *s)
{
	char extra;

	*s = (struct crash_schedule){0};
	return *text >= '0' && *text <= '9' &&
	       sscanf(text, "%" SCNu64 ":%u:%lu%c", &s->seed, &s->depth, &s->steps, &extra) == 3 &&
	       s->depth >= 1 && s->depth <= DEPTH_OF_RUN_MAX && s->steps >= 1 &&
	       s->steps <= UINT32_MAX;
}

int crash_schedule_compare(const struct crash_schedule *a, const struct crash_schedule *b)
{
	if (a->depth != b->depth)
		return a->depth < b->depth ? -1 : 1;
	return (a->seed > b->seed) - (a->seed < b->seed);
}
