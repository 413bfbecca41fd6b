/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "crash/results.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void crash_result_free(struct crash_result *result)
{
	free(result->program);
	free(result->call);
	free(result->site);
	free(result->detail);
	free(result->scenario.path);
	free(result->scenario.lacking);
	free(result->scenario.xen);
	free(result->scenario.xen_lacks);
}

void crash_findings_free(struct crash_findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		crash_result_free(&f->results[i]);
	free(f->results);
	free(f->merged);
	free(f->why_uncountable);
	*f = (struct crash_findings){0};
}

/* The smallest first, and no more than are told. */
static void add_schedule(struct crash_result *r, const struct crash_schedule *s)
{
	unsigned int at = 0;

	while (at < r->n_schedules && crash_schedule_compare(&r->schedules[at], s) < 0)
		at++;
	if (at == CRASH_SCHEDULES_TOLD)
		return;
	if (r->n_schedules < CRASH_SCHEDULES_TOLD)
		r->n_schedules++;
	memmove(&r->schedules[at + 1], &r->schedules[at],
		(r->n_schedules - at - 1) * sizeof(r->schedules[0]));
	r->schedules[at] = *s;
}

/* Which says more of the point: a failure, of these the one under the smallest schedule; or that it was reached. */
static bool says_more(const struct crash_result *now, const struct crash_result *before)
{
	bool fails = crash_outcome_fails(now->outcome),
	     failed = crash_outcome_fails(before->outcome);

	if (fails && failed)
		return now->n_schedules && before->n_schedules &&
		       crash_schedule_compare(&now->schedules[0], &before->schedules[0]) < 0;
	return fails || (!failed && now->outcome == CRASH_PASSED);
}

static void merge(struct crash_result *known, struct crash_result *now)
{
	struct crash_result both = says_more(now, known) ? *now : *known,
			    other = says_more(now, known) ? *known : *now;

	for (unsigned int i = 0; i < other.n_schedules; i++)
		add_schedule(&both, &other.schedules[i]);
	both.ms = known->ms + now->ms;
	crash_result_free(&other);
	*known = both;
}

int results_add(struct crash_findings *f, size_t *slot, const struct crash_point *point,
		const struct crash_evidence *e, const struct crash_schedule *schedule, int64_t ms)
{
	const struct crash_run *run = point->run <= e->n_runs ? &e->runs[point->run - 1] : NULL;
	const struct crash_program *victim =
	    &e->undisturbed[point->run - 1].programs[point->program - 1];
	scn_cleanup_buf struct scn_buf detail = {0};
	struct crash_result result = {.point = *point,
				      .domain = victim->domain,
				      .outcome = crash_judge(e, point, &detail),
				      .program = strdup(victim->name),
				      .call = strdup(run && run->call ? run->call : ""),
				      .site = strdup(run && run->site ? run->site : ""),
				      .detail = strdup(scn_buf_text(&detail)),
				      .ms = ms};
	struct crash_result *all =
	    *slot ? f->results : reallocarray(f->results, f->n + 1, sizeof(*all));

	if (!all || !result.program || !result.call || !result.site || !result.detail) {
		crash_result_free(&result);
		return -ENOMEM;
	}
	f->results = all;
	f->runs++;
	f->shifted += run && run->number && point->place && run->number != point->place;
	if (schedule && crash_outcome_fails(result.outcome))
		add_schedule(&result, schedule);
	if (*slot) {
		merge(&all[*slot - 1], &result);
	} else {
		all[f->n++] = result;
		*slot = f->n;
	}
	return 0;
}
