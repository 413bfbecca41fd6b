/* SPDX-License-Identifier: MIT */
/* What came of playing the corpus on some legs, and random calls. */
#ifndef SCN_CONFORM_RESULT_H
#define SCN_CONFORM_RESULT_H

#include <stdio.h>

#include "lang/find.h"
#include "player/report.h"
#include "substrates/play/cell.h"

#define CONFORM_MAX_LEGS 8

/* Of one scenario on one leg. */
struct conform_record {
	char *file;
	struct scn_buf variant, message; /* the message: none if it passed */
	enum scn_verdict verdict;
	double seconds;
};

/* How comparing random calls ended. */
enum conform_fuzz {
	CONFORM_NOT_FUZZED,
	CONFORM_SAME,
	CONFORM_DIFFERENT,
	CONFORM_UNTRIED,
};

struct conform_leg {
	const struct scn_leg *leg;
	struct scn_version booted; /* by which scripts are judged */
	struct scn_version kernel; /* the model's, by which random calls are */
	struct scn_buf why;        /* it could not be played at all */
	struct conform_record *records;
	size_t n, room;
	unsigned int count[SCN_N_VERDICTS];
	double seconds;
	enum conform_fuzz fuzz;
	struct scn_buf said; /* what the fuzzer printed */
	double fuzz_seconds;
};

struct conform {
	const char *directory; /* of the report */
	struct scn_cell cell;
	struct scn_buf corpus_root; /* the directory that the rules are below, or empty */
	struct scn_files files;
	struct conform_leg legs[CONFORM_MAX_LEGS];
	size_t n_legs;
	unsigned int time_limit, patience; /* as gntsim play has them */
	unsigned long ops, seed;           /* of the fuzzer; 0 calls: none */
	const char *program;               /* gntsim */
};

void conform_free(struct conform *c);
/* Something of the leg could not be tried, or told: `why` says what. */
bool conform_is_wanting(const struct conform_leg *leg);
/* Adds a copy of what a report is given. False: out of memory. */
bool conform_add(struct conform_leg *leg, const struct scn_record *record);
/* 0: what was judged is as the model says; 1: it differs; 125: something could not be tried, or nothing was judged. */
int conform_status(const struct conform *c);
/* That in words, and by what. */
void conform_say(const struct conform *c, struct scn_buf *out);

/* --- legs.c --- */

/* Plays the corpus on a leg, and random calls; what can't be done is in the leg's `why`. */
void conform_play(struct conform *c, struct conform_leg *leg);

/* --- ktap.c, page.c: the report. 0 or a negative errno. --- */

int conform_write_ktap(const struct conform *c, const char *path);
int conform_write_page(const struct conform *c, const char *path);

#endif
