/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/command.h"
#include "player/child.h"

static _Noreturn void become(char *const argv[], int out)
{
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setpgid(0, 0);
	dup2(nothing, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execv("/proc/self/exe", argv);
	dprintf(STDERR_FILENO, "gntsim: cannot run /proc/self/exe (is /proc mounted?): %s\n",
		strerror(errno));
	_exit(EXIT_CANNOT_EXEC);
}

static int await(pid_t pid)
{
	struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	int status, in_time = 0;

	while (p.fd >= 0 && (in_time = poll(&p, 1, TRIAL_SECONDS * 1000)) < 0 && errno == EINTR)
		;
	if (p.fd >= 0)
		close(p.fd);
	if (in_time == 0)
		kill(-pid, SIGKILL);
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	kill(-pid, SIGKILL); /* whom it left behind */
	if (p.fd >= 0 && in_time == 0)
		return -ETIME;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void read_back(struct scn_buf *said, int fd)
{
	char some[4096];
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) != 0)
		return;
	while ((n = read(fd, some, sizeof(some))) > 0)
		scn_buf_add(said, some, (size_t)n);
}

void trial_run(struct trial *t, char *const argv[])
{
	int out = memfd_create("gntsim doctor", MFD_CLOEXEC);
	pid_t pid = out < 0 ? -1 : scn_fork_child();

	*t = (struct trial){.status = -errno, .refused = out < 0 ? "memfd_create(2)" : "fork(2)"};
	if (pid == 0)
		become(argv, out);
	if (pid > 0) {
		setpgid(pid, pid);
		t->status = await(pid);
		t->refused = "waitpid(2)";
		read_back(&t->said, out);
	}
	if (out >= 0)
		close(out);
}

/* @return where the message begins in a line; NULL: it is none */
static const char *message_in(const char *line)
{
	static const char skipped[] = ": skipped: ";
	static const char *const before[] = {"gntsim play: ", "gntsim: "};
	const char *end = line + strcspn(line, "\n"), *message = NULL, *reason;

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]) && !message; i++)
		if (!strncmp(line, before[i], strlen(before[i])))
			message = line + strlen(before[i]);
	reason =
	    message ? memmem(message, (size_t)(end - message), skipped, sizeof(skipped) - 1) : NULL;
	return reason ? reason + sizeof(skipped) - 1 : message;
}

void trial_why(const struct trial *t, struct scn_buf *out)
{
	const char *text = scn_buf_text(&t->said);

	if (t->status == -ETIME) {
		scn_buf_printf(out, "no answer within %d s", TRIAL_SECONDS);
		return;
	}
	if (t->status < 0) {
		scn_buf_printf(out, "it could not be tried: %s fails: %s", t->refused,
			       strerror(-t->status));
		return;
	}
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *message = message_in(line);

		if (message) {
			scn_buf_clean(out, message, strcspn(message, "\n"), " ");
			return;
		}
	}
	scn_buf_printf(out, "it ended with status %d", t->status);
	if (*text) {
		scn_buf_str(out, ": ");
		scn_buf_clean(out, text, strcspn(text, "\n"), " ");
	}
}

void trial_free(struct trial *t)
{
	scn_buf_free(&t->said);
}
