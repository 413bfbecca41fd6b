/* SPDX-License-Identifier: MIT */
/* What came back against what the script says. A name without a value takes what is there. */
#ifndef SCN_MATCH_H
#define SCN_MATCH_H

#include "eval.h"

/* `size` bytes are compared; a smaller number is one that was zero-extended. */
bool scn_match_number(struct scn_context *cx, const struct scn_node *pattern, uint64_t got,
		      unsigned int size);
bool scn_match_bytes(struct scn_context *cx, const struct scn_node *pattern, const uint8_t *data,
		     size_t len);
/* `request` is the image that went in (its relocations are valid for the one that came out). */
bool scn_match_struct(struct scn_context *cx, const struct scn_node *pattern,
		      const struct scn_layout *layout, const struct scn_call *request,
		      const uint8_t *data, size_t len);
/* 32-bit numbers: the list must have as many. */
bool scn_match_list(struct scn_context *cx, const struct scn_node *pattern, const uint8_t *data,
		    size_t len);

#endif
