/* SPDX-License-Identifier: MIT */
#include "lab_run.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "player/clock.h"

#define GUEST_DIR "/lab/s/" /* where the scenarios lie in the guest */

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

/* A file, and its name below GUEST_DIR. */
struct laid {
	char real[PATH_MAX];
	const char *inside; /* the path, or that */
};

static bool find_file(const char *path, struct laid *f)
{
	if (!realpath(path, f->real))
		return false;
	f->inside = strstr(path, "..") ? f->real : path;
	return true;
}

/* Adds a file to the directory that becomes GUEST_DIR. */
static bool lay_file(const char *directory, const struct laid *f)
{
	scn_cleanup_buf struct scn_buf link = {0};

	scn_buf_printf(&link, "%s/%s", directory, f->inside);
	return !link.failed && make_parents(link.data, strlen(directory) + 1) &&
	       (!symlink(f->real, link.data) || errno == EEXIST);
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

static bool add_command(struct words *w, const struct scn_lab *lab, const char *command)
{
	return add_word(w, "%s", lab->command) && add_word(w, "%s", command) &&
	       add_word(w, "%s", lab->leg->name);
}

static bool add_timeout(struct words *w, double deadline)
{
	double left = deadline - scn_now();

	return add_word(w, "--timeout") && add_word(w, "%d", left > 1 ? (int)left : 1);
}

/* A guest of its own, with the player and the files of a directory; for `run`, or for `stage`. */
static bool add_guest(struct words *w, const struct scn_lab *lab, const char *command,
		      const char *directory, double deadline)
{
	return add_command(w, lab, command) && add_cell(w, lab) && add_timeout(w, deadline) &&
	       add_word(w, "--file") && add_word(w, "%s=/lab/s", directory) && add_word(w, "--") &&
	       add_word(w, "%s", lab->player);
}

/* The guest of a stage, which has all that. */
static bool add_staged_guest(struct words *w, const struct scn_lab *lab, const char *stage,
			     double deadline)
{
	return add_command(w, lab, "run") && add_word(w, "--stage") && add_word(w, "%s", stage) &&
	       add_timeout(w, deadline) && add_word(w, "--");
}

static bool add_arguments(struct words *w, const struct scn_lab *lab, bool fresh)
{
	return add_word(w, "--tap") && add_word(w, "--on") && add_place(w, lab) &&
	       (!lab->has_seed ||
		(add_word(w, "--seed") && add_word(w, "%llu", (unsigned long long)lab->seed))) &&
	       (!lab->quiet_ms || (add_word(w, "--quiet") && add_word(w, "%u", lab->quiet_ms))) &&
	       (!fresh || add_word(w, "--fresh")) && (!lab->verbose || add_word(w, "--verbose"));
}

/* Lays files for the guest, names them to the player, or both. */
static bool add_files(struct words *w, char *const *paths, size_t n, const char *directory,
		      bool names)
{
	struct laid f;

	for (size_t i = 0; i < n; i++) {
		if (!find_file(paths[i], &f) || (directory && !lay_file(directory, &f)) ||
		    (names && !add_word(w, GUEST_DIR "%s", f.inside)))
			return false;
	}
	return true;
}

static int make_files(struct scn_lab_boot *b, struct scn_buf *why)
{
	int err = scn_scratch_make(&b->files, "gntsim-play");

	if (err)
		scn_buf_printf(why, "%s: %s", b->files.path, strerror(-err));
	b->has_files = !err;
	return err;
}

static void remove_files(struct scn_lab_boot *b)
{
	if (b->has_files)
		scn_scratch_remove(&b->files);
}

/* Starts the command, if it could be put together. */
static int start(struct scn_lab_boot *b, bool good, const struct words *w, double deadline,
		 scn_lab_sink *sink, void *ctx, struct scn_buf *why)
{
	int err = good ? scn_lab_boot_start(b, w->word, deadline, sink, ctx, why) : -errno;

	if (!good)
		scn_buf_printf(why, "can't lay out the scenarios%s%s: %s",
			       b->has_files ? " in " : "", b->has_files ? b->files.path : "",
			       strerror(-err));
	if (err)
		remove_files(b);
	return err;
}

int scn_lab_start(struct scn_lab_boot *b, const struct scn_lab *lab, const char *stage,
		  char *const *paths, size_t n, bool fresh, double deadline, scn_lab_sink *sink,
		  void *ctx, struct scn_buf *why)
{
	__attribute__((cleanup(free_words))) struct words w = {0};
	int err;
	bool good;

	*b = (struct scn_lab_boot){.out = -1};
	if (stage) {
		good = add_staged_guest(&w, lab, stage, deadline) &&
		       add_arguments(&w, lab, fresh) && add_files(&w, paths, n, NULL, true);
		return start(b, good, &w, deadline, sink, ctx, why);
	}
	err = make_files(b, why);
	if (err)
		return err;
	good = add_guest(&w, lab, "run", b->files.path, deadline) &&
	       add_arguments(&w, lab, fresh) && add_files(&w, paths, n, b->files.path, true);
	return start(b, good, &w, deadline, sink, ctx, why);
}

int scn_lab_start_stage(struct scn_lab_boot *b, const struct scn_lab *lab, char *const *paths,
			size_t n, double deadline, scn_lab_sink *sink, void *ctx,
			struct scn_buf *why)
{
	__attribute__((cleanup(free_words))) struct words w = {0};
	int err;
	bool good;

	*b = (struct scn_lab_boot){.out = -1};
	err = make_files(b, why);
	if (err)
		return err;
	good = add_guest(&w, lab, "stage", b->files.path, deadline) &&
	       add_files(&w, paths, n, b->files.path, false);
	return start(b, good, &w, deadline, sink, ctx, why);
}

enum scn_lab_end scn_lab_finish(struct scn_lab_boot *b, struct scn_buf *notes, struct scn_buf *why)
{
	enum scn_lab_end end = scn_lab_boot_end(b, notes, why);

	remove_files(b);
	return end;
}

enum scn_lab_end scn_lab_describe(const struct scn_cell *cell, const char *command,
				  const struct scn_leg *leg, scn_lab_sink *sink, void *ctx,
				  struct scn_buf *notes, struct scn_buf *why)
{
	__attribute__((cleanup(free_words))) struct words w = {0};
	struct scn_lab_boot b = {.out = -1};

	if (!add_word(&w, "%s", command) || !add_word(&w, "describe") ||
	    !add_word(&w, "%s", leg->name) || !add_options(&w, cell)) {
		scn_buf_str(why, strerror(ENOMEM));
		return SCN_LAB_CANNOT;
	}
	if (scn_lab_boot_start(&b, w.word, scn_now() + SCN_LAB_FIRST_LINE_SECONDS, sink, ctx, why))
		return SCN_LAB_CANNOT;
	while (!scn_lab_boot_listen((struct scn_lab_boot *[]){&b}, 1))
		;
	return scn_lab_boot_end(&b, notes, why);
}
