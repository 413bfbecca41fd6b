/* SPDX-License-Identifier: MIT */
/**
 * @file lines.h
 * Lines out of bytes that come in pieces.
 */
#ifndef FAKEDEV_COMMAND_RUN_LINES_H
#define FAKEDEV_COMMAND_RUN_LINES_H

#include <stddef.h>

/** A line that is longer is cut there: what follows is a line of its own. */
#define LINE_MAX_BYTES (1u << 20)

/** The line that has begun. Zero is none. */
struct lines {
	char *begun;
	size_t n, room;
};

/** Calls @p take for each line that is complete now, without its newline. */
void lines_add(struct lines *l, const char *bytes, size_t n,
	       void (*take)(void *ctx, const char *line, size_t len), void *ctx);

/** No more comes: the line that has begun, if any, is one. */
void lines_end(struct lines *l, void (*take)(void *ctx, const char *line, size_t len), void *ctx);

#endif
