/* SPDX-License-Identifier: MIT */
/* Grammar of values: expressions, structs, lists, bytes side by side. */
#include <string.h>

#include "lang/bounds.h"
#include "parser_state.h"

#define MAX_DEPTH 100u

static void enter(struct scn_parser *p)
{
	if (++p->depth > MAX_DEPTH)
		scn_fail(p, p->cur.pos, "expected a simpler value, found more than %u levels in it",
			 MAX_DEPTH);
}

/* What is computed takes as many calls inside each other as it is high. */
static void rise_above(struct scn_parser *p, struct scn_node *node, const struct scn_node *part)
{
	if (node->height <= part->height)
		node->height = part->height + 1;
	if (node->height > SCN_MAX_HEIGHT)
		scn_fail(p, node->pos,
			 "expected a simpler value, found more than %u operators one after the "
			 "other",
			 SCN_MAX_HEIGHT);
}

static bool at_item(const struct scn_parser *p)
{
	if (p->cur.kind == SCN_TOK_NUMBER || p->cur.kind == SCN_TOK_STRING)
		return true;
	return p->cur.kind == SCN_TOK_WORD && !scn_at_word(p, "if") && !scn_at_word(p, "for") &&
	       !scn_at_word(p, "else") && !scn_at_word(p, "and") && !scn_at_word(p, "hazard");
}

static bool is_function(struct scn_str word)
{
	return scn_str_is(word, "u16") || scn_str_is(word, "u32") || scn_str_is(word, "u64") ||
	       scn_str_is(word, "fill") || scn_str_is(word, "bytes");
}

static struct scn_node *parse_function(struct scn_parser *p, struct scn_token name)
{
	struct scn_node *node = scn_new_node(p, SCN_FUNCTION, name.pos);
	struct scn_node **tail = &node->first;

	node->text = name.text;
	if (!is_function(name.text))
		scn_fail(p, name.pos,
			 "expected u16, u32, u64, fill or bytes before '(', found '%.*s'",
			 SCN_STR(name.text));
	scn_take(p);
	while (!scn_at_sign(p, ")")) {
		*tail = scn_parse_value(p);
		tail = &(*tail)->next;
		if (!scn_accept_sign(p, ","))
			break;
	}
	scn_expect_sign(p, ")", "after the arguments");
	return node;
}

static struct scn_node *parse_word(struct scn_parser *p)
{
	struct scn_token t = scn_take(p);
	struct scn_node *node;

	if (scn_at_sign(p, "(") && !p->cur.spaced)
		return parse_function(p, t);
	if (scn_is_reserved(t.text))
		scn_fail(p, t.pos, "expected a value, found the keyword '%.*s'", SCN_STR(t.text));
	node = scn_new_node(p, scn_str_is(t.text, "_") ? SCN_WILDCARD : SCN_NAME, t.pos);
	node->text = t.text;
	if (scn_at_sign(p, "[") && !p->cur.spaced) {
		scn_take(p);
		node->first = scn_parse_expression(p);
		rise_above(p, node, node->first);
		scn_expect_sign(p, "]", "after the index");
	}
	return node;
}

static struct scn_node *parse_primary(struct scn_parser *p)
{
	struct scn_token t = p->cur;
	struct scn_node *node;

	if (t.kind == SCN_TOK_WORD)
		return parse_word(p);
	if (t.kind == SCN_TOK_NUMBER || t.kind == SCN_TOK_STRING) {
		scn_take(p);
		node = scn_new_node(p, t.kind == SCN_TOK_NUMBER ? SCN_NUMBER : SCN_STRING, t.pos);
		node->text = t.text;
		node->number = t.number;
		return node;
	}
	if (scn_accept_sign(p, "(")) {
		enter(p);
		node = scn_parse_expression(p);
		p->depth--;
		scn_expect_sign(p, ")", "to close the parenthesis");
		return node;
	}
	scn_unexpected(p, "a value");
}

static struct scn_node *parse_unary(struct scn_parser *p)
{
	struct scn_token t = p->cur;
	struct scn_node *node;

	if (!scn_at_sign(p, "-") && !scn_at_sign(p, "~"))
		return parse_primary(p);
	enter(p);
	scn_take(p);
	node = scn_new_node(p, t.text.s[0] == '-' ? SCN_NEGATE : SCN_INVERT, t.pos);
	node->first = parse_unary(p);
	rise_above(p, node, node->first);
	p->depth--;
	return node;
}

struct operator
{
	const char *sign;
	enum scn_node_kind kind;
	unsigned int binds; /* tighter if higher */
};

static const struct operator* find_operator(const struct scn_parser *p)
{
	static const struct operator operators[] = {
	    {"|", SCN_OR, 1},  {"&", SCN_AND, 2},      {"<<", SCN_SHIFT, 3},
	    {"+", SCN_ADD, 4}, {"-", SCN_SUBTRACT, 4}, {"*", SCN_MULTIPLY, 5},
	};

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (scn_at_sign(p, operators[i].sign))
			return &operators[i];
	}
	return NULL;
}

static struct scn_node *parse_binary(struct scn_parser *p, unsigned int min_binds)
{
	struct scn_node *left = parse_unary(p);
	const struct operator* op;

	while ((op = find_operator(p)) && op->binds >= min_binds) {
		struct scn_node *node = scn_new_node(p, op->kind, p->cur.pos);

		scn_take(p);
		node->first = left;
		left->next = parse_binary(p, op->binds + 1);
		rise_above(p, node, left);
		rise_above(p, node, left->next);
		left = node;
	}
	return left;
}

struct scn_node *scn_parse_expression(struct scn_parser *p)
{
	struct scn_node *node;

	enter(p);
	node = parse_binary(p, 1);
	p->depth--;
	return node;
}

struct scn_node *scn_parse_struct(struct scn_parser *p)
{
	struct scn_node *node = scn_new_node(p, SCN_STRUCT, p->cur.pos);
	struct scn_node **tail = &node->first;

	scn_expect_sign(p, "{", "");
	while (!scn_at_sign(p, "}")) {
		struct scn_token name = scn_expect_name(p, "a field's name");
		struct scn_node *field = scn_new_node(p, SCN_FIELD, name.pos);

		field->text = name.text;
		scn_expect_sign(p, "=", "after the field's name");
		field->first = scn_parse_value(p);
		*tail = field;
		tail = &field->next;
		if (!scn_accept_sign(p, ","))
			break;
	}
	scn_expect_sign(p, "}", "or ',' after the field");
	return node;
}

static struct scn_node *parse_item(struct scn_parser *p)
{
	struct scn_node *item = scn_parse_value(p);
	struct scn_node *each;
	struct scn_token var;

	if (!scn_at_word(p, "for"))
		return item;
	scn_take(p);
	var = scn_expect_name(p, "a name after 'for'");
	each = scn_new_node(p, SCN_EACH, var.pos);
	each->text = var.text;
	if (!scn_accept_word(p, "in"))
		scn_unexpected(p, "'in' after the name");
	each->first = item;
	item->next = scn_parse_expression(p);
	scn_expect_sign(p, "..", "between first and last");
	item->next->next = scn_parse_expression(p);
	return each;
}

struct scn_node *scn_parse_list(struct scn_parser *p)
{
	struct scn_node *node = scn_new_node(p, SCN_LIST, p->cur.pos);
	struct scn_node **tail = &node->first;

	scn_expect_sign(p, "[", "");
	while (!scn_at_sign(p, "]")) {
		*tail = parse_item(p);
		tail = &(*tail)->next;
		if (!scn_accept_sign(p, ","))
			break;
	}
	scn_expect_sign(p, "]", "or ',' after the item");
	return node;
}

static struct scn_node *parse_sequence(struct scn_parser *p)
{
	struct scn_node *first = scn_parse_expression(p);
	struct scn_node *node, *last = first;

	if (!at_item(p))
		return first;
	node = scn_new_node(p, SCN_SEQUENCE, first->pos);
	node->first = first;
	while (at_item(p)) {
		last->next = scn_parse_expression(p);
		last = last->next;
	}
	return node;
}

static struct scn_node *parse_placed(struct scn_parser *p)
{
	struct scn_token t = scn_take(p);
	bool is_short = scn_str_is(t.text, "short");
	struct scn_node *node = scn_new_node(p, is_short ? SCN_SHORT : SCN_READONLY, t.pos);
	struct scn_node *reach = NULL;

	if (is_short) {
		scn_expect_sign(p, "(", "after 'short'");
		reach = scn_parse_expression(p);
		scn_expect_sign(p, ")", "after the number of bytes");
	}
	node->first = scn_parse_value(p);
	node->first->next = reach;
	return node;
}

static struct scn_node *parse_value(struct scn_parser *p)
{
	if (scn_at_sign(p, "{"))
		return scn_parse_struct(p);
	if (scn_at_sign(p, "["))
		return scn_parse_list(p);
	if (scn_at_word(p, "readonly") || scn_at_word(p, "short"))
		return parse_placed(p);
	return parse_sequence(p);
}

struct scn_node *scn_parse_value(struct scn_parser *p)
{
	struct scn_node *node;

	enter(p);
	node = parse_value(p);
	p->depth--;
	return node;
}
