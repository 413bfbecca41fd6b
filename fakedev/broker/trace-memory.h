/* SPDX-License-Identifier: MIT */
/**
 * @file trace-memory.h
 * The memory of an ioctl that is traced: what the driver read of it, and wrote to it, is kept while the
 * call goes on.
 */
#ifndef FAKEDEV_TRACE_MEMORY_H
#define FAKEDEV_TRACE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gntsim_user_memory;

/** What was read and written, piece by piece. Zero is empty. */
struct trace_memory {
	const struct gntsim_user_memory *inner;
	bool unmade; /**< the call is not made yet: what was not read is looked for in memory */
	struct trace_piece {
		unsigned char *bytes; /**< pieces follow each other: addr, len, bytes */
		size_t used, room;
	} read, written;
};

/** The memory to give the driver instead of @p um, in the caller's @p room: all that goes through it is
 * kept in @p t, up to 1 MiB each way. */
const struct gntsim_user_memory *trace_memory_watch(struct trace_memory *t,
						    const struct gntsim_user_memory *um,
						    struct gntsim_user_memory *room);
void trace_memory_done(struct trace_memory *t);

/** As it was when the driver read it. False: it did not read that, or could not. For scn_walk(). */
bool trace_memory_before(void *memory, uint64_t addr, void *out, size_t len);
/** As the driver left it. */
bool trace_memory_after(void *memory, uint64_t addr, void *out, size_t len);

#endif
