/* SPDX-License-Identifier: MIT */
/* parallel and always: what may stand in them, and whose a name is. */
#include "check_state.h"

static const char *name_of(const struct scn_checker *c, uint32_t user, int *n)
{
	struct scn_str name = c->processes[user - 1].decl->name;

	*n = (int)name.n;
	return name.s;
}

void scn_check_sharing(struct scn_checker *c, const struct scn_node *node, struct scn_name *name,
		       bool sets)
{
	uint32_t me = c->branch ? c->branch->process + 1 : 0;
	uint32_t other;
	int n;

	if (!c->block || !me || name->variable)
		return;
	if (name->block != c->block) {
		name->block = c->block;
		name->user = name->other_user = name->setter = 0;
	}
	other = name->setter && name->setter != me ? name->setter : 0;
	if (!other && sets)
		other = name->user && name->user != me ? name->user : name->other_user;
	if (other) {
		const char *text = name_of(c, other, &n);

		scn_check_error(
		    c, node->pos,
		    "expected a name that only %.*s uses, found '%.*s', which %.*s %s in "
		    "this parallel: they may come in any order",
		    SCN_STR(c->processes[me - 1].decl->name), SCN_STR(node->text), n, text,
		    name->setter ? "sets" : "uses");
	}
	if (!name->user)
		name->user = me;
	else if (name->user != me)
		name->other_user = me;
	if (sets)
		name->setter = me;
}

static void check_branch_step(struct scn_checker *c, struct scn_step *step)
{
	if (step->kind != SCN_STEP_CALL) {
		scn_check_error(
		    c, step->pos,
		    "expected a step of a process in a parallel, found one of the machine");
		return;
	}
	if (step->call == SCN_FORK)
		scn_check_error(c, step->call_pos,
				"expected a call in a parallel, found fork: a "
				"branch is a process that exists before");
	if (step->otherwise == SCN_ELSE_WAIT && step->call != SCN_LOAD && step->call != SCN_POLL)
		scn_check_error(c, step->call_pos,
				"expected load or poll with 'else wait', found %s (a read waits by "
				"itself)",
				scn_call_name(step->call));
	for (const struct scn_alternative *a = step->alternatives; a; a = a->next) {
		if (a->expect == SCN_EXPECT_CRASH)
			scn_check_error(c, a->pos, "expected a result in a parallel, found crash");
	}
}

static void check_looking_step(struct scn_checker *c, const struct scn_step *step)
{
	bool looks =
	    step->kind == SCN_STEP_EXPECT ||
	    (step->kind == SCN_STEP_CALL && (step->call == SCN_LOAD || step->call == SCN_POLL));

	if (!looks || step->otherwise == SCN_ELSE_WAIT)
		scn_check_error(c, step->pos,
				"expected load, poll or expect in an always: it may only look");
}

void scn_check_block(struct scn_checker *c, struct scn_step *block)
{
	static const char *const what[] = {"parallel", "always"};
	bool always = block->kind == SCN_STEP_ALWAYS;

	if (!block->body)
		scn_check_error(c, block->pos, "expected a step in the %s, found none",
				what[always]);
	if (!always)
		c->block = ++c->n_blocks;
	c->in_always = always;
	for (struct scn_step *step = block->body; step; step = step->next) {
		if (always)
			check_looking_step(c, step);
		else
			check_branch_step(c, step);
		c->branch = NULL;
		if (!always && step->kind == SCN_STEP_CALL &&
		    scn_check_process(c, step->process_name, step->pos, &step->process))
			c->branch = step;
		if (always || c->branch)
			scn_check_step(c, step);
	}
	c->block = 0;
	c->branch = NULL;
	c->in_always = false;
}
