/* SPDX-License-Identifier: MIT */
#include "eval.h"

#include <errno.h>
#include <string.h>

#include "lang/bounds.h"
#include "lang/number.h"
#include "lang/parse/lexer.h"

void scn_image_free(struct scn_image *image)
{
	scn_buf_free(&image->bytes);
}

bool scn_wrong(struct scn_context *cx, const struct scn_node *node, const char *wrong)
{
	if (!cx->wrong) {
		cx->wrong = wrong;
		cx->wrong_pos = node->pos;
	}
	return false;
}

bool scn_work(struct scn_context *cx, const struct scn_node *node, uint64_t amount)
{
	cx->work += amount;
	return cx->work <= SCN_MAX_WORK ||
	       scn_wrong(cx, node,
			 "the play has become too long: see BOUNDS in gntsim-scenario(5)");
}

static bool eval_index(struct scn_context *cx, const struct scn_node *name, uint64_t *index)
{
	*index = 0;
	return !name->first || scn_eval(cx, name->first, index);
}

bool scn_bind(struct scn_context *cx, const struct scn_node *name, uint64_t value)
{
	uint64_t index;
	int err;

	if (!eval_index(cx, name, &index))
		return false;
	err = scn_vars_set(&cx->vars, name->slot, index, value);
	if (err)
		return scn_wrong(cx, name,
				 err == -ERANGE   ? "the index is too large"
				 : err == -ENOSPC ? "the names of this file have too many elements"
						  : "out of memory");
	return true;
}

bool scn_set_variable(struct scn_context *cx, const struct scn_node *each, uint64_t value)
{
	return scn_vars_set(&cx->vars, each->slot, 0, value) == 0 ||
	       scn_wrong(cx, each, "out of memory");
}

bool scn_eval_range(struct scn_context *cx, const struct scn_node *first, uint64_t *from,
		    uint64_t *n)
{
	uint64_t to;

	if (!scn_eval(cx, first, from) || !scn_eval(cx, first->next, &to))
		return false;
	return scn_range_count(*from, to, n) || scn_wrong(cx, first, "this range is too long");
}

static bool eval_name(struct scn_context *cx, const struct scn_node *node, uint64_t *value)
{
	uint64_t index;

	if (!eval_index(cx, node, &index))
		return false;
	if (!scn_vars_get(&cx->vars, node->slot, index, value)) {
		cx->unset |= !cx->wrong;
		return scn_wrong(cx, node, "this name has no value yet");
	}
	return true;
}

static bool eval_binary(struct scn_context *cx, const struct scn_node *node, uint64_t *value)
{
	uint64_t a, b;

	if (!scn_eval(cx, node->first, &a) || !scn_eval(cx, node->first->next, &b))
		return false;
	*value = scn_arithmetic(node->kind, a, b);
	return true;
}

bool scn_eval(struct scn_context *cx, const struct scn_node *node, uint64_t *value)
{
	if (!scn_work(cx, node, 1))
		return false;
	switch (node->kind) {
	case SCN_NUMBER:
		*value = node->number;
		return true;
	case SCN_DOMAIN:
		*value = cx->domid[node->number];
		return true;
	case SCN_NAME:
		return eval_name(cx, node, value);
	case SCN_NEGATE:
	case SCN_INVERT:
		if (!scn_eval(cx, node->first, value))
			return false;
		*value = node->kind == SCN_NEGATE ? 0 - *value : ~*value;
		return true;
	case SCN_ADD:
	case SCN_SUBTRACT:
	case SCN_MULTIPLY:
	case SCN_SHIFT:
	case SCN_AND:
	case SCN_OR:
		return eval_binary(cx, node, value);
	case SCN_WILDCARD:
	case SCN_STRING:
	case SCN_STRUCT:
	case SCN_FIELD:
	case SCN_LIST:
	case SCN_EACH:
	case SCN_SEQUENCE:
	case SCN_FUNCTION:
	case SCN_READONLY:
	case SCN_SHORT:
		break;
	}
	return scn_wrong(cx, node, "this is not a number");
}

/* Whether so many bytes may come to those that are there. */
static bool may_grow(struct scn_context *cx, const struct scn_node *node, const struct scn_buf *out,
		     uint64_t more)
{
	if (out->len > SCN_MAX_BYTES || more > SCN_MAX_BYTES - out->len)
		return scn_wrong(cx, node, "this is too long");
	return scn_work(cx, node, more);
}

static bool add_number(struct scn_context *cx, const struct scn_node *node, struct scn_buf *out,
		       uint64_t value, unsigned int size)
{
	char bytes[8];

	if (!may_grow(cx, node, out, size))
		return false;
	scn_number_put(bytes, value, size);
	scn_buf_add(out, bytes, size);
	return true;
}

static bool eval_function(struct scn_context *cx, const struct scn_node *node, struct scn_buf *out)
{
	uint64_t value, count;

	if (scn_str_is(node->text, "bytes")) {
		for (const struct scn_node *n = node->first; n; n = n->next) {
			if (!scn_eval_bytes(cx, n, out))
				return false;
		}
		return true;
	}
	if (!scn_eval(cx, node->first, &value))
		return false;
	if (!scn_str_is(node->text, "fill"))
		return add_number(cx, node, out, value,
				  node->text.s[1] == '1'   ? 2u
				  : node->text.s[1] == '3' ? 4u
							   : 8u);
	if (!scn_eval(cx, node->first->next, &count))
		return false;
	if (!may_grow(cx, node, out, count))
		return false;
	scn_buf_zeros(out, (size_t)count);
	if (!out->failed && count)
		memset(out->data + out->len - count, (int)(value & 0xff), (size_t)count);
	return true;
}

bool scn_eval_bytes(struct scn_context *cx, const struct scn_node *node, struct scn_buf *out)
{
	uint64_t value;

	if (node->kind == SCN_SEQUENCE) {
		for (const struct scn_node *n = node->first; n; n = n->next) {
			if (!scn_eval_bytes(cx, n, out))
				return false;
		}
		return true;
	}
	if (node->kind == SCN_FUNCTION)
		return eval_function(cx, node, out);
	if (node->kind == SCN_STRING) {
		if (!may_grow(cx, node, out, node->text.n))
			return false;
		scn_unquote(node->text, out);
		return true;
	}
	if (!scn_eval(cx, node, &value))
		return false;
	if (value > 0xff)
		return scn_wrong(cx, node, "a byte is at most 255; use u16(…), u32(…) or u64(…)");
	return add_number(cx, node, out, value, 1);
}

/* Calls `add` for each item that a list stands for. */
static bool for_each_item(struct scn_context *cx, const struct scn_node *list,
			  bool (*add)(struct scn_context *, const struct scn_node *, void *),
			  void *arg)
{
	for (const struct scn_node *n = list->first; n; n = n->next) {
		uint64_t from, count;

		if (n->kind != SCN_EACH) {
			if (!add(cx, n, arg))
				return false;
			continue;
		}
		if (!scn_eval_range(cx, n->first->next, &from, &count))
			return false;
		for (uint64_t i = 0; i < count; i++) {
			if (!scn_set_variable(cx, n, from + i) || !add(cx, n->first, arg))
				return false;
		}
	}
	return true;
}

static bool add_u32(struct scn_context *cx, const struct scn_node *node, void *arg)
{
	uint64_t value;

	if (!scn_eval(cx, node, &value))
		return false;
	return add_number(cx, node, arg, value, 4);
}

bool scn_eval_list(struct scn_context *cx, const struct scn_node *list, struct scn_buf *out)
{
	return for_each_item(cx, list, add_u32, out);
}

static bool eval_struct(struct scn_context *cx, const struct scn_node *node,
			const struct scn_layout *layout, struct scn_image *out, size_t base);

struct array {
	struct scn_image *image;
	const struct scn_field *field;
	size_t at; /* of the next element */
};

static bool make_room(struct scn_context *cx, const struct scn_node *node, struct scn_buf *b,
		      size_t len)
{
	if (b->len >= len)
		return true;
	if (!may_grow(cx, node, b, len - b->len))
		return false;
	scn_buf_zeros(b, len - b->len);
	return !b->failed || scn_wrong(cx, node, "out of memory");
}

static bool add_element(struct scn_context *cx, const struct scn_node *node, void *arg)
{
	struct array *a = arg;
	uint64_t value;

	if (!make_room(cx, node, &a->image->bytes, a->at + a->field->size))
		return false;
	if (a->field->of) {
		if (!eval_struct(cx, node, a->field->of, a->image, a->at))
			return false;
	} else {
		if (!scn_eval(cx, node, &value))
			return false;
		scn_number_put(a->image->bytes.data + a->at, value, a->field->size);
	}
	a->at += a->field->size;
	return true;
}

static bool eval_pointer(struct scn_context *cx, const struct scn_node *value,
			 const struct scn_field *field, struct scn_image *out, size_t at)
{
	struct array a = {out, field, (out->bytes.len + 7) & ~(size_t)7};
	uint64_t address;

	if (value->kind != SCN_LIST) {
		if (!scn_eval(cx, value, &address))
			return false;
		scn_number_put(out->bytes.data + at, address, 8);
		return true;
	}
	if (out->n_relocs == SCN_MAX_RELOCS)
		return scn_wrong(cx, value, "too many arrays");
	out->relocs[out->n_relocs++] = (struct scn_reloc){(uint32_t)at, (uint32_t)a.at};
	return for_each_item(cx, value, add_element, &a);
}

static bool eval_field(struct scn_context *cx, const struct scn_node *value,
		       const struct scn_field *field, struct scn_image *out, size_t at)
{
	struct array a = {out, field, at};
	uint64_t number;

	switch (field->kind) {
	case SCN_F_TAIL:
		return for_each_item(cx, value, add_element, &a);
	case SCN_F_POINTER:
		return eval_pointer(cx, value, field, out, at);
	case SCN_F_STRUCT:
		return eval_struct(cx, value, field->of, out, at);
	case SCN_F_UINT:
	case SCN_F_SINT:
		break;
	}
	if (!scn_eval(cx, value, &number))
		return false;
	scn_number_put(out->bytes.data + at, number, field->size);
	return true;
}

/* The kernel reads and writes as many elements as `count` says: they must be there. */
static bool room_for_count(struct scn_context *cx, const struct scn_node *node,
			   const struct scn_layout *layout, struct scn_buf *b)
{
	const struct scn_field *count = scn_field_find(layout, (struct scn_str){"count", 5});
	const struct scn_field *last = &layout->fields[layout->n_fields - 1];
	uint64_t n;

	if (!count || last->kind != SCN_F_TAIL || b->failed)
		return true;
	n = scn_number_get(b->data + count->offset, count->size);
	return make_room(cx, node, b,
			 last->offset +
			     (size_t)(n < SCN_MAX_RANGE ? n : SCN_MAX_RANGE) * last->size);
}

static bool eval_struct(struct scn_context *cx, const struct scn_node *node,
			const struct scn_layout *layout, struct scn_image *out, size_t base)
{
	if (!make_room(cx, node, &out->bytes, base + layout->size))
		return false;
	for (const struct scn_node *n = node->first; n; n = n->next) {
		const struct scn_field *field = scn_field_find(layout, n->text);

		if (!eval_field(cx, n->first, field, out, base + field->offset))
			return false;
	}
	return true;
}

bool scn_eval_image(struct scn_context *cx, const struct scn_node *node,
		    const struct scn_layout *layout, struct scn_image *out)
{
	if (node->kind == SCN_FUNCTION || !layout)
		return scn_eval_bytes(cx, node, &out->bytes);
	return eval_struct(cx, node, layout, out, 0) &&
	       room_for_count(cx, node, layout, &out->bytes);
}
