/* SPDX-License-Identifier: MIT */
/*
 * Programs beside each other on one machine. Each is started when the one before it has become what it
 * is to be, and has printed the line that is waited for; when all have ended, or are told to end,
 * nothing that came of them stays.
 */
#define _GNU_SOURCE
#include "deaths.h"
#include "descendants.h"
#include "hang.h"
#include "run.h"
#include "stops.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Milliseconds: until who was asked to end is killed; until what can't even be killed is given up. */
#define GRACE_MS  5000
#define GIVEUP_MS 5000

/* Told to all programs, which end by them, and by a terminal to those of its foreground group. */
static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
/* Passed on to the programs, if somebody sent them to us. */
static const int forwarded[] = {SIGUSR1, SIGUSR2, SIGCONT};

#define N_ENDING    (sizeof(ending) / sizeof(ending[0]))
#define N_FORWARDED (sizeof(forwarded) / sizeof(forwarded[0]))

struct child {
	pid_t pid; /* 0: it has ended, or was not started */
	int status;
	bool executed; /* it has turned into the program */
	bool found;    /* and has printed what is waited for */
};

struct several {
	const struct run_options *o;
	const struct run_place *at;
	struct child *children;
	unsigned int n_started, n_running;
	struct spared spared; /* the machine's own: xenstored, the relay, what a front needs */
	sigset_t before;
	int signals, starting; /* signalfd; the newest child's pipe, which its exec closes; -1 */
	int events;            /* an epoll set of all that is waited for beside the machine */
	int64_t patience;      /* when the newest child's line must have come */
	enum { RUNNING, TOLD_TO_END, KILLED } phase;
	int64_t deadline; /* of the phase */
	int failed;       /* an exit status that goes before the programs' own; 0: none */
	struct run_hang hang;
	int interrupted; /* the signal that ended it all; 0: none */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static unsigned int signal_all(const struct several *s, int signal, pid_t but_group)
{
	return descendants_signal(signal, but_group, &s->spared);
}

/* No more are started, and who is there is told to end. */
static void end_all(struct several *s, int signal, pid_t but_group)
{
	signal_all(s, signal, but_group);
	if (s->phase != RUNNING)
		return;
	s->phase = TOLD_TO_END;
	s->deadline = now_ms() + GRACE_MS;
}

static void kill_all(struct several *s)
{
	signal_all(s, SIGKILL, 0);
	if (s->phase != KILLED)
		s->deadline = now_ms() + GIVEUP_MS;
	s->phase = KILLED;
}

static void fail_all(struct several *s, int status)
{
	if (s->failed || s->phase != RUNNING)
		return;
	s->failed = status;
	end_all(s, SIGTERM, 0);
}

static int watch(const struct several *s, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(s->events, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static void take_ends(const struct relay_source *source)
{
	for (int k = 0; k < 2; k++)
		if (source->ends[k] >= 0)
			dup2(source->ends[k], STDOUT_FILENO + k);
}

static void be_the_child(const struct several *s, unsigned int i, pid_t parent, int report)
{
	int status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_GNTSIM);
	sigprocmask(SIG_SETMASK, &s->before, NULL);
	take_ends(&s->at->output->sources[i]);
	status = run_become(s->o, &s->o->programs[i], s->at);
	if (write(report, &status, sizeof(status)) < 0)
		_exit(EXIT_GNTSIM);
	_exit(status);
}

/* One that said why on stderr already: with it all others are useless. */
static void start_next(struct several *s)
{
	unsigned int i = s->n_started;
	struct child *c = &s->children[i];
	pid_t parent = getpid();
	int report[2];

	if (pipe2(report, O_CLOEXEC | O_NONBLOCK) < 0) {
		fail_all(s, complain("cannot make a pipe: %s", strerror(errno)));
		return;
	}
	c->pid = fork();
	if (c->pid == 0)
		be_the_child(s, i, parent, report[1]);
	close(report[1]);
	run_deaths_started(s->at->deaths, i, c->pid);
	if (c->pid < 0 || watch(s, report[0]) < 0) {
		fail_all(
		    s, complain("cannot start %s: %s", s->o->programs[i].argv[0], strerror(errno)));
		close(report[0]);
		return;
	}
	s->starting = report[0];
	s->n_started++;
	s->n_running++;
	s->patience = now_ms() + 1000 * (int64_t)s->o->programs[i].patience;
	relay_source_close(&s->at->output->sources[i]);
}

static void line_did_not_come(struct several *s, unsigned int i)
{
	const struct run_program *p = &s->o->programs[i];

	if (s->phase == RUNNING && !run_deaths_is_victim(s->at->deaths, i))
		fail_all(s,
			 complain("%s ended (status %d) without having printed a line that matches "
				  "'%s' (--wait-for)",
				  p->argv[0], s->children[i].status, p->wait_for));
}

static void child_ended(struct several *s, unsigned int i, int status)
{
	s->children[i].pid = 0;
	s->children[i].status = exit_status(status);
	run_deaths_ended(s->at->deaths, i, status);
	run_stops_counted(s->o, s->at->stops, i, s->at->deaths);
	s->n_running--;
	if (s->at->stops && stops_refused(s->at->stops))
		fail_all(s, EXIT_GNTSIM);
	if (!s->o->programs[i].wait_for || s->children[i].found)
		return;
	if (s->at->output->relay.control >= 0)
		relay_program_ended(&s->at->output->relay, i);
	else
		line_did_not_come(s, i);
}

static void reap(struct several *s)
{
	struct run_output *output = s->at->output;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		/* One that we trace, to look at it. */
		if (WIFSTOPPED(status))
			continue;
		spared_forget(&s->spared, pid);
		for (unsigned int i = 0; i < s->n_started; i++)
			if (s->children[i].pid == pid)
				child_ended(s, i, status);
		if (s->at->xenstore && pid == s->at->xenstore->pid)
			xenstore_ended(s->at->xenstore, status);
		if (pid == output->relay.pid) {
			output->relay.pid = 0;
			fail_all(s, complain("who passes on what the programs print has died"));
		}
	}
}

static bool is_among(const int *signals, size_t n, int signal)
{
	while (n > 0 && signals[n - 1] != signal)
		n--;
	return n > 0;
}

static void take_signal(struct several *s, const struct signalfd_siginfo *info)
{
	int signal = (int)info->ssi_signo;
	/* A terminal's went to all of its foreground group. */
	pid_t told = info->ssi_code > 0 ? getpgrp() : 0;

	if (signal == SIGCHLD) {
		reap(s);
	} else if (is_among(ending, N_ENDING, signal)) {
		if (s->interrupted) {
			kill_all(s);
			return;
		}
		s->interrupted = signal;
		end_all(s, signal, told);
	} else if (!told) {
		for (unsigned int i = 0; i < s->n_started; i++)
			if (s->children[i].pid > 0)
				kill(s->children[i].pid, signal);
	}
}

/* The newest child has turned into its program, or could not. */
static void take_report(struct several *s)
{
	int status;
	ssize_t n = read(s->starting, &status, sizeof(status));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		fail_all(s, complain("cannot read whether %s has started: %s",
				     s->o->programs[s->n_started - 1].argv[0], strerror(errno)));
	if (n == sizeof(status))
		fail_all(s, status);
	s->children[s->n_started - 1].executed = n == 0;
	close(s->starting);
	s->starting = -1;
}

static void take_news(struct several *s)
{
	struct relay_news news;

	while (relay_next(&s->at->output->relay, &news)) {
		s->children[news.source].found = news.found;
		if (!news.found)
			line_did_not_come(s, news.source);
	}
	/* Else its end would wake us for ever. */
	if (s->phase == RUNNING && relay_is_lost(&s->at->output->relay))
		fail_all(s, complain("who passes on what the programs print says no more"));
}

static void take_events(void *ctx)
{
	struct several *s = ctx;
	struct signalfd_siginfo info;
	ssize_t n;

	/* What a program printed was printed before it ended. */
	if (s->starting >= 0)
		take_report(s);
	take_news(s);
	while ((n = read(s->signals, &info, sizeof(info))) == sizeof(info))
		take_signal(s, &info);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		if (!s->failed)
			fail_all(s, complain("cannot read signals: %s", strerror(errno)));
		reap(s);
	}
}

/* Its line has come, or it was ended at its point: the others are to live with that. */
static bool is_waited_for(const struct several *s, unsigned int i)
{
	return s->o->programs[i].wait_for && !s->children[i].found &&
	       !run_deaths_is_victim(s->at->deaths, i);
}

static bool may_start_next(const struct several *s)
{
	unsigned int n = s->n_started;

	if (s->phase != RUNNING || n == s->o->n_programs)
		return false;
	return n == 0 || (s->children[n - 1].executed && !is_waited_for(s, n - 1));
}

static bool waits_for_line(const struct several *s)
{
	unsigned int n = s->n_started;

	return s->phase == RUNNING && n > 0 && n < s->o->n_programs && is_waited_for(s, n - 1);
}

static void look_at_the_clock(struct several *s)
{
	const struct run_program *p = &s->o->programs[s->n_started - 1];

	if (waits_for_line(s) && now_ms() >= s->patience) {
		fail_all(s,
			 complain("%s has not printed a line that matches '%s' within %u second%s "
				  "(--wait-for, --wait-patience); to a pipe many programs print "
				  "late: 'stdbuf -oL %s'",
				  p->argv[0], p->wait_for, p->patience, p->patience == 1 ? "" : "s",
				  p->argv[0]));
	} else if (s->phase == TOLD_TO_END && now_ms() >= s->deadline) {
		kill_all(s);
	} else if (s->phase == KILLED) {
		/* Who was being forked when we looked is there now. */
		signal_all(s, SIGKILL, 0);
	}
}

static int next_look_ms(const struct several *s)
{
	int64_t at = waits_for_line(s)         ? s->patience
		     : s->phase == TOLD_TO_END ? s->deadline
		     : s->phase == KILLED      ? now_ms() + 100
					       : -1;

	if (at < 0)
		return -1;
	return at > now_ms() ? (int)(at - now_ms()) : 0;
}

/* Those that were stopped at their point never end by themselves. */
static bool only_stopped_are_left(const struct several *s)
{
	if (!s->at->deaths || s->phase != RUNNING || s->n_running == 0 ||
	    s->n_started < s->o->n_programs)
		return false;
	for (unsigned int i = 0; i < s->n_started; i++)
		if (s->children[i].pid > 0 && !run_deaths_is_stopped(s->at->deaths, i))
			return false;
	return true;
}

/* All that was started has ended, and all that came of it. */
static bool is_over(struct several *s)
{
	bool given_up = s->phase == KILLED && now_ms() >= s->deadline;
	unsigned int left;

	if (!given_up && (s->n_running > 0 || s->starting >= 0))
		return false;
	if (s->phase == RUNNING && s->n_started < s->o->n_programs)
		return false;
	left = signal_all(s, 0, 0);
	if (left > 0 && given_up)
		complain("%u process%s of the programs can't be ended", left,
			 left == 1 ? "" : "es");
	if (left > 0 && s->phase == RUNNING) {
		if (s->o->verbose)
			complain("the programs left %u process%s running: told to end", left,
				 left == 1 ? "" : "es");
		end_all(s, SIGTERM, 0);
	}
	return left == 0 || given_up;
}

static int wait_for_events(struct several *s)
{
	struct pollfd p = {.fd = s->events, .events = POLLIN};
	int ms = next_look_ms(s), look = run_hang_ms(s->o);

	if (s->at->broker)
		return broker_serve(s->at->broker, look >= 0 && (ms < 0 || look < ms) ? look : ms);
	if (poll(&p, 1, ms) > 0)
		take_events(s);
	return 0;
}

static int judge(const struct several *s)
{
	if (s->failed)
		return s->failed;
	for (unsigned int i = 0; i < s->n_started; i++)
		if (s->children[i].status && !run_deaths_is_victim(s->at->deaths, i))
			return s->children[i].status;
	return s->n_started < s->o->n_programs ? 128 + s->interrupted : 0;
}

static sigset_t handled_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < N_ENDING; i++)
		sigaddset(&set, ending[i]);
	for (size_t i = 0; i < N_FORWARDED; i++)
		sigaddset(&set, forwarded[i]);
	return set;
}

/* Orphans come to us, wherever they are in the tree: that is how all are found. */
static int prepare(struct several *s)
{
	sigset_t set = handled_signals();
	int err = spared_find(&s->spared);

	if (err < 0)
		return complain("cannot see which processes there are: %s", strerror(-err));
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return complain("cannot look after orphans: %s", strerror(errno));
	sigprocmask(SIG_BLOCK, &set, &s->before);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	s->events = epoll_create1(EPOLL_CLOEXEC);
	s->children = calloc(s->o->n_programs, sizeof(*s->children));
	if (s->signals < 0 || s->events < 0 || !s->children || watch(s, s->signals) < 0 ||
	    (s->at->output->relay.control >= 0 && watch(s, s->at->output->relay.control) < 0) ||
	    (s->at->broker && broker_watch(s->at->broker, s->events, take_events, s) < 0))
		return complain("cannot watch for signals: %s", strerror(errno));
	return 0;
}

int run_several(const struct run_options *o, const struct run_place *at)
{
	struct several s = {.o = o, .at = at, .signals = -1, .starting = -1, .events = -1};
	int status = prepare(&s), n = 0;

	while (status == 0 && n >= 0 && !is_over(&s)) {
		if (may_start_next(&s))
			start_next(&s);
		n = wait_for_events(&s);
		if (at->broker)
			deaths_look(at->broker);
		if (n >= 0 && s.phase == RUNNING && s.starting < 0 && s.n_running > 0 &&
		    run_hang_look(&s.hang, o, at, &s.spared, n == 0)) {
			s.failed = EXIT_HANG;
			kill_all(&s);
		}
		if (only_stopped_are_left(&s)) {
			complain("all others have ended: what is stopped is killed");
			kill_all(&s);
		}
		if (s.n_started > 0)
			look_at_the_clock(&s);
	}
	if (n < 0) {
		status = complain("the event loop failed: %s", strerror(-n));
		signal_all(&s, SIGKILL, 0);
	}
	if (status == 0)
		status = judge(&s);
	at->output->hurry = s.interrupted;
	if (!(at->broker && broker_unwatch(at->broker, s.events)) && s.events >= 0)
		close(s.events);
	if (s.signals >= 0)
		close(s.signals);
	free(s.children);
	spared_free(&s.spared);
	return status;
}
