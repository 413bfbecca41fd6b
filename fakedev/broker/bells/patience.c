/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "patience.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* What the machine says holds for this long. */
#define ASK_EACH_NS 1000000u
/* That there is no room holds longer: it costs those most who have none. */
#define ASK_AGAIN_NS 4000000u
/* It says nothing any more of now. */
#define OLD_NS    20000000u
#define CROWD_ONE 16
/* The shortest time that is worth the trouble, and the longest. */
#define LEAST_NS 20000u
#define TOP_NS   400000u

/* Others who but wake somebody have given the processor back long before. */
#define KEEPS_NS 1000000u
/* Before it is tried again: so that who is asked in a crowd that keeps its processors loses next to nothing by it. */
#define SHY_NS      8000000u
#define SHY_MOST_NS 1000000000u

uint64_t patience_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void patience_learn(uint32_t *usual, uint64_t pause_ns)
{
	/* One long pause is forgotten after a few short ones. */
	uint32_t now =
	    pause_ns < 4u * PATIENCE_MOST_NS ? (uint32_t)pause_ns : 4u * PATIENCE_MOST_NS;

	*usual = (uint32_t)((3 * (uint64_t)*usual + now) / 4);
}

uint64_t patience_for(uint32_t usual)
{
	uint64_t ns = 4 * (uint64_t)usual;

	if (usual > PATIENCE_MOST_NS)
		return 0;
	return ns < LEAST_NS ? LEAST_NS : ns > TOP_NS ? TOP_NS : ns;
}

/* How many want to run now, of the whole machine: "0.42 0.38 0.33 2/345 6789". No descriptor of the
 * broker's few is kept for it. */
static long running(void)
{
	int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	unsigned int running;
	char text[128];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	return sscanf(text, "%*s %*s %*s %u/", &running) == 1 ? running : 0;
}

bool patience_has_room(struct patience *p, unsigned int looking)
{
	uint64_t now = patience_now();
	long crowd;

	if (p->looked_ns && now - p->looked_ns < (p->room ? ASK_EACH_NS : ASK_AGAIN_NS))
		return p->room || (p->processors > 1 && now >= p->shy_until);
	if (!p->processors)
		p->processors = sysconf(_SC_NPROCESSORS_ONLN);
	if (p->processors < 2)
		return false;
	/* Somebody who wants to run for a moment now and then is none to make room for. */
	crowd = CROWD_ONE * (running() - (long)looking);
	p->crowd =
	    !p->looked_ns || now - p->looked_ns > OLD_NS ? crowd : (3 * p->crowd + crowd) / 4;
	p->room = p->crowd <= CROWD_ONE * p->processors + CROWD_ONE / 2;
	p->looked_ns = now;
	return p->room || now >= p->shy_until;
}

bool patience_gave_way(struct patience *p, uint64_t from_ns, uint64_t now_ns)
{
	if (p->room || now_ns - from_ns < KEEPS_NS) {
		p->shy_ns -= p->shy_ns / 8;
		return false;
	}
	p->shy_ns = p->shy_ns * 2 < SHY_NS ? SHY_NS : p->shy_ns * 2;
	if (p->shy_ns > SHY_MOST_NS)
		p->shy_ns = SHY_MOST_NS;
	p->shy_until = now_ns + p->shy_ns;
	return true;
}
