/* SPDX-License-Identifier: MIT */
/* A program that runs as our child: we get its signals, and wait for its end. */
#define _GNU_SOURCE
#include "command.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Signals that the program is meant to get. A terminal's reach it without us. */
static const int forwarded[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT};

static void reap(struct running *r)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == r->child) {
			r->status = status;
			r->ended = true;
		} else if (r->xenstore && pid == r->xenstore->pid) {
			xenstore_ended(r->xenstore, status);
		}
	}
}

void running_signal(void *ctx)
{
	struct running *r = ctx;
	struct signalfd_siginfo s;
	ssize_t n;

	while ((n = read(r->signals, &s, sizeof(s))) == sizeof(s)) {
		if (s.ssi_signo == SIGCHLD)
			reap(r);
		else if (s.ssi_code <= 0 && r->child > 0)
			kill(r->child, (int)s.ssi_signo);
	}
	/* Whatever came: the end of a child is there to be seen without. */
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		reap(r);
}

int running_may_wait(struct failure *f)
{
	int status;

	/* We are no child of our own: that is all that is to come of it. */
	if (waitpid(getpid(), &status, WNOHANG) >= 0 || errno == ECHILD)
		return 0;
	return fail(f, -errno, "the end of a program can't be seen here: wait4(2) fails: %s",
		    strerror(errno));
}

int running_prepare(struct running *r, struct xenstore *x)
{
	sigset_t set;

	*r = (struct running){.xenstore = x};
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		sigaddset(&set, forwarded[i]);
	sigprocmask(SIG_BLOCK, &set, &r->before);
	r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return r->signals < 0 ? -errno : 0;
}

static char **copy_environment(void)
{
	size_t n = 0;
	char **copy;

	while (environ && environ[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	if (copy && n)
		memcpy(copy, environ, n * sizeof(*copy));
	return copy;
}

/* With us ends its machine: killed, nobody else would end it. */
static void end_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_GNTSIM);
}

/* Nothing of the caller's is on this stack for the child to change. */
static __attribute__((noinline)) pid_t start_sharing(const struct running *r,
						     int (*program)(void *ctx), void *ctx)
{
	pid_t parent = getpid(), pid = vfork();

	if (pid == 0) {
		end_with(parent);
		sigprocmask(SIG_SETMASK, &r->before, NULL);
		_exit(program(ctx));
	}
	return pid;
}

int running_start_sharing(struct running *r, int (*program)(void *ctx), void *ctx)
{
	/* What the child sets there it sets in our memory: what we had is put back. */
	char **ours = copy_environment();

	if (!ours)
		return -ENOMEM;
	r->child = start_sharing(r, program, ctx);
	environ = ours;
	return r->child < 0 ? -errno : 0;
}

int running_start(struct running *r, int (*program)(void *ctx), void *ctx)
{
	pid_t parent = getpid();

	r->child = fork();
	if (r->child == 0) {
		end_with(parent);
		sigprocmask(SIG_SETMASK, &r->before, NULL);
		_exit(program(ctx));
	}
	return r->child < 0 ? -errno : 0;
}

void running_await(struct running *r)
{
	struct pollfd p = {.fd = r->signals, .events = POLLIN};

	while (!r->ended) {
		poll(&p, 1, -1);
		running_signal(r);
	}
}
