/* SPDX-License-Identifier: MIT */
/* The values of a script's names while it plays. A plain name is element 0 of itself. */
#ifndef SCN_VARS_H
#define SCN_VARS_H

#include <stdbool.h>
#include <stdint.h>

#define SCN_MAX_INDEX 65536u

struct scn_var {
	struct {
		uint64_t value;
		bool set;
	} * elements;
	uint32_t n;
};

struct scn_vars {
	struct scn_var *vars;
	uint32_t n;
	uint32_t elements; /* that there is room for, in all of them */
	/* The first values that names got since the mark. */
	struct {
		uint32_t slot;
		uint64_t index;
	} fresh[16];
	uint32_t n_fresh;
};

/* Makes n names without values. @retval -ENOMEM */
int scn_vars_init(struct scn_vars *v, uint32_t n);
void scn_vars_free(struct scn_vars *v);
bool scn_vars_get(const struct scn_vars *v, uint32_t slot, uint64_t index, uint64_t *value);
/* @retval -ERANGE the index is beyond SCN_MAX_INDEX @retval -ENOSPC all names together have
 * too many elements @retval -ENOMEM */
int scn_vars_set(struct scn_vars *v, uint32_t slot, uint64_t index, uint64_t value);

/* From here on, scn_vars_forget() takes the values from names that had none (16 at most). */
void scn_vars_mark(struct scn_vars *v);
void scn_vars_forget(struct scn_vars *v);

#endif
