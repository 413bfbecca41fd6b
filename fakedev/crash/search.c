/* SPDX-License-Identifier: MIT */
/* The search: as many trials at a time as there are jobs, each judged when it has ended. */
#define _GNU_SOURCE
#include "crash/search.h"
#include "crash/groups.h"
#include "crash/results.h"
#include "crash/trial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Until what is overdue, or no longer wanted, is killed. */
#define GRACE_MS 8000
/* In the time in which nobody may move; the first comes after so much of it. */
#define LOOKS 4
/* Of a schedule, until it is known how many there are. */
#define STEPS 100

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

struct run_of {
	struct crash_search own;
	const struct crash_search *s; /* that one */
	const struct crash_progress *progress;
	struct crash_findings *out;
	struct scn_buf *why;
	struct keeper keeper;
	char *base;
	struct trial_said undisturbed;
	struct crash_plan plan;
	struct trial *trials; /* one a job */
	size_t *slots;        /* of each point: where its result is, plus 1; 0: there is none yet */
	size_t next, number;
	unsigned long steps; /* a schedule's */
	int64_t began;
	sigset_t waited, before;
};

static bool out_of_time(const struct run_of *r)
{
	return r->s->budget && crash_now_ms() - r->began >= 1000 * (int64_t)r->s->budget;
}

static bool is_ending(int signal)
{
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		if (ending[i] == signal)
			return true;
	return false;
}

static void look_if_stuck(struct run_of *r, struct trial *t, int64_t now)
{
	if (t->waiting.len || now - t->looked < r->s->hang_ms / LOOKS)
		return;
	t->looked = now;
	if (stuck_look(&t->stuck, t->pid, now, r->s->hang_ms))
		stuck_tell(&t->waiting, t->pid);
}

/* What has been running for too long is told to end, and later killed. @return ms to the next look */
static int64_t hurry(struct run_of *r)
{
	int64_t now = crash_now_ms(), next = 1000;

	for (unsigned int i = 0; i < r->s->jobs; i++) {
		struct trial *t = &r->trials[i];
		int64_t due = t->began + 1000 * (int64_t)r->s->patience;

		if (!t->pid)
			continue;
		trial_repeat(t);
		look_if_stuck(r, t, now);
		if (t->waiting.len || r->out->interrupted || now >= due) {
			if (!t->told)
				t->told = now;
			kill(-t->pid, now >= t->told + GRACE_MS ? SIGKILL : SIGTERM);
			t->overdue = !t->waiting.len;
		} else if (due - now < next) {
			next = due - now;
		}
		if (r->s->hang_ms / LOOKS < next)
			next = r->s->hang_ms / LOOKS;
	}
	return next;
}

/* Waits until a trial ends, a signal comes, or it is time for another look. */
static void wait_a_little(struct run_of *r)
{
	int64_t ms = hurry(r);
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	int signal = sigtimedwait(&r->waited, NULL, &t);

	if (signal > 0 && is_ending(signal))
		r->out->interrupted = signal;
}

/* @return a trial that has ended and is to be reaped; NULL: none */
static struct trial *ended(struct run_of *r)
{
	for (unsigned int i = 0; i < r->s->jobs; i++) {
		siginfo_t info = {0};

		if (r->trials[i].pid &&
		    waitid(P_PID, (id_t)r->trials[i].pid, &info, WEXITED | WNOWAIT | WNOHANG) ==
			0 &&
		    info.si_pid)
			return &r->trials[i];
	}
	return NULL;
}

static struct trial *free_slot(struct run_of *r)
{
	for (unsigned int i = 0; i < r->s->jobs; i++)
		if (!r->trials[i].pid)
			return &r->trials[i];
	return NULL;
}

static struct crash_schedule schedule_of(const struct run_of *r, unsigned int i)
{
	return crash_schedule_of(i, r->s->schedules, r->s->seed, r->steps);
}

static int explain(struct run_of *r, int status, const char *what)
{
	if (!r->why->len)
		scn_buf_printf(r->why, "%s: %s", what, strerror(-status));
	return status;
}

/* What the command printed goes with a complaint. */
static int refuse(struct run_of *r, struct trial *t, const char *text)
{
	scn_cleanup_buf struct scn_buf output = {0};

	trial_output(t, &output);
	scn_buf_str(r->why, text);
	if (output.len)
		scn_buf_printf(r->why, "; it printed:\n%s", scn_buf_text(&output));
	return -ECANCELED;
}

static int judge_undisturbed(struct run_of *r, struct trial *t, int status,
			     const struct trial_said *said)
{
	char text[200];

	if (r->out->interrupted) {
		scn_buf_str(r->why, "interrupted before the first death");
		return -EINTR;
	}
	if (t->waiting.len) {
		snprintf(text, sizeof(text), "the command hangs undisturbed: %.100s",
			 scn_buf_text(&t->waiting));
		return refuse(r, t, text);
	}
	if (t->overdue) {
		snprintf(text, sizeof(text),
			 "the command does not end within %u seconds, undisturbed", r->s->patience);
		return refuse(r, t, text);
	}
	if (WIFSIGNALED(status)) {
		snprintf(text, sizeof(text), "the command fails undisturbed: signal %d",
			 WTERMSIG(status));
		return refuse(r, t, text);
	}
	if (WEXITSTATUS(status)) {
		snprintf(text, sizeof(text), "the command fails undisturbed: status %d",
			 WEXITSTATUS(status));
		return refuse(r, t, text);
	}
	if (said->n_runs == 0)
		return refuse(r, t, "the command starts no gntsim run with a machine of its own");
	return 0;
}

/* Runs it to its end without a death. */
static int run_undisturbed(struct run_of *r, const struct crash_schedule *schedule,
			   struct trial_said *said)
{
	const struct trial_what what = {.schedule = schedule};
	struct trial *t = &r->trials[0];
	int status = trial_start(t, r->s, &r->keeper, r->base, ++r->number, &what, &r->before),
	    exit;

	if (status < 0)
		return explain(r, status, "cannot start the command");
	while (!ended(r))
		wait_a_little(r);
	exit = trial_reap(t, &r->keeper);
	r->out->undisturbed_ms = crash_now_ms() - t->began;
	status = trial_read(t, said, r->why);
	status = status < 0 ? explain(r, status, "cannot read what a run said")
			    : judge_undisturbed(r, t, exit, said);
	trial_remove(t);
	return status;
}

/* The victims' are meant. */
static bool same_counts(const struct crash_choice *choice, const struct trial_said *a,
			const struct trial_said *b)
{
	if (a->n_runs != b->n_runs)
		return false;
	for (size_t i = 0; i < a->n_runs; i++) {
		if (a->runs[i].n_programs != b->runs[i].n_programs)
			return false;
		for (size_t k = 0; k < a->runs[i].n_programs; k++)
			if (crash_choice_has(choice, &a->runs[i].programs[k]) &&
			    a->runs[i].programs[k].calls != b->runs[i].programs[k].calls)
				return false;
	}
	return true;
}

/* What fails under a schedule without a death says nothing of deaths. */
static int try_schedules(struct run_of *r)
{
	int status = 0;

	for (unsigned int i = 0; i < r->s->schedules && status == 0; i++) {
		struct crash_schedule s = schedule_of(r, i);
		scn_cleanup_buf struct scn_buf text = {0}, why = {0};
		struct trial_said said = {0};

		status = run_undisturbed(r, &s, &said);
		if (status < 0) {
			crash_schedule_text(&s, &text);
			scn_buf_printf(&why, "with --schedule %s %s", scn_buf_text(&text),
				       scn_buf_text(r->why));
			scn_buf_clear(r->why);
			scn_buf_str(r->why, scn_buf_text(&why));
		}
		trial_said_free(&said);
	}
	return status;
}

static unsigned long most_steps(const struct trial_said *said)
{
	unsigned long steps = 1;

	for (size_t i = 0; i < said->n_runs; i++)
		if (said->runs[i].steps > steps)
			steps = said->runs[i].steps;
	return steps;
}

/* Whether the run refused to stop a program at its stores, rather than that the test failed. */
static bool cannot_count(struct run_of *r)
{
	static const char *const refusals[] = {"stores can't be stopped at", "--count-stores"};
	scn_cleanup_buf struct scn_buf text = {0};
	char *rest = NULL, *line;

	scn_buf_str(&text, scn_buf_text(r->why));
	if (text.failed)
		return false;
	for (line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
			if (!strncmp(line, "gntsim: ", 8) && strstr(line, refusals[i])) {
				free(r->out->why_uncountable);
				r->out->why_uncountable = strdup(line + 8);
				return true;
			}
	return false;
}

/* Twice: what a program does again counts. */
static int count(struct run_of *r)
{
	struct crash_schedule first = schedule_of(r, 0);
	/* The same points each time, too. */
	const struct crash_schedule *scheduled = r->s->schedules ? &first : r->s->scheduled;
	struct trial_said again = {0};
	int status = run_undisturbed(r, scheduled, &r->undisturbed);

	/* Not every program can be stopped at its stores. */
	if (status == -ECANCELED && r->own.choice.stores && r->own.choice.calls &&
	    !r->out->interrupted && cannot_count(r)) {
		r->own.choice.stores = false;
		r->out->uncountable = true;
		scn_buf_clear(r->why);
		trial_said_free(&r->undisturbed);
		status = run_undisturbed(r, scheduled, &r->undisturbed);
	}
	if (status == 0 && !r->s->only)
		status = run_undisturbed(r, scheduled, &again);
	r->out->unsteady =
	    status == 0 && !r->s->only && !same_counts(&r->s->choice, &r->undisturbed, &again);
	trial_said_free(&again);
	r->steps = most_steps(&r->undisturbed);
	return status == 0 ? try_schedules(r) : status;
}

static int plan_only(struct run_of *r, const struct crash_point *point)
{
	const struct trial_said *u = &r->undisturbed;

	if (point->run > u->n_runs || point->program > u->runs[point->run - 1].n_programs) {
		scn_buf_str(r->why, "there is no such program");
		return -ENOENT;
	}
	r->plan.points = calloc(1, sizeof(*point));
	if (!r->plan.points)
		return -ENOMEM;
	r->plan.points[0] = *point;
	r->plan.n = 1;
	return 0;
}

static int plan(struct run_of *r)
{
	scn_cleanup_buf struct scn_buf who = {0};
	int status;

	if (r->s->only)
		return plan_only(r, r->s->only);
	status = crash_plan_make(&r->plan, &r->s->choice, r->undisturbed.runs,
				 r->undisturbed.n_runs, &who);
	if (status == -ENOENT)
		scn_buf_printf(r->why,
			       "--victim: no program is called, and none is of domain, '%s'",
			       scn_buf_text(&who));
	else if (status < 0)
		return explain(r, status, "cannot plan");
	else if (r->plan.n == 0 && r->s->choice.n_shards < 2) {
		scn_buf_str(r->why, "the programs make no call that one could die at");
		status = -ENOENT;
	}
	return status;
}

static int take_result(struct run_of *r, const struct trial *t, const struct trial_said *said)
{
	struct crash_evidence e = {.undisturbed = r->undisturbed.runs,
				   .n_undisturbed = r->undisturbed.n_runs,
				   .runs = said->runs,
				   .n_runs = said->n_runs,
				   .waiting = t->waiting.len ? scn_buf_text(&t->waiting) : NULL,
				   .overdue = t->overdue,
				   .check_failed = said->check_failed,
				   .accepted = r->s->accepted,
				   .n_accepted = r->s->n_accepted};

	return results_add(r->out, &r->slots[t->index], &r->plan.points[t->index], &e,
			   t->schedule.depth ? &t->schedule : NULL, crash_now_ms() - t->began);
}

static int take_ended(struct run_of *r, struct trial *t)
{
	struct trial_said said;
	int status;

	trial_reap(t, &r->keeper);
	status = trial_read(t, &said, r->why);
	if (status < 0)
		explain(r, status, "cannot read what a run said");
	else if (!r->out->interrupted)
		status = take_result(r, t, &said);
	trial_said_free(&said);
	trial_remove(t);
	if (status == 0 && r->progress)
		r->progress->tell(r->progress->ctx, r->out, crash_count_failed(r->out),
				  crash_now_ms() - r->began);
	return status;
}

/* Enough is known of the point. */
static bool is_settled(const struct run_of *r, size_t point)
{
	size_t slot = r->slots[point];

	return slot && r->out->results[slot - 1].n_schedules == CRASH_SCHEDULES_TOLD;
}

static size_t tries(const struct run_of *r)
{
	return r->plan.n * (r->s->schedules ? r->s->schedules : 1);
}

/* All points under the first schedule come before any under the next. */
static bool may_start(struct run_of *r)
{
	while (r->next < tries(r) && is_settled(r, r->next % r->plan.n)) {
		r->next++;
		r->out->runs_planned--;
	}
	if (r->out->interrupted || r->next == tries(r))
		return false;
	if (!out_of_time(r))
		return true;
	r->out->out_of_time = true;
	return false;
}

static int start(struct run_of *r, struct trial *t)
{
	size_t point = r->next % r->plan.n;
	struct crash_schedule schedule = {0};
	struct trial_what what = {.point = &r->plan.points[point], .schedule = r->s->scheduled};
	int status;

	/* A destroyed domain notifies nobody, and who is stopped lives. */
	if (!r->s->end || (strcmp(r->s->end, "destroy") && strcmp(r->s->end, "stop")))
		what.watched = r->undisturbed.runs[what.point->run - 1]
				   .programs[what.point->program - 1]
				   .armed;
	if (r->s->schedules) {
		schedule = schedule_of(r, (unsigned int)(r->next / r->plan.n));
		what.schedule = &schedule;
	}
	status = trial_start(t, r->s, &r->keeper, r->base, ++r->number, &what, &r->before);
	t->index = point;
	if (what.schedule)
		t->schedule = *what.schedule;
	r->next++;
	return status;
}

static bool any_runs(const struct run_of *r)
{
	for (unsigned int i = 0; i < r->s->jobs; i++)
		if (r->trials[i].pid)
			return true;
	return false;
}

static int try_all(struct run_of *r)
{
	struct trial *t;
	int status = 0;

	while (status == 0) {
		while (status == 0 && (t = free_slot(r)) && may_start(r))
			status = start(r, t);
		if (status < 0)
			return explain(r, status, "cannot start the command");
		if (!any_runs(r))
			return 0;
		while (!(t = ended(r)))
			wait_a_little(r);
		status = take_ended(r, t);
	}
	return status;
}

static int search(struct run_of *r)
{
	int status = count(r);

	if (status == 0)
		status = plan(r);
	if (status < 0)
		return status;
	r->slots = calloc(r->plan.n + 1, sizeof(*r->slots));
	if (!r->slots)
		return -ENOMEM;
	r->out->planned = r->plan.n;
	r->out->runs_planned = tries(r);
	r->out->shard = r->s->choice.shard;
	r->out->n_shards = r->s->choice.n_shards;
	r->out->uncountable |= r->plan.uncountable;
	return try_all(r);
}

static int open_room(struct run_of *r)
{
	int status;

	if (asprintf(&r->base, "%s/gntsim-crash-XXXXXX", r->s->room) < 0) {
		r->base = NULL;
		return -ENOMEM;
	}
	if (!mkdtemp(r->base))
		return -errno;
	status = keeper_start(&r->keeper, r->base);
	if (status < 0)
		rmdir(r->base);
	return status;
}

static void block_signals(struct run_of *r)
{
	sigemptyset(&r->waited);
	sigaddset(&r->waited, SIGCHLD);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		sigaddset(&r->waited, ending[i]);
	sigprocmask(SIG_BLOCK, &r->waited, &r->before);
}

int crash_search_run(const struct crash_search *s, const struct crash_progress *progress,
		     struct crash_findings *out, struct scn_buf *why)
{
	struct run_of r = {
	    .own = *s, .progress = progress, .out = out, .why = why, .began = crash_now_ms()};
	int status;

	r.s = &r.own;
	r.steps = STEPS;
	*out = (struct crash_findings){0};
	r.trials = calloc(s->jobs, sizeof(*r.trials));
	if (!r.trials)
		return explain(&r, -ENOMEM, "cannot search");
	block_signals(&r);
	status = open_room(&r);
	if (status < 0) {
		explain(&r, status, "cannot make a directory for the time being");
	} else {
		status = search(&r);
		/* Ends what runs, too. */
		keeper_end(&r.keeper);
	}
	for (unsigned int i = 0; i < s->jobs; i++)
		free(r.trials[i].dir);
	sigprocmask(SIG_SETMASK, &r.before, NULL);
	out->ms = crash_now_ms() - r.began;
	crash_plan_free(&r.plan);
	trial_said_free(&r.undisturbed);
	free(r.trials);
	free(r.slots);
	free(r.base);
	return status;
}
