/* SPDX-License-Identifier: MIT */
/* What the broker tells of a call, kept as it is until somebody has time to write it. */
#ifndef FAKEDEV_COMMAND_TRACE_ENTRY_H
#define FAKEDEV_COMMAND_TRACE_ENTRY_H

#include "broker/trace.h"
#include "spool.h"

struct entry {
	bool is_call;
	struct gntsim_observation saw; /* or: */
	struct trace_call call;        /* without mm and frames */
	uint64_t us;                   /* then: since the trace began */
	struct trace_memory memory;    /* call.memory, if there is one */
};

/* Each false: as spool_reserve(). */
bool entry_give_saw(struct spool *s, const struct gntsim_observation *o);
bool entry_give_call(struct spool *s, const struct trace_call *call, uint64_t us);
/* The next one; it lasts until spool_taken(). False: there is none. */
bool entry_next(struct spool *s, struct entry *out);

#endif
