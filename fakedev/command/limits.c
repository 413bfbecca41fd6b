/* SPDX-License-Identifier: MIT */
/* What the caller's limits (ulimit) mean for a machine: it takes what the host allows, its programs
 * keep what they were given, and one that leaves no room is named. */
#define _GNU_SOURCE
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct {
	struct rlimit descriptors, file_size;
	void (*on_file_size)(int), (*on_pipe)(int);
	bool raised, told, told_of_pipes;
} before;

static int raise_one(__rlimit_resource_t resource, struct rlimit *old)
{
	struct rlimit r;

	if (getrlimit(resource, old) < 0)
		return -errno;
	r = (struct rlimit){old->rlim_max, old->rlim_max};
	if (old->rlim_cur == r.rlim_cur)
		return 0;
	return setrlimit(resource, &r) < 0 ? -errno : 0;
}

void be_told_of_writes(void)
{
	before.on_file_size = signal(SIGXFSZ, SIG_IGN);
	before.told = true;
}

void be_told_of_pipes(void)
{
	before.on_pipe = signal(SIGPIPE, SIG_IGN);
	before.told_of_pipes = true;
}

int raise_limits(struct failure *f)
{
	int err = raise_one(RLIMIT_NOFILE, &before.descriptors);

	/* The page frames are a file as far as the kernel is concerned. */
	if (err == 0)
		err = raise_one(RLIMIT_FSIZE, &before.file_size);
	if (err < 0)
		return fail(f, err, "cannot raise a limit: %s", strerror(-err));
	before.raised = true;
	if (before.descriptors.rlim_max < FEWEST_DESCRIPTORS)
		return fail(f, -EMFILE,
			    "only %lu open files are allowed (ulimit -Hn), a machine needs %u",
			    (unsigned long)before.descriptors.rlim_max, FEWEST_DESCRIPTORS);
	return 0;
}

void restore_signals(void)
{
	if (before.told && before.on_file_size != SIG_ERR)
		signal(SIGXFSZ, before.on_file_size);
	if (before.told_of_pipes && before.on_pipe != SIG_ERR)
		signal(SIGPIPE, before.on_pipe);
}

void restore_limits(void)
{
	restore_signals();
	if (!before.raised)
		return;
	setrlimit(RLIMIT_NOFILE, &before.descriptors);
	setrlimit(RLIMIT_FSIZE, &before.file_size);
}

int fill_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", O_RDWR | O_CLOEXEC) != fd)
			return -1;
	return 0;
}
