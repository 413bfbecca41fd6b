/* SPDX-License-Identifier: MIT */
#include "bounds.h"

uint64_t scn_arithmetic(enum scn_node_kind kind, uint64_t a, uint64_t b)
{
	if (kind == SCN_ADD)
		return a + b;
	if (kind == SCN_SUBTRACT)
		return a - b;
	if (kind == SCN_MULTIPLY)
		return a * b;
	if (kind == SCN_SHIFT)
		return b < 64 ? a << b : 0;
	return kind == SCN_AND ? a & b : a | b;
}

bool scn_constant_value(const struct scn_node *node, uint64_t *value)
{
	uint64_t a, b;

	switch (node->kind) {
	case SCN_NUMBER:
		*value = node->number;
		return true;
	case SCN_NEGATE:
	case SCN_INVERT:
		if (!scn_constant_value(node->first, &a))
			return false;
		*value = node->kind == SCN_NEGATE ? 0 - a : ~a;
		return true;
	case SCN_ADD:
	case SCN_SUBTRACT:
	case SCN_MULTIPLY:
	case SCN_SHIFT:
	case SCN_AND:
	case SCN_OR:
		if (!scn_constant_value(node->first, &a) ||
		    !scn_constant_value(node->first->next, &b))
			return false;
		*value = scn_arithmetic(node->kind, a, b);
		return true;
	case SCN_NAME:
	case SCN_DOMAIN:
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
	return false;
}

bool scn_range_count(uint64_t first, uint64_t last, uint64_t *n)
{
	*n = (int64_t)last < (int64_t)first ? 0 : last - first + 1;
	/* All 2^64 values are 0 of them. */
	return *n <= SCN_MAX_RANGE && (*n > 0 || (int64_t)last < (int64_t)first);
}
