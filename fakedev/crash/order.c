/* SPDX-License-Identifier: MIT */
/*
 * Orders as a file, a word a line: a run's number, a program's, the machine's options, an empty line, the
 * program's. Which run a gntsim run is it finds by making a file: the first name that is not there yet.
 */
#define _GNU_SOURCE
#include "crash/order.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUNS_MAX 1000

void crash_order_file(struct scn_buf *out, const char *dir, unsigned int run, const char *what)
{
	scn_buf_printf(out, "%s/%s-%u", dir, what, run);
}

int crash_order_write(const char *dir, const struct crash_order *order)
{
	scn_cleanup_buf struct scn_buf path = {0};
	FILE *out;
	int err;

	scn_buf_printf(&path, "%s/order", dir);
	out = path.failed ? NULL : fopen(scn_buf_text(&path), "we");
	if (!out)
		return path.failed ? -ENOMEM : -errno;
	fprintf(out, "%u\n%u\n", order->run, order->program);
	for (char **word = order->machine; *word; word++)
		fprintf(out, "%s\n", *word);
	fputc('\n', out);
	for (char **word = order->of_program; *word; word++)
		fprintf(out, "%s\n", *word);
	err = ferror(out) ? -EIO : 0;
	return fclose(out) ? -errno : err;
}

/* The first run that nobody is yet; 0 with errno: none. */
static unsigned int claim(const char *dir)
{
	for (unsigned int run = 1; run <= RUNS_MAX; run++) {
		scn_cleanup_buf struct scn_buf path = {0};
		int fd;

		crash_order_file(&path, dir, run, "points");
		fd = open(scn_buf_text(&path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0) {
			close(fd);
			return run;
		}
		if (errno != EEXIST)
			return 0;
	}
	return 0;
}

/* @return a line without its end, the caller's; NULL at the end of the file */
static char *next_line(FILE *in)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n = getline(&line, &room, in);

	if (n < 0) {
		free(line);
		return NULL;
	}
	if (n > 0 && line[n - 1] == '\n')
		line[n - 1] = '\0';
	return line;
}

static unsigned int next_number(FILE *in)
{
	char *line = next_line(in);
	unsigned int n = line ? (unsigned int)strtoul(line, NULL, 10) : 0;

	free(line);
	return n;
}

/* The words of a run with more among them. */
struct words {
	char **all; /* ends with NULL */
	size_t n;
	char **own; /* those that were made here; ends with NULL */
	size_t n_own;
	bool failed;
};

static void append(char ***list, size_t *n, char *word, bool *failed)
{
	char **more = reallocarray(*list, *n + 2, sizeof(*more));

	if (!more || !word) {
		*failed = true;
		*list = more ? more : *list;
		return;
	}
	more[(*n)++] = word;
	more[*n] = NULL;
	*list = more;
}

static void add(struct words *w, char *word)
{
	append(&w->all, &w->n, word, &w->failed);
}

static void add_own(struct words *w, char *word)
{
	bool failed = false;

	append(&w->own, &w->n_own, word, &failed);
	w->failed |= failed;
	if (failed)
		free(word);
	else
		add(w, word);
}

/* Orders are for all runs; each has files of its own. */
static char *for_run(const char *word, unsigned int run)
{
	const char *at = strstr(word, CRASH_ORDER_RUN);
	char *out;

	if (!at)
		return strdup(word);
	if (asprintf(&out, "%.*s%u%s", (int)(at - word), word, run,
		     at + sizeof(CRASH_ORDER_RUN) - 1) < 0)
		return NULL;
	return out;
}

/* Up to an empty line or the end of the file. */
static void add_block(struct words *w, FILE *in, unsigned int run)
{
	char *line;

	while ((line = next_line(in)) && *line) {
		add_own(w, for_run(line, run));
		free(line);
	}
	free(line);
}

static const char *separator_of(int argc, char **argv)
{
	for (int i = 1; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "--separator") && i + 1 < argc)
			return argv[i + 1];
		if (!strncmp(argv[i], "--separator=", 12))
			return argv[i] + 12;
	}
	return ":::";
}

/* Somebody else's machine has no points. */
static bool joins(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--socket") || !strncmp(argv[i], "--socket=", 9))
			return true;
	return false;
}

static void build(struct words *w, int argc, char **argv, FILE *in, const char *dir)
{
	unsigned int run = claim(dir), ordered = next_number(in), program = next_number(in), at = 1;
	bool mine = run == ordered;
	const char *separator = separator_of(argc, argv);

	if (!run) {
		w->failed = true;
		return;
	}
	add(w, argv[0]);
	add_block(w, in, run);
	if (mine && program == 1)
		add_block(w, in, run);
	for (int i = 1; i < argc; i++) {
		add(w, argv[i]);
		if (!strcmp(argv[i], separator) && ++at == program && mine)
			add_block(w, in, run);
	}
}

int crash_order_take(int *argc, char ***argv, struct crash_words *words)
{
	const char *dir = getenv(CRASH_ENVIRONMENT);
	scn_cleanup_buf struct scn_buf path = {0};
	struct words w = {0};
	FILE *in;

	*words = (struct crash_words){0};
	if (!dir || !*dir || joins(*argc, *argv))
		return 0;
	scn_buf_printf(&path, "%s/order", dir);
	in = path.failed ? NULL : fopen(scn_buf_text(&path), "re");
	if (!in)
		return path.failed ? -ENOMEM : -errno;
	build(&w, *argc, *argv, in, dir);
	fclose(in);
	unsetenv(CRASH_ENVIRONMENT);
	*words = (struct crash_words){w.all, w.own};
	if (w.failed)
		return -ENOMEM;
	*argc = (int)w.n;
	*argv = w.all;
	return 0;
}

void crash_order_free(struct crash_words *words)
{
	for (char **word = words->own; word && *word; word++)
		free(*word);
	free(words->own);
	free(words->all);
	*words = (struct crash_words){0};
}
