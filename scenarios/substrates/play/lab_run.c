/* SPDX-License-Identifier: MIT */
#include "lab_run.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "player/child.h"
#include "player/clock.h"
#include "substrates/agent/scratch.h"

#define GUEST_DIR "/lab/s/" /* where the scenarios lie in the guest */

#define SILENT_MS 60000 /* how long the lab may be at its end, when it has said all */
#define END_MS    10000 /* how long it may take to end when it is told to */

#define LAB_CANNOT  125
#define LAB_TIMEOUT 124
#define LAB_CRASH   126

/* Until the guest's first line packages may be fetched and an image be made. */
#define FIRST_LINE_SECONDS 900

void scn_lab_localize(struct scn_buf *message)
{
	scn_cleanup_buf struct scn_buf old = *message;
	const char *at = scn_buf_text(&old), *found;

	*message = (struct scn_buf){0};
	while ((found = strstr(at, GUEST_DIR))) {
		scn_buf_add(message, at, (size_t)(found - at));
		at = found + strlen(GUEST_DIR);
	}
	scn_buf_str(message, at);
}

static bool make_parents(char *path, size_t from)
{
	for (char *slash = strchr(path + from, '/'); slash; slash = strchr(slash + 1, '/')) {
		int err;

		*slash = '\0';
		err = mkdir(path, 0700) && errno != EEXIST;
		*slash = '/';
		if (err)
			return false;
	}
	return true;
}

/* Adds a file to the directory that becomes GUEST_DIR; its name there goes to `inside`. */
static bool stage_file(const char *stage, const char *path, struct scn_buf *inside)
{
	scn_cleanup_buf struct scn_buf link = {0};
	char real[PATH_MAX];

	if (!realpath(path, real))
		return false;
	scn_buf_str(inside, strstr(path, "..") ? real : path);
	scn_buf_printf(&link, "%s/%s", stage, scn_buf_text(inside));
	return !link.failed && make_parents(link.data, strlen(stage) + 1) &&
	       (!symlink(real, link.data) || errno == EEXIST);
}

/* A command line: words that it owns. */
struct words {
	char **word;
	size_t n, room;
};

static void free_words(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->word[i]);
	free((void *)w->word);
}

__attribute__((format(printf, 2, 3))) static bool add_word(struct words *w, const char *format, ...)
{
	va_list ap;
	int n;

	if (w->n >= w->room) {
		size_t room = w->room ? w->room * 2 : 64;
		char **grown = (char **)realloc((void *)w->word, (room + 1) * sizeof(*grown));

		if (!grown)
			return false;
		w->word = grown;
		w->room = room;
	}
	va_start(ap, format);
	n = vasprintf(&w->word[w->n], format, ap);
	va_end(ap);
	if (n < 0)
		return false;
	w->word[++w->n] = NULL;
	return true;
}

/* One domain plays on its devices, two on each other's. */
static bool add_place(struct words *w, const struct scn_lab *lab)
{
	const char *guest = lab->leg->guest[0] == SCN_PV ? "pv" : "pvh";

	if (lab->leg->n_domains > 1)
		return add_word(w, "pair") && (!lab->swapped || add_word(w, "--swap"));
	return add_word(w, "device") && add_word(w, "--host") && add_word(w, "%s", guest) &&
	       add_word(w, "--guest") && add_word(w, "%s", guest);
}

static bool add_options(struct words *w, const struct scn_cell *cell)
{
	for (size_t i = 0; i < cell->n; i++) {
		if (!add_word(w, "%s", cell->words[i]))
			return false;
	}
	return true;
}

/* What is booted. */
static bool add_cell(struct words *w, const struct scn_lab *lab)
{
	const struct scn_cell *cell = &lab->cell;

	if (!cell->has_kernel && !cell->own_kernel &&
	    (!add_word(w, "--kernel") ||
	     !add_word(w, "%u.%u", lab->kernel.major, lab->kernel.minor)))
		return false;
	return add_options(w, cell);
}

static bool add_command(struct words *w, const struct scn_lab *lab, const char *stage, bool fresh,
			double deadline)
{
	double left = deadline - scn_now();

	return add_word(w, "%s", lab->command) && add_word(w, "run") &&
	       add_word(w, "%s", lab->leg->name) && add_cell(w, lab) && add_word(w, "--timeout") &&
	       add_word(w, "%d", left > 1 ? (int)left : 1) && add_word(w, "--file") &&
	       add_word(w, "%s=/lab/s", stage) && add_word(w, "--") &&
	       add_word(w, "%s", lab->player) && add_word(w, "--tap") && add_word(w, "--on") &&
	       add_place(w, lab) &&
	       (!lab->has_seed ||
		(add_word(w, "--seed") && add_word(w, "%llu", (unsigned long long)lab->seed))) &&
	       (!fresh || add_word(w, "--fresh")) && (!lab->verbose || add_word(w, "--verbose"));
}

/* Starts the command with its output in a pipe and its errors in a file. */
static pid_t start(const struct words *w, int *out, FILE *errors)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = scn_fork_child(); /* no emulator outlives us */
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fileno(errors), STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		execv(w->word[0], w->word);
		_exit(127);
	}
	close(fds[1]);
	*out = fds[0];
	return pid;
}

static void give_lines(struct scn_buf *text, scn_lab_sink *sink, void *ctx, int *patience)
{
	char *at = text->data, *end;
	size_t left;

	while (at && (end = strchr(at, '\n'))) {
		*end = '\0';
		*patience = sink(ctx, at);
		at = end + 1;
	}
	if (!at)
		return;
	left = text->len - (size_t)(at - text->data);
	memmove(text->data, at, left + 1);
	text->len = left;
}

/* Reads to the end. Returns false if that would take too long. */
static bool listen_to(int fd, double deadline, scn_lab_sink *sink, void *ctx)
{
	scn_cleanup_buf struct scn_buf text = {0};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int patience = FIRST_LINE_SECONDS;

	for (double since = scn_now();;) {
		double now = scn_now(), left = since + patience - now;
		char chunk[4096];
		ssize_t n;

		if (left > deadline - now)
			left = deadline - now;
		if (left <= 0)
			return false;
		if (poll(&p, 1, (int)(left * 1000) + 1) <= 0)
			continue;
		n = read(fd, chunk, sizeof(chunk));
		if (n <= 0)
			return true;
		scn_buf_add(&text, chunk, (size_t)n);
		give_lines(&text, sink, ctx, &patience);
		since = now;
	}
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
		scn_buf_str(why, "it ended without a word");
	return SCN_LAB_CANNOT;
}

static enum scn_lab_end run_words(const struct words *w, double deadline, scn_lab_sink *sink,
				  void *ctx, struct scn_buf *notes, struct scn_buf *why)
{
	FILE *errors = tmpfile();
	bool heard;
	int out = -1, status = 0;
	pid_t pid = errors ? start(w, &out, errors) : -1;

	if (pid < 0) {
		scn_buf_printf(why, "can't start %s: %s", w->word[0], strerror(errno));
		if (errors)
			fclose(errors);
		return SCN_LAB_CANNOT;
	}
	heard = listen_to(out, deadline, sink, ctx);
	status = scn_end_child(pid, heard ? SILENT_MS : 0, END_MS);
	close(out);
	read_errors(errors, WIFEXITED(status) && WEXITSTATUS(status) >= LAB_TIMEOUT, notes, why);
	fclose(errors);
	return judge(status, heard, why);
}

enum scn_lab_end scn_lab_run(const struct scn_lab *lab, char *const *paths, size_t n, bool fresh,
			     double deadline, scn_lab_sink *sink, void *ctx, struct scn_buf *notes,
			     struct scn_buf *why)
{
	__attribute__((cleanup(free_words))) struct words w = {0};
	struct scn_scratch stage;
	enum scn_lab_end end = SCN_LAB_CANNOT;
	int err = scn_scratch_make(&stage, "gntsim-play");
	bool good;

	if (err) {
		scn_buf_printf(why, "%s: %s", stage.path, strerror(-err));
		return SCN_LAB_CANNOT;
	}
	good = add_command(&w, lab, stage.path, fresh, deadline);
	for (size_t i = 0; good && i < n; i++) {
		scn_cleanup_buf struct scn_buf inside = {0};

		good = stage_file(stage.path, paths[i], &inside) &&
		       add_word(&w, GUEST_DIR "%s", scn_buf_text(&inside));
	}
	if (good)
		end = run_words(&w, deadline, sink, ctx, notes, why);
	else
		scn_buf_printf(why, "can't lay out the scenarios in %s: %s", stage.path,
			       strerror(errno));
	scn_scratch_remove(&stage);
	return end;
}

enum scn_lab_end scn_lab_describe(const struct scn_cell *cell, const char *command,
				  const struct scn_leg *leg, scn_lab_sink *sink, void *ctx,
				  struct scn_buf *notes, struct scn_buf *why)
{
	__attribute__((cleanup(free_words))) struct words w = {0};

	if (!add_word(&w, "%s", command) || !add_word(&w, "describe") ||
	    !add_word(&w, "%s", leg->name) || !add_options(&w, cell)) {
		scn_buf_str(why, strerror(ENOMEM));
		return SCN_LAB_CANNOT;
	}
	return run_words(&w, scn_now() + FIRST_LINE_SECONDS, sink, ctx, notes, why);
}
