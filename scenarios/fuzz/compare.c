/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "lang/parse/parser.h"

void fuzz_verdict_free(struct fuzz_verdict *v)
{
	scn_buf_free(&v->text);
}

void fuzz_case_free(struct fuzz_case *c)
{
	free(c->seq.ops);
	fuzz_verdict_free(&c->verdict);
	*c = (struct fuzz_case){0};
}

bool fuzz_sequence_copy(struct fuzz_sequence *to, const struct fuzz_sequence *from)
{
	to->ops = malloc((from->n + 1) * sizeof(*to->ops));
	to->n = 0;
	if (!to->ops)
		return false;
	memcpy(to->ops, from->ops, from->n * sizeof(*to->ops));
	to->n = from->n;
	return true;
}

static void judge_script(const struct fuzz_judge *judge, const struct scn_platform *platform,
			 const struct scn_buf *text, struct fuzz_verdict *out)
{
	struct scn_source src = {"fuzz.scn", scn_buf_text(text), text->len};
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};
	scn_cleanup_buf struct scn_buf name = {0};
	const struct scn_filter filter = {0};
	struct scn_outcome outcome;
	struct scn_setup setup;

	if (scn_parse(&src, &s, &errors)) {
		out->verdict = SCN_BROKEN;
		scn_buf_str(&out->text, scn_buf_text(&errors.text));
		return;
	}
	scn_variant(&s, &filter, judge->kernel, platform, 0, &setup, &name);
	scn_play(&s, &setup, judge->ops, judge->self, &outcome);
	out->verdict = outcome.verdict;
	scn_buf_str(&out->text, scn_buf_text(&outcome.message));
	scn_outcome_free(&outcome);
}

void fuzz_compare(const struct fuzz_world *world, const struct fuzz_sequence *seq,
		  const struct fuzz_judge *judge, struct fuzz_verdict *out)
{
	scn_cleanup_buf struct scn_buf text = {0};
	uint32_t lines[FUZZ_MAX_OPS];
	enum fuzz_played played;

	*out = (struct fuzz_verdict){0};
	played = fuzz_script(world, seq, "a sequence", &text, lines, &out->text);
	if (played == FUZZ_PLAYED)
		judge_script(judge, &world->platform, &text, out);
	else
		out->verdict = played == FUZZ_UNSOUND ? SCN_FAILED : SCN_BROKEN;
	out->step = seq->n;
	if (played == FUZZ_PLAYED && out->verdict == SCN_FAILED)
		out->step = fuzz_step_of(&out->text, lines, seq->n);
}

int fuzz_compare_all(struct fuzz_case *cases, size_t n, const struct fuzz_judge *judge,
		     struct scn_buf *why)
{
	if (judge->xen)
		return fuzz_xen_compare(judge->xen, cases, n, why);
	for (size_t i = 0; i < n; i++)
		fuzz_compare(&cases[i].world, &cases[i].seq, judge, &cases[i].verdict);
	return 0;
}
