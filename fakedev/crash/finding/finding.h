/* SPDX-License-Identifier: MIT */
/**
 * @file finding.h
 * The scenario of a finding: what was recorded of it, with looks that state what was found, and as little else as still
 * shows it.
 */
#ifndef FAKEDEV_CRASH_FINDING_FINDING_H
#define FAKEDEV_CRASH_FINDING_FINDING_H

#include "crash/verdict.h"

/** What is known of it. */
struct finding_of {
	enum crash_outcome outcome;
	const char *detail;   /**< as crash_judge() has it */
	unsigned int domain;  /**< the victim's */
	const char *head;     /**< comments to begin with, whole lines */
	unsigned int seconds; /**< that all of it may take */
};

struct finding {
	struct scn_buf text;
	unsigned int before, after; /**< statements */
	bool ended;                 /**< it might be shorter: the time was up */
	struct scn_buf xen;         /**< the leg of real Xen that it plays on; "": none does */
	struct scn_buf xen_lacks;   /**< then: why */
};
void finding_free(struct finding *finding);

/**
 * @param recorded a script of the recorder's, of the run in which it was found
 * @return 0; -ENOENT: no scenario can say it, and @p why says why; -ENOMEM
 */
int finding_make(const char *recorded, const struct finding_of *of, struct finding *out,
		 struct scn_buf *why);

#endif
