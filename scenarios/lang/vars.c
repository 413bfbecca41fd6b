/* SPDX-License-Identifier: MIT */
#include "vars.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"

#define MAX_FRESH (sizeof(((struct scn_vars *)0)->fresh) / sizeof(((struct scn_vars *)0)->fresh[0]))

int scn_vars_init(struct scn_vars *v, uint32_t n)
{
	v->vars = calloc(n ? n : 1, sizeof(*v->vars));
	v->n = v->vars ? n : 0;
	return v->vars ? 0 : -ENOMEM;
}

void scn_vars_free(struct scn_vars *v)
{
	for (uint32_t i = 0; i < v->n; i++)
		free(v->vars[i].elements);
	free(v->vars);
	*v = (struct scn_vars){0};
}

bool scn_vars_get(const struct scn_vars *v, uint32_t slot, uint64_t index, uint64_t *value)
{
	const struct scn_var *var = &v->vars[slot];

	if (index >= var->n || !var->elements[index].set)
		return false;
	*value = var->elements[index].value;
	return true;
}

int scn_vars_set(struct scn_vars *v, uint32_t slot, uint64_t index, uint64_t value)
{
	struct scn_var *var = &v->vars[slot];

	if (index >= SCN_MAX_INDEX)
		return -ERANGE;
	if (index >= var->n) {
		uint32_t n = index ? (uint32_t)index * 2 : 1;
		void *elements;

		if (n - var->n > SCN_MAX_ELEMENTS - v->elements)
			return -ENOSPC;
		elements = realloc(var->elements, n * sizeof(var->elements[0]));
		if (!elements)
			return -ENOMEM;
		v->elements += n - var->n;
		var->elements = elements;
		memset(var->elements + var->n, 0, (n - var->n) * sizeof(var->elements[0]));
		var->n = n;
	}
	if (!var->elements[index].set && v->n_fresh < MAX_FRESH) {
		v->fresh[v->n_fresh].slot = slot;
		v->fresh[v->n_fresh++].index = index;
	}
	var->elements[index].value = value;
	var->elements[index].set = true;
	return 0;
}

void scn_vars_mark(struct scn_vars *v)
{
	v->n_fresh = 0;
}

void scn_vars_forget(struct scn_vars *v)
{
	while (v->n_fresh > 0) {
		v->n_fresh--;
		v->vars[v->fresh[v->n_fresh].slot].elements[v->fresh[v->n_fresh].index].set = false;
	}
}
