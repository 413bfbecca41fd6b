/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "check_state.h"
#include "lang/bounds.h"
#include "lang/constants.h"

static struct scn_name *intern(struct scn_checker *c, struct scn_node *node)
{
	for (uint32_t i = 0; i < c->n_names; i++) {
		if (scn_str_same(c->names[i].text, node->text)) {
			node->slot = i;
			return &c->names[i];
		}
	}
	if (c->n_names == SCN_MAX_NAMES) {
		scn_check_error(c, node->pos, "expected at most %u different names, found one more",
				SCN_MAX_NAMES);
		node->slot = 0;
		return &c->names[0];
	}
	c->names[c->n_names].text = node->text;
	node->slot = c->n_names;
	return &c->names[c->n_names++];
}

/* Constants and domains; returns whether the node is one, or is an error. */
static bool resolve_fixed(struct scn_checker *c, struct scn_node *node)
{
	int64_t value;

	if (!node->first && scn_constant_find(node->text, &value)) {
		node->kind = SCN_NUMBER;
		node->number = (uint64_t)value;
		return true;
	}
	for (uint32_t i = 0; i < c->s->n_domains && i < SCN_MAX_DOMAINS; i++) {
		if (!node->first && scn_str_same(c->domains[i]->name, node->text)) {
			node->kind = SCN_DOMAIN;
			node->number = i;
			return true;
		}
	}
	if ((node->text.s[0] >= 'A' && node->text.s[0] <= 'Z') || node->text.s[0] == '_') {
		scn_check_error(
		    c, node->pos,
		    "expected a known constant, found '%.*s' (a name of your own begins "
		    "with a small letter)",
		    SCN_STR(node->text));
		return true;
	}
	return false;
}

static void check_name(struct scn_checker *c, struct scn_node *node, bool output)
{
	struct scn_name *name;

	if (resolve_fixed(c, node))
		return;
	if (node->first)
		scn_check_number(c, node->first, "an index");
	name = intern(c, node);
	if (!output && !name->defined) {
		scn_check_error(c, node->pos,
				"expected a name that an earlier step defined, found '%.*s'",
				SCN_STR(node->text));
	}
	scn_check_sharing(c, node, name, output && (c->binding || !name->defined || name->unsure));
	if (!name->defined)
		name->unsure = c->block != 0;
	name->defined = true;
}

static bool is_arithmetic(enum scn_node_kind kind)
{
	return kind == SCN_NEGATE || kind == SCN_INVERT || kind == SCN_ADD ||
	       kind == SCN_SUBTRACT || kind == SCN_MULTIPLY || kind == SCN_SHIFT ||
	       kind == SCN_AND || kind == SCN_OR;
}

void scn_check_number(struct scn_checker *c, struct scn_node *node, const char *what)
{
	if (node->kind == SCN_NAME) {
		check_name(c, node, false);
	} else if (is_arithmetic(node->kind)) {
		for (struct scn_node *n = node->first; n; n = n->next)
			scn_check_number(c, n, what);
	} else if (node->kind != SCN_NUMBER && node->kind != SCN_DOMAIN) {
		scn_check_error(c, node->pos, "expected %s, found something that is not a number",
				what);
	}
}

static void check_function(struct scn_checker *c, struct scn_node *node, bool output)
{
	bool fill = scn_str_is(node->text, "fill");
	struct scn_node *first = node->first;
	uint32_t n = 0;

	if (scn_str_is(node->text, "bytes")) {
		for (struct scn_node *item = first; item; item = item->next)
			scn_check_bytes(c, item, output);
		return;
	}
	for (struct scn_node *item = first; item; item = item->next)
		n++;
	if (n != (fill ? 2u : 1u)) {
		scn_check_error(c, node->pos, "expected %s, found %u arguments",
				fill ? "fill(BYTE, COUNT)" : "one argument", n);
		return;
	}
	if (fill) {
		scn_check_number(c, first, "a byte");
		scn_check_number(c, first->next, "a count");
	} else if (output) {
		scn_check_output(c, first);
	} else {
		scn_check_number(c, first, "a number");
	}
}

void scn_check_bytes(struct scn_checker *c, struct scn_node *node, bool output)
{
	if (node->kind == SCN_SEQUENCE) {
		for (struct scn_node *n = node->first; n; n = n->next)
			scn_check_bytes(c, n, output);
	} else if (node->kind == SCN_FUNCTION) {
		check_function(c, node, output);
	} else if (node->kind == SCN_STRING) {
		return;
	} else if (output) {
		scn_check_output(c, node);
	} else {
		scn_check_number(c, node, "a byte, a string, u16(…), u32(…), u64(…) or fill(…)");
	}
}

void scn_check_output(struct scn_checker *c, struct scn_node *node)
{
	if (node->kind == SCN_WILDCARD)
		return;
	if (node->kind == SCN_NAME)
		check_name(c, node, true);
	else
		scn_check_number(c, node, "a number, a name or _");
}

void scn_check_input(struct scn_checker *c, struct scn_node *node)
{
	scn_check_number(c, node, "a number");
}

void scn_check_range(struct scn_checker *c, struct scn_node *first)
{
	uint64_t from, to, n;

	scn_check_input(c, first);
	scn_check_input(c, first->next);
	if (scn_constant_value(first, &from) && scn_constant_value(first->next, &to) &&
	    !scn_range_count(from, to, &n))
		scn_check_error(c, first->pos,
				"expected at most %u values, found more in this range",
				SCN_MAX_RANGE);
}

void scn_check_variable(struct scn_checker *c, struct scn_node *each)
{
	each->slot = 0;
	if (!resolve_fixed(c, each)) {
		struct scn_name *name = intern(c, each);

		name->defined = true;
		name->variable = true;
		return;
	}
	if (each->kind != SCN_EACH)
		scn_check_error(c, each->pos, "expected a new name, found '%.*s'",
				SCN_STR(each->text));
	each->kind = SCN_EACH;
}

static void check_item(struct scn_checker *c, struct scn_node *item, const struct scn_layout *of,
		       bool output)
{
	if (item->kind == SCN_WILDCARD && output)
		return;
	if (of && item->kind == SCN_STRUCT)
		scn_check_struct(c, item, of, output);
	else if (of)
		scn_check_error(c, item->pos, "expected {…} with fields of %s", of->name);
	else if (output)
		scn_check_output(c, item);
	else
		scn_check_input(c, item);
}

void scn_check_list(struct scn_checker *c, struct scn_node *node, const struct scn_layout *of,
		    bool output)
{
	for (struct scn_node *n = node->first; n; n = n->next) {
		if (n->kind != SCN_EACH) {
			check_item(c, n, of, output);
			continue;
		}
		scn_check_range(c, n->first->next);
		scn_check_variable(c, n);
		check_item(c, n->first, of, output);
	}
}

static void check_array(struct scn_checker *c, struct scn_node *value,
			const struct scn_field *field, bool output)
{
	if (value->kind == SCN_LIST)
		scn_check_list(c, value, field->of, output);
	else if (field->kind == SCN_F_POINTER && !output)
		scn_check_number(c, value, "[…] or an address");
	else if (output && value->kind == SCN_NAME && !field->of)
		scn_check_output(c, value);
	else if (!(output && value->kind == SCN_WILDCARD))
		scn_check_error(c, value->pos, "expected […] for the array %s", field->name);
}

static void check_field(struct scn_checker *c, struct scn_node *node, const struct scn_field *field,
			bool output)
{
	struct scn_node *value = node->first;

	if (field->kind == SCN_F_TAIL || field->kind == SCN_F_POINTER) {
		check_array(c, value, field, output);
	} else if (field->kind == SCN_F_STRUCT) {
		if (value->kind == SCN_STRUCT)
			scn_check_struct(c, value, field->of, output);
		else
			scn_check_error(c, value->pos, "expected {…} for the field %s",
					field->name);
	} else if (output) {
		scn_check_output(c, value);
	} else {
		scn_check_number(c, value, "a number");
	}
}

void scn_check_struct(struct scn_checker *c, struct scn_node *node, const struct scn_layout *layout,
		      bool output)
{
	for (struct scn_node *n = node->first; n; n = n->next) {
		const struct scn_field *field = scn_field_find(layout, n->text);
		scn_cleanup_buf struct scn_buf known = {0};

		if (field) {
			check_field(c, n, field, output);
			continue;
		}
		scn_layout_describe(layout, &known);
		scn_check_error(c, n->pos, "expected a field of %s (%s), found '%.*s'",
				layout->name, scn_buf_text(&known), SCN_STR(n->text));
	}
}
