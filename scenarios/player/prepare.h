/* SPDX-License-Identifier: MIT */
/* A step's call with everything evaluated. */
#ifndef SCN_PREPARE_H
#define SCN_PREPARE_H

#include "eval.h"

struct scn_prepared {
	struct scn_call call; /* points into the rest */
	struct scn_image image;
	struct scn_buf path;
};

void scn_prepared_free(struct scn_prepared *p);
#define scn_cleanup_prepared __attribute__((cleanup(scn_prepared_free)))

/* Returns false with cx->wrong set. `expected`: the alternative that holds, or NULL. */
bool scn_prepare(struct scn_context *cx, const struct scn_step *step,
		 const struct scn_alternative *expected, struct scn_prepared *out);

#endif
