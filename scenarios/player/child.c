/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t scn_fork_child(void)
{
	pid_t us = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != us) /* it ended before that */
			_exit(127);
	}
	return pid;
}

int scn_await_child(pid_t pid, int *status)
{
	pid_t ended;

	do
		ended = waitpid(pid, status, 0);
	while (ended < 0 && errno == EINTR);
	return ended < 0 ? -1 : 0;
}

bool scn_await_input(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n;

	do
		n = poll(&p, 1, ms);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

/* Whether it has ended by then. (Before Linux 5.3 nobody can tell.) */
static bool has_ended(int pidfd, int ms)
{
	return pidfd < 0 ? ms > 0 : scn_await_input(pidfd, ms);
}

int scn_end_child(pid_t pid, int alone_ms, int asked_ms)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), status = 0;

	if (!has_ended(pidfd, alone_ms)) {
		kill(pid, SIGTERM);
		if (!has_ended(pidfd, asked_ms))
			kill(pid, SIGKILL);
	}
	if (pidfd >= 0)
		close(pidfd);
	scn_await_child(pid, &status);
	return status;
}
