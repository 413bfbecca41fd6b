/* SPDX-License-Identifier: MIT */
/*
 * As the fuzzer shrinks its sequences, but with statements of a text. What a statement needs of others is
 * the checker's to say: where it complains when they are left out, the statement goes too.
 */
#include "shrink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lang/parse/parser.h"
#include "script.h"

/* A statement with the comments before it. */
struct statement {
	const char *text;
	size_t len;
	uint32_t lines, comment_lines;
	bool declares, gone;
	uint32_t line; /* in the candidate: its first */
};

struct shrinker {
	const struct shrink_judge *judge;
	const char *head; /* comments that the file begins with */
	size_t head_len;
	struct statement *all;
	uint32_t n, room;
	bool *gone; /* of the candidate */
	struct scn_buf text;
	uint64_t *tried; /* hashes of candidates */
	uint32_t n_tried, room_tried, trials;
	bool ended, failed;
};

static const char *line_end(const char *at, const char *end)
{
	const char *newline = memchr(at, '\n', (size_t)(end - at));

	return newline ? newline + 1 : end;
}

static bool is_blank(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
		at++;
	return at == end;
}

static bool declares(const char *at, const char *end)
{
	static const char *const words[] = {"domain ", "process ", "kernel ", "needs ", "machine "};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(end - at) > n && !memcmp(at, words[i], n))
			return true;
	}
	return false;
}

static struct statement *add(struct shrinker *s)
{
	struct statement *more = record_more(s->all, s->n, &s->room, sizeof(*s->all));

	if (!more) {
		s->failed = true;
		return NULL;
	}
	s->all = more;
	s->all[s->n] = (struct statement){0};
	return &s->all[s->n++];
}

/* The file's first comments, up to a blank line, are about all of it. */
static const char *take_head(struct shrinker *s, const char *at, const char *end)
{
	const char *begin = at, *comment = at;

	while (comment < end && *comment == '#')
		comment = line_end(comment, end);
	if (comment == end || is_blank(comment, line_end(comment, end)))
		at = comment;
	s->head = begin;
	s->head_len = (size_t)(at - begin);
	return at;
}

static void split(struct shrinker *s, const struct scn_source *src)
{
	const char *end = src->text + src->len, *at = take_head(s, src->text, end);
	const char *comments = NULL;
	uint32_t n_comments = 0;

	while (at < end) {
		const char *next = line_end(at, end);
		struct statement *last = s->n && !comments ? &s->all[s->n - 1] : NULL;

		if (is_blank(at, next)) {
			comments = NULL;
			n_comments = 0;
		} else if (*at == '#') {
			comments = comments ? comments : at;
			n_comments++;
		} else if ((*at == ' ' || *at == '\t') && last) {
			last->len = (size_t)(next - last->text);
			last->lines++;
		} else {
			struct statement *one = add(s);

			if (!one)
				return;
			one->text = comments ? comments : at;
			one->len = (size_t)(next - one->text);
			one->comment_lines = n_comments;
			one->lines = n_comments + 1;
			one->declares = declares(at, next);
			comments = NULL;
			n_comments = 0;
		}
		at = next;
	}
}

/* The script without what is gone. */
static void put_candidate(struct shrinker *s)
{
	uint32_t line = 1;
	bool steps = false;

	scn_buf_clear(&s->text);
	scn_buf_add(&s->text, s->head, s->head_len);
	for (size_t i = 0; i < s->head_len; i++)
		line += s->head[i] == '\n';
	if (s->head_len) {
		scn_buf_str(&s->text, "\n");
		line++;
	}
	for (uint32_t i = 0; i < s->n; i++) {
		struct statement *one = &s->all[i];

		if (s->gone[i])
			continue;
		if (!steps && !one->declares) {
			scn_buf_str(&s->text, "\n");
			line++;
			steps = true;
		}
		one->line = line;
		line += one->lines;
		scn_buf_add(&s->text, one->text, one->len);
		if (one->len && one->text[one->len - 1] != '\n')
			scn_buf_str(&s->text, "\n");
	}
}

/* What the checker complains of goes too. Whether anything went. */
static bool drop_complained(struct shrinker *s, const char *messages)
{
	static const char mark[] = "@:";
	bool any = false;

	for (const char *at = messages; at && *at; at = strchr(at, '\n')) {
		unsigned long line;

		at += *at == '\n';
		if (strncmp(at, mark, sizeof(mark) - 1))
			continue;
		line = strtoul(at + sizeof(mark) - 1, NULL, 10);
		for (uint32_t i = 0; i < s->n; i++) {
			const struct statement *one = &s->all[i];

			if (s->gone[i] || line < one->line || line >= one->line + one->lines)
				continue;
			s->gone[i] = any = true;
		}
	}
	return any;
}

/* Until it parses. */
static bool make_whole(struct shrinker *s)
{
	for (;;) {
		scn_cleanup_scenario struct scn_scenario parsed = {0};
		scn_cleanup_errors struct scn_errors errors = {0};
		struct scn_source src = {.name = "@"};
		int err;

		put_candidate(s);
		src.text = scn_buf_text(&s->text);
		src.len = s->text.len;
		err = scn_parse(&src, &parsed, &errors);
		if (err == 0)
			return !s->text.failed;
		if (err != -EINVAL || !drop_complained(s, scn_buf_text(&errors.text)))
			return false;
	}
}

static bool is_new(struct shrinker *s)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	uint64_t *more;

	for (size_t i = 0; i < s->text.len; i++)
		hash = (hash ^ (unsigned char)s->text.data[i]) * UINT64_C(1099511628211);
	for (uint32_t i = 0; i < s->n_tried; i++)
		if (s->tried[i] == hash)
			return false;
	more = record_more(s->tried, s->n_tried, &s->room_tried, sizeof(*s->tried));
	if (more) {
		s->tried = more;
		s->tried[s->n_tried++] = hash;
	}
	return true;
}

static uint32_t count_left(const struct shrinker *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n; i++)
		n += !s->all[i].gone;
	return n;
}

/* Tries to do without `size` of the statements that are left, from the `from`th on. */
static bool try_without(struct shrinker *s, uint32_t from, uint32_t size)
{
	uint32_t at = 0;
	int wanted;

	for (uint32_t i = 0; i < s->n; i++) {
		s->gone[i] = s->all[i].gone;
		if (s->all[i].gone)
			continue;
		s->gone[i] = at >= from && at < from + size;
		at++;
	}
	if (!make_whole(s) || !is_new(s))
		return false;
	s->trials++;
	wanted = s->judge->wanted(s->judge->ctx, scn_buf_text(&s->text), s->text.len);
	s->ended |= wanted < 0;
	if (wanted <= 0)
		return false;
	for (uint32_t i = 0; i < s->n; i++)
		s->all[i].gone = s->gone[i];
	return true;
}

/* From the end, where less depends on it. */
static bool pass(struct shrinker *s, uint32_t size)
{
	uint32_t at = count_left(s);
	bool any = false;

	while (at > 0 && !s->ended) {
		uint32_t n = size < at ? size : at;

		at -= n;
		if (try_without(s, at, n)) {
			uint32_t left = count_left(s);

			any = true;
			at = at < left ? at : left;
		}
	}
	return any;
}

static int shrink(struct shrinker *s, struct shrink_totals *totals)
{
	int wanted;

	totals->before = s->n;
	memset(s->gone, 0, s->n * sizeof(*s->gone));
	put_candidate(s);
	wanted = s->judge->wanted(s->judge->ctx, scn_buf_text(&s->text), s->text.len);
	if (wanted <= 0)
		return wanted < 0 ? wanted : -ECANCELED;
	for (uint32_t size = (s->n + 1) / 2; size > 1 && !s->ended; size = size * 2 / 3)
		pass(s, size);
	while (!s->ended && pass(s, 1))
		;
	for (uint32_t i = 0; i < s->n; i++)
		s->gone[i] = s->all[i].gone;
	put_candidate(s);
	totals->after = count_left(s);
	totals->trials = s->trials + 1;
	totals->ended = s->ended;
	return s->text.failed ? -ENOMEM : 0;
}

int shrink_script(const struct scn_source *src, const struct shrink_judge *judge,
		  struct scn_buf *out, struct shrink_totals *totals, struct scn_errors *errors)
{
	struct shrinker s = {.judge = judge};
	scn_cleanup_scenario struct scn_scenario parsed = {0};
	int err = scn_parse(src, &parsed, errors);

	if (err)
		return err;
	split(&s, src);
	s.gone = calloc(s.n + 1u, sizeof(*s.gone));
	err = s.failed || !s.gone ? -ENOMEM : shrink(&s, totals);
	if (!err)
		scn_buf_add(out, scn_buf_text(&s.text), s.text.len);
	scn_buf_free(&s.text);
	free(s.gone);
	free(s.all);
	free(s.tried);
	return err ? err : out->failed ? -ENOMEM : 0;
}
