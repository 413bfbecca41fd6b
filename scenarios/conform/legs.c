/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "player/child.h"
#include "player/clock.h"
#include "result.h"
#include "substrates/place.h"
#include "substrates/play/play_xen.h"

#define CONFORM       "conform"
#define OUT_OF_MEMORY "out of memory"

struct listener {
	struct conform_leg *leg;
	bool full; /* memory */
};

static void take_record(void *ctx, const struct scn_record *record)
{
	struct listener *l = ctx;

	l->full |= !conform_add(l->leg, record);
	if (record->outcome.verdict == SCN_FAILED || record->outcome.verdict == SCN_BROKEN)
		fprintf(stderr, "gntsim conform: %s: %s %s\n", l->leg->leg->name, record->file,
			scn_verdict_name(record->outcome.verdict));
}

static void play_corpus(struct conform *c, struct conform_leg *leg)
{
	const struct scn_xen xen = {
	    .leg = leg->leg, .cell = c->cell, .time_limit = c->time_limit, .patience = c->patience};
	struct scn_session session = {.options = {.domid = -1}};
	struct listener l = {.leg = leg};
	struct scn_report report = {.sink = take_record, .ctx = &l};
	double began = scn_now();
	int err;

	session.filter.has_kernel = true;
	session.filter.kernel = leg->booted;
	err = scn_xen_play(&xen, &session, &c->files, &report, &leg->why);
	leg->seconds = scn_now() - began;
	if (err && !leg->why.len)
		scn_buf_str(&leg->why, strerror(-err));
	if (l.full && !leg->why.len)
		scn_buf_str(&leg->why, OUT_OF_MEMORY);
}

/* The command line of gntsim fuzz. */
static void fill_fuzz(const struct conform *c, const struct conform_leg *leg, const char **argv,
		      char text[4][32])
{
	size_t n = 0;

	snprintf(text[0], sizeof(text[0]), "xen:%s", leg->leg->name);
	snprintf(text[1], sizeof(text[1]), "%lu", c->ops);
	snprintf(text[2], sizeof(text[2]), "%lu", c->seed);
	argv[n++] = c->program;
	argv[n++] = "fuzz";
	argv[n++] = "--against";
	argv[n++] = text[0];
	argv[n++] = "--ops";
	argv[n++] = text[1];
	argv[n++] = "--seed";
	argv[n++] = text[2];
	argv[n++] = "--write";
	argv[n++] = c->directory;
	if (c->patience) {
		snprintf(text[3], sizeof(text[3]), "%u", c->patience);
		argv[n++] = "--patience";
		argv[n++] = text[3];
	}
	for (size_t i = 0; i < c->cell.n; i++)
		argv[n++] = c->cell.words[i];
	argv[n] = NULL;
}

static FILE *start_fuzz(const struct conform *c, const struct conform_leg *leg, pid_t *pid)
{
	const char *words[SCN_CELL_WORDS + 14];
	char *argv[SCN_CELL_WORDS + 14], text[4][32];
	FILE *said;
	int fds[2];

	fill_fuzz(c, leg, words, text);
	memcpy((void *)argv, (const void *)words, sizeof(argv));
	if (pipe(fds))
		return NULL;
	*pid = scn_fork_child();
	if (*pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execv(c->program, argv);
		_exit(127);
	}
	close(fds[1]);
	said = *pid > 0 ? fdopen(fds[0], "r") : NULL;
	if (!said)
		close(fds[0]);
	return said;
}

static void play_random(struct conform *c, struct conform_leg *leg)
{
	double began = scn_now();
	pid_t pid = -1;
	FILE *said = start_fuzz(c, leg, &pid);
	char line[4096];
	int status = 0;

	while (said && fgets(line, sizeof(line), said))
		scn_buf_str(&leg->said, line);
	if (said)
		fclose(said);
	if (pid > 0)
		scn_await_child(pid, &status);
	leg->fuzz = CONFORM_UNTRIED;
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) <= 1)
		leg->fuzz = WEXITSTATUS(status) ? CONFORM_DIFFERENT : CONFORM_SAME;
	if (leg->said.failed)
		scn_buf_str(&leg->why, OUT_OF_MEMORY);
	leg->fuzz_seconds = scn_now() - began;
}

void conform_play(struct conform *c, struct conform_leg *leg)
{
	if (scn_cell_kernel(&c->cell, scn_xen_lab(), leg->leg, true, &leg->booted, &leg->why))
		return;
	leg->kernel = leg->booted;
	scn_place_booted(CONFORM, &leg->kernel);
	play_corpus(c, leg);
	if (c->ops && !conform_is_wanting(leg))
		play_random(c, leg);
}
