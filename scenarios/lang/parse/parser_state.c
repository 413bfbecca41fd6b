/* SPDX-License-Identifier: MIT */
#include "parser_state.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const reserved[] = {
    "advance", "always",   "and",     "blocks", "crash",    "destroy", "died", "domain",
    "else",    "expect",   "fail",    "for",    "hazard",   "if",      "in",   "kernel",
    "kill",    "lives",    "machine", "needs",  "parallel", "process", "pv",   "pvh",
    "raise",   "readonly", "set",     "short",  "stop",     "wait",
};

bool scn_is_reserved(struct scn_str word)
{
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		if (scn_str_is(word, reserved[i]))
			return true;
	}
	return false;
}

static const char *describe(const struct scn_token *t, char *buf, size_t size)
{
	switch (t->kind) {
	case SCN_TOK_NEWLINE:
		return "the end of the line";
	case SCN_TOK_END:
		return "the end of the file";
	case SCN_TOK_STRING:
		snprintf(buf, size, "the string %.*s", SCN_STR(t->text));
		return buf;
	case SCN_TOK_WORD:
	case SCN_TOK_NUMBER:
	case SCN_TOK_SIGN:
	case SCN_TOK_BAD:
		break;
	}
	snprintf(buf, size, "'%.*s'", SCN_STR(t->text));
	return buf;
}

void scn_fail(struct scn_parser *p, struct scn_pos pos, const char *format, ...)
{
	char message[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	scn_error(p->errors, &p->scenario->source, pos, "%s", message);
	longjmp(p->statement, 1);
}

void scn_unexpected(struct scn_parser *p, const char *expected)
{
	char buf[120];

	if (p->cur.kind == SCN_TOK_BAD)
		scn_fail(p, p->cur.pos, "expected %s, found '%.*s': %s", expected,
			 SCN_STR(p->cur.text), p->cur.wrong);
	scn_fail(p, p->cur.pos, "expected %s, found %s", expected,
		 describe(&p->cur, buf, sizeof(buf)));
}

struct scn_token scn_take(struct scn_parser *p)
{
	struct scn_token t = p->cur;

	p->last_end = t.text.s + t.text.n;
	p->cur = p->ahead;
	p->ahead = scn_lexer_next(&p->lexer);
	return t;
}

bool scn_at_sign(const struct scn_parser *p, const char *sign)
{
	return p->cur.kind == SCN_TOK_SIGN && scn_str_is(p->cur.text, sign);
}

bool scn_at_word(const struct scn_parser *p, const char *word)
{
	return p->cur.kind == SCN_TOK_WORD && scn_str_is(p->cur.text, word);
}

bool scn_accept_sign(struct scn_parser *p, const char *sign)
{
	if (!scn_at_sign(p, sign))
		return false;
	scn_take(p);
	return true;
}

bool scn_accept_word(struct scn_parser *p, const char *word)
{
	if (!scn_at_word(p, word))
		return false;
	scn_take(p);
	return true;
}

void scn_expect_sign(struct scn_parser *p, const char *sign, const char *what)
{
	char expected[120];

	if (scn_accept_sign(p, sign))
		return;
	snprintf(expected, sizeof(expected), "'%s'%s%s", sign, *what ? " " : "", what);
	scn_unexpected(p, expected);
}

struct scn_token scn_expect_name(struct scn_parser *p, const char *what)
{
	if (p->cur.kind != SCN_TOK_WORD)
		scn_unexpected(p, what);
	return scn_take(p);
}

void *scn_new(struct scn_parser *p, size_t size)
{
	void *mem = scn_arena_alloc(&p->scenario->arena, size);

	if (!mem) {
		p->out_of_memory = true;
		longjmp(p->statement, 1);
	}
	return mem;
}

struct scn_node *scn_new_node(struct scn_parser *p, enum scn_node_kind kind, struct scn_pos pos)
{
	struct scn_node *node = scn_new(p, sizeof(*node));

	node->kind = kind;
	node->pos = pos;
	return node;
}

struct scn_str scn_text_from(const struct scn_parser *p, const char *start)
{
	return (struct scn_str){start, p->last_end > start ? (size_t)(p->last_end - start) : 0};
}
