/* SPDX-License-Identifier: MIT */
/* Any sequence of calls on the model: its invariants hold after each, and nothing is left at the end. */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"
#include "oracle.h"

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
	if (!world_begin(&w, &s.setup))
		return 0;
	oracle_begin(&o, &w);
	for (unsigned int i = 0; i < s.n; i++) {
		world_call(&w, &s.calls[i], &out);
		wrong = out.skipped ? NULL : oracle_check(&o, &w);
		if (wrong)
			fail(&s, i, wrong);
	}
	wrong = oracle_empty(&o, &w);
	if (wrong)
		fail(&s, s.n, wrong);
	world_end(&w);
	return 0;
}
