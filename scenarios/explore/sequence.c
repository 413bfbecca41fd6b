/* SPDX-License-Identifier: MIT */
#include "sequence.h"

#include <string.h>

#include "lang/constants.h"

/* The text of [from, to) without the blanks at its end. */
static struct scn_str between(const char *from, const char *to)
{
	while (to > from && strchr(" \t\n", to[-1]))
		to--;
	return (struct scn_str){from, (size_t)(to - from)};
}

/* `if …:` before a repeated step. */
static void put_condition(const struct scn_step *step, struct scn_buf *out)
{
	const char *end = step->loop->text.s;

	if (!step->condition)
		return;
	while (end > step->text.s && strncmp(end, "for", 3) != 0)
		end--;
	scn_buf_add(out, step->text.s, (size_t)(end - step->text.s));
}

/* The step without what becomes of a branch when its result is another one. */
static struct scn_str without_otherwise(const struct scn_step *step, const char *from)
{
	const char *end = step->action.s + step->action.n;

	if (step->otherwise != SCN_ELSE_FAIL) {
		while (end > from && *end != ',')
			end--;
	}
	return between(from, end);
}

/* What came back, where that is not what the step says and is none of its faults. */
static void put_result(const struct happened *h, struct scn_buf *out)
{
	const char *name;

	if (h->kind == SCN_FAULTED) {
		scn_buf_printf(out, " = %s", scn_signal_name(h->signal));
	} else if (h->kind == SCN_RETURNED && h->value < 0) {
		name = scn_errno_name((int)-h->value);
		scn_buf_printf(out, " = -1 %s", name ? name : "_");
	}
}

static void put_branch_step(const struct happened *h, struct scn_buf *out)
{
	const struct scn_step *step = h->step;
	const char *from = step->loop ? step->action.s : step->text.s;
	struct scn_str text;

	if (step->loop) {
		put_condition(step, out);
		scn_buf_printf(out, "for %.*s in %llu..%llu: ", SCN_STR(step->loop->text),
			       (unsigned long long)h->at, (unsigned long long)h->at);
	}
	if (h->done != SCN_STOPPED) {
		text = without_otherwise(step, from);
		scn_buf_printf(out, "%.*s\n", SCN_STR(text));
		return;
	}
	text = between(from, step->alternatives->text.s);
	/* The = before the results. */
	text = between(from, text.s + text.n - 1);
	scn_buf_printf(out, "%.*s", SCN_STR(text));
	put_result(h, out);
	scn_buf_str(out, "\n");
}

static void put_death(const struct search *q, struct scn_buf *out)
{
	const struct scn_process_decl *p = q->s->processes;
	const struct scn_domain_decl *d = q->s->domains;

	if (q->death == DEATH_KILL) {
		for (uint32_t i = 0; i < q->victim; i++)
			p = p->next;
		scn_buf_printf(out, "kill -9 %.*s\n", SCN_STR(p->name));
	} else {
		for (uint32_t i = 0; i < q->victim; i++)
			d = d->next;
		scn_buf_printf(out, "destroy %.*s\n", SCN_STR(d->name));
	}
}

/* What is looked at in the always that does not hold, up to where it does not. */
static void put_looks(const struct search *q, struct scn_buf *out)
{
	const struct scn_step *always = q->s->steps, *look;

	for (; always; always = always->next) {
		if (always->kind != SCN_STEP_ALWAYS)
			continue;
		look = always->body;
		while (look && look != q->looked)
			look = look->next;
		if (look)
			break;
	}
	if (!always)
		return;
	scn_buf_str(out, "# always:\n");
	for (look = always->body;; look = look->next) {
		struct scn_str text = without_otherwise(look, look->text.s);

		if (look->kind != SCN_STEP_CALL || q->alive[look->process])
			scn_buf_printf(out, "%.*s\n", SCN_STR(text));
		if (look == q->looked)
			return;
	}
}

/* What stands before the first step: comments and declarations. */
static void put_head(const struct search *q, const char *how, struct scn_buf *out)
{
	const struct scn_source *src = &q->s->source;
	const char *end = q->s->steps->text.s;
	struct scn_str head = between(src->text, end);

	scn_buf_printf(out, "# %s\n%.*s\n", how, SCN_STR(head));
	if (!q->s->machine)
		scn_buf_printf(out, "machine frames=%llu\n", (unsigned long long)q->setup->frames);
	scn_buf_str(out, "\n");
}

static bool is_in(const struct scn_step *block, const struct scn_step *step)
{
	const struct scn_step *at = block->body;

	while (at && at != step)
		at = at->next;
	return at;
}

static bool is_of_a_block(const struct search *q, const struct scn_step *step)
{
	for (const struct scn_step *block = q->s->steps; block; block = block->next) {
		if (block->kind == SCN_STEP_PARALLEL && is_in(block, step))
			return true;
	}
	return false;
}

void sequence_write(const struct search *q, const char *how, struct scn_buf *out)
{
	put_head(q, how, out);
	for (uint32_t i = 0; i < q->n_path; i++) {
		const struct happened *h = &q->path[i];

		if (!h->step)
			put_death(q, out);
		else if (h->done == SCN_OMITTED)
			continue;
		else if (is_of_a_block(q, h->step))
			put_branch_step(h, out);
		else
			scn_buf_printf(out, "%.*s\n", SCN_STR(h->step->text));
	}
	if (q->fault == FAULT_ALWAYS)
		put_looks(q, out);
}
