/* SPDX-License-Identifier: MIT */
/* gntsim record --shrink: the judge is a command, which is given each script as a file. */
#define _GNU_SOURCE
#include "shrink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "command/command.h"
#include "player/child.h"
#include "record/shrink.h"
#include "substrates/agent/temporary.h"

struct trial {
	const char *command;
	char dir[80], file[120];
	int status;    /* that matters: of the whole script; -1 before */
	double end;    /* when no more is to be tried */
	sigset_t set;  /* of signals that end it, blocked */
	bool asked_to; /* end */
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The command with the file's path for each {}. */
static void put_command(const struct trial *t, struct scn_buf *out)
{
	const char *at = t->command, *place;

	while ((place = strstr(at, "{}"))) {
		scn_buf_add(out, at, (size_t)(place - at));
		scn_buf_str(out, t->file);
		at = place + 2;
	}
	scn_buf_str(out, at);
}

static _Noreturn void become(const struct trial *t, const char *command)
{
	int nothing = open("/dev/null", O_RDWR);

	setpgid(0, 0);
	sigprocmask(SIG_UNBLOCK, &t->set, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(nothing, STDIN_FILENO);
	dup2(nothing, STDOUT_FILENO);
	dup2(nothing, STDERR_FILENO);
	execl("/bin/sh", "sh", "-c", command, "sh", t->file, NULL);
	_exit(EXIT_CANNOT_EXEC);
}

/* @return its wait status; -ETIME: it had no more time; or another negative errno */
static int await(struct trial *t, pid_t pid)
{
	struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	const struct timespec none = {0};
	int status = 0, err = p.fd < 0 ? -errno : 0;
	bool over = false;

	while (!err && !over && poll(&p, 1, 200) != 1) {
		if (sigtimedwait(&t->set, NULL, &none) > 0)
			t->asked_to = true;
		over = t->asked_to || now() >= t->end;
	}
	if (p.fd >= 0)
		close(p.fd);
	/* What it has started ends with it. */
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (err)
		return err;
	return over ? -ETIME : status;
}

static int run(struct trial *t)
{
	scn_cleanup_buf struct scn_buf command = {0};
	pid_t pid;

	put_command(t, &command);
	if (command.failed)
		return -ENOMEM;
	pid = scn_fork_child();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(t, scn_buf_text(&command));
	setpgid(pid, pid);
	return await(t, pid);
}

static int write_file(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "we");
	int err = 0;

	if (!f)
		return -errno;
	if (fwrite(text, 1, len, f) != len)
		err = -errno;
	if (fclose(f) && !err)
		err = -errno;
	return err;
}

static int wanted(void *ctx, const char *text, size_t len)
{
	struct trial *t = ctx;
	int status = write_file(t->file, text, len);

	if (status)
		return status;
	if (now() >= t->end)
		return -ETIME;
	status = run(t);
	if (status < 0)
		return status;
	status = exit_status(status);
	if (t->status < 0)
		t->status = status;
	return status != 0 && status == t->status;
}

static int complain_of(const struct trial *t, const char *path, int err, const char *messages)
{
	switch (err) {
	case -EINVAL:
		fputs(messages, stderr);
		return EXIT_GNTSIM;
	case -ECANCELED:
		return complain("the command does not fail on %s: there is nothing to shrink it by",
				path);
	case -ETIME:
		return t->asked_to ? complain("ended before it was known whether the command fails")
				   : complain("--budget: the command does not end in that time");
	default:
		return complain("%s cannot be shrunk: %s", path, strerror(-err));
	}
}

static int put_out(int fd, const char *path, const struct scn_buf *b)
{
	size_t done = 0;

	/* A pipe or a device has nothing to cut off. */
	if (path && ftruncate(fd, 0) < 0 && errno != EINVAL)
		return complain("cannot write %s: %s", path, strerror(errno));
	while (done < b->len) {
		ssize_t n = write(fd, b->data + done, b->len - done);

		if (n < 0 && errno != EINTR)
			return complain("%s is not whole: %s", path ? path : "stdout",
					strerror(errno));
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int shrink_to(struct trial *t, const struct scn_source *src, int out, const char *out_path)
{
	struct shrink_judge judge = {t, wanted};
	scn_cleanup_errors struct scn_errors errors = {0};
	scn_cleanup_buf struct scn_buf text = {0};
	struct shrink_totals totals = {0};
	int err = shrink_script(src, &judge, &text, &totals, &errors), status;

	if (!err && (t->status == EXIT_CANNOT_EXEC || t->status == EXIT_NOT_FOUND))
		return complain("the command cannot be run: %s", t->command);
	if (err)
		return complain_of(t, src->name, err, scn_buf_text(&errors.text));
	status = put_out(out, out_path, &text);
	if (!status)
		fprintf(stderr, "gntsim: %u statements became %u, in %u trials%s\n", totals.before,
			totals.after, totals.trials,
			!totals.ended ? ""
			: t->asked_to ? "; more was not asked for"
				      : "; then the time was up (--budget)");
	return status;
}

static void begin(struct trial *t)
{
	be_told_of_pipes();
	sigemptyset(&t->set);
	sigaddset(&t->set, SIGINT);
	sigaddset(&t->set, SIGTERM);
	sigaddset(&t->set, SIGHUP);
	sigprocmask(SIG_BLOCK, &t->set, NULL);
}

static void free_text(char **text)
{
	free(*text);
}

int record_shrink(const char *command, const char *path, const char *out_path, unsigned long budget)
{
	struct trial t = {.command = command, .status = -1, .end = now() + (double)budget};
	struct scn_source src = {.name = path};
	__attribute__((cleanup(free_text))) char *text = scn_read_file(path, &src.len);
	char room[PATH_MAX];
	int out, status;

	if (!text)
		return complain("%s: %s", path, strerror(errno));
	src.text = text;
	out = out_path ? open(out_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666)
		       : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (out < 0)
		return complain("cannot write %s: %s", out_path ? out_path : "stdout",
				strerror(errno));
	snprintf(t.dir, sizeof(t.dir), "%s/gntsim-XXXXXX", scn_temporary(room));
	if (!mkdtemp(t.dir)) {
		status = complain("cannot make a directory %s: %s", t.dir, strerror(errno));
	} else {
		snprintf(t.file, sizeof(t.file), "%s/shrunk.scn", t.dir);
		begin(&t);
		status = shrink_to(&t, &src, out, out_path);
		unlink(t.file);
		rmdir(t.dir);
	}
	close(out);
	return status;
}
