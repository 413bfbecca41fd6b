/* SPDX-License-Identifier: MIT */
/* Plays files on one substrate, in this process or in several. */
#ifndef SCN_SESSION_H
#define SCN_SESSION_H

#include "lang/find.h"
#include "report.h"

struct scn_session {
	const struct scn_substrate_ops *ops;
	struct scn_options options;
	struct scn_filter filter;
	/* Processes, or on xen guests of one scenario, at a time; 0: one, or as many guests as fit. */
	unsigned int jobs;
	/* Try what is to be skipped: a file that passes although its substrate is declared to lack
	 * what it needs has failed. */
	bool doubt;
};

/* Plays every file and reports in order. Returns 0, or a negative errno with `why`;
 * -ENODEV: the substrate can't be had here. */
int scn_session_play(const struct scn_session *session, const struct scn_files *files,
		     struct scn_report *report, struct scn_buf *why);

#endif
