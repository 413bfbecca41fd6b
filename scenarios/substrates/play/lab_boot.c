/* SPDX-License-Identifier: MIT */
#include "lab_boot.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "player/child.h"
#include "player/clock.h"

#define SILENT_MS 60000 /* how long the lab may be at its end, when it has said all */
#define END_MS    10000 /* how long it may take to end when it is told to */

#define LAB_CANNOT  125
#define LAB_TIMEOUT 124
#define LAB_CRASH   126

#define MAX_BOOTS 64 /* that are listened to at once */

/* Starts the command with its output in a pipe and its errors in a file. */
static pid_t start(char *const *argv, int *out, FILE *errors)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	pid = scn_fork_child(); /* no emulator outlives us */
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fileno(errors), STDERR_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	close(fds[1]);
	*out = fds[0];
	if (pid < 0)
		close(fds[0]);
	return pid;
}

static void give_lines(struct scn_lab_boot *b)
{
	struct scn_buf *text = &b->text;
	char *at = text->data, *end;
	size_t left;

	while (at && (end = strchr(at, '\n'))) {
		*end = '\0';
		b->patience = b->sink(b->ctx, at);
		at = end + 1;
	}
	if (!at)
		return;
	left = text->len - (size_t)(at - text->data);
	memmove(text->data, at, left + 1);
	text->len = left;
}

/* When it has been silent for too long. */
static double end_of_patience(const struct scn_lab_boot *b)
{
	double end = b->since + b->patience;

	return end < b->deadline ? end : b->deadline;
}

/* No more can be heard of it. */
static void lose(struct scn_lab_boot *b, int err)
{
	b->err = err;
	b->over = true;
}

static void read_some(struct scn_lab_boot *b)
{
	char chunk[4096];
	ssize_t n = read(b->out, chunk, sizeof(chunk));

	if (n < 0 && errno != EINTR)
		lose(b, errno);
	if (n == 0)
		b->over = b->heard = true;
	if (n <= 0)
		return;
	b->since = scn_now();
	scn_buf_add(&b->text, chunk, (size_t)n);
	if (b->text.failed)
		lose(b, ENOMEM);
	else
		give_lines(b);
}

static int milliseconds_until(double end)
{
	double left = end - scn_now();

	return left > 0 ? (int)(left * 1000) + 1 : 0;
}

bool scn_lab_boot_listen(struct scn_lab_boot *const *boots, size_t n)
{
	struct pollfd p[MAX_BOOTS];
	double end = 0;
	bool any = false;
	int err = 0;

	for (size_t i = 0; i < n; i++) {
		double its = end_of_patience(boots[i]);

		p[i] = (struct pollfd){.fd = boots[i]->over ? -1 : boots[i]->out, .events = POLLIN};
		if (!boots[i]->over && (end == 0 || its < end))
			end = its;
	}
	if (poll(p, n, milliseconds_until(end)) < 0) {
		if (errno == EINTR)
			return false;
		err = errno;
	}
	for (size_t i = 0; i < n; i++) {
		if (boots[i]->over)
			continue;
		if (err)
			lose(boots[i], err);
		else if (p[i].revents)
			read_some(boots[i]);
		else if (scn_now() >= end_of_patience(boots[i]))
			boots[i]->over = true;
		any |= boots[i]->over;
	}
	return any;
}

/* A domU's console is the players' channel: what was on its way stands before the kernel's words. */
static const char *take_domU(const char *text, struct scn_buf *why)
{
	static const char domU[] = "domU: ";
	const char *words = strchr(text, '[');

	if (strncmp(text, domU, strlen(domU)) != 0 || !words)
		return text;
	scn_buf_str(why, domU);
	return words;
}

/* The last thing the lab said goes to `why` without its prefix, the rest to `notes`. */
static void read_errors(FILE *errors, bool has_reason, struct scn_buf *notes, struct scn_buf *why)
{
	static const char crash[] = "a guest crashed: ", console[] = "; the console is in ";
	scn_cleanup_buf struct scn_buf last = {0};
	char line[4096], *text, *end;

	rewind(errors);
	while (fgets(line, sizeof(line), errors)) {
		line[strcspn(line, "\n")] = '\0';
		if (last.len)
			scn_buf_printf(notes, "%s\n", scn_buf_text(&last));
		scn_buf_clear(&last);
		scn_buf_str(&last, line);
	}
	if (!last.len)
		return;
	if (!has_reason) {
		scn_buf_printf(notes, "%s\n", scn_buf_text(&last));
		return;
	}
	text = last.data;
	if (!strncmp(text, "xen-lab: ", 9))
		text += 9;
	if (!strncmp(text, crash, strlen(crash))) {
		text += strlen(crash);
		end = strstr(text, console);
		if (end)
			*end = '\0';
	}
	scn_buf_str(why, take_domU(text, why));
}

static enum scn_lab_end judge(int status, bool heard, struct scn_buf *why)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : LAB_CANNOT;

	if (!heard || code == LAB_TIMEOUT)
		return SCN_LAB_SILENCE;
	if (code == LAB_CRASH)
		return SCN_LAB_CRASH;
	if (code != LAB_CANNOT && code != 127)
		return SCN_LAB_DONE;
	if (!why->len)
		scn_buf_str(why, code == 127 ? "it can't be started" : "it ended without a word");
	return SCN_LAB_CANNOT;
}

int scn_lab_boot_start(struct scn_lab_boot *b, char *const *argv, double deadline,
		       scn_lab_sink *sink, void *ctx, struct scn_buf *why)
{
	int err;

	b->sink = sink;
	b->ctx = ctx;
	b->since = scn_now();
	b->deadline = deadline;
	b->patience = SCN_LAB_FIRST_LINE_SECONDS;
	b->errors = tmpfile();
	b->pid = b->errors ? start(argv, &b->out, b->errors) : -1;
	if (b->pid >= 0)
		return 0;
	err = -errno;
	scn_buf_printf(why, "can't start %s: %s", argv[0], strerror(-err));
	if (b->errors)
		fclose(b->errors);
	return err;
}

enum scn_lab_end scn_lab_boot_end(struct scn_lab_boot *b, struct scn_buf *notes,
				  struct scn_buf *why)
{
	int status = scn_end_child(b->pid, b->heard ? SILENT_MS : 0, END_MS);

	close(b->out);
	read_errors(b->errors, WIFEXITED(status) && WEXITSTATUS(status) >= LAB_TIMEOUT, notes, why);
	fclose(b->errors);
	scn_buf_free(&b->text);
	if (b->err) {
		scn_buf_clear(why);
		scn_buf_printf(why, "can't hear the lab: %s", strerror(b->err));
		return SCN_LAB_CANNOT;
	}
	return judge(status, b->heard, why);
}
