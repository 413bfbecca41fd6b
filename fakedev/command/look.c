/* SPDX-License-Identifier: MIT */
/* Looking at a directory that may lie in a tree whose machine is stopped: whoever does so himself sleeps
 * in the kernel, deaf to signals. A child does it, which may be left there. */
#define _GNU_SOURCE
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Seconds. */
#define PATIENCE 5

struct seen {
	int err;
	char real[PATH_MAX];
};

static int look_once(const char *dir, struct seen *s)
{
	struct stat st;

	if (!realpath(dir, s->real) || stat(s->real, &st) < 0)
		return errno;
	return S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
}

/* A tree whose machine ends while we ask says so of the question, and of the next one that it is dead. */
static void look(const char *dir, struct seen *s)
{
	s->err = look_once(dir, s);
	if (s->err == ECONNABORTED)
		s->err = look_once(dir, s);
}

static void look_and_tell(const char *dir, int fd)
{
	struct seen s = {0};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	look(dir, &s);
	_exit(write(fd, &s, sizeof(s)) == (ssize_t)sizeof(s) ? 0 : 1);
}

int look_at_directory(const char *dir, char real[PATH_MAX])
{
	struct pollfd p = {.events = POLLIN};
	struct seen s = {.err = ETIMEDOUT};
	int ends[2], n;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child == 0)
		look_and_tell(dir, ends[1]);
	close(ends[1]);
	p.fd = ends[0];
	n = child < 0 ? -1 : poll(&p, 1, PATIENCE * 1000);
	if (n > 0 && read(ends[0], &s, sizeof(s)) != (ssize_t)sizeof(s))
		s.err = EIO;
	if (n < 0)
		s.err = errno;
	close(ends[0]);
	if (child > 0 && n <= 0)
		kill(child, SIGKILL);
	/* One that sleeps in the kernel for good is left to init. */
	if (child > 0)
		waitpid(child, NULL, n > 0 ? 0 : WNOHANG);
	if (s.err == 0 && real)
		strcpy(real, s.real);
	return -s.err;
}
