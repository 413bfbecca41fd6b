/* SPDX-License-Identifier: MIT */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bounds.h"

#define MAX_ERRORS 50u
#define PIPE_MS    10000 /* how long a pipe's writer may have nothing to say */
#define MAX_LINE   200u  /* bytes of a line that are shown */

void scn_errors_free(struct scn_errors *e)
{
	scn_buf_free(&e->text);
	scn_buf_free(&e->places);
}

struct scn_str scn_source_line(const struct scn_source *src, uint32_t line)
{
	const char *p = src->text, *end = src->text + src->len;
	const char *eol;

	for (uint32_t i = 1; i < line && p < end; i++) {
		eol = memchr(p, '\n', (size_t)(end - p));
		p = eol ? eol + 1 : end;
	}
	eol = memchr(p, '\n', (size_t)(end - p));
	return (struct scn_str){p, (size_t)((eol ? eol : end) - p)};
}

static bool is_inside_character(const struct scn_str *line, size_t at)
{
	return at > 0 && at < line->n && (line->s[at] & 0xc0) == 0x80;
}

/* The line, of a long one what is around the column; the caret under it, whatever tabs precede. */
static void add_line(struct scn_buf *b, struct scn_str line, uint32_t col)
{
	size_t from = line.n > MAX_LINE && col > MAX_LINE / 2 ? col - MAX_LINE / 2 : 0;
	size_t to = line.n - from > MAX_LINE ? from + MAX_LINE : line.n;

	while (is_inside_character(&line, from))
		from--;
	while (is_inside_character(&line, to))
		to--;
	scn_buf_printf(b, "    %s", from ? "…" : "");
	scn_buf_clean(b, line.s + from, to - from, "\t");
	scn_buf_printf(b, "%s\n    %s", to < line.n ? "…" : "", from ? " " : "");
	for (size_t i = from; i + 1 < col && i < to; i++)
		scn_buf_str(b, line.s[i] == '\t' ? "\t" : " ");
	scn_buf_str(b, "^\n");
}

struct place {
	struct scn_pos pos;
	size_t at, len;
};

void scn_error(struct scn_errors *e, const struct scn_source *src, struct scn_pos pos,
	       const char *format, ...)
{
	struct scn_str line = scn_source_line(src, pos.line);
	struct place place = {.pos = pos, .at = e->text.len};
	char message[512];
	va_list ap;

	if (e->count++ >= MAX_ERRORS)
		return;
	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	scn_buf_printf(&e->text, "%s:%u:%u: %s\n", src->name, pos.line, pos.col, message);
	add_line(&e->text, line, pos.col);
	place.len = e->text.len - place.at;
	scn_buf_add(&e->places, &place, sizeof(place));
}

static int by_line(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->pos.line != y->pos.line)
		return x->pos.line < y->pos.line ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

void scn_errors_sort(struct scn_errors *e)
{
	size_t n = e->places.len / sizeof(struct place);
	struct scn_buf sorted = {0};
	struct place place;

	if (n < 2)
		return;
	qsort(e->places.data, n, sizeof(place), by_line);
	for (size_t i = 0; i < n; i++) {
		memcpy(&place, e->places.data + i * sizeof(place), sizeof(place));
		scn_buf_add(&sorted, e->text.data + place.at, place.len);
	}
	if (e->count > MAX_ERRORS)
		scn_buf_printf(&sorted, "%u more errors are not shown\n", e->count - MAX_ERRORS);
	sorted.failed |= e->text.failed;
	scn_buf_free(&e->text);
	e->text = sorted;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

ssize_t scn_read(int fd, void *out, size_t size)
{
	ssize_t n;

	do
		n = read(fd, out, size);
	while (n < 0 && errno == EINTR);
	return n;
}

/* Of a pipe that nobody writes to not for ever. */
static ssize_t read_some(int fd, void *out, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n = scn_read(fd, out, size);

	if (n >= 0 || errno != EAGAIN)
		return n;
	if (poll(&p, 1, PIPE_MS) == 1)
		return scn_read(fd, out, size);
	errno = ETIMEDOUT;
	return -1;
}

char *scn_read_file(const char *path, size_t *len)
{
	__attribute__((cleanup(close_fd))) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	scn_cleanup_buf struct scn_buf b = {0};
	char chunk[8192];
	char *data;
	ssize_t n;

	if (fd < 0)
		return NULL;
	while ((n = read_some(fd, chunk, sizeof(chunk))) > 0 && b.len <= SCN_MAX_SCRIPT)
		scn_buf_add(&b, chunk, (size_t)n);
	if (n < 0)
		return NULL;
	scn_buf_zeros(&b, 0);
	if (b.failed || b.len > SCN_MAX_SCRIPT) {
		errno = b.failed ? ENOMEM : EFBIG;
		return NULL;
	}
	*len = b.len;
	data = b.data;
	b.data = NULL;
	return data;
}
