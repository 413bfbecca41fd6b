/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a script: it is refused with messages, or played on the model, each machine that it is for, and
 * something comes of it. What was played leaves an empty machine behind, or the player says so.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "lang/parse/parser.h"
#include "player/player.h"
#include "substrates/substrates.h"

#define PLAYS_MOST 4u

static void play(const struct scn_scenario *s, void *self)
{
	const struct scn_substrate_ops *ops = &scn_substrate_model;
	const struct scn_filter filter = {0};
	const struct scn_platform platform = scn_model_platform(self);
	uint32_t n = scn_variant_count(s, &filter);

	for (uint32_t i = 0; i < n && i < PLAYS_MOST; i++) {
		scn_cleanup_buf struct scn_buf name = {0};
		struct scn_outcome outcome = {0};
		struct scn_setup setup;

		scn_variant(s, &filter, ops->kernel(self), &platform, i, &setup, &name);
		scn_play(s, &setup, ops, self, &outcome);
		if ((unsigned int)outcome.verdict >= SCN_N_VERDICTS ||
		    (outcome.verdict != SCN_PASSED && !outcome.message.len))
			abort();
		scn_outcome_free(&outcome);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void *self;
	const struct scn_options options = {0};
	struct scn_source src = {"fuzz.scn", (const char *)data, size};
	scn_cleanup_scenario struct scn_scenario s = {0};
	scn_cleanup_errors struct scn_errors errors = {0};
	scn_cleanup_buf struct scn_buf why = {0};
	int err;

	if (!self && scn_substrate_model.open(&options, &self, &why) != SCN_OK)
		return 0;
	err = scn_parse(&src, &s, &errors);
	if ((err == 0) != (errors.count == 0))
		abort();
	if (!err)
		play(&s, self);
	return 0;
}
