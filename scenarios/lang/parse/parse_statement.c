/* SPDX-License-Identifier: MIT */
#include "parse_statement.h"

#include "lang/bounds.h"

#include <stdlib.h>
#include <string.h>

#define MAX_DOMID 0x7fefu

static struct scn_setting *parse_settings(struct scn_parser *p)
{
	struct scn_setting *first = NULL;
	struct scn_setting **tail = &first;

	while (p->cur.kind == SCN_TOK_WORD) {
		struct scn_setting *s = scn_new(p, sizeof(*s));
		struct scn_token t = scn_take(p);

		s->pos = t.pos;
		s->name = t.text;
		if (!scn_limit_find(t.text, &s->limit))
			scn_fail(p, t.pos,
				 "expected pv, pvh or a limit (gntalloc_limit, gntdev_limit, "
				 "free_per_iteration, "
				 "grant_frames, maptrack_frames, ports), found '%.*s'",
				 SCN_STR(t.text));
		scn_expect_sign(p, "=", "after the limit's name");
		s->value = scn_parse_expression(p);
		*tail = s;
		tail = &s->next;
	}
	return first;
}

static uint16_t domain_number(struct scn_parser *p, struct scn_token t)
{
	uint64_t number = 0;
	bool good = t.text.n > 3 && t.text.n < 9 && !memcmp(t.text.s, "dom", 3);

	for (size_t i = 3; good && i < t.text.n; i++) {
		good = t.text.s[i] >= '0' && t.text.s[i] <= '9';
		number = number * 10 + (uint64_t)(t.text.s[i] - '0');
	}
	if (!good || number > MAX_DOMID)
		scn_fail(p, t.pos, "expected dom0, dom1, … as a domain's name, found '%.*s'",
			 SCN_STR(t.text));
	return (uint16_t)number;
}

static void parse_domain(struct scn_parser *p, struct scn_tails *tails)
{
	struct scn_domain_decl *d = scn_new(p, sizeof(*d));
	struct scn_token t = scn_expect_name(p, "a domain's name such as dom1");

	d->pos = t.pos;
	d->name = t.text;
	d->number = domain_number(p, t);
	*tails->domain = d;
	tails->domain = &d->next;
	p->scenario->n_domains++;
	if (scn_at_word(p, "pv") || scn_at_word(p, "pvh")) {
		do {
			if (scn_accept_word(p, "pv"))
				d->pv = true;
			else if (scn_accept_word(p, "pvh"))
				d->pvh = true;
			else
				scn_unexpected(p, "'pv' or 'pvh' after '|'");
		} while (scn_accept_sign(p, "|"));
	}
	d->settings = parse_settings(p);
}

static struct scn_process_decl *new_process(struct scn_parser *p, struct scn_token t)
{
	struct scn_process_decl *d = scn_new(p, sizeof(*d));

	if (scn_is_reserved(t.text))
		scn_fail(p, t.pos, "expected a process's name, found the keyword '%.*s'",
			 SCN_STR(t.text));
	d->pos = t.pos;
	d->name = t.text;
	return d;
}

static void parse_process(struct scn_parser *p, struct scn_tails *tails)
{
	struct scn_process_decl *first = NULL;
	struct scn_process_decl **tail = &first;
	struct scn_str domain;

	do {
		*tail = new_process(p, scn_expect_name(p, "a process's name"));
		tail = &(*tail)->next;
	} while (scn_accept_sign(p, ","));
	if (!scn_accept_word(p, "in"))
		scn_unexpected(p, "'in' and a domain after the process's name");
	domain = scn_expect_name(p, "a domain's name such as dom1").text;
	for (struct scn_process_decl *d = first; d; d = d->next) {
		d->domain_name = domain;
		p->scenario->n_processes++;
	}
	*tails->process = first;
	tails->process = tail;
}

static void parse_needs(struct scn_parser *p)
{
	do {
		struct scn_token t = scn_expect_name(p, "a capability's name");
		enum scn_capability cap;

		if (!scn_capability_find(t.text, &cap))
			scn_fail(p, t.pos,
				 "expected a capability (see gntsim-scenario(5)), found '%.*s'",
				 SCN_STR(t.text));
		p->scenario->needs |= 1ull << cap;
	} while (scn_accept_sign(p, ","));
}

static void parse_platform(struct scn_parser *p, struct scn_tails *tails)
{
	*tails->kernel = scn_parse_platform_condition(p);
	while (*tails->kernel)
		tails->kernel = &(*tails->kernel)->next;
}

static void parse_machine(struct scn_parser *p, struct scn_tails *tails)
{
	if (p->cur.kind != SCN_TOK_WORD)
		scn_unexpected(p, "frames=NUMBER");
	*tails->machine = parse_settings(p);
	while (*tails->machine)
		tails->machine = &(*tails->machine)->next;
}

static bool parse_declaration(struct scn_parser *p, struct scn_tails *tails)
{
	static const char *const words[] = {"domain", "process", "needs", "machine",
					    "kernel", "xen",     "arch",  "xsm"};
	const size_t n = sizeof(words) / sizeof(words[0]);
	struct scn_token t = p->cur;
	size_t i = 0;

	while (i < n && !scn_at_word(p, words[i]))
		i++;
	/* The new ones are also names that a file may have for its processes. */
	if (i == n || (i > 4 && p->ahead.kind == SCN_TOK_SIGN && scn_str_is(p->ahead.text, ":")))
		return false;
	if (p->scenario->steps || tails->block)
		scn_fail(p, t.pos,
			 "expected a step, found '%.*s': declarations come before the "
			 "first step",
			 SCN_STR(t.text));
	if (i < 4)
		scn_take(p);
	if (i == 0)
		parse_domain(p, tails);
	else if (i == 1)
		parse_process(p, tails);
	else if (i == 2)
		parse_needs(p);
	else if (i == 3)
		parse_machine(p, tails);
	else
		parse_platform(p, tails);
	return true;
}

static enum scn_call_kind parse_call_name(struct scn_parser *p)
{
	struct scn_token t = scn_expect_name(p, "a call such as open(…)");

	for (unsigned int i = 0; i < SCN_N_CALLS; i++) {
		if (scn_str_is(t.text, scn_call_name((enum scn_call_kind)i)))
			return (enum scn_call_kind)i;
	}
	scn_fail(p, t.pos, "expected a call (open, ioctl, mmap, load, …), found '%.*s'",
		 SCN_STR(t.text));
}

static struct scn_node *parse_arguments(struct scn_parser *p)
{
	struct scn_node *first = NULL;
	struct scn_node **tail = &first;

	scn_expect_sign(p, "(", "after the call's name");
	while (!scn_at_sign(p, ")")) {
		*tail = scn_parse_value(p);
		tail = &(*tail)->next;
		if (!scn_accept_sign(p, ","))
			break;
	}
	scn_expect_sign(p, ")", "or ',' after the argument");
	return first;
}

/* The name in "name = call(…)", if the statement has one. */
static struct scn_node *parse_bind(struct scn_parser *p)
{
	struct scn_node *bind = NULL;
	bool plain = p->ahead.kind == SCN_TOK_SIGN && scn_str_is(p->ahead.text, "=");
	bool indexed = p->ahead.kind == SCN_TOK_SIGN && scn_str_is(p->ahead.text, "[");

	if (p->cur.kind != SCN_TOK_WORD || (!plain && !indexed))
		return NULL;
	bind = scn_parse_expression(p);
	scn_expect_sign(p, "=", "after the name");
	return bind;
}

static void parse_call_step(struct scn_parser *p, struct scn_step *s)
{
	s->kind = SCN_STEP_CALL;
	s->process_name = scn_take(p).text;
	scn_take(p);
	s->bind = parse_bind(p);
	s->call_pos = p->cur.pos;
	s->call = parse_call_name(p);
	s->args = parse_arguments(p);
	if (scn_accept_sign(p, "="))
		s->alternatives = scn_parse_alternatives(p, &s->otherwise);
}

static void parse_kill(struct scn_parser *p, struct scn_step *s)
{
	s->kind = SCN_STEP_KILL;
	if (!scn_at_sign(p, "-") || p->ahead.kind != SCN_TOK_NUMBER || p->ahead.number != 9)
		scn_unexpected(p, "'-9' after 'kill'");
	scn_take(p);
	scn_take(p);
	s->process_name = scn_expect_name(p, "a process's name").text;
	if (scn_accept_sign(p, "="))
		s->alternatives = scn_parse_alternatives(p, &s->otherwise);
}

static void parse_advance(struct scn_parser *p, struct scn_step *s)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {{"s", 1000000000}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}};

	s->kind = SCN_STEP_ADVANCE;
	s->value = scn_new_node(p, SCN_NUMBER, p->cur.pos);
	if (p->cur.kind != SCN_TOK_NUMBER)
		scn_unexpected(p, "a time such as 1s or 100ms");
	s->value->number = scn_take(p).number;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (scn_at_word(p, units[i].name))
			s->unit = units[i].ns;
	}
	if (!s->unit)
		scn_unexpected(p, "a unit (s, ms, us or ns) after the number");
	if (s->value->number > SCN_MAX_ADVANCE_NS / s->unit)
		scn_fail(p, s->value->pos, "expected at most %llus, found %llu%.*s",
			 (unsigned long long)(SCN_MAX_ADVANCE_NS / 1000000000),
			 (unsigned long long)s->value->number, SCN_STR(p->cur.text));
	scn_take(p);
}

static void parse_raise(struct scn_parser *p, struct scn_step *s)
{
	s->kind = SCN_STEP_RAISE;
	s->value = scn_parse_expression(p);
	if (!scn_accept_word(p, "in"))
		scn_unexpected(p, "'in' and a domain after the interrupt");
	s->domain_name = scn_expect_name(p, "a domain's name such as dom1").text;
}

static void parse_set(struct scn_parser *p, struct scn_step *s)
{
	s->kind = SCN_STEP_SET;
	s->domain_name = scn_expect_name(p, "a domain's name such as dom1").text;
	s->settings = parse_settings(p);
	if (!s->settings)
		scn_unexpected(p, "gntalloc_limit=NUMBER");
}

static void parse_fail(struct scn_parser *p, struct scn_step *s)
{
	s->kind = SCN_STEP_FAIL;
	s->mmap = scn_accept_word(p, "mmap");
	if (!s->mmap && !scn_accept_word(p, "allocation"))
		scn_unexpected(p, "'allocation' or 'mmap' after 'fail'");
	s->value = scn_parse_expression(p);
}

static void parse_machine_step(struct scn_parser *p, struct scn_step *s)
{
	if (scn_accept_word(p, "kill")) {
		parse_kill(p, s);
	} else if (scn_accept_word(p, "advance")) {
		parse_advance(p, s);
	} else if (scn_accept_word(p, "destroy")) {
		s->kind = SCN_STEP_DESTROY;
		s->domain_name = scn_expect_name(p, "a domain's name such as dom1").text;
	} else if (scn_accept_word(p, "set")) {
		parse_set(p, s);
	} else if (scn_accept_word(p, "fail")) {
		parse_fail(p, s);
	} else if (scn_accept_word(p, "raise")) {
		parse_raise(p, s);
	} else if (scn_accept_word(p, "expect")) {
		s->kind = SCN_STEP_EXPECT;
		s->value = scn_parse_struct(p);
	} else {
		scn_unexpected(p,
			       "a statement: 'domain', 'process', 'PROCESS: CALL(…)', 'kill', …");
	}
}

static void parse_prefixes(struct scn_parser *p, struct scn_step *s)
{
	if (scn_accept_word(p, "if")) {
		s->condition = scn_parse_condition(p);
		scn_expect_sign(p, ":", "after the condition");
	}
	if (scn_accept_word(p, "for")) {
		struct scn_token var = scn_expect_name(p, "a name after 'for'");

		s->loop = scn_new_node(p, SCN_EACH, var.pos);
		s->loop->text = var.text;
		if (!scn_accept_word(p, "in"))
			scn_unexpected(p, "'in' after the name");
		s->loop->first = scn_parse_expression(p);
		scn_expect_sign(p, "..", "between first and last");
		s->loop->first->next = scn_parse_expression(p);
		scn_expect_sign(p, ":", "after the last value");
	}
}

/* parallel { or always {: what comes next is hung into it, whatever else is wrong with its line. */
static void parse_block(struct scn_parser *p, struct scn_tails *tails, struct scn_step *s)
{
	const struct scn_step *outer = tails->block;
	struct scn_token t = scn_take(p);

	s->kind = scn_str_is(t.text, "always") ? SCN_STEP_ALWAYS : SCN_STEP_PARALLEL;
	s->text = s->action = t.text;
	if (outer)
		scn_fail(p, t.pos,
			 "expected a step or '}', found '%.*s': the %.*s of line %u is not over",
			 SCN_STR(t.text), SCN_STR(outer->text), outer->pos.line);
	*tails->step = s;
	tails->behind = &s->next;
	tails->block = s;
	tails->step = &s->body;
	scn_expect_sign(p, "{", s->kind == SCN_STEP_ALWAYS ? "after 'always'" : "after 'parallel'");
	if (p->cur.kind != SCN_TOK_NEWLINE && p->cur.kind != SCN_TOK_END)
		scn_unexpected(p, "the end of the line after '{'");
}

static void parse_block_end(struct scn_parser *p, struct scn_tails *tails)
{
	if (!tails->block)
		scn_unexpected(p, "a statement (no parallel or always is to be ended)");
	tails->step = tails->behind;
	tails->block = NULL;
	scn_take(p);
	if (p->cur.kind != SCN_TOK_NEWLINE && p->cur.kind != SCN_TOK_END)
		scn_unexpected(p, "the end of the line after '}'");
}

void scn_parse_end(struct scn_parser *p, struct scn_tails *tails)
{
	if (tails->block)
		scn_fail(p, tails->block->pos,
			 "expected '}' after the %.*s, found the end of the file",
			 SCN_STR(tails->block->text));
}

static bool at_block(const struct scn_parser *p)
{
	return (scn_at_word(p, "parallel") || scn_at_word(p, "always")) &&
	       !(p->ahead.kind == SCN_TOK_SIGN && scn_str_is(p->ahead.text, ":"));
}

static void parse_step(struct scn_parser *p, struct scn_tails *tails)
{
	struct scn_step *s = scn_new(p, sizeof(*s));
	const char *start = p->cur.text.s, *action;

	s->pos = p->cur.pos;
	if (at_block(p)) {
		parse_block(p, tails, s);
		return;
	}
	parse_prefixes(p, s);
	action = p->cur.text.s;
	if (p->cur.kind == SCN_TOK_WORD && p->ahead.kind == SCN_TOK_SIGN &&
	    scn_str_is(p->ahead.text, ":"))
		parse_call_step(p, s);
	else
		parse_machine_step(p, s);
	if (p->cur.kind != SCN_TOK_NEWLINE && p->cur.kind != SCN_TOK_END)
		scn_unexpected(p, "the end of the line");
	s->text = scn_text_from(p, start);
	s->action = scn_text_from(p, action);
	*tails->step = s;
	tails->step = &s->next;
}

void scn_parse_statement(struct scn_parser *p, struct scn_tails *tails)
{
	if (scn_at_sign(p, "}")) {
		parse_block_end(p, tails);
		return;
	}
	if (!parse_declaration(p, tails)) {
		parse_step(p, tails);
		return;
	}
	if (p->cur.kind != SCN_TOK_NEWLINE && p->cur.kind != SCN_TOK_END)
		scn_unexpected(p, "the end of the line");
}
