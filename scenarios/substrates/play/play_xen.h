/* SPDX-License-Identifier: MIT */
/* Plays scenarios on real Xen and the real drivers, in an emulator: ci/xen-lab. */
#ifndef SCN_PLAY_XEN_H
#define SCN_PLAY_XEN_H

#include "cell.h"
#include "player/session.h"
#include "substrates/leg.h"

/* How the message of a scenario begins that the guest did not survive, or that did not end. */
#define SCN_XEN_CRASHED "the guest's kernel crashed: "
#define SCN_XEN_SILENT  "no result within "

struct scn_xen {
	const struct scn_leg *leg;
	struct scn_cell cell;
	unsigned int time_limit; /* seconds for everything */
	unsigned int patience;   /* seconds for a scenario, after which it hangs; 0: the default */
	bool once;               /* two domains: not both ways around, if a script holds for both */
};

/* The lab: $GNTSIM_XEN_LAB, or the source tree's. */
const char *scn_xen_lab(void);

/* What scenarios can be played on a leg. */
uint64_t scn_xen_capabilities(const struct scn_leg *leg);

/*
 * Plays every file and reports: those that need a machine of their own, or that crash the kernel,
 * in a boot each; the others together, in as few boots as they leave alive. Returns 0, -ENODEV if
 * the leg can't run here, with the reason in `why`, or another negative errno.
 */
int scn_xen_play(const struct scn_xen *xen, const struct scn_session *session,
		 const struct scn_files *files, struct scn_report *report, struct scn_buf *why);

#endif
