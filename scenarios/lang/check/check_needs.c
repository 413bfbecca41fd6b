/* SPDX-License-Identifier: MIT */
/* What calls need of a substrate beyond being made. */
#include <errno.h>

#include "check_state.h"

#define PAGE 4096u

/* Whether the script itself says a number, instead of one that a call gave it. */
static bool is_stated(const struct scn_step *step, const struct scn_node *node)
{
	if (node->kind == SCN_WILDCARD)
		return false;
	if (node->kind == SCN_NAME)
		return step->loop && node->slot == step->loop->slot && !node->first;
	for (const struct scn_node *n = node->first; n; n = n->next) {
		if (!is_stated(step, n))
			return false;
	}
	return true;
}

static uint64_t needs_of_result(const struct scn_step *step, const struct scn_alternative *a)
{
	const struct scn_node *f =
	    a->out && a->out->kind == SCN_STRUCT && a->expect == SCN_EXPECT_VALUE ? a->out->first
										  : NULL;

	for (; f; f = f->next) {
		if ((scn_str_is(f->text, "index") || scn_str_is(f->text, "offset")) &&
		    is_stated(step, f->first))
			return SCN_CAP(DRIVER_INDEX);
	}
	return 0;
}

static bool is_number(const struct scn_node *node, uint64_t number)
{
	return node->kind == SCN_NUMBER && node->number == number;
}

/* Whether an error is the driver's own; the kernel looks at other things before. */
static bool is_of_driver(const struct scn_node *args, uint64_t number)
{
	const struct scn_node *length = args->next, *flags = length->next->next;
	const struct scn_node *offset = flags->next->next;
	bool odd = offset->kind == SCN_ADD && offset->first->next->kind == SCN_NUMBER &&
		   offset->first->next->number % PAGE != 0;

	if (number == EACCES || number == EBADF || number == ENODEV)
		return false;
	return !is_number(length, 0) && !is_number(flags, 0) && !odd;
}

/* Of a device: a descriptor that a call gave. */
static uint64_t needs_of_mmap(const struct scn_step *step)
{
	const struct scn_node *fd = step->args->next->next->next->next;
	const struct scn_alternative *a = step->alternatives;
	uint64_t needs = 0;

	if (is_stated(step, fd))
		return 0;
	do {
		if (a && a->expect == SCN_EXPECT_ERROR &&
		    is_of_driver(step->args, a->error->number))
			needs |= SCN_CAP(MMAP_ERRORS);
		else if ((!a || a->expect == SCN_EXPECT_VALUE) && is_stated(step, fd->next))
			needs |= SCN_CAP(DRIVER_INDEX);
		a = a ? a->next : NULL;
	} while (a);
	return needs;
}

static void add_needs(struct scn_scenario *s, const struct scn_step *step)
{
	for (; step; step = step->next) {
		add_needs(s, step->body);
		if (step->kind != SCN_STEP_CALL)
			continue;
		if (step->call == SCN_MMAP)
			s->needs |= needs_of_mmap(step);
		if (step->call == SCN_FUTEX)
			s->needs |= SCN_CAP(SHARED_FUTEX);
		if (step->call == SCN_SIGIO)
			s->needs |= SCN_CAP(SIGIO);
		if (step->call == SCN_PIN)
			s->needs |= SCN_CAP(PIN);
		for (const struct scn_alternative *a = step->alternatives;
		     a && step->call == SCN_IOCTL; a = a->next)
			s->needs |= needs_of_result(step, a);
	}
}

void scn_check_needs(struct scn_scenario *s)
{
	add_needs(s, s->steps);
}
