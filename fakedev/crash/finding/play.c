/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "crash/finding/play.h"
#include "lang/parse/parser.h"
#include "player/variant.h"
#include "substrates/substrates.h"

#include <stdlib.h>
#include <string.h>

#define NAME "@"

static void play(const struct scn_scenario *s, struct finding_play *out)
{
	const struct scn_substrate_ops *ops = &scn_substrate_model;
	const struct scn_options options = {0};
	const struct scn_filter filter = {0};
	scn_cleanup_buf struct scn_buf why = {0};
	struct scn_platform platform;
	struct scn_setup setup;
	void *self;

	if (ops->open(&options, &self, &why) != SCN_OK) {
		scn_buf_str(&out->outcome.message, scn_buf_text(&why));
		return;
	}
	platform = ops->platform(self);
	scn_variant(s, &filter, ops->kernel(self), &platform, 0, &setup, &why);
	scn_play(s, &setup, ops, self, &out->outcome);
	out->verdict = out->outcome.verdict;
	ops->close(self);
}

void finding_play(const char *text, struct finding_play *out)
{
	const struct scn_source src = {.name = NAME, .text = text, .len = strlen(text)};
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};
	const char *message;

	*out = (struct finding_play){.verdict = SCN_BROKEN};
	if (scn_parse(&src, &s, &errors))
		scn_buf_str(&out->outcome.message, scn_buf_text(&errors.text));
	else
		play(&s, out);
	message = scn_buf_text(&out->outcome.message);
	if (!strncmp(message, NAME ":", sizeof(NAME)))
		out->line = (uint32_t)strtoul(message + sizeof(NAME), NULL, 10);
}

void finding_play_free(struct finding_play *p)
{
	scn_outcome_free(&p->outcome);
}

bool finding_play_result(const struct finding_play *p, uint32_t line, struct scn_buf *out)
{
	for (const char *at = scn_buf_text(&p->outcome.log); *at;) {
		const char *end = strchrnul(at, '\n'), *result = NULL;
		char *rest;

		if (strtoul(at, &rest, 10) == line) {
			for (const char *c = rest; (c = memmem(c, (size_t)(end - c), " = ", 3));
			     c += 3)
				result = c + 3;
			if (!result)
				return false;
			scn_buf_add(out, result, (size_t)(end - result));
			return true;
		}
		at = *end ? end + 1 : end;
	}
	return false;
}
