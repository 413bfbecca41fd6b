/* SPDX-License-Identifier: MIT */
#include "xen_stage.h"

#include <stdlib.h>

/* It takes as long as two boots. */
#define WORTH_IT 4

/* A stage is silent from its first line until it is ended. */
static int take_directory(void *ctx, const char *line)
{
	struct scn_xen_stage *s = ctx;

	scn_buf_str(&s->directory, line);
	s->awaited = true;
	return SCN_LAB_FIRST_LINE_SECONDS;
}

void scn_xen_stage_start(struct scn_xen_stage *s, const struct scn_xen_front *f)
{
	scn_cleanup_buf struct scn_buf why = {0};
	char **paths = (char **)calloc(f->n + 1, sizeof(*paths));
	size_t n = 0;

	*s = (struct scn_xen_stage){0};
	for (size_t i = 0; paths && i < f->n; i++) {
		if (scn_xen_turn(&f->items[i]) == SCN_XEN_ALONE)
			paths[n++] = f->items[i].path;
	}
	if (n >= WORTH_IT)
		s->started = scn_lab_start_stage(&s->run, &f->lab, paths, n, f->deadline,
						 take_directory, s, &why) == 0;
	free((void *)paths);
}

const char *scn_xen_stage(struct scn_xen_stage *s)
{
	struct scn_lab_boot *run = &s->run;

	while (s->started && !s->awaited) {
		if (scn_lab_boot_listen(&run, 1))
			s->awaited = true;
	}
	return s->directory.len ? scn_buf_text(&s->directory) : NULL;
}

void scn_xen_stage_end(struct scn_xen_stage *s, struct scn_buf *why)
{
	scn_cleanup_buf struct scn_buf notes = {0}, words = {0};

	if (s->directory.len)
		s->run.heard = false; /* it stays until it is told to end */
	if (s->started)
		scn_lab_finish(&s->run, &notes, &words);
	if (s->awaited && !s->directory.len)
		scn_buf_str(why, s->directory.failed ? "out of memory"
				 : words.len         ? scn_buf_text(&words)
						     : "it ended without a word");
	scn_buf_free(&s->directory);
	s->started = false;
}
