/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include <errno.h>
#include <time.h>

double scn_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

enum scn_status scn_pass_time(void *self, uint64_t ns, struct scn_buf *why)
{
	struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};

	(void)self;
	(void)why;
	while (nanosleep(&t, &t) && errno == EINTR)
		;
	return SCN_OK;
}
