/* SPDX-License-Identifier: MIT */
#include "match.h"

#include <string.h>

#include "lang/number.h"
#include "lang/parse/lexer.h"

static uint64_t mask_of(unsigned int size)
{
	return size >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * size)) - 1;
}

static bool is_unset(struct scn_context *cx, const struct scn_node *name)
{
	uint64_t index = 0, value;

	if (name->first && !scn_eval(cx, name->first, &index))
		return false;
	return !scn_vars_get(&cx->vars, name->slot, index, &value);
}

bool scn_match_number(struct scn_context *cx, const struct scn_node *pattern, uint64_t got,
		      unsigned int size)
{
	uint64_t expected;

	if (pattern->kind == SCN_WILDCARD)
		return true;
	if (pattern->kind == SCN_NAME && is_unset(cx, pattern))
		return scn_bind(cx, pattern, got);
	if (!scn_eval(cx, pattern, &expected))
		return false;
	return ((expected ^ got) & mask_of(size)) == 0;
}

/* Data that is being matched from its beginning. */
struct rest {
	const uint8_t *data;
	size_t len;
};

static bool match_next(struct scn_context *cx, const struct scn_node *pattern, unsigned int size,
		       struct rest *rest)
{
	if (rest->len < size ||
	    !scn_match_number(cx, pattern, scn_number_get(rest->data, size), size))
		return false;
	rest->data += size;
	rest->len -= size;
	return true;
}

static bool match_text(const void *text, size_t len, struct rest *rest)
{
	if (rest->len < len || (len && memcmp(rest->data, text, len) != 0))
		return false;
	rest->data += len;
	rest->len -= len;
	return true;
}

/* What there was no memory for differs from nothing. */
static bool match_whole(struct scn_context *cx, const struct scn_node *node,
			const struct scn_buf *text, struct rest *rest)
{
	return text->failed ? scn_wrong(cx, node, "out of memory")
			    : match_text(text->data, text->len, rest);
}

static bool match_rest(struct scn_context *cx, const struct scn_node *pattern, struct rest *rest);

static bool match_function(struct scn_context *cx, const struct scn_node *node, struct rest *rest)
{
	scn_cleanup_buf struct scn_buf bytes = {0};

	if (scn_str_is(node->text, "bytes")) {
		for (const struct scn_node *n = node->first; n; n = n->next) {
			if (!match_rest(cx, n, rest))
				return false;
		}
		return true;
	}
	if (scn_str_is(node->text, "fill"))
		return scn_eval_bytes(cx, node, &bytes) && match_whole(cx, node, &bytes, rest);
	if (scn_str_is(node->text, "u16"))
		return match_next(cx, node->first, 2, rest);
	return match_next(cx, node->first, scn_str_is(node->text, "u32") ? 4 : 8, rest);
}

static bool match_rest(struct scn_context *cx, const struct scn_node *pattern, struct rest *rest)
{
	scn_cleanup_buf struct scn_buf text = {0};

	if (pattern->kind == SCN_SEQUENCE) {
		for (const struct scn_node *n = pattern->first; n; n = n->next) {
			if (!match_rest(cx, n, rest))
				return false;
		}
		return true;
	}
	if (pattern->kind == SCN_FUNCTION)
		return match_function(cx, pattern, rest);
	if (pattern->kind == SCN_STRING) {
		scn_unquote(pattern->text, &text);
		return match_whole(cx, pattern, &text, rest);
	}
	return match_next(cx, pattern, 1, rest);
}

bool scn_match_bytes(struct scn_context *cx, const struct scn_node *pattern, const uint8_t *data,
		     size_t len)
{
	struct rest rest = {data, len};

	if (pattern->kind == SCN_WILDCARD)
		return true;
	return match_rest(cx, pattern, &rest) && rest.len == 0;
}

static bool match_numbers(struct scn_context *cx, const struct scn_node *pattern, unsigned int size,
			  struct rest *rest)
{
	for (const struct scn_node *n = pattern->first; n; n = n->next) {
		uint64_t from, count;

		if (n->kind != SCN_EACH) {
			if (!match_next(cx, n, size, rest))
				return false;
			continue;
		}
		if (!scn_eval_range(cx, n->first->next, &from, &count))
			return false;
		for (uint64_t i = 0; i < count; i++) {
			if (!scn_set_variable(cx, n, from + i) ||
			    !match_next(cx, n->first, size, rest))
				return false;
		}
	}
	return true;
}

bool scn_match_list(struct scn_context *cx, const struct scn_node *pattern, const uint8_t *data,
		    size_t len)
{
	struct rest rest = {data, len};

	return match_numbers(cx, pattern, 4, &rest) && rest.len == 0;
}

/* What a struct's fields are found in. */
struct memory {
	const struct scn_call *request;
	const uint8_t *data;
	size_t len;
};

static bool match_struct(struct scn_context *cx, const struct scn_node *pattern,
			 const struct scn_layout *layout, const struct memory *mem, size_t base);

static bool match_structs(struct scn_context *cx, const struct scn_node *pattern,
			  const struct scn_field *field, const struct memory *mem, size_t at)
{
	for (const struct scn_node *n = pattern->first; n; n = n->next, at += field->size) {
		if (n->kind == SCN_WILDCARD)
			continue;
		if (n->kind != SCN_STRUCT)
			return scn_wrong(cx, n, "a result's list of structs can't have 'for'");
		if (!match_struct(cx, n, field->of, mem, at))
			return false;
	}
	return true;
}

/* gref_ids=refs: the whole array becomes refs[0], refs[1], … */
static bool bind_array(struct scn_context *cx, const struct scn_node *name,
		       const struct scn_field *field, const struct rest *rest)
{
	uint64_t value;
	bool known = scn_vars_get(&cx->vars, name->slot, 0, &value);

	for (size_t i = 0; (i + 1) * field->size <= rest->len; i++) {
		uint64_t got = scn_number_get(rest->data + i * field->size, field->size);

		if (!known && scn_vars_set(&cx->vars, name->slot, i, got))
			return scn_wrong(cx, name, "the array has too many elements");
		if (known && (!scn_vars_get(&cx->vars, name->slot, i, &value) || value != got))
			return false;
	}
	return true;
}

static bool match_array(struct scn_context *cx, const struct scn_node *pattern,
			const struct scn_field *field, const struct memory *mem, size_t at)
{
	struct rest rest;

	if (field->kind == SCN_F_POINTER) {
		size_t i = 0;

		while (i < mem->request->n_relocs && mem->request->relocs[i].at != at)
			i++;
		if (i == mem->request->n_relocs)
			return scn_wrong(cx, pattern, "the call was not given an array here");
		at = mem->request->relocs[i].target;
	}
	if (at > mem->len)
		return false;
	rest = (struct rest){mem->data + at, mem->len - at};
	if (pattern->kind == SCN_WILDCARD)
		return true;
	if (pattern->kind == SCN_NAME)
		return bind_array(cx, pattern, field, &rest);
	if (field->of)
		return match_structs(cx, pattern, field, mem, at);
	return match_numbers(cx, pattern, field->size, &rest);
}

static bool match_field(struct scn_context *cx, const struct scn_node *pattern,
			const struct scn_field *field, const struct memory *mem, size_t at)
{
	uint64_t got;

	if (field->kind == SCN_F_TAIL || field->kind == SCN_F_POINTER)
		return match_array(cx, pattern, field, mem, at);
	if (field->kind == SCN_F_STRUCT)
		return match_struct(cx, pattern, field->of, mem, at);
	if (at + field->size > mem->len)
		return false;
	got = scn_number_get(mem->data + at, field->size);
	if (field->kind == SCN_F_SINT && field->size < 8 && got >> (8 * field->size - 1))
		got |= ~mask_of(field->size);
	return scn_match_number(cx, pattern, got, field->size);
}

static bool match_struct(struct scn_context *cx, const struct scn_node *pattern,
			 const struct scn_layout *layout, const struct memory *mem, size_t base)
{
	for (const struct scn_node *n = pattern->first; n; n = n->next) {
		const struct scn_field *field = scn_field_find(layout, n->text);

		if (!match_field(cx, n->first, field, mem, base + field->offset))
			return false;
	}
	return true;
}

bool scn_match_struct(struct scn_context *cx, const struct scn_node *pattern,
		      const struct scn_layout *layout, const struct scn_call *request,
		      const uint8_t *data, size_t len)
{
	struct memory mem = {request, data, len};

	return match_struct(cx, pattern, layout, &mem, 0);
}
