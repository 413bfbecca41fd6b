/* SPDX-License-Identifier: MIT */
/* What the checker's files share. */
#ifndef SCN_CHECK_STATE_H
#define SCN_CHECK_STATE_H

#include "check.h"
#include "lang/layout.h"

#define SCN_MAX_NAMES     1000u
#define SCN_MAX_PROCESSES 64u
#define SCN_MAX_DOMAINS   16u

struct scn_name {
	struct scn_str text;
	bool defined; /* by a step before */
	bool unsure;  /* of these, by one in a parallel, which may not have been reached */
	bool variable;
	/* In the parallel that is being looked at: who uses it and who sets it, as a process's
	 * position + 1; and its number. */
	uint32_t block, user, other_user, setter;
};

struct scn_checker {
	struct scn_scenario *s;
	struct scn_errors *errors;
	struct scn_name *names; /* SCN_MAX_NAMES */
	uint32_t n_names;
	struct {
		struct scn_process_decl *decl;
		uint32_t ended; /* the line where it certainly ended; 0: it may live */
	} processes[SCN_MAX_PROCESSES];
	struct scn_domain_decl *domains[SCN_MAX_DOMAINS];
	const struct scn_layout *layout; /* of the ioctl being looked at */
	uint32_t n_blocks, block;        /* parallels so far; the one being looked at, or 0 */
	const struct scn_step *branch;   /* in it: the step */
	bool in_always;
	bool binding; /* what is looked at takes a value whether or not it has one */
	bool out_of_memory;
};

void scn_check_error(struct scn_checker *c, struct scn_pos pos, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The position of a declared domain; false, and an error: there is none of that name. */
bool scn_check_domain(struct scn_checker *c, struct scn_str name, struct scn_pos pos,
		      uint32_t *out);

/* In check_condition.c. */
void scn_check_condition(struct scn_checker *c, struct scn_condition *cond);

/* In check_value.c. Values that go in: every name in them must be known. */
void scn_check_input(struct scn_checker *c, struct scn_node *node);
/* The same, and it must be one number. */
void scn_check_number(struct scn_checker *c, struct scn_node *node, const char *what);
/* Bytes: numbers, strings and functions side by side. */
void scn_check_bytes(struct scn_checker *c, struct scn_node *node, bool output);
/* Patterns that come out: a name that is not known yet is defined. */
void scn_check_output(struct scn_checker *c, struct scn_node *node);
/* A struct's fields; `output` says whether names define or use. */
void scn_check_struct(struct scn_checker *c, struct scn_node *node, const struct scn_layout *layout,
		      bool output);
void scn_check_list(struct scn_checker *c, struct scn_node *node, const struct scn_layout *of,
		    bool output);
/* The ends of first..last, which follow each other. */
void scn_check_range(struct scn_checker *c, struct scn_node *first);
/* A loop's or comprehension's variable, known from here on. */
void scn_check_variable(struct scn_checker *c, struct scn_node *each);

/* In check_block.c. */
/* The steps of a parallel or always. */
void scn_check_block(struct scn_checker *c, struct scn_step *block);
/* In a parallel, a name that one branch sets is that branch's own. */
void scn_check_sharing(struct scn_checker *c, const struct scn_node *node, struct scn_name *name,
		       bool sets);
/* A step; in check.c. */
void scn_check_step(struct scn_checker *c, struct scn_step *step);

/* In check_needs.c. Of a scenario without errors: adds what its calls need. */
void scn_check_needs(struct scn_scenario *s);

/* In check_call.c. */
void scn_check_call(struct scn_checker *c, struct scn_step *step);
void scn_check_alternatives(struct scn_checker *c, struct scn_step *step);
bool scn_check_process(struct scn_checker *c, struct scn_str name, struct scn_pos pos,
		       uint32_t *out);

#endif
