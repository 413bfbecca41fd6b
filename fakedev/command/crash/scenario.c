/* SPDX-License-Identifier: MIT */
#include "scenario.h"

#include "command/command.h"
#include "crash/finding/finding.h"
#include "lang/source.h"

#include <errno.h>
#include <stdio.h>
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

static int lacks(struct crash_scenario *s, const char *why)
{
	s->lacking = strdup(why);
	return s->lacking ? 0 : complain("crash: out of memory");
}

/* NULL: it is empty, or there is no memory. */
static char *text_of(const struct scn_buf *text)
{
	return text->len ? strdup(scn_buf_text(text)) : NULL;
}

static int has(struct crash_scenario *s, const char *path, const struct finding *f)
{
	*s = (struct crash_scenario){.path = strdup(path),
				     .statements = f->after,
				     .recorded = f->before,
				     .ended = f->ended,
				     .xen = text_of(&f->xen),
				     .xen_lacks = text_of(&f->xen_lacks)};
	return s->path && (s->xen || s->xen_lacks) ? 0 : complain("crash: out of memory");
}

static int make(struct crash_result *first, const struct crash_result *again, const char *recorded,
		const char *path, const char *command)
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
	if (status == -ENOENT) {
		status = lacks(&first->scenario, scn_buf_text(&why));
	} else if (status < 0) {
		status = complain("crash: %s: %s", path, strerror(-status));
	} else {
		status = write_text(path, &finding.text);
		if (status == 0)
			status = has(&first->scenario, path, &finding);
	}
	finding_free(&finding);
	return status;
}

int crash_scenario_write(struct crash_result *first, const struct crash_result *again,
			 const char *dir, const char *command)
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
		return lacks(&first->scenario, "it did not come again when it was to be recorded");
	recorded = scn_read_file(from.data, &len);
	if (!recorded || !len)
		status =
		    lacks(&first->scenario, "the run had to be ended, and so nothing was recorded");
	else
		status = make(first, again, recorded, to.data, command);
	free(recorded);
	return status;
}
