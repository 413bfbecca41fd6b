/* SPDX-License-Identifier: MIT */
/* For people, and for a CI service. */
#define _GNU_SOURCE
#include "crash/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void tell_victim(struct scn_buf *out, const struct crash_result *r)
{
	scn_buf_printf(out, "%s (program %u, dom%u)", r->program, r->point.program, r->domain);
}

static bool same_victim(const struct crash_result *a, const struct crash_result *b)
{
	return a->point.run == b->point.run && a->point.program == b->point.program;
}

static size_t count_of(const struct crash_findings *f, const struct crash_result *victim,
		       enum crash_outcome outcome)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->results[i].outcome == outcome && same_victim(&f->results[i], victim);
	return n;
}

/* A row a victim, a column an outcome that there is. Results are sorted. */
static void tell_table(struct scn_buf *out, const struct crash_findings *f)
{
	scn_cleanup_buf struct scn_buf who = {0};

	scn_buf_printf(out, "%-36s", "victim");
	for (unsigned int o = 0; o < CRASH_OUTCOMES; o++)
		if (o == CRASH_PASSED || crash_count(f, o))
			scn_buf_printf(out, " %11s", crash_outcome_name(o));
	scn_buf_str(out, "\n");
	for (size_t i = 0; i < f->n; i++) {
		const struct crash_result *r = &f->results[i];

		if (i > 0 && same_victim(r, r - 1))
			continue;
		scn_buf_clear(&who);
		tell_victim(&who, r);
		scn_buf_printf(out, "%-36s", scn_buf_text(&who));
		for (unsigned int o = 0; o < CRASH_OUTCOMES; o++)
			if (o == CRASH_PASSED || crash_count(f, o))
				scn_buf_printf(out, " %11zu", count_of(f, r, o));
		scn_buf_str(out, "\n");
	}
}

static void tell_schedules(struct scn_buf *out, const struct crash_result *r)
{
	for (unsigned int i = 0; i < r->n_schedules; i++) {
		scn_buf_str(out, i ? ", " : "\n    orders: ");
		crash_schedule_text(&r->schedules[i], out);
	}
}

void crash_report_scenario(struct scn_buf *out, const struct crash_result *r)
{
	const struct crash_scenario *s = &r->scenario;
	scn_cleanup_buf struct scn_buf point = {0};

	if (!s->path && !s->lacking)
		return;
	crash_point_text(&r->point, &point);
	scn_buf_printf(out, "%s of %s at %s: ", s->path ? "scenario" : "no scenario",
		       crash_outcome_name(r->outcome), scn_buf_text(&point));
	if (!s->path) {
		scn_buf_printf(out, "%s\n", s->lacking);
		return;
	}
	scn_buf_printf(out, "%s, %u of %u statements%s\n    real Xen: ", s->path, s->statements,
		       s->recorded, s->ended ? " when the time was up" : "");
	scn_buf_printf(out, s->xen ? "gntsim play --on xen --leg %s\n" : "can't play it: %s\n",
		       s->xen ? s->xen : s->xen_lacks);
}

static void tell_group(struct scn_buf *out, const struct crash_group *g, const char *again,
		       const char *command)
{
	const struct crash_result *r = g->first;
	scn_cleanup_buf struct scn_buf point = {0};

	crash_point_text(&r->point, &point);
	scn_buf_printf(out, "FAILED  %s at %s", crash_outcome_name(r->outcome),
		       scn_buf_text(&point));
	if (g->n > 1)
		scn_buf_printf(out, " and %zu more", g->n - 1);
	scn_buf_str(out, "\n    victim: ");
	tell_victim(out, r);
	if (*r->call)
		scn_buf_printf(out, "\n    in:     %s", r->call);
	if (*r->site)
		scn_buf_printf(out, "\n    at:     %s", r->site);
	scn_buf_printf(out, "\n    then:   %s", r->detail);
	tell_schedules(out, r);
	scn_buf_printf(out, "\n    again:  %s", again);
	if (r->n_schedules) {
		scn_buf_str(out, " --schedule ");
		crash_schedule_text(&r->schedules[0], out);
	}
	scn_buf_printf(out, " --point %s -- %s\n", scn_buf_text(&point), command);
}

static void tell_totals(struct scn_buf *out, const struct crash_findings *f, size_t n_groups)
{
	size_t failed = crash_count_failed(f), lost = crash_count(f, CRASH_LOST),
	       missed = crash_count(f, CRASH_NOT_REACHED);

	scn_buf_printf(out, "%zu of %zu points: %zu passed, %zu failed", f->n, f->planned,
		       crash_count(f, CRASH_PASSED), failed);
	if (failed)
		scn_buf_printf(out, " in %zu group%s", n_groups, n_groups == 1 ? "" : "s");
	if (missed)
		scn_buf_printf(out, ", %zu not reached", missed);
	if (lost)
		scn_buf_printf(out, ", %zu lost", lost);
	if (f->runs != f->n)
		scn_buf_printf(out, "; %zu runs", f->runs);
	scn_buf_printf(out, "; %lld.%lld s", (long long)f->ms / 1000,
		       (long long)f->ms % 1000 / 100);
	if (f->ms > 0)
		scn_buf_printf(out, ", %.1f %s a second", 1000.0 * (double)f->runs / (double)f->ms,
			       f->runs == f->n ? "points" : "runs");
	scn_buf_str(out, "\n");
}

void crash_report_text(struct scn_buf *out, const struct crash_findings *f,
		       const struct crash_groups *groups, const char *again, const char *command)
{
	for (size_t i = 0; i < groups->n; i++)
		tell_group(out, &groups->all[i], again, command);
	if (f->n)
		tell_table(out, f);
	tell_totals(out, f, groups->n);
	/* Of reports that were read; else they are still to be made. */
	for (size_t i = 0; i < groups->n; i++)
		crash_report_scenario(out, groups->all[i].first);
}

static void add_xml(struct scn_buf *out, const char *text)
{
	scn_cleanup_buf struct scn_buf clean = {0};

	scn_buf_clean(&clean, text, strlen(text), "\n");
	for (const char *c = scn_buf_text(&clean); *c; c++) {
		static const char special[] = "<>&\"";
		static const char *const instead[] = {"&lt;", "&gt;", "&amp;", "&quot;"};
		const char *found = strchr(special, *c);

		if (found)
			scn_buf_str(out, instead[found - special]);
		else
			scn_buf_add(out, c, 1);
	}
}

static void add_case(struct scn_buf *out, const struct crash_result *r)
{
	scn_cleanup_buf struct scn_buf name = {0}, scenario = {0};

	crash_point_text(&r->point, &name);
	scn_buf_str(out, "  <testcase classname=\"");
	add_xml(out, r->program);
	scn_buf_printf(out, "\" name=\"%s\" time=\"%lld.%03lld\"", scn_buf_text(&name),
		       (long long)r->ms / 1000, (long long)r->ms % 1000);
	if (r->outcome == CRASH_PASSED) {
		scn_buf_str(out, "/>\n");
		return;
	}
	scn_buf_printf(out, ">\n    <%s message=\"%s: ",
		       crash_outcome_fails(r->outcome)   ? "failure"
		       : r->outcome == CRASH_NOT_REACHED ? "skipped"
							 : "error",
		       crash_outcome_name(r->outcome));
	add_xml(out, r->detail);
	scn_buf_str(out, "\">");
	add_xml(out, r->call);
	scn_buf_str(out, "\n");
	add_xml(out, r->site);
	crash_report_scenario(&scenario, r);
	if (scenario.len)
		scn_buf_str(out, "\n");
	add_xml(out, scn_buf_text(&scenario));
	scn_buf_printf(out, "</%s>\n  </testcase>\n",
		       crash_outcome_fails(r->outcome)   ? "failure"
		       : r->outcome == CRASH_NOT_REACHED ? "skipped"
							 : "error");
}

void crash_report_junit(struct scn_buf *out, const struct crash_findings *f, const char *command)
{
	scn_buf_str(out,
		    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"gntsim crash ");
	add_xml(out, command);
	scn_buf_printf(out,
		       "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" "
		       "time=\"%lld.%03lld\">\n",
		       f->n, crash_count_failed(f), crash_count(f, CRASH_LOST),
		       crash_count(f, CRASH_NOT_REACHED), (long long)f->ms / 1000,
		       (long long)f->ms % 1000);
	for (size_t i = 0; i < f->n; i++)
		add_case(out, &f->results[i]);
	scn_buf_str(out, "</testsuite>\n");
}
