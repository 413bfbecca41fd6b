/* SPDX-License-Identifier: MIT */
/*
 * Delta debugging: pieces are left out, ever smaller ones, as long as the verdict stays. All the
 * pieces of one size are tried together, each by itself, since a judge that boots a machine takes
 * many sequences at a time; then as many of those that may go as can go together.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define MAX_TRIALS 128u /* at a time */

struct shrinker {
	const struct fuzz_judge *judge;
	struct fuzz_case *best;
	struct fuzz_case trials[MAX_TRIALS];
	uint32_t n_trials, plays;
};

static bool is_same(const struct shrinker *s, const struct fuzz_verdict *v)
{
	const struct fuzz_verdict *wanted = &s->best->verdict;

	return v->verdict == wanted->verdict &&
	       (v->verdict != SCN_FAILED || v->kind == wanted->kind);
}

static void forget_trials(struct shrinker *s)
{
	for (uint32_t i = 0; i < s->n_trials; i++)
		fuzz_case_free(&s->trials[i]);
	s->n_trials = 0;
}

/* A trial: the best without what is marked, step by step. */
static bool add_trial(struct shrinker *s, const bool *without)
{
	struct fuzz_case *t = &s->trials[s->n_trials];

	*t = (struct fuzz_case){.number = s->n_trials, .world = s->best->world};
	if (!fuzz_sequence_copy(&t->seq, &s->best->seq))
		return false;
	t->seq.n = 0;
	for (uint32_t i = 0; i < s->best->seq.n; i++) {
		if (!without[i])
			t->seq.ops[t->seq.n++] = s->best->seq.ops[i];
	}
	s->n_trials++;
	return true;
}

static bool judge_trials(struct shrinker *s)
{
	scn_cleanup_buf struct scn_buf why = {0};

	s->plays += s->n_trials;
	return fuzz_compare_all(s->trials, s->n_trials, s->judge, &why) == 0;
}

/* What comes after the step that shows the difference can go. */
static void take(struct shrinker *s, uint32_t trial)
{
	struct fuzz_case *t = &s->trials[trial];

	t->number = s->best->number;
	if (t->verdict.step < t->seq.n)
		t->seq.n = t->verdict.step + 1;
	fuzz_case_free(s->best);
	*s->best = *t;
	*t = (struct fuzz_case){0};
}

static void mark(bool *without, uint32_t from, uint32_t n, uint32_t end)
{
	for (uint32_t i = from; i < from + n && i < end; i++)
		without[i] = true;
}

/* Of the pieces that can go by themselves: all together, or some, or one. */
static bool take_most(struct shrinker *s, const uint32_t *firsts, uint32_t n, uint32_t piece)
{
	uint32_t counts[] = {n, n * 3 / 4, n / 2, n / 4, 1};
	uint32_t end = s->best->seq.n, i;

	forget_trials(s);
	for (i = 0; i < 5; i++) {
		bool without[FUZZ_MAX_OPS] = {false};

		for (uint32_t k = 0; k < counts[i]; k++)
			mark(without, firsts[k], piece, end);
		if (!add_trial(s, without))
			return false;
		if (counts[i] <= 1)
			break;
	}
	if (!judge_trials(s))
		return false;
	for (i = 0; i < s->n_trials; i++) {
		if (is_same(s, &s->trials[i].verdict)) {
			take(s, i);
			return true;
		}
	}
	return false;
}

/* Tries to leave out each piece of this size; from the end, where less depends on it. */
static bool pass(struct shrinker *s, uint32_t piece)
{
	uint32_t firsts[MAX_TRIALS], good[MAX_TRIALS], n = 0;
	uint32_t end = s->best->seq.n;

	forget_trials(s);
	for (uint32_t at = end; at > 0 && s->n_trials < MAX_TRIALS;) {
		bool without[FUZZ_MAX_OPS] = {false};
		uint32_t size = piece < at ? piece : at;

		at -= size;
		mark(without, at, size, end);
		firsts[s->n_trials] = at;
		if (!add_trial(s, without))
			return false;
	}
	if (!judge_trials(s))
		return false;
	for (uint32_t i = 0; i < s->n_trials; i++) {
		if (is_same(s, &s->trials[i].verdict))
			good[n++] = firsts[i];
	}
	return n > 0 && take_most(s, good, n, piece);
}

uint32_t fuzz_shrink(struct fuzz_case *c, const struct fuzz_judge *judge)
{
	struct shrinker *s = calloc(1, sizeof(*s));
	uint32_t plays;

	if (!s)
		return 0;
	s->judge = judge;
	s->best = c;
	if (c->verdict.verdict == SCN_FAILED && c->verdict.step + 1 < c->seq.n)
		c->seq.n = c->verdict.step + 1;
	for (uint32_t piece = (c->seq.n + 1) / 2; piece > 1; piece = piece * 2 / 3)
		pass(s, piece);
	while (pass(s, 1))
		;
	forget_trials(s);
	plays = s->plays;
	free(s);
	return plays;
}
