/* SPDX-License-Identifier: MIT */
#include "parser.h"

#include <errno.h>

#include "lang/check/check.h"
#include "parse_statement.h"
#include "parser_state.h"

void scn_scenario_free(struct scn_scenario *s)
{
	scn_arena_free(&s->arena);
	*s = (struct scn_scenario){0};
}

static void skip_statement(struct scn_parser *p)
{
	while (p->cur.kind != SCN_TOK_NEWLINE && p->cur.kind != SCN_TOK_END)
		scn_take(p);
}

static void parse_file(struct scn_parser *p)
{
	struct scn_tails tails = {
	    .domain = &p->scenario->domains,
	    .process = &p->scenario->processes,
	    .kernel = &p->scenario->holds_for,
	    .machine = &p->scenario->machine,
	    .step = &p->scenario->steps,
	};

	while (p->cur.kind != SCN_TOK_END && !p->out_of_memory) {
		if (p->cur.kind == SCN_TOK_NEWLINE) {
			scn_take(p);
			continue;
		}
		p->depth = 0;
		if (setjmp(p->statement) == 0)
			scn_parse_statement(p, &tails);
		skip_statement(p);
	}
	if (!p->out_of_memory && setjmp(p->statement) == 0)
		scn_parse_end(p, &tails);
}

int scn_parse(const struct scn_source *src, struct scn_scenario *out, struct scn_errors *errors)
{
	unsigned int before = errors->count;
	struct scn_parser p = {.scenario = out, .errors = errors};

	*out = (struct scn_scenario){.source = *src};
	scn_lexer_init(&p.lexer, &out->source);
	p.cur = scn_lexer_next(&p.lexer);
	p.ahead = scn_lexer_next(&p.lexer);
	parse_file(&p);
	if (!p.out_of_memory)
		p.out_of_memory = scn_check(out, errors) == -ENOMEM;
	scn_errors_sort(errors);
	if (p.out_of_memory || errors->text.failed)
		return -ENOMEM;
	return errors->count == before ? 0 : -EINVAL;
}
