/* SPDX-License-Identifier: MIT */
#include "scratch.h"
#include "player/child.h"
#include "substrates/agent/remove.h"
#include "substrates/agent/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* With every signal blocked: those that end its maker are sent to the whole group. It holds nobody's
 * files. */
_Noreturn static void keep(const char *path, int held)
{
	ssize_t n;
	char byte;

	dup2(held, STDIN_FILENO);
	closefrom(STDIN_FILENO + 1);
	do
		n = read(STDIN_FILENO, &byte, 1);
	while (n < 0 && errno == EINTR);
	scn_remove(path);
	_exit(0);
}

int scn_scratch_make(struct scn_scratch *s, const char *name)
{
	char room[PATH_MAX];
	int ends[2], err;
	sigset_t all, old;

	s->keeper = 0;
	snprintf(s->path, sizeof(s->path), "%.60s/%s-XXXXXX", scn_temporary(room), name);
	if (!mkdtemp(s->path))
		return -errno;
	if (pipe2(ends, O_CLOEXEC)) {
		err = -errno;
		rmdir(s->path);
		return err;
	}
	fflush(NULL);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	s->keeper = fork();
	if (s->keeper == 0)
		keep(s->path, ends[0]);
	err = -errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(ends[0]);
	s->hold = ends[1];
	if (s->keeper > 0)
		return 0;
	close(s->hold);
	rmdir(s->path);
	return err;
}

void scn_scratch_remove(struct scn_scratch *s)
{
	if (s->keeper <= 0)
		return;
	close(s->hold);
	scn_await_child(s->keeper, NULL);
	*s = (struct scn_scratch){0};
}
