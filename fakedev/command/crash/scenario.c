/* SPDX-License-Identifier: MIT */
#include "scenario.h"

#include "command/command.h"
#include "crash/finding/finding.h"
#include "lang/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* That one scenario may take, seconds. */
#define PATIENCE 20

static int write_text(const char *path, const struct scn_buf *text)
{
	FILE *out = fopen(path, "we");
	bool whole;

	if (!out)
		return complain("crash: cannot write %s: %s", path, strerror(errno));
	whole = fwrite(text->data, 1, text->len, out) == text->len;
	if (fclose(out) || !whole)
		return complain("crash: cannot write %s: %s", path, strerror(errno));
	return 0;
}

static void put_head(const struct crash_result *r, const char *command, struct scn_buf *out)
{
	scn_cleanup_buf struct scn_buf point = {0}, clean = {0};

	crash_point_text(&r->point, &point);
	scn_buf_printf(&clean, "# Rule: %s (dom%u) dies, and then: %s.\n", r->program, r->domain,
		       r->detail);
	scn_buf_printf(&clean, "# Source: gntsim crash, %s at %s, %s: %s\n",
		       crash_outcome_name(r->outcome), scn_buf_text(&point),
		       *r->call ? r->call : "no call", command);
	scn_buf_clean(out, clean.data, clean.len, "\n");
}

static void tell(FILE *told, const struct crash_result *r, const char *path,
		 const struct finding *f)
{
	scn_cleanup_buf struct scn_buf point = {0};

	crash_point_text(&r->point, &point);
	fprintf(told, "scenario of %s at %s: %s, %u of %u statements%s\n    real Xen: ",
		crash_outcome_name(r->outcome), scn_buf_text(&point), path, f->after, f->before,
		f->ended ? " when the time was up" : "");
	if (f->xen.len)
		fprintf(told, "gntsim play --on xen --leg %s\n", scn_buf_text(&f->xen));
	else
		fprintf(told, "can't play it: %s\n", scn_buf_text(&f->xen_lacks));
}

static int tell_none(FILE *told, const struct crash_result *r, const char *why)
{
	scn_cleanup_buf struct scn_buf point = {0};

	crash_point_text(&r->point, &point);
	fprintf(told, "no scenario of %s at %s: %s\n", crash_outcome_name(r->outcome),
		scn_buf_text(&point), why);
	return 0;
}

static int make(const struct crash_result *first, const struct crash_result *again,
		const char *recorded, const char *path, const char *command, FILE *told)
{
	scn_cleanup_buf struct scn_buf head = {0}, why = {0};
	struct finding_of of = {.outcome = again->outcome,
				.detail = again->detail,
				.domain = again->domain,
				.seconds = PATIENCE};
	struct finding finding = {0};
	int status;

	put_head(again, command, &head);
	of.head = scn_buf_text(&head);
	status = finding_make(recorded, &of, &finding, &why);
	if (status == 0)
		status = write_text(path, &finding.text);
	else
		status = status == -ENOENT ? tell_none(told, first, scn_buf_text(&why))
					   : complain("crash: %s: %s", path, strerror(-status));
	if (status == 0 && finding.text.len)
		tell(told, first, path, &finding);
	finding_free(&finding);
	return status;
}

int crash_scenario_write(const struct crash_result *first, const struct crash_result *again,
			 const char *dir, const char *command, FILE *told)
{
	scn_cleanup_buf struct scn_buf from = {0}, to = {0};
	char *recorded;
	size_t len;
	int status;

	scn_buf_printf(&from, "%s/recorded-%u.scn", dir, first->point.run);
	scn_buf_printf(&to, "%s/finding.scn", dir);
	if (from.failed || to.failed)
		return complain("crash: out of memory");
	if (!again || again->outcome != first->outcome)
		return tell_none(told, first, "it did not come again when it was to be recorded");
	recorded = scn_read_file(from.data, &len);
	if (!recorded || !len)
		status =
		    tell_none(told, first, "the run had to be ended, and so nothing was recorded");
	else
		status = make(first, again, recorded, to.data, command, told);
	free(recorded);
	return status;
}
