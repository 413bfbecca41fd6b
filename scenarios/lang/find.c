/* SPDX-License-Identifier: MIT */
#include "find.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SUFFIX    ".scn"
#define MAX_DEPTH 32u

void scn_files_free(struct scn_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		free(files->paths[i]);
	free(files->paths);
	*files = (struct scn_files){0};
}

static int add(struct scn_files *files, const char *path)
{
	if (files->n == files->room) {
		size_t room = files->room ? files->room * 2 : 64;
		char **paths = realloc(files->paths, room * sizeof(*paths));

		if (!paths)
			return -ENOMEM;
		files->paths = paths;
		files->room = room;
	}
	files->paths[files->n] = strdup(path);
	return files->paths[files->n++] ? 0 : -ENOMEM;
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
			err = add(names, entry->d_name);
	}
	if (names->n)
		qsort(names->paths, names->n, sizeof(*names->paths), by_name);
	return err;
}

static int find(const char *path, struct scn_files *files, unsigned int depth)
{
	scn_cleanup_files struct scn_files names = {0};
	struct stat st;
	int err;

	if (stat(path, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return depth == 0 || is_scenario(path) ? add(files, path) : 0;
	if (depth == MAX_DEPTH)
		return -ELOOP;
	err = list(path, &names);
	for (size_t i = 0; !err && i < names.n; i++) {
		char *sub = NULL;

		if (asprintf(&sub, "%s/%s", path, names.paths[i]) < 0)
			return -ENOMEM;
		err = find(sub, files, depth + 1);
		free(sub);
	}
	return err;
}

int scn_find(const char *path, struct scn_files *files)
{
	return find(path, files, 0);
}

void scn_files_shuffle(struct scn_files *files, unsigned long seed)
{
	uint64_t state = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;

	for (size_t i = files->n; i > 1; i--) {
		size_t j;
		char *path;

		state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
		j = (size_t)(state >> 33) % i;
		path = files->paths[i - 1];
		files->paths[i - 1] = files->paths[j];
		files->paths[j] = path;
	}
}
