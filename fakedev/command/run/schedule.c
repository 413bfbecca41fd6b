/* SPDX-License-Identifier: MIT */
#include "schedule.h"

#include "lang/options.h"

#include <errno.h>
#include <stdlib.h>

#define DEPTH 2
#define STEPS 100

/* A number, and what stands behind it. @return NULL: it is none, or not in the range */
static const char *take(const char *text, uint64_t from, uint64_t to, uint64_t *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return NULL;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno || *out < from || *out > to ? NULL : end;
}

bool run_schedule_parse(const char *text, struct schedule *out)
{
	uint64_t depth = DEPTH;
	const char *p;

	*out = (struct schedule){.expected = STEPS};
	p = take(text, 0, UINT64_MAX, &out->seed);
	if (p && *p == ':')
		p = take(p + 1, 1, SCHEDULE_DEPTH_MAX, &depth);
	if (p && *p == ':')
		p = take(p + 1, 1, UINT32_MAX, &out->expected);
	out->depth = (uint32_t)depth;
	if (p && !*p)
		return true;
	scn_usage_error(
	    "run",
	    "--schedule: expected SEED, SEED:DEPTH or SEED:DEPTH:STEPS, with DEPTH from 1 "
	    "to %u and STEPS from 1, found '%s'",
	    SCHEDULE_DEPTH_MAX, text);
	return false;
}

int run_schedule_check(const struct run_options *o)
{
	if (!o->scheduled || o->front == FRONT_SOCKET)
		return 0;
	if (o->front == FRONT_PTRACE)
		return complain("--schedule works on the socket front alone: on ptrace one process "
				"makes the calls of all, and can hold up none");
	return complain(
	    "--schedule works on the socket front alone: on %s the kernel has the calls "
	    "before the machine can make them wait",
	    o->front == FRONT_FUSE ? "fuse" : "cuse");
}
