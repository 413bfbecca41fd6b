/* SPDX-License-Identifier: MIT */
/* Calls and results as strace would print them. */
#ifndef SCN_FORMAT_H
#define SCN_FORMAT_H

#include "lang/ast.h"
#include "lang/layout.h"

/* "ioctl(3, IOCTL_…, {count=1, …})". Of structs, what the step mentions. */
void scn_format_call(struct scn_buf *b, const struct scn_step *step, const struct scn_call *call);
/* "0 {index=0}", "-1 EINVAL", "SIGBUS"; `out`: what the step expects to be filled in, or NULL. */
void scn_format_result(struct scn_buf *b, const struct scn_call *call,
		       const struct scn_result *result, const struct scn_node *out);

#endif
