/* SPDX-License-Identifier: MIT */
/* Where programs can't be stopped at their stores: an instruction pair that stores if nothing came in between
 * (arm64's exclusives) never gets through single steps. */
#include "stops.h"

#include <errno.h>

int stops_start(const struct stops_config *config, struct stops **out, struct failure *f)
{
	(void)config;
	*out = NULL;
	return fail(f, -ENOSYS, "programs can be stopped at their stores on x86-64 only");
}

int stops_follow(struct stops *s, unsigned int program, struct failure *f)
{
	(void)s;
	(void)program;
	return fail(f, -ENOSYS, "programs can be stopped at their stores on x86-64 only");
}

uint64_t stops_count(const struct stops *s, unsigned int program)
{
	(void)s;
	(void)program;
	return 0;
}

bool stops_are_lost(const struct stops *s)
{
	(void)s;
	return false;
}

int stops_ends(const struct stops *s)
{
	(void)s;
	return -1;
}

bool stops_take_end(struct stops *s, struct stops_end *out)
{
	(void)s;
	(void)out;
	return false;
}

void stops_let_end(struct stops *s)
{
	(void)s;
}

int stops_questions(const struct stops *s)
{
	(void)s;
	return -1;
}

bool stops_take_question(struct stops *s, struct stops_question *out)
{
	(void)s;
	(void)out;
	return false;
}

void stops_answer(struct stops *s, uint32_t tid)
{
	(void)s;
	(void)tid;
}

const char *stops_refused(const struct stops *s)
{
	(void)s;
	return NULL;
}

void stops_take(struct stops *s, bool until_now, void (*each)(void *, const struct stops_store *),
		void *ctx)
{
	(void)s;
	(void)until_now;
	(void)each;
	(void)ctx;
}

int stops_descriptor(const struct stops *s)
{
	(void)s;
	return -1;
}

void stops_watch_ring(struct stops *s, unsigned int ring, const struct death_ring *what,
		      uint64_t indexes, uint64_t data)
{
	(void)s;
	(void)ring;
	(void)what;
	(void)indexes;
	(void)data;
}

bool stops_ring_misread(const struct stops *s, unsigned int ring)
{
	(void)s;
	(void)ring;
	return false;
}

void stops_end(struct stops *s)
{
	(void)s;
}
