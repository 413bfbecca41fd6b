/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "parser.h"

void fuzz_verdict_free(struct fuzz_verdict *v)
{
	scn_buf_free(&v->text);
}

static void judge_script(const struct fuzz_judge *judge, const struct scn_buf *text,
			 struct fuzz_verdict *out)
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
	scn_variant(&s, &filter, judge->kernel, 0, &setup, &name);
	scn_play(&s, &setup, judge->ops, judge->self, &outcome);
	out->verdict = outcome.verdict;
	scn_buf_str(&out->text, scn_buf_text(&outcome.message));
	scn_outcome_free(&outcome);
}

/* The step that a message "fuzz.scn:LINE:…" is about. */
static uint32_t step_of(const struct scn_buf *message, const uint32_t *lines, uint32_t n)
{
	const char *colon = strchr(scn_buf_text(message), ':');
	unsigned long line = colon ? strtoul(colon + 1, NULL, 10) : 0;
	uint32_t i = 0;

	while (i < n && lines[i] != line)
		i++;
	return i;
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
		judge_script(judge, &text, out);
	else
		out->verdict = played == FUZZ_UNSOUND ? SCN_FAILED : SCN_BROKEN;
	out->step = seq->n;
	if (played == FUZZ_PLAYED && out->verdict == SCN_FAILED)
		out->step = step_of(&out->text, lines, seq->n);
}
