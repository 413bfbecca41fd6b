/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "command/show/sheet.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Of a list, so many are written for people. */
#define MOST_ITEMS 3u

struct cell {
	enum { CELL_NONE, CELL_NUMBER, CELL_HEX, CELL_TEXT, CELL_FLAG, CELL_LIST } kind;
	uint64_t number;
	char *text;   /* TEXT */
	char **items; /* LIST */
	size_t n_items;
};

struct sheet sheet_new(const char *const *columns)
{
	struct sheet s = {.columns = columns};

	while (columns[s.n_columns])
		s.n_columns++;
	return s;
}

void sheet_free(struct sheet *s)
{
	for (size_t i = 0; i < s->n; i++) {
		for (size_t j = 0; j < s->cells[i].n_items; j++)
			free(s->cells[i].items[j]);
		free(s->cells[i].items);
		free(s->cells[i].text);
	}
	free(s->cells);
	*s = (struct sheet){0};
}

static void add(struct sheet *s, struct cell c)
{
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 64;
		struct cell *more = s->failed ? NULL : reallocarray(s->cells, room, sizeof(*more));

		if (!more) {
			s->failed = true;
			free(c.text);
			return;
		}
		s->cells = more;
		s->room = room;
	}
	s->cells[s->n++] = c;
}

void cell_number(struct sheet *s, uint64_t value)
{
	add(s, (struct cell){.kind = CELL_NUMBER, .number = value});
}

void cell_hex(struct sheet *s, uint64_t value)
{
	add(s, (struct cell){.kind = CELL_HEX, .number = value});
}

void cell_text(struct sheet *s, const char *format, ...)
{
	struct cell c = {.kind = CELL_TEXT};
	va_list args;

	va_start(args, format);
	if (vasprintf(&c.text, format, args) < 0)
		c.text = NULL;
	va_end(args);
	add(s, c);
}

void cell_flag(struct sheet *s, bool value)
{
	add(s, (struct cell){.kind = CELL_FLAG, .number = value});
}

void cell_none(struct sheet *s)
{
	add(s, (struct cell){.kind = CELL_NONE});
}

void cell_list(struct sheet *s)
{
	add(s, (struct cell){.kind = CELL_LIST});
}

void cell_item(struct sheet *s, const char *format, ...)
{
	struct cell *c = s->n ? &s->cells[s->n - 1] : NULL;
	char **more =
	    c && !s->failed ? reallocarray(c->items, c->n_items + 1, sizeof(*more)) : NULL;
	va_list args;
	char *text;

	if (!more) {
		s->failed = true;
		return;
	}
	c->items = more;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (text)
		c->items[c->n_items++] = text;
}

size_t sheet_rows(const struct sheet *s)
{
	return s->n / s->n_columns;
}

/* ---- for people ---- */

static char *list_text(const struct cell *c)
{
	char *text = NULL, *with;

	for (size_t i = 0; i < c->n_items && i < MOST_ITEMS; i++) {
		if (asprintf(&with, "%s%s%s", text ? text : "", text ? " " : "", c->items[i]) < 0)
			break;
		free(text);
		text = with;
	}
	if (c->n_items > MOST_ITEMS &&
	    asprintf(&with, "%s +%zu", text ? text : "", c->n_items - MOST_ITEMS) >= 0) {
		free(text);
		text = with;
	}
	return text ? text : strdup("-");
}

static char *cell_as_text(const struct cell *c)
{
	char *text = NULL;
	int n = 0;

	switch (c->kind) {
	case CELL_NUMBER:
		n = asprintf(&text, "%" PRIu64, c->number);
		break;
	case CELL_HEX:
		n = asprintf(&text, "0x%" PRIx64, c->number);
		break;
	case CELL_TEXT:
		return strdup(c->text && *c->text ? c->text : "-");
	case CELL_FLAG:
		return strdup(c->number ? "yes" : "-");
	case CELL_LIST:
		return list_text(c);
	case CELL_NONE:
		return strdup("-");
	}
	return n < 0 ? NULL : text;
}

/* Numbers stand right; a column is one of numbers if it has no other but "-". */
static bool is_of_numbers(const struct sheet *s, unsigned int column)
{
	bool any = false;

	for (size_t i = column; i < s->n; i += s->n_columns) {
		if (s->cells[i].kind != CELL_NUMBER && s->cells[i].kind != CELL_NONE)
			return false;
		any |= s->cells[i].kind == CELL_NUMBER;
	}
	return any;
}

static void print_padded(FILE *out, const char *text, int width, bool right, bool last)
{
	if (right)
		fprintf(out, "%*s", width, text);
	else if (last)
		fputs(text, out);
	else
		fprintf(out, "%-*s", width, text);
	fputs(last ? "\n" : "  ", out);
}

static void print_header(const struct sheet *s, FILE *out, const int *widths, const bool *right)
{
	char name[32];

	for (unsigned int i = 0; i < s->n_columns; i++) {
		size_t n = strlen(s->columns[i]);

		for (size_t j = 0; j <= n; j++)
			name[j] = (char)toupper((unsigned char)s->columns[i][j]);
		print_padded(out, name, widths[i], right[i], i + 1 == s->n_columns);
	}
}

void sheet_print(const struct sheet *s, FILE *out, size_t most)
{
	size_t rows = sheet_rows(s), shown = most && rows > most ? most : rows;
	char **texts = calloc(shown * s->n_columns + 1, sizeof(*texts));
	int widths[24];
	bool right[24];

	if (!texts || s->failed) {
		fputs("out of memory\n", out);
		free(texts);
		return;
	}
	for (unsigned int i = 0; i < s->n_columns; i++) {
		widths[i] = (int)strlen(s->columns[i]);
		right[i] = is_of_numbers(s, i);
	}
	for (size_t i = 0; i < shown * s->n_columns; i++) {
		int width;

		texts[i] = cell_as_text(&s->cells[i]);
		width = texts[i] ? (int)strlen(texts[i]) : 0;
		if (width > widths[i % s->n_columns])
			widths[i % s->n_columns] = width;
	}
	print_header(s, out, widths, right);
	for (size_t i = 0; i < shown * s->n_columns; i++) {
		unsigned int column = (unsigned int)(i % s->n_columns);

		print_padded(out, texts[i] ? texts[i] : "?", widths[column], right[column],
			     column + 1 == s->n_columns);
		free(texts[i]);
	}
	if (shown < rows)
		fprintf(out, "... %zu more\n", rows - shown);
	free(texts);
}

/* ---- JSON ---- */

static struct json_object *cell_as_json(const struct cell *c)
{
	struct json_object *list;

	switch (c->kind) {
	case CELL_NUMBER:
	case CELL_HEX:
		return json_object_new_uint64(c->number);
	case CELL_TEXT:
		return c->text && *c->text ? json_object_new_string(c->text) : NULL;
	case CELL_FLAG:
		return json_object_new_boolean(c->number != 0);
	case CELL_LIST:
		list = json_object_new_array();
		for (size_t i = 0; i < c->n_items; i++)
			json_object_array_add(list, json_object_new_string(c->items[i]));
		return list;
	case CELL_NONE:
		break;
	}
	return NULL;
}

struct json_object *sheet_json(const struct sheet *s)
{
	struct json_object *rows = json_object_new_array(), *row = NULL;

	for (size_t i = 0; i < sheet_rows(s) * s->n_columns; i++) {
		if (i % s->n_columns == 0) {
			row = json_object_new_object();
			json_object_array_add(rows, row);
		}
		json_object_object_add(row, s->columns[i % s->n_columns],
				       cell_as_json(&s->cells[i]));
	}
	return rows;
}
