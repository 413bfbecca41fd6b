/* SPDX-License-Identifier: MIT */
/* The oracles. */
#define _GNU_SOURCE
#include "crash/verdict.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char *const names[CRASH_OUTCOMES] = {
    [CRASH_HANG] = "hang",
    [CRASH_SIGNAL] = "signal",
    [CRASH_STATUS] = "status",
    [CRASH_CHECK] = "check",
    [CRASH_HAZARD] = "hazard",
    [CRASH_NOT_EMPTY] = "not-empty",
    [CRASH_LIVE_FLAG] = "live-flag",
    [CRASH_RING] = "ring",
    [CRASH_LEAK] = "leak",
    [CRASH_LOST] = "lost",
    [CRASH_NOT_REACHED] = "not-reached",
    [CRASH_PASSED] = "passed",
};

const char *crash_outcome_name(enum crash_outcome outcome)
{
	return names[outcome];
}

enum crash_outcome crash_outcome_of(const char *name)
{
	unsigned int i = 0;

	while (i < CRASH_OUTCOMES && strcmp(names[i], name))
		i++;
	return (enum crash_outcome)i;
}

bool crash_outcome_fails(enum crash_outcome outcome)
{
	return outcome < CRASH_LOST;
}

/* Signals by which a program shows that it is wrong. Others come of the run: what it ends, it ends by
 * them. */
static bool is_crash(int signal)
{
	static const int all[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGSYS, SIGTRAP};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] == signal)
			return true;
	return false;
}

static bool is_accepted(const struct crash_evidence *e, int status)
{
	for (size_t i = 0; i < e->n_accepted; i++)
		if (e->accepted[i] == status)
			return true;
	return false;
}

/* A program of a trial, and itself undisturbed. */
struct pair {
	const struct crash_program *now, *before;
	unsigned int run, program;
};

static bool next_survivor(const struct crash_evidence *e, const struct crash_point *point,
			  struct pair *p)
{
	for (;;) {
		p->program++;
		while (p->run < e->n_runs && p->program > e->runs[p->run].n_programs) {
			p->run++;
			p->program = 1;
		}
		if (p->run >= e->n_runs)
			return false;
		if (p->run + 1 == point->run && p->program == point->program)
			continue;
		p->now = &e->runs[p->run].programs[p->program - 1];
		p->before =
		    p->run < e->n_undisturbed && p->program <= e->undisturbed[p->run].n_programs
			? &e->undisturbed[p->run].programs[p->program - 1]
			: NULL;
		return true;
	}
}

static void tell_program(struct scn_buf *out, const struct crash_program *p, unsigned int number)
{
	scn_buf_printf(out, "%s (program %u, dom%u)", p->name, number, p->domain);
}

static bool signalled(const struct crash_evidence *e, const struct crash_point *point,
		      struct scn_buf *detail)
{
	struct pair p = {0};

	while (next_survivor(e, point, &p)) {
		if (!is_crash(p.now->signal) || (p.before && p.before->signal == p.now->signal))
			continue;
		tell_program(detail, p.now, p.program);
		scn_buf_printf(detail, " was ended by SIG%s", sigabbrev_np(p.now->signal));
		return true;
	}
	return false;
}

static bool other_status(const struct crash_evidence *e, const struct crash_point *point,
			 struct scn_buf *detail)
{
	struct pair p = {0};

	while (e->accepted && next_survivor(e, point, &p)) {
		if (p.now->status < 0 || p.now->signal ||
		    (p.before && p.before->status == p.now->status) ||
		    is_accepted(e, p.now->status))
			continue;
		tell_program(detail, p.now, p.program);
		scn_buf_printf(detail, " ended with status %d", p.now->status);
		return true;
	}
	return false;
}

/* What the machines of all runs say. */
struct last_words {
	long hazards;
	const char *left; /* of the first in which something was; NULL: in none */
};

static struct last_words add_up(const struct crash_run *runs, size_t n)
{
	struct last_words all = {0};

	for (size_t i = 0; i < n; i++) {
		if (!runs[i].judged)
			continue;
		all.hazards += runs[i].hazards;
		if (!all.left && *runs[i].left)
			all.left = runs[i].left;
	}
	return all;
}

/* "0:8:21,0:9:0", in words. */
static void tell_bytes(struct scn_buf *out, const char *bytes)
{
	unsigned int granter, ref, offset;

	for (const char *at = bytes; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (sscanf(at, "%u:%u:%u", &granter, &ref, &offset) == 3)
			scn_buf_printf(out, "%sbyte %u of dom%u's grant %u", at > bytes ? ", " : "",
				       offset, granter, ref);
	}
	scn_buf_str(out, " stayed set: its notification was not armed yet, or no more");
}

/* A cause that the same run had not, undisturbed. */
static bool has_new_harm(const struct crash_run *now, const struct crash_run *before)
{
	const char *end, *at = now->harm;

	for (; at && (end = strchr(at + 1, '\n')); at = end) {
		scn_cleanup_buf struct scn_buf line = {0};

		scn_buf_add(&line, at, (size_t)(end - at) + 1);
		if (!before || !before->harm || !strstr(before->harm, scn_buf_text(&line)))
			return true;
	}
	return false;
}

static bool harmed(const struct crash_evidence *e)
{
	for (size_t i = 0; i < e->n_runs; i++)
		if (has_new_harm(&e->runs[i], i < e->n_undisturbed ? &e->undisturbed[i] : NULL))
			return true;
	return false;
}

/* What the dead one leaks by living hides nobody's. */
static bool leaked(const struct crash_evidence *e)
{
	static const struct crash_point nobody;
	struct pair p = {0};

	while (next_survivor(e, &nobody, &p))
		if (p.now->leaks > (p.before ? p.before->leaks : 0))
			return true;
	return false;
}

static enum crash_outcome judge_machine(const struct crash_evidence *e, const struct crash_run *run,
					struct scn_buf *detail)
{
	struct last_words now = add_up(e->runs, e->n_runs),
			  before = add_up(e->undisturbed, e->n_undisturbed);

	if (now.hazards > before.hazards || harmed(e)) {
		scn_buf_str(detail, "a real kernel would have come to harm");
		return CRASH_HAZARD;
	}
	if (*run->left_set) {
		tell_bytes(detail, run->left_set);
		return CRASH_LIVE_FLAG;
	}
	if (now.left && !before.left) {
		scn_buf_printf(detail, "when all have ended the machine still has: %s", now.left);
		return CRASH_NOT_EMPTY;
	}
	if (leaked(e)) {
		scn_buf_str(detail, "a survivor ended with grants or mappings not given back");
		return CRASH_LEAK;
	}
	return CRASH_PASSED;
}

static void tell_waiting(struct scn_buf *detail, const struct crash_run *run)
{
	const char *text = run->waiting ? run->waiting : "";

	if (run->waits >= 1 && run->waits <= run->n_programs) {
		tell_program(detail, &run->programs[run->waits - 1], run->waits);
		scn_buf_str(detail, " waits for ever: ");
	}
	scn_buf_str(detail, *text ? text : "nobody moves any more");
	if (run->left_set && *run->left_set) {
		scn_buf_str(detail, "; ");
		tell_bytes(detail, run->left_set);
	}
}

enum crash_outcome crash_judge(const struct crash_evidence *e, const struct crash_point *point,
			       struct scn_buf *detail)
{
	const struct crash_run *run = point->run <= e->n_runs ? &e->runs[point->run - 1] : NULL;

	if (run && run->hung) {
		tell_waiting(detail, run);
		return CRASH_HANG;
	}
	if (e->waiting) {
		scn_buf_printf(detail, "for ever: %s", e->waiting);
		return CRASH_HANG;
	}
	if (e->overdue) {
		scn_buf_str(detail, "it does not end");
		return CRASH_HANG;
	}
	if (!run || run->n_programs == 0) {
		scn_buf_str(detail, "the run has left no word");
		return CRASH_LOST;
	}
	if (!run->died)
		return CRASH_NOT_REACHED;
	if (signalled(e, point, detail))
		return CRASH_SIGNAL;
	if (*run->misused) {
		scn_buf_printf(detail,
			       "a survivor went on with indexes beyond their ring, --ring %s",
			       run->misused);
		return CRASH_RING;
	}
	if (other_status(e, point, detail))
		return CRASH_STATUS;
	if (e->check_failed) {
		scn_buf_str(detail, "the check fails");
		return CRASH_CHECK;
	}
	return judge_machine(e, run, detail);
}
