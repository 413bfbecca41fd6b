/* SPDX-License-Identifier: MIT */
/* What the parser's files share. */
#ifndef SCN_PARSER_STATE_H
#define SCN_PARSER_STATE_H

#include <setjmp.h>

#include "lang/ast.h"
#include "lexer.h"

struct scn_parser {
	struct scn_scenario *scenario;
	struct scn_errors *errors;
	struct scn_lexer lexer;
	struct scn_token cur, ahead;
	const char *last_end; /* end of the last token taken */
	unsigned int depth;   /* of nested expressions */
	bool out_of_memory;
	jmp_buf statement; /* where an error in a statement goes on */
};

/* Takes the current token and returns it. */
struct scn_token scn_take(struct scn_parser *p);
bool scn_at_sign(const struct scn_parser *p, const char *sign);
bool scn_at_word(const struct scn_parser *p, const char *word);
/* Takes the token if it is there. */
bool scn_accept_sign(struct scn_parser *p, const char *sign);
bool scn_accept_word(struct scn_parser *p, const char *word);
/* Takes it, or reports that it is missing; `what` says for whom ("after the arguments"), or "". */
void scn_expect_sign(struct scn_parser *p, const char *sign, const char *what);
struct scn_token scn_expect_name(struct scn_parser *p, const char *what);

/* A keyword: no process or variable may be called so. */
bool scn_is_reserved(struct scn_str word);

/* Reports an error at a place and leaves the statement. */
_Noreturn void scn_fail(struct scn_parser *p, struct scn_pos pos, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Reports "expected …, found …" at the current token and leaves the statement. */
_Noreturn void scn_unexpected(struct scn_parser *p, const char *expected);

void *scn_new(struct scn_parser *p, size_t size);
struct scn_node *scn_new_node(struct scn_parser *p, enum scn_node_kind kind, struct scn_pos pos);
struct scn_str scn_text_from(const struct scn_parser *p, const char *start);

/* Grammar of values, in parse_value.c. */
struct scn_node *scn_parse_expression(struct scn_parser *p);
struct scn_node *scn_parse_value(struct scn_parser *p);
struct scn_node *scn_parse_struct(struct scn_parser *p);
struct scn_node *scn_parse_list(struct scn_parser *p);
/* Grammar of what must come back, in parse_expect.c. */
struct scn_condition *scn_parse_condition(struct scn_parser *p);
struct scn_condition *scn_parse_platform_condition(struct scn_parser *p);
struct scn_alternative *scn_parse_alternatives(struct scn_parser *p, enum scn_otherwise *otherwise);

#endif
