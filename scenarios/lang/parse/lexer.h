/* SPDX-License-Identifier: MIT */
/*
 * Tokens of a script. A statement is a line; a line that begins with white space goes on with
 * the statement before it. The lexer says where a statement ends.
 */
#ifndef SCN_LEXER_H
#define SCN_LEXER_H

#include "lang/source.h"

enum scn_token_kind {
	SCN_TOK_WORD,    /* a name, keyword or constant */
	SCN_TOK_NUMBER,  /* 12, 0x1f */
	SCN_TOK_STRING,  /* "text", still with its quotes and escapes */
	SCN_TOK_SIGN,    /* punctuation of one or two characters */
	SCN_TOK_BAD,     /* a character that has no place in a script, or a broken literal */
	SCN_TOK_NEWLINE, /* end of a statement */
	SCN_TOK_END,
};

struct scn_token {
	enum scn_token_kind kind;
	struct scn_str text;
	struct scn_pos pos;
	bool spaced;       /* white space before it */
	uint64_t number;   /* of NUMBER */
	const char *wrong; /* of BAD: what is wrong */
};

struct scn_lexer {
	const struct scn_source *src;
	size_t at;
	struct scn_pos pos;
};

void scn_lexer_init(struct scn_lexer *lx, const struct scn_source *src);
struct scn_token scn_lexer_next(struct scn_lexer *lx);

/* Appends the bytes that a STRING token stands for. Escapes: \n \t \\ \" \0 \xHH. */
void scn_unquote(struct scn_str quoted, struct scn_buf *out);

#endif
