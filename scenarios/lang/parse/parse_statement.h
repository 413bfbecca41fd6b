/* SPDX-License-Identifier: MIT */
/* Grammar of statements. */
#ifndef SCN_PARSE_STATEMENT_H
#define SCN_PARSE_STATEMENT_H

#include "parser_state.h"

/* Where the next declaration or step of each kind is hung. */
struct scn_tails {
	struct scn_domain_decl **domain;
	struct scn_process_decl **process;
	struct scn_condition **kernel;
	struct scn_setting **machine;
	struct scn_step **step;
	struct scn_step *block;   /* the parallel or always whose end has not come; or NULL */
	struct scn_step **behind; /* where the step after it is hung */
};

/* Parses one statement up to the end of its line. Leaves by longjmp if it has an error. */
void scn_parse_statement(struct scn_parser *p, struct scn_tails *tails);
/* At the file's end: leaves by longjmp if a block is open. */
void scn_parse_end(struct scn_parser *p, struct scn_tails *tails);

#endif
