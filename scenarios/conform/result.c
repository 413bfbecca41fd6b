/* SPDX-License-Identifier: MIT */
#include "result.h"

#include <stdlib.h>
#include <string.h>

static void free_leg(struct conform_leg *leg)
{
	for (size_t i = 0; i < leg->n; i++) {
		free(leg->records[i].file);
		scn_buf_free(&leg->records[i].variant);
		scn_buf_free(&leg->records[i].message);
	}
	free(leg->records);
	scn_buf_free(&leg->why);
	scn_buf_free(&leg->said);
}

void conform_free(struct conform *c)
{
	for (size_t i = 0; i < c->n_legs; i++)
		free_leg(&c->legs[i]);
	scn_buf_free(&c->corpus_root);
	scn_files_free(&c->files);
}

bool conform_add(struct conform_leg *leg, const struct scn_record *record)
{
	struct conform_record *r;

	if (leg->n == leg->room) {
		size_t room = leg->room ? leg->room * 2 : 256;

		r = realloc(leg->records, room * sizeof(*r));
		if (!r)
			return false;
		leg->records = r;
		leg->room = room;
	}
	r = &leg->records[leg->n];
	*r = (struct conform_record){.file = strdup(record->file),
				     .verdict = record->outcome.verdict,
				     .seconds = record->seconds};
	if (!r->file)
		return false;
	scn_buf_str(&r->variant, scn_buf_text(&record->variant));
	if (r->verdict != SCN_PASSED)
		scn_buf_str(&r->message, scn_buf_text(&record->outcome.message));
	leg->n++;
	leg->count[r->verdict]++;
	return !record->variant.failed && !record->outcome.message.failed && !r->variant.failed &&
	       !r->message.failed;
}

bool conform_is_wanting(const struct conform_leg *leg)
{
	return leg->why.len || leg->why.failed;
}

int conform_status(const struct conform *c)
{
	unsigned int passed = 0;
	bool untried = false;

	for (size_t i = 0; i < c->n_legs; i++) {
		const struct conform_leg *leg = &c->legs[i];

		if (leg->count[SCN_FAILED] || leg->fuzz == CONFORM_DIFFERENT)
			return 1;
		untried |= conform_is_wanting(leg) || leg->count[SCN_BROKEN] ||
			   leg->fuzz == CONFORM_UNTRIED;
		passed += leg->count[SCN_PASSED];
	}
	return untried || !passed ? SCN_STATUS_ERROR : 0;
}

void conform_say(const struct conform *c, struct scn_buf *out)
{
	unsigned int failed = 0, fuzzed = 0, broken = 0;

	for (size_t i = 0; i < c->n_legs; i++) {
		failed += c->legs[i].count[SCN_FAILED];
		fuzzed += c->legs[i].fuzz == CONFORM_DIFFERENT;
		broken += c->legs[i].count[SCN_BROKEN] + conform_is_wanting(&c->legs[i]) +
			  (c->legs[i].fuzz == CONFORM_UNTRIED);
	}
	if (failed || fuzzed)
		scn_buf_printf(out, "It differs: %u scenario%s failed%s", failed,
			       failed == 1 ? "" : "s",
			       fuzzed ? ", and random calls give other results" : "");
	else if (conform_status(c))
		scn_buf_str(out, "No verdict: not all could be tried");
	else
		scn_buf_str(out, "It conforms: nothing differs from the model");
	if (broken)
		scn_buf_printf(out, " (%u could not be tried)", broken);
}
