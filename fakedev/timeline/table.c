/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "table.h"

#include <search.h>
#include <stdlib.h>

struct fact {
	enum tl_space space;
	uint32_t a;
	uint64_t b;
	uint32_t value;
};

static int compare(const void *left, const void *right)
{
	const struct fact *l = left, *r = right;

	if (l->space != r->space)
		return l->space < r->space ? -1 : 1;
	if (l->a != r->a)
		return l->a < r->a ? -1 : 1;
	return l->b == r->b ? 0 : l->b < r->b ? -1 : 1;
}

uint32_t tl_find(const struct tl_table *t, enum tl_space space, uint32_t a, uint64_t b)
{
	const struct fact key = {space, a, b, 0};
	void *const *found = tfind(&key, &t->root, compare);

	return found ? ((const struct fact *)*found)->value : UINT32_MAX;
}

bool tl_set(struct tl_table *t, enum tl_space space, uint32_t a, uint64_t b, uint32_t value)
{
	const struct fact key = {space, a, b, value};
	void *const *found = tfind(&key, &t->root, compare);
	struct fact *e;

	if (found) {
		((struct fact *)*found)->value = value;
		return true;
	}
	e = malloc(sizeof(*e));
	if (!e)
		return false;
	*e = key;
	if (!tsearch(e, &t->root, compare)) {
		free(e);
		return false;
	}
	return true;
}

void tl_forget(struct tl_table *t, enum tl_space space, uint32_t a, uint64_t b)
{
	const struct fact key = {space, a, b, 0};
	void *const *found = tfind(&key, &t->root, compare);
	struct fact *e = found ? *found : NULL;

	if (!e)
		return;
	tdelete(&key, &t->root, compare);
	free(e);
}

void tl_table_free(struct tl_table *t)
{
	tdestroy(t->root, free);
	t->root = NULL;
}
