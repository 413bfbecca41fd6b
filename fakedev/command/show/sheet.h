/* SPDX-License-Identifier: MIT */
/* A table that is told cell by cell, and written for people, with a header and aligned columns, or as
 * JSON: what one says, so does the other. */
#ifndef FAKEDEV_COMMAND_SHOW_SHEET_H
#define FAKEDEV_COMMAND_SHOW_SHEET_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct sheet {
	const char *const *columns; /* names, NULL at the end: of members in JSON */
	unsigned int n_columns;
	struct cell *cells; /* row by row */
	size_t n, room;
	bool failed;
};

struct sheet sheet_new(const char *const *columns);
void sheet_free(struct sheet *s);

/* Each is the next cell. */
void cell_number(struct sheet *s, uint64_t value);
void cell_hex(struct sheet *s, uint64_t value); /* a number in JSON */
void cell_text(struct sheet *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cell_flag(struct sheet *s, bool value); /* "yes" or "-" */
void cell_none(struct sheet *s);             /* "-", null */
/* A list of texts: what is added belongs to this cell, until the next. */
void cell_list(struct sheet *s);
void cell_item(struct sheet *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

size_t sheet_rows(const struct sheet *s);
/* Writes up to `most` rows (0: all), then how many more there are. */
void sheet_print(const struct sheet *s, FILE *out, size_t most);
/* An array of objects. */
struct json_object *sheet_json(const struct sheet *s);

#endif
