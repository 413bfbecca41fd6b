/* SPDX-License-Identifier: MIT */
/**
 * @file play.h
 * A scenario's text, played on the model.
 */
#ifndef FAKEDEV_CRASH_FINDING_PLAY_H
#define FAKEDEV_CRASH_FINDING_PLAY_H

#include "player/player.h"

struct finding_play {
	enum scn_verdict verdict;
	uint32_t line; /**< FAILED: at which; 0: not known */
	struct scn_outcome outcome;
};

/** What does not parse is BROKEN. */
void finding_play(const char *text, struct finding_play *out);
void finding_play_free(struct finding_play *play);
#define finding_cleanup_play __attribute__((cleanup(finding_play_free)))

/** What came back of the call in a line, as a script has it: "4 [1]", "blocks"; false: it did not come that far. */
bool finding_play_result(const struct finding_play *play, uint32_t line, struct scn_buf *out);

#endif
