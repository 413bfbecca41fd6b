/* SPDX-License-Identifier: MIT */
/* Text to scenario. */
#ifndef SCN_PARSER_H
#define SCN_PARSER_H

#include "lang/ast.h"

/*
 * Parses and checks a script. The scenario points into src->text, which must outlive it.
 * Everything that is wrong is added to `errors`; a statement with an error is reported once and
 * the rest is still looked at. Returns 0, -EINVAL if there were errors, -ENOMEM.
 */
int scn_parse(const struct scn_source *src, struct scn_scenario *out, struct scn_errors *errors);

#endif
