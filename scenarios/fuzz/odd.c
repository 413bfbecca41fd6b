/* SPDX-License-Identifier: MIT */
/*
 * Ioctls as nobody means them: every number of the drivers' headers on any file, and numbers that lie
 * beyond the headers' ends, with any size and direction.
 */
#include <string.h>
#include <sys/ioctl.h>

#include "generate.h"
#include "lang/layout.h"

typedef struct fuzz_generator gen;

#define PAST_THE_LAST 18u

static uint32_t known_number(gen *g)
{
	return scn_ioctl_nth(fuzz_random(g, scn_ioctl_count()))->number;
}

/* The letters of the three drivers' numbers, of privcmd's, and of none. */
static uint32_t made_up_number(gen *g)
{
	static const uint32_t sizes[] = {0, 1, 2, 4, 8, 16, 20, 24, 32, 0x3fff};
	uint32_t size = fuzz_chance(g, 60)
			    ? _IOC_SIZE(known_number(g))
			    : sizes[fuzz_random(g, sizeof(sizes) / sizeof(sizes[0]))];
	/* A front's own kernel copies what a direction says, before anybody is asked. */
	uint32_t direction = g->world->real && fuzz_chance(g, 20) ? fuzz_random(g, 4) : 0;

	return _IOC(direction, (uint32_t) "GEPQ"[fuzz_random(g, 4)], fuzz_random(g, PAST_THE_LAST),
		    size);
}

/* The result is a port then, which each machine numbers by itself, and which has no name here. */
static bool binds(uint32_t number, const struct fuzz_thing *file)
{
	static const char prefix[] = "IOCTL_EVTCHN_BIND_";
	const struct scn_ioctl *known = scn_ioctl_by_number(number);

	return file->device == 'e' && known && !strncmp(known->name, prefix, strlen(prefix)) &&
	       strcmp(known->name, "IOCTL_EVTCHN_BIND_STATIC") != 0;
}

static bool make_odd_ioctl(gen *g, struct fuzz_op *op)
{
	const struct fuzz_thing *file = fuzz_pick(g, &g->files, g->process, FUZZ_ANY, 0);
	uint32_t number = fuzz_chance(g, 50) ? known_number(g) : made_up_number(g);

	if (!file || !(g->world->capabilities & SCN_CAP(CHECK_ORDER)) || binds(number, file))
		return false;
	fuzz_say(op, "ioctl(@f%u, 0x%x, ", file->id, number);
	switch (fuzz_random(g, 4)) {
	case 0:
		fuzz_say(op, "NULL)");
		break;
	case 1:
		fuzz_say(op, "BAD)");
		break;
	case 2:
		fuzz_say(op, "short(%u) bytes(fill(0, 64)))", fuzz_random(g, 64));
		break;
	default:
		fuzz_say(op, "bytes(fill(0, 64)))");
	}
	return true;
}

const struct fuzz_choice fuzz_odd_choices[] = {{2, make_odd_ioctl}, {0, NULL}};
