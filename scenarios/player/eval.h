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
	/* Why evaluating failed, when it did. */
	struct scn_pos wrong_pos;
	const char *wrong; /* NULL: nothing has */
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

/* Sets the variable of a name (with its index). */
bool scn_bind(struct scn_context *cx, const struct scn_node *name, uint64_t value);
bool scn_wrong(struct scn_context *cx, const struct scn_node *node, const char *wrong);

#endif
