/* SPDX-License-Identifier: MIT */
/**
 * @file looks.h
 * What a scenario has to ask, and to be answered, so that it states what was found: looks that are added to what was
 * recorded, in the words of the language.
 *
 * A look that is true by itself says nothing. So each comes with ways in which the victim could have spared its
 * survivor that, put before its death, under which it must not be true any more: it asks then of what the two have
 * between them, and whatever is left out later, that has to stay.
 */
#ifndef FAKEDEV_CRASH_FINDING_LOOKS_H
#define FAKEDEV_CRASH_FINDING_LOOKS_H

#include "crash/finding/names.h"
#include "crash/verdict.h"

#define LOOK_CURES 8u

struct look {
	uint32_t before;     /**< this step; n_steps: at the end */
	bool of_event;       /**< whether an event comes; else of bytes, or of what a call says */
	struct scn_buf call; /**< "taker: load(ring+20, 1)" */
	struct scn_buf want; /**< the result that it must have; "": any bytes but zeros */
	struct scn_buf cures[LOOK_CURES]; /**< statements, whole lines */
	uint32_t n_cures;
};

struct looks {
	struct look *all;
	uint32_t n, room;
	bool failed; /**< no memory */
};
void looks_free(struct looks *looks);

/** What a search knows of what it found. */
struct looks_of {
	enum crash_outcome outcome;
	const char *detail;
};

/**
 * What could be asked of what was found, the most telling first.
 * @param[out] why if there is nothing: the reason
 * @return 0; -ENOENT: nothing of it is in what a scenario can say, see @p why; -ENOMEM
 */
int looks_propose(struct looks *looks, const struct names *names, const struct looks_of *of,
		  struct scn_buf *why);

/**
 * Looks at runs of bytes that are not zero, where what was read says so.
 * @param read a load of a page's 4096 bytes, and @p result what came back, in the words of the language
 */
void looks_add_bytes(struct looks *looks, const struct names *names, const struct look *read,
		     const char *result);

#endif
