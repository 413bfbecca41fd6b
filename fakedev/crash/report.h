/* SPDX-License-Identifier: MIT */
/**
 * @file report.h
 * What a search found: for people, for programs, for a CI service.
 */
#ifndef FAKEDEV_CRASH_REPORT_H
#define FAKEDEV_CRASH_REPORT_H

#include "crash/groups.h"

/** The scenario of a point, in lines; nothing where none was wanted. */
void crash_report_scenario(struct scn_buf *out, const struct crash_result *r);
/** For people. @param again the command that tries one point again, up to the point and after it */
void crash_report_text(struct scn_buf *out, const struct crash_findings *f,
		       const struct crash_groups *groups, const char *again, const char *command);
/** One JSON object; crash_report_read() reads it. */
void crash_report_json(struct scn_buf *out, const struct crash_findings *f, const char *command);
/** JUnit's XML: a test case a point. */
void crash_report_junit(struct scn_buf *out, const struct crash_findings *f, const char *command);

/**
 * Adds what a report in JSON says.
 * @param[in,out] command whose it is; NULL: not known yet, and then the caller's to free
 * @return 0; -errno: it can't be read; -EBADMSG: it is none, or of another command, or of a shard that
 * was added before; @p why says so
 */
int crash_report_read(const char *path, struct crash_findings *f, char **command,
		      struct scn_buf *why);

#endif
