/* SPDX-License-Identifier: MIT */
/* Delta debugging: pieces are left out, ever smaller ones, as long as the verdict stays. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

struct shrinker {
	const struct fuzz_world *world;
	const struct fuzz_judge *judge;
	enum scn_verdict wanted;
	struct fuzz_sequence *seq;
	struct fuzz_sequence trial;
	uint32_t plays;
};

/* Takes the trial if it gets the same verdict. */
static bool try(struct shrinker *s)
{
	struct fuzz_verdict verdict;
	bool same;

	fuzz_compare(s->world, &s->trial, s->judge, &verdict);
	s->plays++;
	same = verdict.verdict == s->wanted;
	if (same && verdict.step + 1 < s->trial.n)
		s->trial.n = verdict.step + 1;
	fuzz_verdict_free(&verdict);
	if (!same)
		return false;
	memcpy(s->seq->ops, s->trial.ops, s->trial.n * sizeof(*s->trial.ops));
	s->seq->n = s->trial.n;
	return true;
}

static bool try_without(struct shrinker *s, uint32_t first, uint32_t n)
{
	const struct fuzz_sequence *seq = s->seq;

	memcpy(s->trial.ops, seq->ops, first * sizeof(*seq->ops));
	memcpy(s->trial.ops + first, seq->ops + first + n,
	       (seq->n - first - n) * sizeof(*seq->ops));
	s->trial.n = seq->n - n;
	return try(s);
}

/* One pass over the sequence from its end. */
static bool pass(struct shrinker *s, uint32_t piece)
{
	bool any = false;
	uint32_t end = s->seq->n;

	while (end > 0) {
		uint32_t n = piece < end ? piece : end;

		any |= try_without(s, end - n, n);
		end -= n;
		end = end < s->seq->n ? end : s->seq->n;
	}
	return any;
}

uint32_t fuzz_shrink(const struct fuzz_world *world, struct fuzz_sequence *seq,
		     const struct fuzz_judge *judge, const struct fuzz_verdict *verdict)
{
	struct shrinker s = {world, judge, verdict->verdict, seq, {0}, 0};
	uint32_t piece;

	s.trial.ops = calloc(FUZZ_MAX_OPS, sizeof(*s.trial.ops));
	if (!s.trial.ops)
		return 0;
	if (verdict->verdict == SCN_FAILED && verdict->step + 1 < seq->n)
		try_without(&s, verdict->step + 1, seq->n - verdict->step - 1);
	for (piece = seq->n / 2; piece > 1; piece /= 2)
		pass(&s, piece);
	while (pass(&s, 1))
		;
	free(s.trial.ops);
	return s.plays;
}
