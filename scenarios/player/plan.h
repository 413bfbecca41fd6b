/* SPDX-License-Identifier: MIT */
/* How many results there will be: for who has to say so beforehand. */
#ifndef SCN_PLAN_H
#define SCN_PLAN_H

#include "lang/find.h"
#include "variant.h"

/* Reads the files; one that can't be read, or is no script, is one result. */
unsigned int scn_plan_count(const struct scn_files *files, const struct scn_filter *filter);

#endif
