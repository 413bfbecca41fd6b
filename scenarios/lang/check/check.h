/* SPDX-License-Identifier: MIT */
/* What grammar alone can't tell: names, processes, domains, fields, numbers of arguments. */
#ifndef SCN_CHECK_H
#define SCN_CHECK_H

#include "lang/ast.h"

/*
 * Resolves every name of a parsed scenario (constants become numbers, variables get slots) and
 * finds the capabilities that its steps need. Adds what is wrong to `errors`. Returns 0, -EINVAL,
 * -ENOMEM.
 */
int scn_check(struct scn_scenario *s, struct scn_errors *errors);

#endif
