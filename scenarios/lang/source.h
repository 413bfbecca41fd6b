/* SPDX-License-Identifier: MIT */
/* A script's text, and the messages about it: file:line:column, the line, a caret. */
#ifndef SCN_SOURCE_H
#define SCN_SOURCE_H

#include <sys/types.h>

#include "text.h"

struct scn_pos {
	uint32_t line, col; /* from 1; col counts bytes */
};

struct scn_source {
	const char *name; /* as messages show it */
	const char *text;
	size_t len;
};

/* What is wrong with a script: every message, ready to print. */
struct scn_errors {
	struct scn_buf text;
	struct scn_buf places; /* where each message is about, and where it is in the text */
	unsigned int count;
};

void scn_errors_free(struct scn_errors *e);
#define scn_cleanup_errors __attribute__((cleanup(scn_errors_free)))

/* Adds "name:line:col: message", the line and a caret under the column. */
void scn_error(struct scn_errors *e, const struct scn_source *src, struct scn_pos pos,
	       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Puts the messages in the order of the lines they are about. */
void scn_errors_sort(struct scn_errors *e);

/* The text of one line, without its end. */
struct scn_str scn_source_line(const struct scn_source *src, uint32_t line);

/* Reads a whole file. Returns a buffer to free() and its length, or NULL and errno. */
char *scn_read_file(const char *path, size_t *len);

/* read(2), whatever signals come. */
ssize_t scn_read(int fd, void *out, size_t size);

#endif
