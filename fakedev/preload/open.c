/* SPDX-License-Identifier: MIT */
/* open and its many names; and the ways to ask about a node: stat, access. */
#include "library.h"

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

/* What the kernel did not find may be a link that leads to a node. A macro: the call is made here. */
#define OR_BEHIND(call, dirfd, path, found)                                                        \
	({                                                                                         \
		int kept = errno;                                                                  \
		__typeof__(call) result = (call);                                                  \
		if ((long)result == FAILED_AS(result) && errno == ENOENT &&                        \
		    (device = lib_node_behind(dirfd, path)) >= 0) {                                \
			errno = kept;                                                              \
			result = (found);                                                          \
		}                                                                                  \
		result;                                                                            \
	})
#define FAILED_AS(result) _Generic((result), int : -1L, default : 0L)

#define OPEN(name)                                                                                 \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(const char *path, int flags, ...)                                          \
	{                                                                                          \
		int device = lib_node(AT_FDCWD, path);                                             \
		va_list args;                                                                      \
		mode_t mode;                                                                       \
		if (device >= 0)                                                                   \
			return (int)lib_result(lib_open_node(device, flags));                      \
		va_start(args, flags);                                                             \
		mode = mode_of(flags, args);                                                       \
		va_end(args);                                                                      \
		return OR_BEHIND(NEXT(name)(path, flags, mode), AT_FDCWD, path,                    \
				 (int)lib_result(lib_open_node(device, flags)));                   \
	}
#define OPENAT(name)                                                                               \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(int dirfd, const char *path, int flags, ...)                               \
	{                                                                                          \
		int device = lib_node(dirfd, path);                                                \
		va_list args;                                                                      \
		mode_t mode;                                                                       \
		if (device >= 0)                                                                   \
			return (int)lib_result(lib_open_node(device, flags));                      \
		va_start(args, flags);                                                             \
		mode = mode_of(flags, args);                                                       \
		va_end(args);                                                                      \
		return OR_BEHIND(NEXT(name)(dirfd, path, flags, mode), dirfd, path,                \
				 (int)lib_result(lib_open_node(device, flags)));                   \
	}
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

#define CREAT(name)                                                                                \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(const char *path, mode_t mode)                                             \
	{                                                                                          \
		int device = lib_node(AT_FDCWD, path);                                             \
		if (device >= 0)                                                                   \
			return (int)lib_result(                                                    \
			    lib_open_node(device, O_CREAT | O_WRONLY | O_TRUNC));                  \
		return NEXT(name)(path, mode);                                                     \
	}
CREAT(creat)
CREAT(creat64)

#define OPEN_2(name)                                                                               \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(const char *path, int flags)                                               \
	{                                                                                          \
		int device = lib_node(AT_FDCWD, path);                                             \
		if (device >= 0)                                                                   \
			return (int)lib_result(lib_open_node(device, flags));                      \
		return OR_BEHIND(NEXT(name)(path, flags), AT_FDCWD, path,                          \
				 (int)lib_result(lib_open_node(device, flags)));                   \
	}
#define OPENAT_2(name)                                                                             \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(int dirfd, const char *path, int flags)                                    \
	{                                                                                          \
		int device = lib_node(dirfd, path);                                                \
		if (device >= 0)                                                                   \
			return (int)lib_result(lib_open_node(device, flags));                      \
		return OR_BEHIND(NEXT(name)(dirfd, path, flags), dirfd, path,                      \
				 (int)lib_result(lib_open_node(device, flags)));                   \
	}
OPEN_2(__open_2)
OPEN_2(__open64_2)
OPENAT_2(__openat_2)
OPENAT_2(__openat64_2)

/* The C library's fopen opens past us. */
static FILE *stream(int device, const char *mode)
{
	int flags = strchr(mode, '+') ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY;
	int fd = lib_open_node(device, flags | (strchr(mode, 'e') ? O_CLOEXEC : 0));
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
		int device = lib_node(AT_FDCWD, path);                                             \
		return device >= 0 ? stream(device, mode)                                          \
				   : OR_BEHIND(NEXT(name)(path, mode), AT_FDCWD, path,             \
					       stream(device, mode));                              \
	}
FOPEN(fopen)
FOPEN(fopen64)

/* (On the architectures that the library knows, struct stat64 is struct stat.) */
#define FILL_STAT(device, st) node_stat(device, geteuid(), getegid(), (struct stat *)(void *)(st))

/* The path, or with AT_EMPTY_PATH and an empty one the descriptor itself. */
static int node_at(int dirfd, const char *path, int flags)
{
	int device = lib_node(dirfd, path);
	struct device d;
	char first;

	if (device >= 0 || !(flags & AT_EMPTY_PATH) ||
	    lib_copy_in(&first, (uint64_t)(uintptr_t)path, 1) < 0 || first ||
	    !lib_device(dirfd, &d))
		return device;
	return (int)d.device;
}

#define SHOW(device, st)                                                                           \
	((device) == LIB_BELOW_NODE ? (int)lib_result(-ENOTDIR) : ({                               \
		FILL_STAT(device, st);                                                             \
		0;                                                                                 \
	}))

#define STAT(name, type)                                                                           \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(const char *restrict path, struct type *restrict st)                       \
	{                                                                                          \
		int device = lib_node(AT_FDCWD, path);                                             \
		if (device < 0)                                                                    \
			return OR_BEHIND(NEXT(name)(path, st), AT_FDCWD, path, SHOW(device, st));  \
		if (device == LIB_BELOW_NODE)                                                      \
			return (int)lib_result(-ENOTDIR);                                          \
		FILL_STAT(device, st);                                                             \
		return 0;                                                                          \
	}
#define FSTAT(name, type)                                                                          \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(int fd, struct type *st)                                                   \
	{                                                                                          \
		struct device d;                                                                   \
		if (!lib_device(fd, &d))                                                           \
			return NEXT(name)(fd, st);                                                 \
		FILL_STAT((int)d.device, st);                                                      \
		return 0;                                                                          \
	}
#define FSTATAT(name, type)                                                                        \
	DECLARE_NEXT(name);                                                                        \
	EXPORT int name(int dirfd, const char *restrict path, struct type *restrict st, int flags) \
	{                                                                                          \
		int device = node_at(dirfd, path, flags);                                          \
		if (device < 0)                                                                    \
			return OR_BEHIND(NEXT(name)(dirfd, path, st, flags), dirfd, path,          \
					 SHOW(device, st));                                        \
		if (device == LIB_BELOW_NODE)                                                      \
			return (int)lib_result(-ENOTDIR);                                          \
		FILL_STAT(device, st);                                                             \
		return 0;                                                                          \
	}
STAT(stat, stat)
STAT(stat64, stat64)
STAT(lstat, stat)
STAT(lstat64, stat64)
FSTAT(fstat, stat)
FSTAT(fstat64, stat64)
FSTATAT(fstatat, stat)
FSTATAT(fstatat64, stat64)

static int show_statx(int device, struct statx *st)
{
	if (device == LIB_BELOW_NODE)
		return (int)lib_result(-ENOTDIR);
	node_statx(device, geteuid(), getegid(), st);
	return 0;
}

DECLARE_NEXT(statx);
EXPORT int statx(int dirfd, const char *restrict path, int flags, unsigned int mask,
		 struct statx *restrict st)
{
	int device = node_at(dirfd, path, flags);

	return device >= 0 ? show_statx(device, st)
			   : OR_BEHIND(NEXT(statx)(dirfd, path, flags, mask, st), dirfd, path,
				       show_statx(device, st));
}

static int may_access(int device, int mode)
{
	return (int)lib_result(node_access(device, mode));
}

DECLARE_NEXT(access);
EXPORT int access(const char *path, int mode)
{
	int device = lib_node(AT_FDCWD, path);

	return device >= 0
		   ? may_access(device, mode)
		   : OR_BEHIND(NEXT(access)(path, mode), AT_FDCWD, path, may_access(device, mode));
}

DECLARE_NEXT(eaccess);
EXPORT int eaccess(const char *path, int mode)
{
	int device = lib_node(AT_FDCWD, path);

	return device >= 0
		   ? may_access(device, mode)
		   : OR_BEHIND(NEXT(eaccess)(path, mode), AT_FDCWD, path, may_access(device, mode));
}

DECLARE_NEXT(euidaccess);
EXPORT int euidaccess(const char *path, int mode)
{
	int device = lib_node(AT_FDCWD, path);

	return device >= 0 ? may_access(device, mode)
			   : OR_BEHIND(NEXT(euidaccess)(path, mode), AT_FDCWD, path,
				       may_access(device, mode));
}

DECLARE_NEXT(faccessat);
EXPORT int faccessat(int dirfd, const char *path, int mode, int flags)
{
	int device = lib_node(dirfd, path);

	return device >= 0 ? may_access(device, mode)
			   : OR_BEHIND(NEXT(faccessat)(dirfd, path, mode, flags), dirfd, path,
				       may_access(device, mode));
}

/* No node is a link. */
DECLARE_NEXT(readlinkat);
EXPORT ssize_t readlinkat(int dirfd, const char *restrict path, char *restrict buf, size_t size)
{
	int device = lib_node(dirfd, path);

	if (device >= 0)
		return lib_result(device == LIB_BELOW_NODE ? -ENOTDIR : -EINVAL);
	return NEXT(readlinkat)(dirfd, path, buf, size);
}

EXPORT ssize_t readlink(const char *restrict path, char *restrict buf, size_t size)
{
	return readlinkat(AT_FDCWD, path, buf, size);
}
