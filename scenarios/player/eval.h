/* SPDX-License-Identifier: MIT */
/* Values of a playing script: numbers, bytes, the memory images of ioctl arguments. */
#ifndef SCN_EVAL_H
#define SCN_EVAL_H

#include "lang/ast.h"
#include "lang/layout.h"
#include "lang/vars.h"

/* What values depend on. */
struct scn_context {
	struct scn_vars vars;
	uint16_t domid[16]; /* of each domain of the scenario */
	uint64_t work;      /* done so far; at most SCN_MAX_WORK */
	/* Why evaluating failed, when it did. */
	struct scn_pos wrong_pos;
	const char *wrong; /* NULL: nothing has */
	bool unset;        /* it was a name without a value */
};

#define SCN_MAX_RELOCS 4u

/* An ioctl's argument as bytes. */
struct scn_image {
	struct scn_buf bytes;
	struct scn_reloc relocs[SCN_MAX_RELOCS];
	uint32_t n_relocs;
};

void scn_image_free(struct scn_image *image);

/* Each returns false with cx->wrong set if a value is missing or impossible. */
bool scn_eval(struct scn_context *cx, const struct scn_node *node, uint64_t *value);
bool scn_eval_bytes(struct scn_context *cx, const struct scn_node *node, struct scn_buf *out);
/* {…} laid out, or bytes(…). Arrays get room for as many elements as `count` says. */
bool scn_eval_image(struct scn_context *cx, const struct scn_node *node,
		    const struct scn_layout *layout, struct scn_image *out);
/* [a, b for …] as 32-bit numbers side by side. */
bool scn_eval_list(struct scn_context *cx, const struct scn_node *list, struct scn_buf *out);

/* Counts work of a step, or what a value takes. False if that is more than a play may do. */
bool scn_work(struct scn_context *cx, const struct scn_node *node, uint64_t amount);
/* The ends of first..last, which follow each other, and how many values that is. */
bool scn_eval_range(struct scn_context *cx, const struct scn_node *first, uint64_t *from,
		    uint64_t *n);

/* Sets the variable of a name (with its index). */
bool scn_bind(struct scn_context *cx, const struct scn_node *name, uint64_t value);
/* The same for a variable that counts. */
bool scn_set_variable(struct scn_context *cx, const struct scn_node *each, uint64_t value);
/* Takes a constant string. */
bool scn_wrong(struct scn_context *cx, const struct scn_node *node, const char *wrong);

#endif
