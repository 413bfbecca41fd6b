/* SPDX-License-Identifier: MIT */
/* open and its many names. */
#include "paths.h"

#undef _FORTIFY_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dirfd, const char *path, int flags);
int __openat64_2(int dirfd, const char *path, int flags);

static mode_t mode_of(int flags, va_list args)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;
}

#define OPEN(name)                                                                                 \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(const char *path, int flags, ...)                                          \
	{                                                                                          \
		int node = node_at(AT_FDCWD, path);                                                \
		va_list args;                                                                      \
		mode_t mode;                                                                       \
		if (node >= 0)                                                                     \
			return (int)lib_result(lib_open_node(node, flags));                        \
		va_start(args, flags);                                                             \
		mode = mode_of(flags, args);                                                       \
		va_end(args);                                                                      \
		return OR_ANOTHER(NEXT(name)(lib_xenstored_path(path), flags, mode), AT_FDCWD,     \
				  path, (int)lib_result(lib_open_node(node, flags)));              \
	}
#define OPENAT(name)                                                                               \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(int dirfd, const char *path, int flags, ...)                               \
	{                                                                                          \
		int node = node_at(dirfd, path);                                                   \
		va_list args;                                                                      \
		mode_t mode;                                                                       \
		if (node >= 0)                                                                     \
			return (int)lib_result(lib_open_node(node, flags));                        \
		va_start(args, flags);                                                             \
		mode = mode_of(flags, args);                                                       \
		va_end(args);                                                                      \
		return OR_ANOTHER(NEXT(name)(dirfd, path, flags, mode), dirfd, path,               \
				  (int)lib_result(lib_open_node(node, flags)));                    \
	}
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

#define CREAT(name)                                                                                \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(const char *path, mode_t mode)                                             \
	{                                                                                          \
		int node = node_at(AT_FDCWD, path);                                                \
		if (node >= 0)                                                                     \
			return (int)lib_result(lib_open_node(node, O_CREAT | O_WRONLY | O_TRUNC)); \
		return OR_ANOTHER(                                                                 \
		    NEXT(name)(path, mode), AT_FDCWD, path,                                        \
		    (int)lib_result(lib_open_node(node, O_CREAT | O_WRONLY | O_TRUNC)));           \
	}
CREAT(creat)
CREAT(creat64)

#define OPEN_2(name)                                                                               \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(const char *path, int flags)                                               \
	{                                                                                          \
		int node = node_at(AT_FDCWD, path);                                                \
		if (node >= 0)                                                                     \
			return (int)lib_result(lib_open_node(node, flags));                        \
		return OR_ANOTHER(NEXT(name)(path, flags), AT_FDCWD, path,                         \
				  (int)lib_result(lib_open_node(node, flags)));                    \
	}
#define OPENAT_2(name)                                                                             \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(int dirfd, const char *path, int flags)                                    \
	{                                                                                          \
		int node = node_at(dirfd, path);                                                   \
		if (node >= 0)                                                                     \
			return (int)lib_result(lib_open_node(node, flags));                        \
		return OR_ANOTHER(NEXT(name)(dirfd, path, flags), dirfd, path,                     \
				  (int)lib_result(lib_open_node(node, flags)));                    \
	}
OPEN_2(__open_2)
OPEN_2(__open64_2)
OPENAT_2(__openat_2)
OPENAT_2(__openat64_2)

/* The C library's fopen opens past us. */
static FILE *stream(int node, const char *mode)
{
	int flags = strchr(mode, '+') ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY;
	int fd = lib_open_node(node, flags | (strchr(mode, 'e') ? O_CLOEXEC : 0));
	FILE *f;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	f = fdopen(fd, mode);
	if (!f)
		raw_close(fd);
	return f;
}

#define FOPEN(name)                                                                                \
	DECLARE_NEXT(name);                                                                        \
	EXPORT FILE *name(const char *path, const char *mode)                                      \
	{                                                                                          \
		int node = node_at(AT_FDCWD, path);                                                \
		return node >= 0 ? stream(node, mode)                                              \
				 : OR_ANOTHER(NEXT(name)(path, mode), AT_FDCWD, path,              \
					      stream(node, mode));                                 \
	}
FOPEN(fopen)
FOPEN(fopen64)
