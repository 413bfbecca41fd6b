/* SPDX-License-Identifier: MIT */
/* Folders of the place: who lists one, or goes there, has one of the broker's with the same names. */
#include "paths.h"
#include "place/place.h"

#undef _FORTIFY_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* @return a descriptor of the folder, -1 with errno for a node that is none; -2: another path */
static int folder_of(int node)
{
	return node < 0 ? -2
			: (int)lib_result(lib_open_node(node, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int folder(const char *path)
{
	return folder_of(node_at(AT_FDCWD, path));
}

/* What the kernel did not find may be a link that leads to one. */
static int folder_behind(const char *path)
{
	int kept = errno, fd = kept == ENOENT ? folder_of(lib_node_behind(AT_FDCWD, path)) : -2;

	if (fd != -1)
		errno = kept;
	return fd;
}

DECLARE_NEXT(opendir);
EXPORT DIR *opendir(const char *path)
{
	int fd = folder(path);
	DIR *d;

	if (fd == -2) {
		d = NEXT(opendir)(path);
		fd = d ? -2 : folder_behind(path);
		if (fd == -2)
			return d;
	}
	d = fd < 0 ? NULL : fdopendir(fd);
	if (fd >= 0 && !d)
		raw_close(fd);
	return d;
}

#define SCANDIR(name, type)                                                                        \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(const char *restrict path, struct type ***restrict list,                   \
			int (*wanted)(const struct type *),                                        \
			int (*order)(const struct type **, const struct type **))                  \
	{                                                                                          \
		int fd = folder(path), n;                                                          \
		char at[32];                                                                       \
		if (fd == -2) {                                                                    \
			n = NEXT(name)(path, list, wanted, order);                                 \
			fd = n >= 0 ? -2 : folder_behind(path);                                    \
			if (fd == -2)                                                              \
				return n;                                                          \
		}                                                                                  \
		if (fd < 0)                                                                        \
			return -1;                                                                 \
		snprintf(at, sizeof(at), "/proc/self/fd/%d", fd);                                  \
		n = NEXT(name)(at, list, wanted, order);                                           \
		raw_close(fd);                                                                     \
		return n;                                                                          \
	}
SCANDIR(scandir, dirent)
SCANDIR(scandir64, dirent64)

DECLARE_NEXT(chdir);
EXPORT int chdir(const char *path)
{
	int fd = folder(path), r;

	if (fd == -2) {
		r = NEXT(chdir)(path);
		fd = r == 0 ? -2 : folder_behind(path);
		if (fd == -2)
			return r;
	}
	if (fd < 0)
		return -1;
	r = fchdir(fd);
	raw_close(fd);
	return r;
}

/* Where the program has gone, by its own name. */
static char *named(char *path)
{
	char name[512];

	if (path && lib_active() && strstr(path, PLACE_SHADOW "/") &&
	    lib_base_directory(AT_FDCWD, name, sizeof(name))) {
		lib_out_of_shadow(name);
		strcpy(path, name);
	}
	return path;
}

DECLARE_NEXT(getcwd);
EXPORT char *getcwd(char *room, size_t size)
{
	return named(NEXT(getcwd)(room, size));
}
