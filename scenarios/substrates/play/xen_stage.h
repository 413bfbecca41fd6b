/* SPDX-License-Identifier: MIT */
/* The stage of those that have a boot each: it has their files, so that each has only to be told which it is. */
#ifndef SCN_XEN_STAGE_H
#define SCN_XEN_STAGE_H

#include "xen_boots.h"

struct scn_xen_stage {
	struct scn_lab_boot run;
	struct scn_buf directory; /* empty: there is none, yet or at all */
	bool started, awaited;
};

/* Has it made beside whatever else is played, if there are enough for it to be worth the time. */
void scn_xen_stage_start(struct scn_xen_stage *s, const struct scn_xen_front *f);
/*
 * Its directory, which may have to be waited for; NULL: there is none, because it was not worth it or could not be
 * made: then each boot has its own files.
 */
const char *scn_xen_stage(struct scn_xen_stage *s);
/* Lets go of it. If it was waited for in vain, what the lab said goes to `why`. */
void scn_xen_stage_end(struct scn_xen_stage *s, struct scn_buf *why);

#endif
