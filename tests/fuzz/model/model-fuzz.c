/* SPDX-License-Identifier: MIT */
/*
 * Any sequence of calls on the model: its invariants hold after each, and nothing is left at the end.
 * FUZZ_COUNT=1: says at the end how many sequences and calls these were.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"
#include "oracle.h"

/* Of at least so many calls is a sequence that counts. */
#define LONG 20u

static struct counts {
	uint64_t sequences, lasting, calls, done;
} counts;

static void say_counts(void)
{
	fprintf(stderr,
		"%" PRIu64 " sequences, %" PRIu64 " of %u calls or more; %" PRIu64
		" calls, %" PRIu64 " of them carried out and checked\n",
		counts.sequences, counts.lasting, LONG, counts.calls, counts.done);
}

static void count(const struct sequence *s)
{
	if (!counts.sequences++ && getenv("FUZZ_COUNT"))
		atexit(say_counts);
	counts.calls += s->n;
	counts.lasting += s->n >= LONG;
}

static void fail(const struct sequence *s, unsigned int at, const char *wrong)
{
	fprintf(stderr, "model-fuzz: after call %u, %s: %s\n", at,
		at < s->n ? call_name(s->calls[at].op) : "the end", wrong);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	static struct sequence s;
	static struct oracle o;
	static struct outcome out;
	const char *wrong;

	sequence_read(data, size, &s);
	count(&s);
	if (!world_begin(&w, &s.setup))
		return 0;
	oracle_begin(&o, &w);
	for (unsigned int i = 0; i < s.n; i++) {
		world_call(&w, &s.calls[i], &out);
		if (out.skipped)
			continue;
		counts.done++;
		wrong = oracle_check(&o, &w);
		if (wrong)
			fail(&s, i, wrong);
	}
	wrong = oracle_empty(&o, &w);
	if (wrong)
		fail(&s, s.n, wrong);
	world_end(&w);
	return 0;
}
