/* SPDX-License-Identifier: MIT */
/* One run of the command: a process group, with a directory of its own. */
#ifndef FAKEDEV_CRASH_TRIAL_H
#define FAKEDEV_CRASH_TRIAL_H

#include "crash/keeper.h"
#include "crash/search.h"
#include "crash/stuck.h"

#include <signal.h>

struct trial {
	pid_t pid;                      /* 0: none */
	size_t index;                   /* the caller's */
	struct crash_schedule schedule; /* the caller's too */
	int64_t began;                  /* ms */
	bool overdue, loud;
	off_t repeated; /* of what it printed */
	int64_t looked; /* ms */
	int64_t told;   /* ms: to end; 0: not yet */
	struct stuck stuck;
	struct scn_buf waiting; /* who waits for ever */
	char *dir;
};

/* What the runs of a trial have said. */
struct trial_said {
	struct crash_run *runs;
	size_t n_runs;
	bool check_failed;
};

int64_t crash_now_ms(void);

/* Where who dies in it, in which order. */
struct trial_what {
	const struct crash_point *point;       /* NULL: undisturbed */
	const struct crash_schedule *schedule; /* NULL: as it comes */
	const char *watched;                   /* bytes that are to be clear then; NULL, "": none */
};

/*
 * Starts it. @param base the directory that its own is made in
 * @param before the signals to be blocked in it
 * @return 0 or -errno
 */
int trial_start(struct trial *t, const struct crash_search *s, struct keeper *k, const char *base,
		size_t number, const struct trial_what *what, const sigset_t *before);
/* What it has printed since, if it is a loud one, goes to stderr. */
void trial_repeat(struct trial *t);
/* It has ended, and what it left running goes; is then as before its start, but for the directory.
 * @return its wait status */
int trial_reap(struct trial *t, struct keeper *k);
/* @return 0, or -errno with `why` */
int trial_read(const struct trial *t, struct trial_said *said, struct scn_buf *why);
/* The last bytes of what it printed. */
void trial_output(const struct trial *t, struct scn_buf *out);
/* Its directory goes. */
void trial_remove(struct trial *t);
void trial_said_free(struct trial_said *said);

#endif
