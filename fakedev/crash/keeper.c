/* SPDX-License-Identifier: MIT */
/* Reads process groups from a pipe, positive: it runs, negative: it has ended; at the pipe's end it ends
 * those that run, and removes the directory. */
#define _GNU_SOURCE
#include "crash/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "substrates/agent/remove.h"

#define GROUPS_MAX 1024
/* gntsim run gives its programs 5 seconds. */
#define GRACE_MS 8000
#define LOOK_MS  20

/* @return how many have somebody in them */
static unsigned int signal_groups(const pid_t *groups, unsigned int n, int signal)
{
	unsigned int there = 0;

	for (unsigned int i = 0; i < n; i++)
		there += kill(-groups[i], signal) == 0;
	return there;
}

static void end_groups(const pid_t *groups, unsigned int n)
{
	const struct timespec look = {.tv_nsec = LOOK_MS * 1000000L};

	signal_groups(groups, n, SIGTERM);
	for (int ms = 0; ms < GRACE_MS && signal_groups(groups, n, 0) > 0; ms += LOOK_MS)
		nanosleep(&look, NULL);
	signal_groups(groups, n, SIGKILL);
}

static void keep(int in, const char *dir)
{
	pid_t groups[GROUPS_MAX], word;
	unsigned int n = 0;

	while (read(in, &word, sizeof(word)) == sizeof(word)) {
		if (word > 0 && n < GROUPS_MAX)
			groups[n++] = word;
		for (unsigned int i = 0; word < 0 && i < n; i++)
			if (groups[i] == -word)
				groups[i] = groups[--n];
	}
	end_groups(groups, n);
	scn_remove(dir);
}

int keeper_start(struct keeper *k, const char *dir)
{
	sigset_t all, before;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	k->pid = fork();
	if (k->pid == 0) {
		/* What ends the search, from a terminal too, does not end this one. */
		setsid();
		close(ends[1]);
		keep(ends[0], dir);
		_exit(0);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[0]);
	k->told = ends[1];
	if (k->pid < 0) {
		int err = errno;

		close(ends[1]);
		return -err;
	}
	return 0;
}

static int tell(struct keeper *k, pid_t word)
{
	return write(k->told, &word, sizeof(word)) == sizeof(word) ? 0 : -EPIPE;
}

int keeper_began(struct keeper *k, pid_t group)
{
	return tell(k, group);
}

int keeper_ended(struct keeper *k, pid_t group)
{
	return tell(k, -group);
}

void keeper_end(struct keeper *k)
{
	close(k->told);
	while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}
