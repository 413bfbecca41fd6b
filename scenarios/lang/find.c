/* SPDX-License-Identifier: MIT */
#include "find.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SUFFIX    ".scn"
#define MAX_DEPTH 32u

/* A directory that has been looked into; links may lead there again. */
struct seen {
	dev_t device;
	ino_t inode;
	bool within; /* it is still being looked into */
};

struct search {
	struct scn_files *files;
	struct seen *seen;
	size_t n, room;
};

void scn_files_free(struct scn_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		free(files->paths[i]);
	free(files->paths);
	free(files->errors);
	*files = (struct scn_files){0};
}

/* `err`: what is wrong with it, a negative errno, or 0. */
static int add(struct scn_files *files, const char *path, int err)
{
	if (files->n == files->room) {
		size_t room = files->room ? files->room * 2 : 64;
		char **paths = realloc(files->paths, room * sizeof(*paths));
		int *errors;

		if (!paths)
			return -ENOMEM;
		files->paths = paths;
		errors = realloc(files->errors, room * sizeof(*errors));
		if (!errors)
			return -ENOMEM;
		files->errors = errors;
		files->room = room;
	}
	files->errors[files->n] = err;
	files->paths[files->n] = strdup(path);
	if (!files->paths[files->n])
		return -ENOMEM;
	files->n++;
	return 0;
}

static bool is_scenario(const char *name)
{
	size_t n = strlen(name);

	return n > strlen(SUFFIX) && !strcmp(name + n - strlen(SUFFIX), SUFFIX);
}

static int by_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* The names in a directory, sorted. */
static int list(const char *path, struct scn_files *names)
{
	__attribute__((cleanup(close_dir))) DIR *dir = opendir(path);
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			err = add(names, entry->d_name, 0);
	}
	if (names->n)
		qsort(names->paths, names->n, sizeof(*names->paths), by_name);
	return err;
}

/* Notes that a directory is being looked into. 0, -ELOOP: it is inside of itself, -EEXIST: its files
 * are there already, -ENOMEM. */
static int enter(struct search *s, const struct stat *st)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->seen[i].device == st->st_dev && s->seen[i].inode == st->st_ino)
			return s->seen[i].within ? -ELOOP : -EEXIST;
	}
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 64;
		struct seen *seen = realloc(s->seen, room * sizeof(*seen));

		if (!seen)
			return -ENOMEM;
		s->seen = seen;
		s->room = room;
	}
	s->seen[s->n++] = (struct seen){st->st_dev, st->st_ino, true};
	return 0;
}

static int find(struct search *s, const char *path, unsigned int depth);

static int find_in(struct search *s, const char *path, const struct stat *st, unsigned int depth)
{
	scn_cleanup_files struct scn_files names = {0};
	int err = depth == MAX_DEPTH ? -ELOOP : enter(s, st);
	bool entered = err == 0;
	size_t here = s->n - 1;

	if (err == -EEXIST)
		return 0;
	if (!err)
		err = list(path, &names);
	if (err && err != -ENOMEM)
		err = add(s->files, path, err);
	for (size_t i = 0; !err && i < names.n; i++) {
		char *sub = NULL;

		if (asprintf(&sub, "%s/%s", path, names.paths[i]) < 0)
			return -ENOMEM;
		err = find(s, sub, depth + 1);
		free(sub);
	}
	if (entered)
		s->seen[here].within = false;
	return err;
}

static int find(struct search *s, const char *path, unsigned int depth)
{
	bool named = depth == 0, scenario = is_scenario(path);
	struct stat st;

	if (stat(path, &st)) {
		int err = -errno;

		/* Links that lead nowhere are only of interest where a scenario should be. */
		return named || scenario || err != -ENOENT ? add(s->files, path, err) : 0;
	}
	/* Who names a pipe has something in it. */
	if (!S_ISDIR(st.st_mode))
		return named || scenario
			   ? add(s->files, path, named || S_ISREG(st.st_mode) ? 0 : -ENODEV)
			   : 0;
	if (!named && scenario)
		return add(s->files, path, -EISDIR);
	return find_in(s, path, &st, depth);
}

int scn_find(const char *path, struct scn_files *files)
{
	struct search s = {.files = files};
	int err = find(&s, path, 0);

	free(s.seen);
	return err;
}

const char *scn_find_error(int err)
{
	if (err == -ELOOP)
		return "a loop of links, or too many levels";
	if (err == -EISDIR)
		return "a directory with a scenario's name";
	if (err == -ENODEV)
		return "no regular file";
	return strerror(-err);
}

void scn_files_shuffle(struct scn_files *files, unsigned long seed)
{
	uint64_t state = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;

	for (size_t i = files->n; i > 1; i--) {
		size_t j;
		char *path;
		int err;

		state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
		j = (size_t)(state >> 33) % i;
		path = files->paths[i - 1];
		files->paths[i - 1] = files->paths[j];
		files->paths[j] = path;
		err = files->errors[i - 1];
		files->errors[i - 1] = files->errors[j];
		files->errors[j] = err;
	}
}
