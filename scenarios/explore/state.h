/* SPDX-License-Identifier: MIT */
/* The whole state of a play on the model, to be gone back to. */
#ifndef EXPLORE_STATE_H
#define EXPLORE_STATE_H

#include "player/branch.h"

/* Of the player it is what a step changes. */
struct saved {
	struct scn_buf model, vars;
	bool alive[64], destroyed[16];
	bool after_branch;
	uint64_t work;
	uint32_t n_always;
};

void state_save(struct scn_player *p, struct saved *out);
void state_restore(struct scn_player *p, const struct saved *saved);
void state_free(struct saved *saved);
/* Whether it is all there: memory can run out. */
bool state_is_whole(const struct saved *saved);

/* What anybody could tell of a state: everything that does not depend on where in memory it lies. */
uint64_t state_digest(struct scn_player *p);
/* Mixes bytes into a digest. */
uint64_t digest_add(uint64_t digest, const void *data, size_t len);

#endif
