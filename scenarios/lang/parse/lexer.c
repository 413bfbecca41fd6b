/* SPDX-License-Identifier: MIT */
#include "lexer.h"

#include <string.h>

void scn_lexer_init(struct scn_lexer *lx, const struct scn_source *src)
{
	*lx = (struct scn_lexer){.src = src, .pos = {1, 1}};
}

static int peek_at(const struct scn_lexer *lx, size_t ahead)
{
	size_t i = lx->at + ahead;

	return i < lx->src->len ? (unsigned char)lx->src->text[i] : -1;
}

static void skip(struct scn_lexer *lx, size_t n)
{
	for (; n && lx->at < lx->src->len; n--, lx->at++) {
		if (lx->src->text[lx->at] == '\n') {
			lx->pos.line++;
			lx->pos.col = 1;
		} else {
			lx->pos.col++;
		}
	}
}

static bool is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

static int hex_digit(int c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static void skip_blanks_and_comment(struct scn_lexer *lx)
{
	while (is_blank(peek_at(lx, 0)))
		skip(lx, 1);
	if (peek_at(lx, 0) != '#')
		return;
	while (peek_at(lx, 0) != '\n' && peek_at(lx, 0) != -1)
		skip(lx, 1);
}

/*
 * At a newline: goes over it, and over blank and comment lines after it. Returns whether the
 * next line goes on with the statement.
 */
static bool skip_lines(struct scn_lexer *lx)
{
	bool indented = false;

	while (peek_at(lx, 0) == '\n') {
		skip(lx, 1);
		indented = is_blank(peek_at(lx, 0));
		skip_blanks_and_comment(lx);
	}
	return indented && peek_at(lx, 0) != -1;
}

static void finish(const struct scn_lexer *lx, struct scn_token *t, size_t start)
{
	t->text = (struct scn_str){lx->src->text + start, lx->at - start};
}

static void lex_number(struct scn_lexer *lx, struct scn_token *t)
{
	unsigned int base = 10;
	size_t digits = 0;

	t->kind = SCN_TOK_NUMBER;
	if (peek_at(lx, 0) == '0' && (peek_at(lx, 1) == 'x' || peek_at(lx, 1) == 'X')) {
		base = 16;
		skip(lx, 2);
	}
	for (;; digits++) {
		int d = hex_digit(peek_at(lx, 0));

		if (d < 0 || d >= (int)base)
			break;
		if (t->number > (UINT64_MAX - (unsigned int)d) / base)
			t->wrong = "the number does not fit into 64 bits";
		t->number = t->number * base + (unsigned int)d;
		skip(lx, 1);
	}
	if (digits == 0)
		t->wrong = "a hexadecimal number needs a digit after 0x";
	if (t->wrong)
		t->kind = SCN_TOK_BAD;
}

static void lex_string(struct scn_lexer *lx, struct scn_token *t)
{
	t->kind = SCN_TOK_STRING;
	skip(lx, 1);
	for (;;) {
		int c = peek_at(lx, 0);

		if (c == -1 || c == '\n') {
			t->kind = SCN_TOK_BAD;
			t->wrong = "the string is not closed on its line";
			return;
		}
		skip(lx, 1);
		if (c == '"')
			return;
		if (c != '\\')
			continue;
		c = peek_at(lx, 0);
		if (c == 'x' && hex_digit(peek_at(lx, 1)) >= 0 && hex_digit(peek_at(lx, 2)) >= 0) {
			skip(lx, 3);
		} else if (c > 0 && strchr("nt0\\\"", c)) {
			skip(lx, 1);
		} else {
			t->kind = SCN_TOK_BAD;
			t->wrong = "unknown escape; known are \\n \\t \\0 \\\\ \\\" \\xHH";
			return;
		}
	}
}

static void lex_sign(struct scn_lexer *lx, struct scn_token *t)
{
	static const char pairs[][3] = {"..", "<<", "<=", ">=", "==", "!="};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (peek_at(lx, 0) == pairs[i][0] && peek_at(lx, 1) == pairs[i][1]) {
			t->kind = SCN_TOK_SIGN;
			skip(lx, 2);
			return;
		}
	}
	if (peek_at(lx, 0) > 0 && strchr("()[]{}=,:+-*|&~<>.;", peek_at(lx, 0))) {
		t->kind = SCN_TOK_SIGN;
	} else {
		t->kind = SCN_TOK_BAD;
		t->wrong = "this character has no meaning here";
	}
	skip(lx, 1);
	if (t->kind != SCN_TOK_BAD)
		return;
	while ((peek_at(lx, 0) & 0xc0) == 0x80 && peek_at(lx, 0) != -1)
		skip(lx, 1);
}

struct scn_token scn_lexer_next(struct scn_lexer *lx)
{
	struct scn_token t = {0};
	size_t before = lx->at;
	size_t start;
	int c;

	skip_blanks_and_comment(lx);
	t.pos = lx->pos;
	start = lx->at;
	if (peek_at(lx, 0) == '\n' && !skip_lines(lx)) {
		t.kind = SCN_TOK_NEWLINE;
		t.text = (struct scn_str){lx->src->text + start, 1};
		return t;
	}
	t.spaced = lx->at != before;
	t.pos = lx->pos;
	start = lx->at;
	c = peek_at(lx, 0);
	if (c == -1) {
		t.kind = SCN_TOK_END;
	} else if (is_digit(c)) {
		lex_number(lx, &t);
	} else if (is_word(c)) {
		t.kind = SCN_TOK_WORD;
		while (is_word(peek_at(lx, 0)))
			skip(lx, 1);
	} else if (c == '"') {
		lex_string(lx, &t);
	} else {
		lex_sign(lx, &t);
	}
	finish(lx, &t, start);
	return t;
}

void scn_unquote(struct scn_str quoted, struct scn_buf *out)
{
	const char *p = quoted.s + 1, *end = quoted.s + quoted.n - 1;

	while (p < end) {
		char c = *p++;

		if (c == '\\') {
			c = *p++;
			if (c == 'n') {
				c = '\n';
			} else if (c == 't') {
				c = '\t';
			} else if (c == '0') {
				c = '\0';
			} else if (c == 'x') {
				c = (char)(hex_digit(p[0]) * 16 + hex_digit(p[1]));
				p += 2;
			}
		}
		scn_buf_add(out, &c, 1);
	}
}
