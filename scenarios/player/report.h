/* SPDX-License-Identifier: MIT */
/* Results as people and machines want them: plain lines, TAP, KTAP, JUnit XML. */
#ifndef SCN_REPORT_H
#define SCN_REPORT_H

#include <stdio.h>

#include "player.h"

/* One variant of one file. */
struct scn_record {
	const char *file;
	struct scn_buf variant; /* "dom1 pv", or empty */
	struct scn_outcome outcome;
	double seconds;
	uint64_t needs; /* capabilities */
};

void scn_record_free(struct scn_record *r);

/* In place of what there was none for. */
#define SCN_NO_MEMORY "(out of memory)"

struct scn_report {
	FILE *out;
	/* If not NULL, takes the records: nothing is printed or kept. */
	void (*sink)(void *ctx, const struct scn_record *record);
	void *ctx;
	bool tap, verbose, by_capability;
	bool ktap; /* with tap: as the kernel's tools read it, which want the plan first */
	unsigned int planned; /* ktap: how many records there will be */
	const char *substrate;
	unsigned int count[SCN_N_VERDICTS];
	unsigned int needing[SCN_N_CAPABILITIES][SCN_N_VERDICTS];
	unsigned int total;
	double seconds;
	struct scn_buf junit; /* the test cases so far */
	int err;              /* the first of writing to `out`; 0: none */
};

void scn_report_begin(struct scn_report *report);
void scn_report_add(struct scn_report *report, const struct scn_record *record);
/* Ends the output; writes the XML to `junit_path` if that is not NULL. 0 or a negative errno. */
int scn_report_end(struct scn_report *report, const char *junit_path);

#endif
