/* SPDX-License-Identifier: MIT */
/* Grammar of what must come back: alternatives and their conditions. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "parser_state.h"

static enum scn_compare parse_compare(struct scn_parser *p, const char *what)
{
	static const struct {
		const char *sign;
		enum scn_compare compare;
	} signs[] = {{"<", SCN_LT},  {"<=", SCN_LE}, {"==", SCN_EQ},
		     {"!=", SCN_NE}, {">=", SCN_GE}, {">", SCN_GT}};
	char wanted[64];

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (scn_accept_sign(p, signs[i].sign))
			return signs[i].compare;
	}
	snprintf(wanted, sizeof(wanted), "'<', '<=', '==', '!=', '>=' or '>' after '%s'", what);
	scn_unexpected(p, wanted);
}

static unsigned int parse_version_part(struct scn_parser *p)
{
	if (p->cur.kind != SCN_TOK_NUMBER || p->cur.number > 10000)
		scn_unexpected(p, "a version such as 6.1");
	return (unsigned int)scn_take(p).number;
}

static struct scn_version parse_version(struct scn_parser *p)
{
	struct scn_version v = {.patch = -1};

	v.major = parse_version_part(p);
	scn_expect_sign(p, ".", "in the version");
	v.minor = parse_version_part(p);
	if (scn_accept_sign(p, "."))
		v.patch = (int)parse_version_part(p);
	return v;
}

static struct scn_condition *new_condition(struct scn_parser *p)
{
	struct scn_condition *c = scn_new(p, sizeof(*c));

	c->pos = p->cur.pos;
	return c;
}

/* "arch == arm64": one of two words, or the other. */
static bool parse_choice(struct scn_parser *p, struct scn_condition *c, const char *what,
			 const char *first, const char *second)
{
	char wanted[64];
	bool is_second;

	if (scn_accept_sign(p, "=="))
		c->compare = SCN_EQ;
	else if (scn_accept_sign(p, "!="))
		c->compare = SCN_NE;
	else {
		snprintf(wanted, sizeof(wanted), "'==' or '!=' after '%s'", what);
		scn_unexpected(p, wanted);
	}
	is_second = scn_accept_word(p, second);
	if (!is_second && !scn_accept_word(p, first)) {
		snprintf(wanted, sizeof(wanted), "'%s' or '%s'", first, second);
		scn_unexpected(p, wanted);
	}
	return is_second;
}

static bool at_platform(const struct scn_parser *p)
{
	return scn_at_word(p, "kernel") || scn_at_word(p, "xen") || scn_at_word(p, "arch") ||
	       scn_at_word(p, "xsm");
}

/* What the machine is, whoever its domains are. */
static struct scn_condition *parse_platform_term(struct scn_parser *p)
{
	struct scn_condition *c = new_condition(p);

	if (scn_accept_word(p, "arch")) {
		c->kind = SCN_IF_ARCH;
		c->arch = parse_choice(p, c, "arch", "amd64", "arm64") ? SCN_ARM64 : SCN_AMD64;
	} else if (scn_accept_word(p, "xsm")) {
		c->kind = SCN_IF_XSM;
		c->xsm = parse_choice(p, c, "xsm", "dummy", "silo") ? SCN_XSM_SILO : SCN_XSM_DUMMY;
	} else {
		c->kind = scn_accept_word(p, "xen") ? SCN_IF_XEN : SCN_IF_KERNEL;
		if (c->kind == SCN_IF_KERNEL)
			scn_take(p);
		c->compare = parse_compare(p, c->kind == SCN_IF_XEN ? "xen" : "kernel");
		c->version = parse_version(p);
	}
	return c;
}

/* "A died": a process's name and what became of it. */
static bool at_life(const struct scn_parser *p)
{
	return p->cur.kind == SCN_TOK_WORD && p->ahead.kind == SCN_TOK_WORD &&
	       (scn_str_is(p->ahead.text, "died") || scn_str_is(p->ahead.text, "lives"));
}

static struct scn_condition *parse_life_term(struct scn_parser *p)
{
	struct scn_condition *c = new_condition(p);

	c->kind = SCN_IF_LIFE;
	c->process_name = scn_take(p).text;
	c->lives = scn_str_is(scn_take(p).text, "lives");
	return c;
}

static struct scn_condition *parse_guest_term(struct scn_parser *p)
{
	struct scn_condition *c = new_condition(p);

	c->kind = SCN_IF_GUEST;
	if (p->cur.kind == SCN_TOK_WORD && p->cur.text.n > 3 && !memcmp(p->cur.text.s, "dom", 3))
		c->domain_name = scn_take(p).text;
	if (scn_accept_word(p, "pv"))
		c->guest = SCN_PV;
	else if (scn_accept_word(p, "pvh"))
		c->guest = SCN_PVH;
	else
		scn_unexpected(p, "'pv', 'pvh', a domain and its guest (dom1 pv), 'kernel', "
				  "'xen', 'arch' or 'xsm'");
	return c;
}

struct scn_condition *scn_parse_condition(struct scn_parser *p)
{
	struct scn_condition *first = NULL;
	struct scn_condition **tail = &first;

	do {
		*tail = at_life(p)       ? parse_life_term(p)
			: at_platform(p) ? parse_platform_term(p)
					 : parse_guest_term(p);
		tail = &(*tail)->next;
	} while (scn_accept_word(p, "and"));
	return first;
}

struct scn_condition *scn_parse_platform_condition(struct scn_parser *p)
{
	struct scn_condition *first = parse_platform_term(p);
	struct scn_condition *last = first;

	while (scn_accept_word(p, "and")) {
		if (!at_platform(p))
			scn_unexpected(p, "'kernel', 'xen', 'arch' or 'xsm' after 'and'");
		last->next = parse_platform_term(p);
		last = last->next;
	}
	return first;
}

static bool at_error(const struct scn_parser *p)
{
	return scn_at_sign(p, "-") && p->ahead.kind == SCN_TOK_NUMBER && p->ahead.number == 1;
}

static void parse_error(struct scn_parser *p, struct scn_alternative *a)
{
	struct scn_token t;

	scn_take(p);
	scn_take(p);
	t = scn_expect_name(p, "an error's name (such as EINVAL, or _ for any) after -1");
	a->expect = SCN_EXPECT_ERROR;
	a->error = scn_new_node(p, scn_str_is(t.text, "_") ? SCN_WILDCARD : SCN_NAME, t.pos);
	a->error->text = t.text;
}

static bool at_out(const struct scn_parser *p)
{
	return scn_at_sign(p, "{") || scn_at_sign(p, "[") ||
	       (scn_at_word(p, "bytes") && p->ahead.kind == SCN_TOK_SIGN);
}

static bool accept_signal(struct scn_parser *p, struct scn_alternative *a)
{
	if (scn_accept_word(p, "SIGSEGV"))
		a->signal = SIGSEGV;
	else if (scn_accept_word(p, "SIGBUS"))
		a->signal = SIGBUS;
	else
		return false;
	a->expect = SCN_EXPECT_SIGNAL;
	return true;
}

static void parse_outcome(struct scn_parser *p, struct scn_alternative *a)
{
	if (scn_accept_word(p, "blocks")) {
		a->expect = SCN_EXPECT_BLOCKS;
		return;
	}
	if (scn_accept_word(p, "crash")) {
		a->expect = SCN_EXPECT_CRASH;
		if (p->cur.kind == SCN_TOK_STRING)
			a->value = scn_parse_expression(p);
		return;
	}
	if (accept_signal(p, a))
		return;
	if (at_error(p))
		parse_error(p, a);
	else if (!at_out(p))
		a->value = scn_parse_value(p);
	if (at_out(p))
		a->out = scn_parse_value(p);
}

static struct scn_alternative *parse_alternative(struct scn_parser *p)
{
	struct scn_alternative *a = scn_new(p, sizeof(*a));
	const char *start;

	scn_accept_word(p, "else");
	a->pos = p->cur.pos;
	start = p->cur.text.s;
	parse_outcome(p, a);
	if (scn_accept_word(p, "hazard")) {
		if (p->cur.kind != SCN_TOK_STRING)
			scn_unexpected(p, "the hazard's name in quotes");
		a->hazard = scn_take(p).text;
	}
	if (scn_accept_word(p, "if"))
		a->condition = scn_parse_condition(p);
	a->text = scn_text_from(p, start);
	return a;
}

/* At the comma: whether "else wait" or "else stop" follows. */
static bool at_otherwise(const struct scn_parser *p)
{
	struct scn_lexer lexer = p->lexer;
	struct scn_token third;

	if (p->ahead.kind != SCN_TOK_WORD || !scn_str_is(p->ahead.text, "else"))
		return false;
	third = scn_lexer_next(&lexer);
	return third.kind == SCN_TOK_WORD &&
	       (scn_str_is(third.text, "wait") || scn_str_is(third.text, "stop"));
}

static enum scn_otherwise parse_otherwise(struct scn_parser *p)
{
	scn_take(p);
	scn_take(p);
	return scn_str_is(scn_take(p).text, "wait") ? SCN_ELSE_WAIT : SCN_ELSE_STOP;
}

struct scn_alternative *scn_parse_alternatives(struct scn_parser *p, enum scn_otherwise *otherwise)
{
	struct scn_alternative *first = parse_alternative(p);
	struct scn_alternative *last = first;

	while (scn_at_sign(p, ",")) {
		if (at_otherwise(p)) {
			*otherwise = parse_otherwise(p);
			break;
		}
		if (!last->condition)
			scn_unexpected(p, "'if' before another result (this one always holds)");
		scn_take(p);
		last->next = parse_alternative(p);
		last = last->next;
	}
	return first;
}
