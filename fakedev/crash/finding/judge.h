/* SPDX-License-Identifier: MIT */
/**
 * @file judge.h
 * Whether a scenario still shows a finding: what states it is there; it comes out so on the model; and had the victim
 * done otherwise before its death, it would not.
 */
#ifndef FAKEDEV_CRASH_FINDING_JUDGE_H
#define FAKEDEV_CRASH_FINDING_JUDGE_H

#include "lang/text.h"

/** A statement, whole lines, that has to stay. */
struct judge_pin {
	struct scn_buf text;
	struct scn_buf cure; /**< statements under which it must fail; "": none is known */
};

struct finding_judge {
	struct judge_pin *pins;
	uint32_t n, room;
	double end;  /**< a time of scn_now(), after which it is not asked any more */
	bool failed; /**< no memory */
};
void judge_free(struct finding_judge *judge);

/** Once, however often it is added. */
void judge_pin(struct finding_judge *judge, struct scn_str text, const char *cure);

/** The text with statements put before the victim's death or, where that is none, before the first look. */
void judge_cure(const char *text, const char *cure, struct scn_buf *out);
/** The line that a part of a text begins at; 0: it is not in it. */
uint32_t judge_line(const char *text, const char *part);

/** For shrink_script(). @return 1, 0, or -ETIME */
int judge_wanted(void *judge, const char *text, size_t len);

/** What stands behind a look. */
#define JUDGE_LOOK "# the finding"

#endif
